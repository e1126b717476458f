"""Tests of bridge.java."""
