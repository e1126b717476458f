"""Tests of the tools that build what the repository holds."""
