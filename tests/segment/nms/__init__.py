"""Tests of suppression."""
