"""Tests of bridge.classify.pixels.objects."""
