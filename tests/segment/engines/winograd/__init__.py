"""Tests of starbridge's own engine."""
