"""Prepare pairs for a data set: scaled, cut to quadrants, reviewed regions and tiles."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Literal, get_args

import numpy as np
import shapely
from numpy.typing import NDArray

from bridge.errors import BadInputError
from bridge.outlines import trace
from bridge.segment.planes import check_scale
from bridge.training.cutting import (
    Box,
    crop_pair,
    image_ranges,
    quarter_pair,
    scale_pair,
    tile_pair,
)
from bridge.training.pairs import IGNORED, TrainingPair

Layout = Literal["stardist", "orgaseg", "cellpose"]
LAYOUTS: tuple[Layout, ...] = get_args(Layout)

IGNORING: tuple[Layout, ...] = ("stardist",)
"""Layouts whose programs leave out pixels of the label -1."""

_MARGIN = 32
"""Pixels around a region, in layouts that can say that they were not reviewed."""

_SMALLEST_TILE = 16
_SIMULATED = (256, 256)


@dataclass(frozen=True, kw_only=True)
class Preparation:
    """Settings by which pairs are prepared.

    Attributes:
        layout: for which program.
        tile: largest height and width; pairs are cut to tiles.
        scale: factor along both axes.
        quadrants: cut each image to its quadrants, as orgaSeg does.
        percentiles: as of :class:`bridge.training.sources.ReadOptions`.

    Raises:
        BadInputError: an unknown layout, a scale that is no factor, tiles that are too small.
    """

    layout: Layout = "stardist"
    tile: int | None = None
    scale: float | None = None
    quadrants: bool = False
    percentiles: tuple[float, float] = (1.0, 99.8)

    def __post_init__(self) -> None:
        check_scale(self.scale)
        if self.layout not in LAYOUTS:
            raise BadInputError(
                "--layout", f"{self.layout!r} is not one of them", f"use {', '.join(LAYOUTS)}"
            )
        if self.tile is not None and self.tile < _SMALLEST_TILE:
            raise BadInputError(
                "--tile", f"{self.tile} pixels are too few", f"give {_SMALLEST_TILE} or more"
            )


@dataclass(frozen=True)
class Prepared:
    """Pairs that are ready to be written.

    Attributes:
        pairs: the pairs.
        notes: sentences for the user.
    """

    pairs: tuple[TrainingPair, ...]
    notes: tuple[str, ...] = ()


def prepare_pairs(pairs: Sequence[TrainingPair], how: Preparation) -> Prepared:
    """Prepare pairs: scale, quadrants, reviewed regions, tiles, in this order.

    Layouts that cannot leave pixels out get rectangles around what was reviewed; what was not
    reviewed in them gets the intensity that becomes 0, without objects.

    Args:
        pairs: the pairs.
        how: what is done.

    Raises:
        BadInputError: an image is too small for quadrants.
    """
    prepared: list[TrainingPair] = []
    blanked = lost = 0
    for pair in pairs:
        scaled = pair if how.scale is None else scale_pair(pair, how.scale)
        lost += pair.count - scaled.count
        parts: Iterator[TrainingPair] = iter([scaled])
        if how.quadrants:
            parts = (part for whole in parts for part in quarter_pair(whole, how.percentiles))
        parts = (part for whole in parts for part in _regions(whole, how))
        if how.tile is not None:
            size = how.tile
            parts = (part for whole in parts for part in tile_pair(whole, size, how.percentiles))
        for part in parts:
            if how.layout in IGNORING or part.reviewed == 1:
                prepared.append(part)
            else:
                blanked += 1
                prepared.append(blank_unreviewed(part, how.percentiles))
    notes = []
    if lost:
        notes.append(f"{lost} objects became smaller than a pixel by --scale, and are gone")
    if blanked:
        notes.append(
            f"{blanked} of {len(prepared)} images have parts that nobody has looked at, and the "
            f"layout {how.layout} cannot say so: these parts are dark now, without objects; "
            "--layout stardist leaves them out of the training"
        )
    return Prepared(tuple(prepared), tuple(notes))


def simulated_pairs(count: int, *, seed: int, channels: int = 1) -> Iterator[TrainingPair]:
    """Yield simulated images of nuclei with their labels, to train on beside real ones.

    Args:
        count: number of images, of 256 x 256 pixels.
        seed: of the simulation.
        channels: of the other images, which must be 1.

    Raises:
        BadInputError: the other images have several channels.
    """
    from bridge.examples.simulator import simulate_nuclei

    if count and channels != 1:
        raise BadInputError(
            "--simulated",
            f"simulated images have one channel, and yours have {channels}",
            "choose one with --channel, or give --grey",
        )
    for number in range(1, count + 1):
        image, labels = simulate_nuclei(_SIMULATED, seed=np.random.default_rng([seed, number]))
        yield TrainingPair(
            name=f"simulated_{number:04d}",
            image=image,
            labels=labels,
            source=f"simulator, seed {seed}, image {number}",
            split="train",
        )


def blank_unreviewed(pair: TrainingPair, percentiles: tuple[float, float]) -> TrainingPair:
    """Return a pair whose unreviewed pixels are dark, and background.

    >>> pair = TrainingPair(name="a", image=np.full((1, 3), 9), labels=np.array([[0, -1, 4]]))
    >>> blank_unreviewed(pair, (0, 100)).labels.tolist()
    [[0, 0, 4]]
    """
    ranges = pair.ranges or image_ranges(pair.image, percentiles)
    unseen = pair.labels == IGNORED
    image = pair.image.copy()
    image[unseen] = np.array([low for low, _ in ranges]).astype(image.dtype)
    return replace(pair, image=image, labels=np.where(unseen, 0, pair.labels), ranges=ranges)


def region_boxes(reviewed: NDArray[np.bool_], margin: int = 0) -> list[Box]:
    """Return boxes around the pieces of what was reviewed; boxes that overlap are joined.

    Args:
        reviewed: (height, width).
        margin: pixels around each.

    >>> region_boxes(np.array([[True, False, False, True, True]]))
    [(0, 0, 1, 1), (0, 3, 1, 5)]
    """
    height, width = reviewed.shape
    boxes: list[Box] = []
    for piece in shapely.get_parts(trace(reviewed.astype(np.uint8))[1]):
        left, top, right, bottom = (int(n) for n in piece.bounds)
        box = (
            max(0, top - margin),
            max(0, left - margin),
            min(height, bottom + margin),
            min(width, right + margin),
        )
        while touching := [other for other in boxes if _overlap(box, other)]:
            boxes = [other for other in boxes if other not in touching]
            corners = np.array([box, *touching])
            box = (
                int(corners[:, 0].min()),
                int(corners[:, 1].min()),
                int(corners[:, 2].max()),
                int(corners[:, 3].max()),
            )
        boxes.append(box)
    return sorted(boxes)


def _overlap(a: Box, b: Box) -> bool:
    return a[0] < b[2] and b[0] < a[2] and a[1] < b[3] and b[1] < a[3]


def _regions(pair: TrainingPair, how: Preparation) -> Iterator[TrainingPair]:
    """Yield the reviewed regions of a pair, or the pair where all of it was reviewed."""
    if pair.reviewed == 1:
        yield pair
        return
    margin = _MARGIN if how.layout in IGNORING else 0
    boxes = region_boxes(pair.labels != IGNORED, margin)
    for number, box in enumerate(boxes, 1):
        name = pair.name if len(boxes) == 1 else f"{pair.name}_region{number}"
        yield crop_pair(pair, box, name, how.percentiles)
