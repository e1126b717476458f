"""Many items through one job into one folder: resumable, and safe against being stopped."""
