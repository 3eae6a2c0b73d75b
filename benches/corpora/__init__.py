"""Counting files: rates beside counting in memory, and peak memory. See benches/README.md for the method."""
