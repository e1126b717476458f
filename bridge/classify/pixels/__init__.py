"""Pixel classification as ilastik does it, without ilastik: filters, a forest, probabilities."""
