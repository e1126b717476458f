"""Tests of :mod:`bridge.files`."""
