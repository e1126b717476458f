"""Classification of pixels and of objects, trained by a person's examples."""
