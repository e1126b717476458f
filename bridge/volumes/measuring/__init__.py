"""Measure the objects of volumes: a row an object, in µm, with intensities of every channel."""

from bridge.volumes.measuring.spreading import spread_measurements
from bridge.volumes.measuring.table import measure_volumes

__all__ = ["measure_volumes", "spread_measurements"]
