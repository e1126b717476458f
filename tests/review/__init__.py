"""Tests of bridge.review."""
