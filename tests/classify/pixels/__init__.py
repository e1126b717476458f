"""Pixel classification: features, forest, outputs."""
