"""Networks read back from files."""
