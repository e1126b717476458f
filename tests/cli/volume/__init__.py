"""Tests of bridge.cli.volume."""
