"""What every layer may use: paths, files, extras, language codes. Knows no tokenizer, no text and no report."""
