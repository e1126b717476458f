"""Tests of reading training pairs."""
