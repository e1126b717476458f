"""What an application was given, and what reviewers had decided by then."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from bridge.detections import Detections

ADDED = "added"
"""Stands among the decided fields of an object that a reviewer drew."""


def nothing_deleted() -> Detections:
    """An empty table of deleted objects."""
    return Detections.from_polygons([])


@dataclass(frozen=True)
class Pushed:
    """Objects as an application was given them, with the memory of all reviews before.

    The objects alone are not enough: a deleted object has left them, and an outline that was drawn
    by hand three pushes ago looks like any other. Without this memory the next segmentation would
    bring the one back and write over the other.

    Attributes:
        detections: what was pushed.
        decided: for each UUID that a reviewer touched, the columns that are the reviewer's
            (``class``, ``geometry``, a measurement's name, …), or ``added``.
        deleted: outlines that reviewers deleted, and those that they moved elsewhere (with the
            moved object's UUID in the column ``moved``): their place stays empty.
        found_as: UUID of an object (deleted ones too) to the UUID that the last segmentation gave
            it; objects that are not listed have kept their own. It makes the same segmentation,
            pushed again, find its own objects.
        set_aside: UUIDs of the last segmentation that were not taken over, because they lie over
            what a reviewer decided.
    """

    detections: Detections
    decided: Mapping[str, frozenset[str]] = field(default_factory=dict)
    deleted: Detections = field(default_factory=nothing_deleted)
    found_as: Mapping[str, str] = field(default_factory=dict)
    set_aside: frozenset[str] = frozenset()

    @classmethod
    def of(cls, pushed: Pushed | Detections) -> Pushed:
        """Objects that are pushed for the first time have no past."""
        return cls(replace(pushed)) if isinstance(pushed, Detections) else pushed
