"""Tests of the report of a classifier."""
