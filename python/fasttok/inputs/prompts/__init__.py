"""What a model is sent: conversations as the texts and special tokens that it reads. Counts nothing."""
