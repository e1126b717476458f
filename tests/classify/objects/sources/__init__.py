"""Classed objects from files."""
