"""Speed of fasttok beside other tokenizers, with the counts compared. See benches/README.md for the method."""
