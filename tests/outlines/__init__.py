"""Outlines: label images to polygons and back."""
