"""Measurements beside the peers; each module is a command: ``python -m benchmarks.NAME``."""
