"""Candidates that a network proposes, and non-maximum suppression (NMS) of them."""

from __future__ import annotations

from bridge.segment.nms.bands import BandedSuppression, suppress_rows
from bridge.segment.nms.candidates import Candidates
from bridge.segment.nms.greedy import suppress

__all__ = ["BandedSuppression", "Candidates", "suppress", "suppress_rows"]
