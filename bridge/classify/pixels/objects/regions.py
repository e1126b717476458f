"""Connected regions of a mask: holes, sizes, borders, numbers.

Objects are connected through corners (8 neighbours), the background only through sides (4), as in
ImageJ's *Fill Holes* and *Analyze Particles*.
"""

# numba's decorators carry no types
from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from bridge.files.compiled import compiled

if TYPE_CHECKING:
    from numpy.typing import NDArray


def label_regions(mask: NDArray[np.bool_]) -> NDArray[np.int32]:
    """Return the connected regions of a mask, numbered by their first pixels, row by row.

    Args:
        mask: (height, width), true in objects.

    Returns:
        (height, width) label image: 0 background, objects from 1.

    >>> label_regions(np.array([[True, False, True], [False, True, False]])).tolist()
    [[1, 0, 1], [0, 1, 0]]
    """
    labels = np.zeros(mask.shape, np.int32)
    _label(np.ascontiguousarray(mask), labels, True)
    return labels


def fill_holes(mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Return a mask with its holes filled: background that does not reach the image's border.

    Args:
        mask: (height, width), true in objects.

    >>> fill_holes(np.array([[1, 1, 1], [1, 0, 1], [1, 1, 1]], bool)).all().item()
    True
    """
    outside = np.zeros(mask.shape, np.int32)
    _label(np.ascontiguousarray(~mask), outside, False)
    borders = (outside[0], outside[-1], outside[:, 0], outside[:, -1])
    is_outside = np.zeros(int(outside.max(initial=0)) + 1, bool)
    is_outside[np.concatenate(borders)] = True
    is_outside[0] = False
    filled: NDArray[np.bool_] = ~is_outside[outside]
    return filled


def keep_regions(
    labels: NDArray[np.int32], smallest: float = 0, greatest: float | None = None
) -> NDArray[np.bool_]:
    """Return which labels have a size within limits, by label; 0 never has.

    Args:
        labels: (height, width) label image.
        smallest: least area, pixels.
        greatest: largest area, pixels; any where ``None``.

    >>> keep_regions(np.array([[1, 1, 2]], np.int32), smallest=2).tolist()
    [False, True, False]
    """
    areas = np.bincount(labels.ravel())
    kept = areas >= smallest
    if greatest is not None:
        kept &= areas <= greatest
    kept[0] = False
    return kept


def at_border(labels: NDArray[np.int32]) -> NDArray[np.bool_]:
    """Return which labels touch the border of the image, by label.

    >>> at_border(np.array([[0, 0, 0], [0, 1, 0], [0, 0, 2]], np.int32)).tolist()
    [True, False, True]
    """
    found = np.zeros(int(labels.max(initial=0)) + 1, bool)
    for side in (labels[0], labels[-1], labels[:, 0], labels[:, -1]):
        found[side] = True
    return found


def renumber(labels: NDArray[np.int32], kept: NDArray[np.bool_]) -> NDArray[np.int32]:
    """Remove labels and number the others anew from 1, in their order.

    Args:
        labels: (height, width) label image.
        kept: which labels stay, by label; not 0.

    >>> renumber(np.array([[0, 1, 2, 3]], np.int32), np.array([0, 1, 0, 1], bool)).tolist()
    [[0, 1, 0, 2]]
    """
    numbers = np.where(kept, np.cumsum(kept), 0).astype(np.int32)
    return numbers[labels]


@compiled()
def _root(parents: Any, label: int) -> int:
    """Return the smallest label that a label is connected to."""
    while parents[label] != label:
        parents[label] = parents[parents[label]]
        label = parents[label]
    return label


@compiled()
def _label(mask: Any, labels: Any, with_corners: bool) -> None:
    """Fill in the regions of a mask, in two passes with a forest of connected labels."""
    height, width = mask.shape
    parents = np.zeros((height * width + 1) // 2 + 2, np.int32)
    count = 0
    for y in range(height):
        for x in range(width):
            if not mask[y, x]:
                continue
            root = 0
            for d in range(4):  # left, above, above left, above right
                y2 = y if d == 0 else y - 1
                x2 = x - 1 if d in (0, 2) else (x if d == 1 else x + 1)
                if d > 1 and not with_corners:
                    break
                if y2 < 0 or x2 < 0 or x2 >= width or labels[y2, x2] == 0:
                    continue
                other = _root(parents, labels[y2, x2])
                if root == 0:
                    root = other
                elif other != root:
                    low, high = min(root, other), max(root, other)
                    parents[high] = low
                    root = low
            if root == 0:
                count += 1
                parents[count] = count
                root = count
            labels[y, x] = root
    numbers = np.zeros(count + 1, np.int32)
    found = 0
    for label in range(1, count + 1):  # a root is the smallest label, thus that of the first pixel
        if parents[label] == label:
            found += 1
            numbers[label] = found
    for label in range(1, count + 1):
        numbers[label] = numbers[_root(parents, label)]
    for y in range(height):
        for x in range(width):
            labels[y, x] = numbers[labels[y, x]]
