"""Computing: each measure is a function that reads inputs with encodings and returns a report. Draws nothing."""
