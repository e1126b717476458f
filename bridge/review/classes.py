"""Tell the classes that a reviewer gave from those that were pushed."""

from __future__ import annotations

from dataclasses import replace

import pandas as pd

from bridge.detections import Detections
from bridge.objects3d import ObjectRows
from bridge.review.changes import Changes
from bridge.review.merge import AS_DRAWN
from bridge.review.pushed import ADDED

TO_CHECK = "to check"
"""Class of objects that a reviewer is asked to class; it is never a class to learn."""

_CLASSED = frozenset({ADDED, "class"})


def classes_of_reviewers(changes: Changes) -> pd.Series[str]:
    """Return the classes that reviewers decided, in this round and in earlier ones.

    A class counts where a reviewer set or changed it, drew the object, or locked it as it is. A
    class that was pushed and that nobody touched is a prediction, and does not count; nor does
    :data:`TO_CHECK`.

    Args:
        changes: the edits of one image.

    Returns:
        Class by UUID, in the order of the reviewed objects.

    >>> import numpy as np
    >>> from bridge.detections import Detections
    >>> from bridge.review import compare
    >>> pushed = Detections.from_labels(np.array([[1, 0, 2]]))
    >>> classed = Detections(pushed.objects.assign(**{"class": ["dead", None]}), pushed.image)
    >>> classes_of_reviewers(compare(pushed, classed)).tolist()
    ['dead']
    """
    frame = changes.applied.objects
    classes = frame["class"]
    is_class = classes.notna() & (classes != "") & (classes != TO_CHECK)
    theirs: pd.Series[str] = classes[is_class & _is_decided(changes, _CLASSED)]
    return theirs


def spread_classes(detections: Detections, changes: Changes) -> tuple[Detections, list[str]]:
    """Give the class that a reviewer gave to a slice of a nucleus of a volume to its other slices.

    Applications show the slices one by one (:mod:`bridge.objects3d`); that of most slices counts
    as the class of the nucleus. A slice to which the reviewer gave a class keeps it.

    Args:
        detections: the reviewed objects; not changed.
        changes: the edits.

    Returns:
        The objects; and lines for the user on nuclei of which other slices got the class, and on
        those that the reviewer gave several classes.
    """
    rows = ObjectRows.of(detections)
    if not rows.has_slices:
        return detections, []
    theirs = classes_of_reviewers(changes)
    frame = detections.objects.copy(deep=False)
    known = theirs.reindex(frame.index).to_numpy(object)
    given, differing = rows.class_rows(known)
    given = given[rows.owner]
    is_given = pd.isna(known) & pd.notna(known[given])
    is_new = is_given & (frame["class"].to_numpy(object) != known[given])
    for column in ("class", "class_color"):
        values = frame[column].to_numpy(object, copy=True)
        values[is_given] = values[given[is_given]]
        frame[column] = values
    lines = []
    if is_new.any():
        lines.append(
            f"the class of a slice was given to all slices of {len(set(rows.owner[is_new]))} nuclei"
        )
    if differing:
        lines.append(
            f"{differing} nuclei have slices of different classes; that of most slices counts"
        )
    return replace(detections, objects=frame), lines


def without_decided_class(changes: Changes) -> list[str]:
    """Return the UUIDs of the objects whose class no reviewer decided, not even as none.

    Objects that a reviewer drew, reshaped, moved or locked stay as they are
    (:func:`bridge.review.merge`), and are left out.

    Args:
        changes: the edits of one image.
    """
    decided = _is_decided(changes, AS_DRAWN | {"class"})
    return [str(identity) for identity in decided.index[~decided]]


def _is_decided(changes: Changes, fields: frozenset[str]) -> pd.Series[bool]:
    """Return, by UUID, whether a reviewer decided one of some fields of an object, or locked it."""
    frame = changes.applied.objects
    decided = {
        identity
        for known in (changes.decided_before, changes.decided)
        for identity, names in known.items()
        if names & fields
    }
    is_decided: pd.Series[bool] = frame["locked"].astype(bool) | frame.index.isin(list(decided))
    return is_decided
