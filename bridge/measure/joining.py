"""Measurements put back beside the objects that they are of."""

from __future__ import annotations

from dataclasses import replace

import geopandas as gpd
import pandas as pd

from bridge.detections import FIELDS, GEOMETRIES, Detections
from bridge.errors import BadInputError


def add_measurements(detections: Detections, table: pd.DataFrame) -> Detections:
    """Add a table's columns to detections, matched by UUID.

    Args:
        detections: the objects; they stay as they are.
        table: numeric columns indexed by UUID, such as :func:`bridge.measure.measure` gives, in
            any order. Objects that it lacks get NaN; columns that are there already are replaced.

    Returns:
        New detections, the same objects in the same order.

    Raises:
        BadInputError: UUIDs that are twice in the table or not in the detections, columns that
            are not numbers or have the name of a field of every object.

    Example:
        >>> import numpy as np
        >>> nuclei = Detections.from_labels(np.eye(2, dtype=int))
        >>> table = pd.DataFrame({"Area": [7.0]}, index=nuclei.ids[:1])
        >>> add_measurements(nuclei, table).objects["Area"].tolist()
        [7.0]
    """
    if not table.index.is_unique:
        twice = table.index[table.index.duplicated()][0]
        raise BadInputError("measurements", f"have object {twice} twice", "keep one of its rows")
    strange = table.index.difference(detections.objects.index)
    if len(strange):
        raise BadInputError(
            "measurements",
            f"are of {len(strange)} objects that the detections do not have ({strange[0]}, …)",
            "give the detections that were measured; label images have no UUIDs",
        )
    for column in table.columns:
        if column in FIELDS or column in GEOMETRIES:
            raise BadInputError(
                "measurements", f"have a column {column!r}, which every object has", "rename it"
            )
        if not pd.api.types.is_numeric_dtype(table[column]):
            raise BadInputError(
                "measurements", f"have a column {column!r} that is no number", "leave it out"
            )
    frame = pd.DataFrame(detections.objects.drop(columns=[*table.columns], errors="ignore"))
    joined = pd.concat([frame, table.reindex(frame.index)], axis=1)
    return replace(detections, objects=gpd.GeoDataFrame(joined, geometry="geometry"))
