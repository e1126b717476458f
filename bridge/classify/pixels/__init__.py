"""Pixel classification as ilastik does it: features of pixels, and a forest that votes."""
