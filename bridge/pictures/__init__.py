"""Preview images and self-contained pages."""
