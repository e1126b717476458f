"""The isosurface of a volume by marching cubes, closed where the body meets the border."""

# numba's decorators carry no types, and scikit-image's functions only in part
# mypy: disallow-untyped-decorators=False, disallow-untyped-calls=False

from __future__ import annotations

from typing import Any

import numba
import numpy as np
from numpy.typing import NDArray

from bridge.errors import MissingPartError
from bridge.files.compiled import compiled

_LAYERS = 2


def isosurface(
    values: NDArray[np.float32], iso: float, *, is_closed: bool = True
) -> tuple[NDArray[np.float32], NDArray[np.int32]]:
    """Return the surface between the voxels above a value and the others.

    scikit-image's marching cubes in the variant of Lewiner et al., J. Graph. Tools 8 (2003), 1-15,
    whose surfaces have no holes. A closed one ends on the outer faces of the border's voxels.

    Args:
        values: (z, y, x) without NaN.
        iso: the value; some voxel lies above it, and where ``is_closed`` is not set some below.
        is_closed: whether all beyond the border counts as background; else the surface has an edge
            in the centres of the border's voxels.

    Returns:
        (vertex, axis) positions z, y, x in voxels from the corner of the first one, and (face,
        corner) numbers of vertices, outward.

    Raises:
        MissingPartError: scikit-image is not installed.

    >>> values = np.zeros((3, 3, 3), np.float32)
    >>> values[:, 1, 1] = 1
    >>> vertices, faces = isosurface(values, 0.5)
    >>> vertices.min(0), vertices.max(0)
    (array([0., 1., 1.], dtype=float32), array([3., 2., 2.], dtype=float32))
    """
    start, stop = body_box(values, iso)
    shape = np.array(values.shape)
    box = tuple(
        slice(max(low - 1, 0), min(high + 1, n))
        for low, high, n in zip(start, stop, shape, strict=True)
    )
    offset = np.array([part.start for part in box], np.float32)
    body = values[box]
    if is_closed:
        # The border's voxels once more, and then background: the cut through the added voxels is
        # moved back onto the border's faces, where it meets the sides at right angles.
        touches = [
            (_LAYERS * (low == 0), _LAYERS * (high == n))
            for low, high, n in zip(start, stop, shape, strict=True)
        ]
        if any(map(any, touches)):
            body = _surround(body, touches, iso)
            offset -= [before for before, _ in touches]
    vertices, faces = march(body, iso)
    vertices += offset
    vertices += np.float32(0.5)
    if is_closed:
        np.clip(vertices, 0, shape.astype(np.float32), out=vertices)
    return vertices, faces


def march(
    values: NDArray[np.float32], iso: float, *, method: str = "lewiner"
) -> tuple[NDArray[np.float32], NDArray[np.int32]]:
    """Return the open surface in voxels from the **centre** of the first one, outward.

    Args:
        values: (z, y, x).
        iso: the value.
        method: ``lewiner``, or ``lorensen``, which puts vertices on edges between voxels only.

    Raises:
        MissingPartError: scikit-image is not installed.
    """
    try:
        from skimage.measure import marching_cubes
    except ImportError as error:
        raise MissingPartError("volumes", "make meshes", "scikit-image") from error
    if min(values.shape) < 2:  # scikit-image takes no plane
        return np.empty((0, 3), np.float32), np.empty((0, 3), np.int32)
    body = np.ascontiguousarray(values)
    vertices, faces, _, _ = marching_cubes(body, iso, method=method)
    # In array order scikit-image's faces look inward: it means the first axis to be x.
    outward = np.ascontiguousarray(faces[:, ::-1], np.int32)
    return np.ascontiguousarray(vertices, np.float32), outward


def body_box(
    values: NDArray[np.float32], iso: float
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the first voxel above a value along each axis, and the one behind the last.

    Without any, the first lies behind the last.
    """
    bound: Any = np.float32(iso)
    ranges = _ranges(values, bound)
    return ranges[:, 0], ranges[:, 1] + 1


def _surround(
    body: NDArray[np.float32], touches: list[tuple[int, int]], iso: float
) -> NDArray[np.float32]:
    """Return a body with its border's voxels once more and background around them."""
    shape = [n + before + behind for n, (before, behind) in zip(body.shape, touches, strict=True)]
    outside = np.float32(iso - max(1.0, abs(iso)))
    whole = np.full(shape, outside, np.float32)
    inner = tuple(
        slice(before, before + n) for n, (before, _) in zip(body.shape, touches, strict=True)
    )
    whole[inner] = body
    for axis, (before, behind) in enumerate(touches):
        lines = np.moveaxis(whole, axis, 0)
        if before:
            lines[1] = lines[2]
        if behind:
            lines[-2] = lines[-3]
    return whole


@compiled(nogil=True, parallel=True)
def _ranges(values: Any, iso: float) -> Any:
    depth, height, width = values.shape
    found = np.empty((depth, 2, 2), np.int64)
    for z in numba.prange(depth):
        found[z, :, 0] = np.iinfo(np.int64).max
        found[z, :, 1] = -1
        for y in range(height):
            low, high = width, -1
            for x in range(width):
                if values[z, y, x] > iso:
                    low, high = min(low, x), x
            if high >= 0:
                found[z, 0, 0], found[z, 0, 1] = min(found[z, 0, 0], y), y
                found[z, 1, 0], found[z, 1, 1] = min(found[z, 1, 0], low), max(found[z, 1, 1], high)
    ranges = np.empty((3, 2), np.int64)
    ranges[:, 0], ranges[:, 1] = np.iinfo(np.int64).max - 1, -1
    for z in range(depth):
        if found[z, 0, 1] >= 0:
            ranges[0, 0], ranges[0, 1] = min(ranges[0, 0], z), z
            for axis in range(2):
                ranges[axis + 1, 0] = min(ranges[axis + 1, 0], found[z, axis, 0])
                ranges[axis + 1, 1] = max(ranges[axis + 1, 1], found[z, axis, 1])
    return ranges
