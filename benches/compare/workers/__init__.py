"""Scripts that run in the rivals' own environments; the driver imports `documents` alone."""
