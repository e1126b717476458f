"""ilastik's features of objects."""
