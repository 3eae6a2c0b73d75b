"""Which encoding: names, files, the Hugging Face hub, objects of other libraries. Counts nothing."""
