"""QuPath: projects read, pushed to and pulled from."""
