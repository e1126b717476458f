"""Merge a new segmentation with a review that was made in Fiji."""

from __future__ import annotations

from bridge.detections import Detections
from bridge.review import Merged, Pushed, Scope, merge, segmented_planes
from bridge.review.pushed import find_annotations


def first_push(new: Detections, *, time: str | None = None) -> Pushed:
    """Return what is pushed first.

    Args:
        new: the objects.
        time: time of the push, for the history.

    >>> import numpy as np
    >>> len(first_push(Detections.from_labels(np.eye(2, dtype=int))).detections)
    1
    """
    return Pushed.of(new, regions=_regions(new), time=time)


def merge_review(
    base: Pushed,
    reviewed: Detections,
    new: Detections,
    *,
    conflict_class: str | None = None,
    time: str | None = None,
) -> Merged:
    """Merge as :func:`bridge.review.merge`, on the planes on which the segmentation found anything.

    Args:
        base: what was pushed before.
        reviewed: what the reviewer left.
        new: the new segmentation.
        conflict_class: class that marks objects in conflict.
        time: time of this push, for the history.

    Raises:
        BadInputError: images of different sizes.

    >>> import numpy as np
    >>> objects = Detections.from_labels(np.eye(2, dtype=int))
    >>> len(merge_review(first_push(objects), objects, objects).detections)
    1
    """
    return merge(
        base,
        reviewed,
        new,
        scope=Scope(planes=segmented_planes(new, reviewed)),
        regions=_regions(new),
        conflict_class=conflict_class,
        time=time,
    )


def _regions(new: Detections) -> frozenset[str]:
    """Return the regions around nuclei: ImageJ has no types, so annotations alone are nuclei."""
    annotations = find_annotations(new.objects)
    return frozenset() if len(annotations) == len(new) else annotations
