"""Rows that are slices of objects of volumes, counted once an object."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from bridge.detections import is_uuid
from bridge.objects3d import representative_rows

if TYPE_CHECKING:
    import pyarrow as pa

    from bridge.aggregate.layouts import Layout


def keep_layout_slices(table: pa.Table, layout: Layout) -> tuple[pa.Table, tuple[str, ...]]:
    """Keep one row of each object, see :func:`keep_one_slice`, as the roles of the columns say.

    Args:
        table: with the columns of :func:`columns_of_slices`.
        layout: of the table.
    """
    if layout.owner is None:
        return table, ()
    return keep_one_slice(table, layout.owner, layout.classes, _groups(layout))


def columns_of_slices(layout: Layout) -> tuple[str, ...]:
    """Return the titles of the columns that :func:`keep_layout_slices` needs."""
    if layout.owner is None:
        return ()
    return (layout.owner, layout.classes, *_groups(layout))


def _groups(layout: Layout) -> tuple[str, ...]:
    return (*([layout.image] if layout.image else []), *({"t"} & {*layout.ids}))


def keep_one_slice(
    table: pa.Table, column: str, classes: str, groups: Sequence[str] = ()
) -> tuple[pa.Table, tuple[str, ...]]:
    """Keep one row of each object of a volume: that of the class that most of its slices have.

    Args:
        table: rows of objects or of slices.
        column: title of the column of UUIDs; a row without one stays as it is.
        classes: title of the column of classes.
        groups: titles of columns by which objects are told apart, too, such as the image and the
            time point.

    Returns:
        The table, its rows in their order; and remarks for the user.

    >>> import pyarrow as pa
    >>> nucleus = "0b4f3f0e-6f3c-4c58-9d3d-0a6d1f0c2b7e"
    >>> rows = pa.table({"object": [nucleus] * 3 + [None], "class": ["A", "", "A", "B"]})
    >>> kept, remarks = keep_one_slice(rows, "object", "class")
    >>> kept["class"].to_pylist(), remarks
    (['A', 'B'], ('has 3 rows that are slices of 1 nuclei, which are counted once each',))
    """
    import pandas as pd

    owners = [_text(value) for value in table[column].to_pylist()]
    sliced = np.flatnonzero([is_uuid(owner) for owner in owners])
    if not len(sliced):
        return table, ()
    keys = {"owner": [owners[row].lower() for row in sliced]}
    for title in groups:
        keys[title] = [_text(value) for value in table[title].take(sliced).to_pylist()]
    number = pd.DataFrame(keys).groupby(list(keys), sort=False).ngroup().to_numpy()
    names = [_text(value).strip() for value in table[classes].take(sliced).to_pylist()]
    rows, differing = representative_rows(number, names)
    if len(rows) == len(sliced):
        return table, ()
    kept = np.sort(np.concatenate([sliced[rows], np.setdiff1d(np.arange(len(owners)), sliced)]))
    remarks = [
        f"has {len(sliced)} rows that are slices of {len(rows)} nuclei, which are counted once each"
    ]
    if differing:
        remarks.append(
            f"has {differing} nuclei whose slices are of different classes; that of most slices "
            "counts"
        )
    return table.take(kept), tuple(remarks)


def _text(value: object) -> str:
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    return "" if value is None else str(value)
