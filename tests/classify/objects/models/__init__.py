"""Tests of the models of classes."""
