"""Clean up a mask: opening, holes, specks, the largest pieces, all in µm."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from bridge.errors import BadInputError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from bridge.volumes.voxels import Triple

_VOLUME = re.compile(r"\s*([0-9.eE+-]+)\s*(um3|µm3|μm3|um\^3|µm³|μm³|vox|voxels)\s*")
_LENGTH = re.compile(r"\s*([0-9.eE+-]+)\s*(um|µm|μm)\s*")


@dataclass(frozen=True)
class Size:
    """A least volume of an object.

    Attributes:
        value: how much.
        in_voxels: whether it counts voxels, not µm³.

    >>> Size.parse("500um3").voxels((2.0, 0.5, 0.5))
    1000
    """

    value: float
    in_voxels: bool

    @classmethod
    def parse(cls, text: str) -> Size:
        """Read ``500um3`` or ``20vox``.

        Raises:
            BadInputError: anything else.
        """
        found = _VOLUME.fullmatch(text)
        value = _positive(found[1]) if found else None
        if found is None or value is None:
            raise BadInputError(
                "--min-size",
                f"{text!r} is no volume",
                "give it with its unit, as in 500um3 or 20vox",
            )
        return cls(value, found[2].startswith("vox"))

    def voxels(self, voxel: Triple) -> int:
        """Return the least number of voxels that are as much.

        Args:
            voxel: µm along z, y and x.
        """
        exact = self.value if self.in_voxels else self.value / math.prod(voxel)
        return math.ceil(exact - 1e-9 * exact)


def parse_length(text: str, option: str) -> float:
    """Read a length in µm, as in ``2um``.

    Args:
        text: what a person gave.
        option: what it was given by, for the error.

    Raises:
        BadInputError: anything else.

    >>> parse_length("2um", "--opening")
    2.0
    """
    found = _LENGTH.fullmatch(text)
    value = _positive(found[1]) if found else None
    if value is None:
        raise BadInputError(option, f"{text!r} is no length", f"give µm, as in {option} 2um")
    return value


def _positive(text: str) -> float | None:
    try:
        value = float(text)
    except ValueError:
        return None
    return value if math.isfinite(value) and value > 0 else None


def open_mask(mask: NDArray[np.bool_], radius: float, voxel: Triple) -> NDArray[np.bool_]:
    """Remove what a ball does not fit into: threads, spikes and thin bridges.

    A morphological opening by a ball in µm, whatever the shape of the voxels, by two distance
    transforms. What lies beyond the volume's border counts as more of the same, so that nothing is
    worn off there.

    Args:
        mask: (z, y, x).
        radius: of the ball in µm.
        voxel: µm along z, y and x.

    Returns:
        A new mask; of a ball smaller than the voxels the same.

    >>> thread = np.zeros((9, 9, 9), bool)
    >>> thread[2:7, 2:7, 2:7] = thread[:, 4, 4] = True
    >>> opened = open_mask(thread, 1.0, (1.0, 1.0, 1.0))
    >>> bool(opened[0, 4, 4]), bool(opened[4, 4, 4])
    (False, True)
    """
    from scipy.ndimage import distance_transform_edt

    if mask.all() or not mask.any():
        return mask.copy()
    inner = distance_transform_edt(mask, sampling=voxel) > radius
    if not inner.any():
        return np.zeros_like(mask)
    opened: NDArray[np.bool_] = distance_transform_edt(~inner, sampling=voxel) <= radius
    return opened


def fill_holes(mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Fill cavities: background from which no way leads to the volume's border.

    A way leads through faces of voxels, not over edges or corners.

    Args:
        mask: (z, y, x).

    >>> shell = np.ones((3, 3, 3), bool)
    >>> shell[1, 1, 1] = False
    >>> bool(fill_holes(shell).all())
    True
    """
    labels, _ = _components(~mask)
    outside = np.zeros(int(labels.max()) + 1, bool)
    for axis in range(labels.ndim):
        for end in (0, -1):
            outside[np.unique(labels.take(end, axis))] = True
    outside[0] = False
    filled: NDArray[np.bool_] = ~outside[labels]
    return filled


def pieces(
    mask: NDArray[np.bool_], *, smallest: int = 1, keep: int | None = None
) -> tuple[NDArray[Any], NDArray[np.int64]]:
    """Label the connected pieces of a mask from the largest on, without the small ones.

    Voxels that share a face are connected.

    Args:
        mask: (z, y, x).
        smallest: least number of voxels of a piece.
        keep: number of pieces, the largest ones; None for all.

    Returns:
        Labels (z, y, x) of the least unsigned type from 16 bits up, and the voxels of each label
        from 1. Of pieces of one size the first in the array counts as the larger.

    >>> labels, sizes = pieces(np.array([[[1, 0, 1, 1]]], bool))
    >>> labels.tolist(), sizes.tolist()
    ([[[2, 0, 1, 1]]], [2, 1])
    """
    labels, sizes = _components(mask)
    order = np.argsort(-sizes, kind="stable")
    order = order[sizes[order] >= smallest][:keep]
    numbers = np.zeros(len(sizes) + 1, _id_type(len(order)))
    numbers[order + 1] = np.arange(1, len(order) + 1)
    return numbers[labels], sizes[order]


def _components(mask: NDArray[np.bool_]) -> tuple[NDArray[np.int32], NDArray[np.int64]]:
    from scipy.ndimage import label

    labels, _ = label(mask)
    sizes: NDArray[np.int64] = np.bincount(labels.reshape(-1))[1:]
    return labels, sizes


def _id_type(count: int) -> type[np.uint16] | type[np.uint32]:
    return np.uint16 if count <= np.iinfo(np.uint16).max else np.uint32
