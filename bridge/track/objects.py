"""Objects of detections as points, and which rows of the table each one is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray

from bridge.detections import Detections
from bridge.errors import BadInputError
from bridge.objects3d import ObjectRows, has_objects
from bridge.track.points import Points

_SMALLEST = 1e-6  # square pixels: a line has a place, too

Floats = NDArray[np.float64]
Indices = NDArray[np.int64]


@dataclass(frozen=True)
class TrackedObjects:
    """Objects of detections as tracking sees them.

    Attributes:
        points: the objects; the first feature is the logarithm of the size.
        owner: (rows,) object of each row of the detections: rows of an object of a volume are its
            slices.
        unit: of positions, ``µm`` or ``px``.
        scale: (axes,) of a pixel in that unit; of a slice along z.
    """

    points: Points
    owner: Indices
    unit: str
    scale: Floats


def tracked_objects(detections: Detections, intensities: Sequence[str] = ()) -> TrackedObjects:
    """Return the objects of detections as points.

    Args:
        detections: a time series of planes, or of volumes (:mod:`bridge.objects3d`).
        intensities: columns that change little from frame to frame.

    Raises:
        BadInputError: several slices without objects of a volume, a volume without µm between
            slices, a column that is missing or not numeric.

    >>> found = tracked_objects(Detections.from_labels(np.array([[[7]], [[7]]]), axes="TYX"))
    >>> found.points.position.tolist(), found.unit
    ([[0.5, 0.5], [0.5, 0.5]], 'px')
    """
    frame, info = detections.objects, detections.image
    source = info.name or "detections"
    pixel = info.pixel_size
    centre = shapely.get_coordinates(shapely.centroid(frame.geometry.to_numpy())).reshape(-1, 2)
    area = np.maximum(shapely.area(frame.geometry.to_numpy()), _SMALLEST)
    y_size, x_size = (pixel.y, pixel.x) if pixel else (1.0, 1.0)
    position = np.stack([centre[:, 1] * y_size, centre[:, 0] * x_size], axis=1)
    values = [_numbers(frame, name, source) for name in intensities]
    owner = ObjectRows.of(detections).owner
    if has_objects(detections):
        if pixel is None or pixel.z is None:
            raise BadInputError(
                source, "says no µm between slices", "give the size of its voxels (--pixel-size)"
            )
        z = (frame["z"].to_numpy() + 0.5) * pixel.z
        position = np.column_stack([z, position])
    elif frame["z"].nunique() > 1:
        raise BadInputError(
            source,
            "has objects in several slices that are not linked to objects of a volume",
            "segment it with --stack-2d link or a 3D model, or keep one slice",
        )
    count = int(owner.max(initial=-1)) + 1
    size = np.bincount(owner, area, count)

    def mean(column: Floats) -> Floats:
        return np.asarray(np.bincount(owner, column * area, count) / size)

    with np.errstate(divide="ignore", invalid="ignore"):
        features = [np.log(size), *(np.log(mean(column)) for column in values)]
    stacked = np.stack(features, axis=1)
    time = np.zeros(count, np.int64)
    time[owner] = frame["t"].to_numpy(np.int64)
    points = Points(
        time,
        np.stack([mean(position[:, axis]) for axis in range(position.shape[1])], axis=1),
        np.where(np.isfinite(stacked), stacked, np.nan),
    )
    scale = np.array([y_size, x_size])
    if pixel is not None and position.shape[1] == 3:
        scale = np.insert(scale, 0, pixel.z or 1.0)
    return TrackedObjects(points, owner, "µm" if pixel else "px", scale)


def _numbers(frame: pd.DataFrame, name: str, source: str) -> Floats:
    if name not in frame.columns or not pd.api.types.is_numeric_dtype(frame[name]):
        raise BadInputError(
            source, f"has no measurement {name!r}", "measure it first (starbridge measure)"
        )
    return np.asarray(frame[name], np.float64)
