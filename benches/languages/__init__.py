"""What the same text costs in over a hundred languages under many tokenizers, and what is printed about it."""
