"""Reports as tables of text, one module for each."""
