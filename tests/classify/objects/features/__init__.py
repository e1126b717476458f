"""Tests of the features of objects."""
