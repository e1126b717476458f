"""Tests of interactive pages."""
