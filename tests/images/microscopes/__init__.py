"""Microscopes' own files."""
