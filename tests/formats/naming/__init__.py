"""Tests of bridge.formats.naming."""
