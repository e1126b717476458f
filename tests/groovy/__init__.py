"""Tests of the scripts for QuPath."""
