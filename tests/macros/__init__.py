"""The macros, run in the real ImageJ."""
