"""Tests of bridge.apps.qupath."""
