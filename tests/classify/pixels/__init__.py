"""Pixel classification: features, forests, and images through both."""
