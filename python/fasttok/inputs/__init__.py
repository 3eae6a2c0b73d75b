"""What is read: paths, language labels, documents, parallel text, prices. Knows no measure."""
