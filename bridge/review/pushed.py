"""Pushed objects with the decisions of earlier reviews."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from bridge.detections import Detections

ADDED = "added"
"""Name in the decided fields of an object that a reviewer drew."""


@dataclass(frozen=True)
class Pushed:
    """Objects as they were pushed, with the decisions of all earlier reviews.

    The objects alone are not enough: a deleted one is not among them, and an outline drawn by hand
    three pushes ago looks like any other. The next segmentation would restore the former and
    overwrite the latter.

    Attributes:
        detections: what was pushed.
        decided: for each UUID that a reviewer touched, the columns that are the reviewer's
            (``class``, ``geometry``, a measurement's name, …), or ``added``.
        deleted: outlines that reviewers deleted, and those that they moved elsewhere (with the
            moved object's UUID in the column ``moved``): their place stays empty.
        found_as: UUID of an object (deleted ones too) to the UUID that the last segmentation gave
            it; objects that are not listed have kept their own. It makes the same segmentation,
            pushed again, find its own objects.
        set_aside: UUIDs of the last segmentation that were not taken over, because they overlap
            what a reviewer decided.

    >>> import numpy as np
    >>> Pushed.of(Detections.from_labels(np.eye(2, dtype=int))).decided
    {}
    """

    detections: Detections
    decided: Mapping[str, frozenset[str]] = field(default_factory=dict)
    deleted: Detections = field(default_factory=lambda: Detections.from_polygons([]))
    found_as: Mapping[str, str] = field(default_factory=dict)
    set_aside: frozenset[str] = frozenset()

    @classmethod
    def of(cls, pushed: Pushed | Detections) -> Pushed:
        """Wrap the objects of a first push, before which there are no reviews."""
        return cls(replace(pushed)) if isinstance(pushed, Detections) else pushed
