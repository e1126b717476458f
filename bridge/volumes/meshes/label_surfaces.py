"""The surface of one label of a label volume, made from the voxels around it alone."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bridge.volumes.meshes.labels import LabelBox
from bridge.volumes.meshes.mesh import Mesh
from bridge.volumes.meshes.surface import SurfaceSettings, make_surface
from bridge.volumes.voxels import Triple

_LABEL_PART = 0.6  # of the longest edge of a voxel: less leaves steps, more rounds corners


def label_sigma(voxel: Triple) -> float:
    """Return the Gaussian's standard deviation in µm that smooths the steps of labels.

    0.6 times the longest edge of a voxel, at least the shortest one.

    >>> label_sigma((1.0, 1.0, 1.0)), label_sigma((2.0, 0.5, 0.5))
    (1.0, 1.2)
    """
    return max(min(voxel), _LABEL_PART * max(voxel))


def label_surface(
    labels: NDArray[Any], box: LabelBox, voxel: Triple, settings: SurfaceSettings, source: str
) -> Mesh:
    """Return the surface of a label, in µm from the corner of the volume's first voxel.

    Args:
        labels: (z, y, x) whole numbers.
        box: the label, and where it lies.
        voxel: µm along z, y and x.
        settings: smoothing and border.
        source: the file, named in errors.

    Raises:
        BadInputError: nothing is left after smoothing.
        MissingPartError: scikit-image is not installed.

    >>> labels = np.zeros((9, 9, 9), np.uint16)
    >>> labels[2:6, 2:6, 2:6] = 7
    >>> box = LabelBox(7, (2, 2, 2), (6, 6, 6), 64)
    >>> settings = SurfaceSettings(sigma=(1, 1, 1))
    >>> round(label_surface(labels, box, (1, 1, 1), settings, "a.tif").volume)
    64
    """
    margins = [math.ceil(4 * sigma) + 2 for sigma in settings.sigma]
    part = tuple(
        slice(max(0, start - margin), min(n, stop + margin))
        for start, stop, margin, n in zip(box.start, box.stop, margins, labels.shape, strict=True)
    )
    mask = (labels[part] == box.label).astype(np.float32)
    mesh = make_surface(mask, voxel, settings, source=source, voxels=box.voxels)
    offset = np.array([each.start for each in part]) * np.array(voxel)
    return replace(mesh, vertices=mesh.vertices + offset.astype(np.float32))
