"""Damaged files of every kind, and what becomes of reading them."""
