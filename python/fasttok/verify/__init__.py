"""Comparing an encoding with the library that defines it."""
