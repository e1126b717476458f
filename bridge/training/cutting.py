"""Cut, scale and grey training pairs; a part keeps the intensity ranges of its whole image."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bridge.errors import BadInputError
from bridge.segment.normalize import percentile_range
from bridge.segment.planes import check_scale, resample
from bridge.training.pairs import IGNORED, TrainingPair

Box = tuple[int, int, int, int]
"""First row, first column, and the row and column behind the last ones."""

_MARGIN = 64
"""Pixels around what was reviewed that the network sees beside it."""

_WORTH_TRIMMING = 0.75
_LUMINANCE = (0.2125, 0.7154, 0.0721)  # as scikit-image's rgb2gray, which orgaSeg uses


def image_ranges(
    image: NDArray[Any], percentiles: tuple[float, float]
) -> tuple[tuple[float, float], ...]:
    """Return the percentiles of each channel of an image (height, width, channels).

    >>> image_ranges(np.arange(101, dtype=np.uint8).reshape(1, 101, 1), (1, 99))
    ((1.0, 99.0),)
    """
    channels = np.moveaxis(image, -1, 0)
    return tuple(percentile_range(channel, percentiles) for channel in channels)


def crop_pair(
    pair: TrainingPair, box: Box, name: str, percentiles: tuple[float, float]
) -> TrainingPair:
    """Return a part of a pair.

    Args:
        pair: the pair.
        box: the part, inside of the pair.
        name: name of the part.
        percentiles: intensities of the pair that become 0 and 1, where it does not say them.

    >>> pair = TrainingPair(name="a", image=np.eye(9), labels=np.eye(9, dtype=int))
    >>> part = crop_pair(pair, (2, 3, 9, 9), "a_1", (1, 99.8))
    >>> part.image.shape, part.frame, part.group, len(part.ranges)
    ((7, 6, 1), (2, 3), 'a', 1)
    """
    top, left, bottom, right = box
    labels = pair.labels[top:bottom, left:right].copy()
    present = set(np.unique(labels).tolist())
    return replace(
        pair,
        name=name,
        image=pair.image[top:bottom, left:right].copy(),
        labels=labels,
        classes={label: kind for label, kind in pair.classes.items() if label in present},
        frame=(pair.frame[0] + top, pair.frame[1] + left),
        ranges=pair.ranges or image_ranges(pair.image, percentiles),
    )


def reviewed_box(labels: NDArray[np.int32], margin: int = 0) -> Box | None:
    """Return the box around all pixels that somebody has looked at, ``None`` if there are none.

    >>> reviewed_box(np.array([[-1, -1, -1], [-1, 0, 7]]))
    (1, 1, 2, 3)
    """
    seen = labels != IGNORED
    rows, columns = np.flatnonzero(seen.any(1)), np.flatnonzero(seen.any(0))
    if not len(rows):
        return None
    height, width = labels.shape
    return (
        max(0, int(rows[0]) - margin),
        max(0, int(columns[0]) - margin),
        min(height, int(rows[-1]) + 1 + margin),
        min(width, int(columns[-1]) + 1 + margin),
    )


def trim(
    pair: TrainingPair, percentiles: tuple[float, float], margin: int = _MARGIN
) -> TrainingPair:
    """Cut away what nobody has looked at, as far as that makes the pair much smaller.

    A section of 10,000² pixels with one reviewed region then takes little memory.

    Args:
        pair: the pair.
        percentiles: as in :func:`crop_pair`.
        margin: pixels that are left around what was reviewed.
    """
    box = reviewed_box(pair.labels, margin)
    if box is None or (box[2] - box[0]) * (box[3] - box[1]) > _WORTH_TRIMMING * pair.labels.size:
        return pair
    return crop_pair(pair, box, pair.name, percentiles)


def tile_pair(
    pair: TrainingPair, size: int, percentiles: tuple[float, float]
) -> Iterator[TrainingPair]:
    """Yield tiles of a pair; those in which nobody has looked at anything are left out.

    Tiles have equal sizes up to a pixel, at most ``size``, and do not overlap.

    Args:
        pair: the pair.
        size: largest height and width.
        percentiles: as in :func:`crop_pair`.
    """
    rows, columns = (
        np.linspace(0, length, -(-length // size) + 1).astype(int) for length in pair.labels.shape
    )
    if len(rows) == len(columns) == 2:
        yield pair
        return
    number = 0
    for top, bottom in pairwise(rows.tolist()):
        for left, right in pairwise(columns.tolist()):
            number += 1
            if (pair.labels[top:bottom, left:right] != IGNORED).any():
                box = (top, left, bottom, right)
                yield crop_pair(pair, box, f"{pair.name}_{number:03d}", percentiles)


def quarter_pair(pair: TrainingPair, percentiles: tuple[float, float]) -> Iterator[TrainingPair]:
    """Yield the four quadrants of a pair, ``NAME_0`` to ``NAME_3``, as orgaSeg cuts them.

    Raises:
        BadInputError: the pair has a single row or column.
    """
    height, width = pair.labels.shape
    y, x = height // 2, width // 2
    if not (y and x):
        raise BadInputError(
            pair.source or pair.name, "is too small for quadrants", "leave out --quadrants"
        )
    boxes = [(0, 0, y, x), (0, x, y, width), (y, 0, height, x), (y, x, height, width)]
    for number, box in enumerate(boxes):
        yield crop_pair(pair, box, f"{pair.name}_{number}", percentiles)


def scale_pair(pair: TrainingPair, scale: float) -> TrainingPair:
    """Return a pair scaled by a factor: linear for the image, the nearest pixel for labels.

    Objects that become smaller than a pixel may vanish.

    Args:
        pair: the pair.
        scale: factor along both axes; 0.5 halves the image.

    Raises:
        BadInputError: no factor above 0.

    >>> pair = TrainingPair(name="a", image=np.ones((8, 6)), labels=np.ones((8, 6), int))
    >>> scale_pair(pair, 0.5).labels.shape
    (4, 3)
    """
    check_scale(scale)
    if scale == 1:
        return pair
    kind = pair.image.dtype
    resized = resample(pair.image, (scale, scale), pair.source or pair.name)
    if kind.kind in "ui":
        resized = np.clip(np.rint(resized), np.iinfo(kind).min, np.iinfo(kind).max)
    height, width = resized.shape[:2]
    rows, columns = (
        np.minimum(((np.arange(new) + 0.5) * old / new).astype(int), old - 1)
        for new, old in zip((height, width), pair.labels.shape, strict=True)
    )
    labels = pair.labels[np.ix_(rows, columns)]
    present = set(np.unique(labels).tolist())
    return replace(
        pair,
        image=resized.astype(kind),
        labels=labels,
        classes={label: kind for label, kind in pair.classes.items() if label in present},
        frame=(round(pair.frame[0] * scale), round(pair.frame[1] * scale)),
    )


def grey_pair(pair: TrainingPair) -> TrainingPair:
    """Return a pair with one channel: the luminance of three, the mean of any other number.

    >>> pair = TrainingPair(name="a", image=np.full((2, 2, 3), 7, np.uint8),
    ...                     labels=np.ones((2, 2), int))
    >>> grey_pair(pair).image[..., 0].tolist()
    [[7, 7], [7, 7]]
    """
    channels = pair.image.shape[-1]
    if channels == 1:
        return pair
    weights = np.array(_LUMINANCE) if channels == len(_LUMINANCE) else np.full(channels, 1.0)
    weights = weights / weights.sum()
    grey = pair.image.astype(np.float64) @ weights
    kind = pair.image.dtype
    ranges = pair.ranges
    if ranges is not None:
        lows, highs = (np.array([r[n] for r in ranges]) @ weights for n in (0, 1))
        ranges = ((float(lows), float(highs)),)
    return replace(
        pair,
        image=(np.rint(grey) if kind.kind in "ui" else grey).astype(kind)[..., np.newaxis],
        ranges=ranges,
    )
