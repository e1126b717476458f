"""Tests of :mod:`bridge.cli`."""
