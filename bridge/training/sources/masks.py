"""Refuse label images that would teach a network something wrong."""

from __future__ import annotations

from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray

from bridge.errors import BadInputError
from bridge.outlines import trace
from bridge.training.pairs import IGNORED

_MOST_IN_8_BITS = 255
_NUMBERED = "number the objects (in Fiji: Analyze › Analyze Particles…, Show: Count Masks)"


def check_mask(labels: NDArray[Any], source: str, *, keep_empty: bool = False) -> list[str]:
    """Check that a label image numbers its objects.

    Args:
        labels: (height, width), whole numbers; below 0 where nobody has looked.
        source: what errors call it.
        keep_empty: an image without objects is fine.

    Returns:
        Sentences on what is odd, each of which names the source.

    Raises:
        BadInputError: a binary mask, one without objects, or labels below -1, as 16-bit numbers
            with a sign have them beyond 32,767.

    >>> check_mask(np.eye(9, dtype=np.uint16), "a.tif")
    []
    """
    if labels.size and labels.min() < IGNORED:
        raise BadInputError(
            source,
            f"has the label {int(labels.min())}, and only {IGNORED} has a meaning below 0",
            "save it with 32 bits, or as unsigned 16-bit numbers",
        )
    ids = np.unique(labels[labels > 0])
    if not len(ids):
        if keep_empty:
            return []
        raise BadInputError(
            source, "has no objects", "give --keep-empty if it is background to learn from"
        )
    if len(ids) == 1:
        _refuse_binary(labels, int(ids[0]), source)
    if labels.dtype.itemsize == 1 and len(ids) == _MOST_IN_8_BITS:
        return [
            f"{source}: is an 8-bit mask with all of its 255 numbers in use; if there were more "
            "objects, some share a number: save it with 16 bits"
        ]
    return []


def count_pieces(mask: NDArray[np.bool_]) -> int:
    """Return the number of separate pieces; pixels that touch at a corner are one piece.

    >>> count_pieces(np.array([[True, False], [False, True]]))
    1
    """
    pieces = shapely.get_parts(trace(mask.astype(np.uint8))[1])
    if len(pieces) < 2:
        return len(pieces)
    return len(shapely.get_parts(shapely.union_all(shapely.buffer(pieces, 0.1))))


def _refuse_binary(labels: NDArray[Any], label: int, source: str) -> None:
    is_black_and_white = labels.dtype.itemsize == 1 and label == _MOST_IN_8_BITS
    if not is_black_and_white and count_pieces(np.asarray(labels == label)) < 2:
        return
    what = "0 and 255" if is_black_and_white else f"one number, {label}, for separate objects"
    raise BadInputError(source, f"is a binary mask ({what})", _NUMBERED)
