"""The whole job of counting a folder, from files to a total, by fasttok and by what people take for it today."""
