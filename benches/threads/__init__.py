"""Counting with few and many threads: time, and memory per worker. See benches/README.md for the method."""
