"""Tests of bridge.apps."""
