"""Subsampling without aliasing, slice by slice, to any whole number of voxels.

Every voxel of the result is the mean over the part of the image that it covers, voxels that it
covers in part counting in part (area interpolation). The result covers the same space from corner
to corner, so that its voxels are exactly as large as their number says.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from bridge.errors import BadInputError
from bridge.volumes.voxels import AXES, Triple, check_anisotropy

if TYPE_CHECKING:
    from numpy.typing import NDArray

Shape = tuple[int, int, int]


def isotropic_shape(shape: Shape, voxel: Triple) -> Shape:
    """Return the shape whose voxels are about as long along every axis as the longest edge is.

    Args:
        shape: (z, y, x) of the image.
        voxel: its µm along z, y and x.

    >>> isotropic_shape((40, 454, 454), (1.0, 0.36, 0.36))
    (40, 163, 163)
    """
    longest = max(voxel)
    z, y, x = (max(1, round(n * size / longest)) for n, size in zip(shape, voxel, strict=True))
    return z, y, x


def subsampled_shape(shape: Shape, factors: Triple) -> Shape:
    """Return the shape that is nearest to a shape times factors.

    Args:
        shape: (z, y, x) of the image.
        factors: along z, y and x, above 0 and at most 1.

    Raises:
        BadInputError: a factor above 1.

    >>> subsampled_shape((40, 454, 454), (1, 1/3, 1/3))
    (40, 151, 151)
    """
    for axis, factor in zip(AXES, factors, strict=True):
        if factor > 1:
            raise BadInputError(
                "--subsample",
                f"{factor:g} along {axis} would enlarge the volume",
                "give factors up to 1, as in 1,1/3,1/3",
            )
    z, y, x = (max(1, round(n * factor)) for n, factor in zip(shape, factors, strict=True))
    return z, y, x


def check_shape(source: str, shape: Shape, written: Shape, voxel: Triple) -> None:
    """Refuse a subsampled shape that holds no volume any more, or stretched voxels.

    Args:
        source: the image, named in errors.
        shape: (z, y, x) of the image.
        written: of the result.
        voxel: µm of the image along z, y and x.

    Raises:
        BadInputError: one slice, row or column is left, or edges differ more than tenfold.
    """
    if 1 in written:
        raise BadInputError(
            source,
            f"would have {' × '.join(map(str, written))} voxels, which is no volume any more",
            "subsample it less",
        )
    z, y, x = (size * a / b for size, a, b in zip(voxel, shape, written, strict=True))
    check_anisotropy(source, (z, y, x))


def subsample(
    slices: Iterable[NDArray[Any]], shape: Shape, written: Shape
) -> Iterator[NDArray[np.float32]]:
    """Yield the slices of a volume's mean over larger voxels.

    Args:
        slices: the volume's slices (y, x), from the first to the last.
        shape: (z, y, x) of the volume.
        written: (z, y, x) of the result, along no axis more.

    Yields:
        The slices (y, x) of the result, in order.

    >>> [plane.tolist() for plane in subsample([np.eye(2), np.zeros((2, 2))], (2, 2, 2), (1, 1, 2))]
    [[[0.25, 0.25]]]
    """
    rows = _weights(shape[1], written[1])
    columns = _weights(shape[2], written[2])
    depth, count = shape[0], written[0]
    done = 0  # slices of the result that were yielded
    total = np.zeros(written[1:], np.float32)
    # In units of 1 / (depth × count) of the volume's depth, all borders are whole numbers.
    for number, plane in enumerate(slices):
        small = _resample(plane, rows, columns)
        start, stop = number * count, (number + 1) * count
        border = (done + 1) * depth
        if stop >= border:
            total += small * np.float32((border - start) / depth)
            yield total
            done += 1
            total = small * np.float32((stop - border) / depth)
        else:
            total += small * np.float32(count / depth)


def subsample_labels(
    slices: Iterable[NDArray[Any]], shape: Shape, written: Shape
) -> Iterator[NDArray[Any]]:
    """Yield the slices of a label volume, each voxel with the label at its centre.

    Args:
        slices: the volume's slices (y, x), from the first to the last.
        shape: (z, y, x) of the volume.
        written: (z, y, x) of the result, along no axis more.

    >>> slices = [np.array([[1, 2, 3]])]
    >>> [plane.tolist() for plane in subsample_labels(slices, (1, 1, 3), (1, 1, 1))]
    [[[2]]]
    """
    chosen, rows, columns = (_centres(n, m) for n, m in zip(shape, written, strict=True))
    wanted = set(chosen.tolist())
    for number, plane in enumerate(slices):
        if number in wanted:
            yield plane[np.ix_(rows, columns)]


def _weights(size: int, written: int) -> Any:
    """Return the share of each pixel of a line in each of fewer ones, as a sparse matrix."""
    from scipy.sparse import csr_array

    if size == written:
        return None
    # The borders of both divisions of the line, in units of 1 / (size × written) of its length.
    borders = np.unique(np.concatenate([np.arange(size) * written, np.arange(written) * size]))
    lengths = np.diff(borders, append=size * written)
    weights = (lengths / size).astype(np.float32)
    return csr_array((weights, (borders // size, borders // written)), shape=(written, size))


def _resample(plane: NDArray[Any], rows: Any, columns: Any) -> NDArray[np.float32]:
    values = plane.astype(np.float32)
    if rows is not None:
        values = rows @ values
    if columns is not None:
        values = np.ascontiguousarray((columns @ values.T).T)
    return values


def _centres(size: int, written: int) -> NDArray[np.int64]:
    """Return the pixels at the centres of fewer ones."""
    return (2 * np.arange(written, dtype=np.int64) + 1) * size // (2 * written)
