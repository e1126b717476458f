"""Classification of pixels and of objects."""
