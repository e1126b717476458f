"""Clean up the objects of a label volume, which keep their numbers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from bridge.volumes.masks import fill_holes, open_mask

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from bridge.volumes.voxels import Triple


def clean_objects(
    labels: NDArray[Any],
    voxel: Triple,
    *,
    opening: float | None = None,
    holes: bool = False,
    smallest: int = 1,
    keep: int | None = None,
) -> NDArray[Any]:
    """Return labels whose objects are opened and filled one by one, and the small ones dropped.

    Objects do not grow into each other: what is filled of one was background. Touching objects
    are opened as if each were alone.

    Args:
        labels: (z, y, x), 0 for background; any integer type.
        voxel: µm along z, y and x.
        opening: radius in µm of the ball by which every object is opened.
        holes: fill the cavities of every object.
        smallest: least number of voxels of an object.
        keep: number of objects, the largest ones; None for all.

    Returns:
        New labels of the same type.

    >>> labels = np.array([[[5, 5, 0, 9]]], np.uint16)
    >>> clean_objects(labels, (1.0, 1.0, 1.0), smallest=2).tolist()
    [[[5, 5, 0, 0]]]
    """
    from scipy.ndimage import find_objects

    ids, numbers = np.unique(labels, return_inverse=True)
    numbers = numbers.reshape(labels.shape)
    if ids[0] != 0:  # no background
        numbers = numbers + 1
        ids = np.concatenate([np.zeros(1, ids.dtype), ids])
    if opening is not None or holes:
        numbers = _mend(numbers, find_objects(numbers), voxel, opening, holes)
    sizes = np.bincount(numbers.reshape(-1), minlength=len(ids))[1:]
    order = np.argsort(-sizes, kind="stable")
    order = order[sizes[order] >= max(1, smallest)][:keep]
    kept = np.zeros_like(ids)
    kept[order + 1] = ids[order + 1]
    return kept[numbers]


def _mend(
    numbers: NDArray[np.intp],
    boxes: list[tuple[slice, ...] | None],
    voxel: Triple,
    opening: float | None,
    holes: bool,
) -> NDArray[np.intp]:
    mended = numbers.copy()
    for number, box in enumerate(boxes, 1):
        if box is None:
            continue
        # With a margin of background, but none where the volume ends: there is more beyond.
        wide = tuple(
            slice(max(0, part.start - 1), min(size, part.stop + 1))
            for part, size in zip(box, numbers.shape, strict=True)
        )
        before = numbers[wide] == number
        after = before if opening is None else open_mask(before, opening, voxel)
        place = mended[wide]
        place[before & ~after] = 0
        if holes:
            place[fill_holes(after) & (place == 0)] = number
    return mended
