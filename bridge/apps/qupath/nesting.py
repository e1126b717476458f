"""Find the annotation that an object lies in."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from bridge.detections import Detections


def annotations_around(objects: Detections, annotations: Detections) -> list[str | None]:
    """Return for each object the smallest annotation that holds its centroid.

    Args:
        objects: the objects.
        annotations: the annotations; objects of another type among them are ignored.

    Returns:
        UUIDs, ``None`` for an object outside of all, and for annotations. Slice and time point
        have to agree.

    >>> import shapely
    >>> region = Detections.from_polygons(
    ...     [shapely.box(0, 0, 9, 9)], columns={"object_type": ["annotation"]}
    ... )
    >>> nucleus = Detections.from_polygons([shapely.box(2, 2, 4, 4)])
    >>> annotations_around(nucleus, region) == region.ids
    True
    """
    frame = annotations.objects[annotations.objects["object_type"] == "annotation"]
    found: list[str | None] = [None] * len(objects)
    if frame.empty or not len(objects):
        return found
    order = np.argsort(frame.geometry.area.to_numpy(), kind="stable")
    frame = frame.iloc[order]
    shapes = frame.geometry.to_numpy()
    shapely.prepare(shapes)
    centers = shapely.centroid(objects.objects.geometry.to_numpy())
    # Prepare the annotations: drawn by hand, they have thousands of corners.
    around, rows = shapely.STRtree(centers).query(shapes, predicate="contains")
    planes = objects.objects[["z", "t"]].to_numpy()
    outer = frame[["z", "t"]].to_numpy()
    movable = (objects.objects["object_type"] != "annotation").to_numpy()
    same = (planes[rows] == outer[around]).all(axis=1) & movable[rows]
    # Smallest first: each object gets its first annotation.
    sequence = np.lexsort((around[same], rows[same]))
    for row, place in zip(rows[same][sequence][::-1], around[same][sequence][::-1], strict=True):
        found[row] = str(frame.index[place])
    return found


def name_annotations(objects: Detections, parents: Sequence[str | None]) -> Detections:
    """Add the name and the class of the annotation that each object lies in.

    Args:
        objects: all objects of an image.
        parents: for each object the UUID of the object that it lies in, ``None`` for none. A spot
            in a cell belongs to the annotation around the cell.

    Returns:
        The objects with two more metadata columns: ``annotation`` (the name, or the UUID of an
        annotation without a name) and ``annotation class``.
    """
    return replace(
        objects, objects=name_annotations_around(objects.objects, parents, objects, parents)
    )


def name_annotations_around(
    table: gpd.GeoDataFrame,
    around: Sequence[str | None],
    objects: Detections,
    parents: Sequence[str | None],
) -> gpd.GeoDataFrame:
    """Add the columns of :func:`name_annotations` to any table of objects of an image.

    Args:
        table: the table: some of the objects, or points and lines.
        around: for each row the UUID of the object that it lies in, ``None`` for none.
        objects: all objects of the image.
        parents: for each of these the UUID of the object that it lies in.
    """
    frame = objects.objects
    parent_of = dict(zip(objects.ids, parents, strict=True))
    types = dict(zip(objects.ids, frame["object_type"], strict=True))
    regions: list[str | None] = []
    for parent in around:
        outer = parent
        while outer is not None and types.get(outer, "annotation") != "annotation":
            outer = parent_of[outer]
        regions.append(outer)
    names = frame["name"].where(frame["name"].notna(), pd.Series(frame.index, frame.index))
    found = pd.Series(regions, index=table.index, dtype=object)
    named = {"annotation": found.map(names), "annotation class": found.map(frame["class"])}
    return table.assign(**{name: column.astype(object) for name, column in named.items()})
