"""File formats: what is written is read, and what others write too."""
