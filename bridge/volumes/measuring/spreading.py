"""Measurements of objects of a volume put on each of their slices, as Fiji and QuPath show them."""

from __future__ import annotations

import pandas as pd

from bridge.detections import OBJECT, Detections
from bridge.measure.joining import add_measurements

_OF_OBJECTS = (OBJECT, "label", "class", "name", "t", "z_first", "z_last", "slices")


def spread_measurements(detections: Detections, table: pd.DataFrame) -> Detections:
    """Give every slice the measurements of its object.

    Args:
        detections: a row a slice, with the column ``object``; they stay as they are.
        table: of :func:`bridge.volumes.measuring.measure_volumes`, of these detections.

    Returns:
        New detections, the same rows in the same order. Columns that are there are replaced.

    >>> import numpy as np
    >>> from bridge.images import from_array
    >>> from bridge.objects3d import from_volume
    >>> from bridge.volumes.measuring import measure_volumes
    >>> labels = np.zeros((3, 4, 4), np.uint8)
    >>> labels[1:, 1:3, 1:3] = 5
    >>> image = from_array(labels, axes="ZYX", pixel_size=(2, 0.5, 0.5))
    >>> nuclei = from_volume(labels, image=image.info)
    >>> spread = spread_measurements(nuclei, measure_volumes(nuclei, image))
    >>> spread.objects[["z", "Nucleus: Volume µm^3"]].values.tolist()
    [[1.0, 4.0], [2.0, 4.0]]
    """
    measured = table.drop(columns=[name for name in _OF_OBJECTS if name in table.columns])
    measured.index = pd.MultiIndex.from_frame(table[["t", OBJECT]])
    frame = detections.objects
    owners = pd.MultiIndex.from_arrays([frame["t"], frame[OBJECT].str.lower()])
    rows = measured.reindex(owners)
    rows.index = frame.index
    return add_measurements(detections, rows)
