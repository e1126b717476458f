"""Tests of models_export."""
