"""Classification of pixels, as ilastik does it."""
