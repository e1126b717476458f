"""Tracking: which objects of a time series are one object, and which divided."""

from bridge.track.tables import track_table
from bridge.track.tracking import LINEAGE, PARENT, TRACK, track

__all__ = ["LINEAGE", "PARENT", "TRACK", "track", "track_table"]
