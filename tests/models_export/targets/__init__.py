"""Tests of models_export's targets."""
