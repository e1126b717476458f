"""Tests of bridge.naming."""
