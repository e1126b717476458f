"""Tests of :mod:`bridge.model`."""
