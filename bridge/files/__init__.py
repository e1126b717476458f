"""Atomic writes, safe file names, and how many threads there are."""
