"""Tests of :mod:`bridge.volumes.measuring`."""
