"""Round nuclei in a row or a grid, and a reviewer's hand."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import shapely
from geopandas.testing import assert_geodataframe_equal

from bridge import Detections
from bridge.review import Merged, Pushed, merge


def disc(x: float, y: float = 10, radius: float = 6) -> Any:
    """A nucleus of 32 rays around (x, y)."""
    angle = np.linspace(0, 2 * np.pi, 32, endpoint=False)
    return shapely.Polygon(
        np.stack([x + radius * np.cos(angle), y + radius * np.sin(angle)], axis=1)
    )


def row_of(n: int, *, shift: float = 0, **columns: Any) -> Detections:
    """As many nuclei, 20 px apart, from x = 10."""
    return Detections.from_polygons(
        [disc(10 + 20 * k + shift) for k in range(n)], columns=columns, outline="star"
    )


def edited(detections: Detections, row: int, **values: Any) -> Detections:
    """A copy in which a reviewer set some columns of one object."""
    frame = detections.objects.copy()
    for column, value in values.items():
        old = frame[column].tolist() if column in frame else [None] * len(frame)
        old[row] = value
        if column == "geometry":
            frame = frame.set_geometry(old)
        else:
            frame[column] = old
    return replace(detections, objects=frame)


def without(detections: Detections, *rows: int) -> Detections:
    """A copy in which a reviewer deleted some objects."""
    return replace(detections, objects=detections.objects.drop(detections.objects.index[[*rows]]))


def with_more(detections: Detections, *outlines: Any, **columns: Any) -> Detections:
    """A copy to which a reviewer added objects."""
    more = Detections.from_polygons(list(outlines), columns=columns).objects
    more["label"] += detections.objects["label"].max() if len(detections) else 0
    return replace(detections, objects=pd.concat([detections.objects, more]))


def assert_nothing_changes(merged: Merged, new: Detections, **options: Any) -> None:
    """The same segmentation pushed once more gives the very same objects and memory."""
    again = merge(merged.pushed, merged.pushed.shown, new, **options)
    assert_geodataframe_equal(again.detections.objects, merged.detections.objects)
    assert len(again.review) == 0
    assert_same_memory(again.pushed, merged.pushed)


def assert_same_memory(found: Pushed, expected: Pushed) -> None:
    assert_geodataframe_equal(found.deleted.objects, expected.deleted.objects)
    assert found.decided == expected.decided
    assert found.found_as == expected.found_as
    assert found.set_aside == expected.set_aside
    assert (found.marks, found.settled) == (expected.marks, expected.settled)
    assert (found.layers, found.regions) == (expected.layers, expected.regions)
    assert found.conflicts.to_numpy().tolist() == expected.conflicts.to_numpy().tolist()
    assert found.history.to_numpy().tolist() == expected.history.to_numpy().tolist()
