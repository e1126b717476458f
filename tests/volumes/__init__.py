"""Tests of bridge.volumes."""
