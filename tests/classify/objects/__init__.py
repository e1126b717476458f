"""Tests of classes of objects."""
