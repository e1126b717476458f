"""Tests of bridge.classify."""
