"""Tools for work on starbridge itself; no part of the installed package."""
