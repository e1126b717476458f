"""Tests of models_export's runtimes."""
