"""Tests of bridge.classify.pixels."""
