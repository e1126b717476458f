"""Tests of :mod:`bridge.batch.workers`."""
