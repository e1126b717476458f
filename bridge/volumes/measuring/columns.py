"""Names of the columns of objects of volumes, and how they follow from moments and surfaces.

``Nucleus: Centroid X µm``, ``Y``, ``Z``
    Mean of the voxels' centres, from the **corner** of the first voxel; in ``px``, too.
``Nucleus: Volume µm^3``, ``Nucleus: Equivalent diameter µm``
    Number of voxels × the volume of one; diameter of the ball of this volume.
``Nucleus: Surface area µm^2``, ``Nucleus: Sphericity``
    Of the smoothed surface that ``starbridge volume mesh`` makes; area of the sphere of the same
    volume over it (Wadell 1935), 1 for a ball.
``Nucleus: Extent X µm``, ``Y``, ``Z``
    Edges of the bounding box.
``Nucleus: Major axis µm``, ``Middle axis``, ``Minor axis``
    Of the ellipsoid of the same second moments, see :meth:`Moments.axes`.
``Nucleus: Elongation``, ``Nucleus: Flatness``
    Major / middle and middle / minor axis, at least 1, as 3D ImageJ Suite has them (Ollion et al.,
    Bioinformatics 29 (2013), 1840-1841); NaN where the divisor is 0.
``Nucleus: DAPI: Mean`` and so on
    As in planes, :mod:`bridge.measure.columns`.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from bridge.measure.columns import Columns
from bridge.volumes.measuring.moments import Moments
from bridge.volumes.meshes.mesh import sphericity
from bridge.volumes.voxels import Triple

VOLUME = "Nucleus: Volume µm^3"
"""Title of the column of volumes, by which a table of objects of volumes is known."""

_AXES = (("X", 2), ("Y", 1), ("Z", 0))


def shape_columns(moments: Moments, areas: NDArray[np.float64], voxel: Triple) -> Columns:
    """Return the shapes of n objects, each column (n,); NaN for objects without voxels.

    Args:
        moments: of the objects.
        areas: (n,) of their surfaces in µm².
        voxel: µm along z, y and x.
    """
    there = np.where(moments.voxels > 0, 1.0, np.nan)
    voxels: NDArray[np.float64] = moments.voxels.astype(np.float64) * there
    volumes: NDArray[np.float64] = voxels * float(np.prod(voxel))
    columns: Columns = {"Nucleus: Voxels": voxels}
    for unit, scale in (("px", (1.0, 1.0, 1.0)), ("µm", voxel)):
        for axis, k in _AXES:
            columns[f"Nucleus: Centroid {axis} {unit}"] = (moments.mean[:, k] + 0.5) * scale[k]
    columns[VOLUME] = volumes
    columns["Nucleus: Surface area µm^2"] = areas
    columns["Nucleus: Sphericity"] = np.array(
        [sphericity(v, a) for v, a in zip(volumes.tolist(), areas.tolist(), strict=True)], float
    )
    columns["Nucleus: Equivalent diameter µm"] = np.cbrt(6 / np.pi * volumes).astype(np.float64)
    extent = (moments.stop - moments.start) * np.array(voxel) * there[:, None]
    for axis, k in _AXES:
        columns[f"Nucleus: Extent {axis} µm"] = extent[:, k]
    major, middle, minor = moments.axes(voxel).T
    columns |= {
        "Nucleus: Major axis µm": major,
        "Nucleus: Middle axis µm": middle,
        "Nucleus: Minor axis µm": minor,
        "Nucleus: Elongation": _ratio(major, middle),
        "Nucleus: Flatness": _ratio(middle, minor),
    }
    return columns


def _ratio(longer: NDArray[np.float64], shorter: NDArray[np.float64]) -> NDArray[np.float64]:
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(shorter > 0, longer / shorter, np.nan)
