"""Rows that are slices of objects of volumes, counted once an object."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

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
    return keep_one_slice(table, layout.owner, layout.classes, _groups(layout, table.column_names))


def columns_of_slices(layout: Layout, titles: Iterable[str]) -> tuple[str, ...]:
    """Return the titles of the columns that :func:`keep_layout_slices` needs.

    Args:
        layout: of the table.
        titles: of all its columns.
    """
    if layout.owner is None:
        return ()
    return (layout.owner, layout.classes, *_groups(layout, titles))


def _groups(layout: Layout, titles: Iterable[str]) -> tuple[str, ...]:
    """Return the columns that tell objects of one UUID apart: image and time point."""
    return tuple(title for title in titles if title in (layout.image, "t"))


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
    lists = {title: table[title].to_pylist() for title in (column, classes, *groups)}
    rows, remarks = rows_of_objects(
        lists[column], lists[classes], [lists[title] for title in groups]
    )
    return (table if len(rows) == len(table) else table.take(rows)), remarks


def rows_of_objects(
    owners: Sequence[object], classes: Sequence[object], groups: Sequence[Sequence[object]] = ()
) -> tuple[NDArray[np.intp], tuple[str, ...]]:
    """Return the rows of :func:`keep_one_slice`, ascending, and its remarks.

    Args:
        owners: UUID of each row's object; what is none stands for a row of its own.
        classes: of the rows.
        groups: further columns that tell objects apart.
    """
    import pandas as pd

    names = [_text(owner).lower() for owner in owners]
    every = np.arange(len(names))
    sliced = [row for row, name in enumerate(names) if is_uuid(name)]
    if not sliced:
        return every, ()
    keys = [[_text(column[row]) for row in sliced] for column in ([*names], *groups)]
    number = pd.DataFrame(dict(enumerate(keys))).groupby([*range(len(keys))], sort=False).ngroup()
    said = [_text(classes[row]).strip() for row in sliced]
    rows, differing = representative_rows(number.to_numpy(), said)
    if len(rows) == len(sliced):
        return every, ()
    remarks = [
        f"has {len(sliced)} rows that are slices of {len(rows)} nuclei, which are counted once each"
    ]
    if differing:
        remarks.append(
            f"has {differing} nuclei whose slices are of different classes; that of most slices "
            "counts"
        )
    return np.sort(np.concatenate([np.array(sliced)[rows], np.setdiff1d(every, sliced)])), tuple(
        remarks
    )


def _text(value: object) -> str:
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    return "" if value is None or value != value else str(value)
