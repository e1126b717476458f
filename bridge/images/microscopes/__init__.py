"""Microscopes' own files, read by the library of each format: the part ``microscopes``."""
