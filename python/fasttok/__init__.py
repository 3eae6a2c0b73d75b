"""Exact token counting."""
