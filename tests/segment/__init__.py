"""Tests of :mod:`bridge.segment`."""
