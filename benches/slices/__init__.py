"""Splitting a text by tokens, beside the libraries that do that."""
