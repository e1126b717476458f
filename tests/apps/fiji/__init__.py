"""Tests of bridge.apps.fiji."""
