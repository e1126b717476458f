"""Count what reviewers did in the images of a project."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from bridge.apps.qupath.sync import Review

MARKERS = "points and lines"
"""Column of :func:`status` that counts the objects without an area."""

_NAMED = ("added", "deleted", "reshaped", "reclassified")


def status(reviews: Sequence[Review]) -> pd.DataFrame:
    """Count the objects and all that reviewers did since the first push, in a row an image.

    Returns:
        Columns ``image``, ``objects``, ``points and lines``, ``pushed``, the numbers of objects
        that reviewers ``added``, ``deleted``, ``reshaped``, ``reclassified`` and edited otherwise
        (``other edits``) since the first push, those that were edited ``since the last push``, open
        ``conflicts``, and ``last change`` (UTC); counts of edits are missing where nothing was
        pushed.
    """
    rows = []
    for review in reviews:
        row: dict[str, object] = {"image": review.image.name, "objects": len(review.detections)}
        row[MARKERS] = 0 if review.markers is None else len(review.markers)
        if review.changes is not None:
            row["pushed"] = len(review.changes.base)
            row |= _counted(review.changes.all_edits)
            row["since the last push"] = review.changes.edits["id"].nunique()
            row["conflicts"] = len(review.changes.conflicts)
        row["last change"] = review.last_change
        rows.append(row)
    counts = ["objects", MARKERS, "pushed", *_NAMED, "other edits"]
    counts += ["since the last push", "conflicts"]
    table = pd.DataFrame(rows, columns=["image", *counts, "last change"])
    return table.astype(dict.fromkeys(counts, "Int64"))


def history(reviews: Sequence[Review]) -> pd.DataFrame:
    """Count what reviewers did to each push of each image, in a row a push that was edited.

    Returns:
        Columns ``image``, ``push`` (number), ``pushed`` (time), and the numbers of objects that
        reviewers ``added``, ``deleted``, ``reshaped``, ``reclassified`` and edited otherwise
        (``other edits``).
    """
    rows = []
    for review in reviews:
        if review.changes is None:
            continue
        for (push, pushed), edits in review.changes.all_edits.groupby(["push", "pushed"]):
            rows.append(
                {"image": review.image.name, "push": push, "pushed": pushed, **_counted(edits)}
            )
    return pd.DataFrame(rows, columns=["image", "push", "pushed", *_NAMED, "other edits"])


def _counted(edits: pd.DataFrame) -> dict[str, int]:
    """Count the objects by what was done to them."""
    counts = {what: edits.loc[edits["what"] == what, "id"].nunique() for what in _NAMED}
    counts["other edits"] = edits.loc[~edits["what"].isin(_NAMED), "id"].nunique()
    return counts
