"""All features of a pixel classifier, computed tile by tile."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from itertools import groupby
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from bridge.classify.pixels.filters.derivatives import Derivatives, Spans, smooth, widen
from bridge.classify.pixels.filters.features import (
    COMPUTE,
    PRESMOOTHING_WINDOW,
    TITLES,
    WITH_EIGENVALUES,
    filter_radius,
    filter_sigma,
    presmoothing_sigma,
)
from bridge.classify.pixels.filters.kernels import kernel_radius
from bridge.errors import BadInputError
from bridge.formats.ilastik.feature_selection import FeatureSelection

Keep: TypeAlias = tuple[slice, slice, slice]
"""Part of a block (z, y, x) whose features are wanted."""

_FILTER_MARGIN = 3
"""Pixels around a tile in which features are computed from the presmoothed image, at most."""
_ARRAYS_2D = 18
"""Arrays of that size that are at work at once in a plane, at most."""
_ARRAYS_3D = 28
"""Arrays of that size that are at work at once in a volume, at most."""
_PRESMOOTHING_ARRAYS = 3
"""Arrays of the size of a channel of the block that are at work while it is smoothed."""


@dataclass(frozen=True)
class _Column:
    """The columns of one feature at one scale."""

    feature: str
    scale: float
    in_2d: bool
    first: int
    per_channel: int


class FilterBank:
    """The features of a pixel classifier, as ilastik computes them.

    Args:
        selection: the features and scales.
        n_channels: channels of the images.
        is_3d: the images are stacks; the features of a plane are filtered in 2D whatever the
            selection says.

    Attributes:
        names: ilastik's own name of each column, in its order: by feature, scale, channel and
            eigenvalue, the largest first.
        halo: pixels (z, y, x) around a tile on which its features depend.

    >>> bank = FilterBank(FeatureSelection.by_name("default"), n_channels=1, is_3d=False)
    >>> len(bank.names), bank.names[-1], bank.halo
    (49, 'Hessian of Gaussian Eigenvalues (σ=10.0) in 2D [1]', (0, 38, 38))
    >>> bank.compute(np.ones((1, 50, 60, 1), np.float32)).shape
    (49, 1, 50, 60)
    """

    def __init__(self, selection: FeatureSelection, n_channels: int, is_3d: bool) -> None:
        self.selection = selection
        self.n_channels = n_channels
        self.is_3d = is_3d
        self._columns = self._list_columns()

    def _list_columns(self) -> list[_Column]:
        columns = []
        first = 0
        for feature, scale, chosen_2d in self.selection.filters():
            in_2d = chosen_2d or not self.is_3d
            per_channel = (2 if in_2d else 3) if feature in WITH_EIGENVALUES else 1
            columns.append(_Column(feature, scale, in_2d, first, per_channel))
            first += per_channel * self.n_channels
        return columns

    @cached_property
    def names(self) -> tuple[str, ...]:
        """Names of the columns."""
        names: list[str] = []
        for column in self._columns:
            name = f"{TITLES[column.feature]} (σ={float(column.scale)})"
            name += " in 2D" * column.in_2d
            number = column.per_channel * self.n_channels
            names += [name] if number == 1 else [f"{name} [{k}]" for k in range(number)]
        return tuple(names)

    @cached_property
    def halo(self) -> tuple[int, int, int]:
        """Pixels (z, y, x) around a tile on which its features depend."""
        within = max(_reach(column.scale) for column in self._columns)
        across = max(
            (_reach(column.scale) for column in self._columns if not column.in_2d), default=0
        )
        return across, within, within

    def memory(self, tile: tuple[int, int, int]) -> int:
        """Return an upper bound, in bytes, of what :meth:`compute` needs for a tile.

        The block with its halo, the features, and the work in between are counted. It grows with
        the tile's pixels; small tiles pay for their halo.

        Args:
            tile: size (z, y, x) of the part that is kept.

        >>> bank = FilterBank(FeatureSelection.by_name("default"), n_channels=1, is_3d=False)
        >>> round(bank.memory((1, 256, 256)) / 1e6)
        20
        """
        block = [side + 2 * margin for side, margin in zip(tile, self.halo, strict=True)]
        inner = [
            side + 2 * min(margin, _FILTER_MARGIN)
            for side, margin in zip(tile, self.halo, strict=True)
        ]
        channel = math.prod(block)
        if all(column.in_2d for column in self._columns):
            work = _PRESMOOTHING_ARRAYS * math.prod(block[1:]) + _ARRAYS_2D * math.prod(inner[1:])
        else:
            work = _PRESMOOTHING_ARRAYS * channel + _ARRAYS_3D * math.prod(inner)
        features = len(self.names) * math.prod(tile)
        return 4 * (channel * (self.n_channels + 1) + work + features)

    def compute(self, block: NDArray[Any], keep: Keep | None = None) -> NDArray[np.float32]:
        """Compute the features of a block, or of a part of it.

        The edges of the block are taken for the image's own, beyond which it is mirrored. So give
        a tile with :attr:`halo` pixels around it, fewer only where the image ends, and the tile's
        place in the block: then the features have the bits that the whole image gives.

        Args:
            block: (z, y, x, channel); of another type than float32 it is converted, and not
                rescaled.
            keep: part of the block whose features are wanted; all of it when ``None``.

        Returns:
            float32 (feature, z, y, x), the features in the order of :attr:`names`.

        Raises:
            BadInputError: the block has another number of channels.
        """
        if block.shape[3] != self.n_channels:
            raise BadInputError(
                "image",
                f"has {block.shape[3]} channels, and the features are for {self.n_channels}",
                "give images with the channels that the classifier was trained on",
            )
        spans = tuple(
            part.indices(length)[:2]
            for part, length in zip(keep or (slice(None),) * 3, block.shape[:3], strict=True)
        )
        out = np.empty((len(self.names), *(stop - start for start, stop in spans)), np.float32)
        by_scale = sorted(self._columns, key=lambda column: (column.in_2d, column.scale))
        for channel in range(self.n_channels):
            image = np.ascontiguousarray(block[..., channel], np.float32)
            for (in_2d, scale), group in groupby(
                by_scale, lambda column: (column.in_2d, column.scale)
            ):
                columns = list(group)
                if in_2d:
                    for z in range(*spans[0]):
                        place = z - spans[0][0]
                        _compute_scale(image[z], spans[1:], scale, columns, channel, out[:, place])
                else:
                    _compute_scale(image, spans, scale, columns, channel, out)
        return out


def _reach(scale: float) -> int:
    """Return the pixels around one on which its features of a scale depend."""
    return _presmoothing_radius(scale) + filter_radius(scale)


def _presmoothing_radius(scale: float) -> int:
    return kernel_radius(presmoothing_sigma(scale), PRESMOOTHING_WINDOW)


def _compute_scale(
    image: NDArray[np.float32],
    spans: Spans,
    scale: float,
    columns: list[_Column],
    channel: int,
    out: NDArray[np.float32],
) -> None:
    """Compute the features of one scale and one channel, of a plane or a volume."""
    around, inside = widen(spans, filter_radius(scale), image.shape)
    outer, place = widen(around, _presmoothing_radius(scale), image.shape)
    source = np.ascontiguousarray(image[tuple(slice(*span) for span in outer)])
    presmoothed = smooth(source, presmoothing_sigma(scale), place, PRESMOOTHING_WINDOW)
    derivatives = Derivatives(presmoothed, filter_sigma(scale), inside)
    for column in columns:
        first = column.first + channel * column.per_channel
        COMPUTE[column.feature](derivatives, out[first : first + column.per_channel])
