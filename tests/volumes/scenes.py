"""Volumes whose answer is known."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from bridge.images import from_array
from bridge.volumes import Volume
from bridge.volumes.voxels import Triple


def volume_of(
    values: NDArray[Any], voxel: Triple = (1.0, 1.0, 1.0), axes: str | None = None
) -> Volume:
    """Return an open volume of an array, ZYX or CZYX."""
    axes = axes or "CZYX"[-values.ndim :]
    return Volume(from_array(values, axes=axes, name="scene"), None, 0, voxel)


def write_hdf5(
    path: Path, values: NDArray[Any], axes: str, name: str = "image", **attributes: Any
) -> Path:
    """Write a dataset as ilastik does, with axes and without a resolution."""
    tags = {"axes": [{"key": axis, "resolution": 0} for axis in axes.lower()]}
    with h5py.File(path, "w") as file:
        dataset = file.create_dataset(name, data=values)
        dataset.attrs["axistags"] = json.dumps(tags)
        dataset.attrs.update(attributes)
    return path


def distances(shape: tuple[int, int, int], centre: Triple, voxel: Triple) -> NDArray[np.float64]:
    """Return the distance of every voxel's centre from a place, all in µm from the corner."""
    grid = np.ogrid[tuple(slice(n) for n in shape)]
    squares = [
        ((axis + 0.5) * step - at) ** 2 for axis, step, at in zip(grid, voxel, centre, strict=True)
    ]
    return np.sqrt(squares[0] + squares[1] + squares[2])


def ball(
    shape: tuple[int, int, int], centre: Triple, radius: float, voxel: Triple = (1.0, 1.0, 1.0)
) -> NDArray[np.bool_]:
    """Return the voxels of a ball in µm."""
    return distances(shape, centre, voxel) <= radius
