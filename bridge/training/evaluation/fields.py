"""Pictures of fields with the outlines of what is true and of what was found."""

from __future__ import annotations

import io
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image as Picture

from bridge.segment.normalize import percentile_range
from bridge.training.evaluation.evaluating import ImageScore
from bridge.training.evaluation.scoring import Overlap
from bridge.training.pairs import TrainingPair

Rgb = tuple[int, int, int]

TRUE: Rgb = (255, 255, 255)
RIGHT: Rgb = (86, 190, 255)
MISSED: Rgb = (255, 84, 112)
WRONG: Rgb = (255, 214, 10)
LEGEND: tuple[tuple[str, Rgb], ...] = (
    ("true outline", TRUE),
    ("found", RIGHT),
    ("missed", MISSED),
    ("wrong", WRONG),
)
"""Colours of the outlines; people with any colour vision tell them apart."""

IOU = 0.5
"""Overlap at which the pictures say what is right."""

_LARGEST = 384  # pixels of a field that are shown, along each axis
_SIDE = 768  # pixels of a picture's longer side, about
_STEP = 32  # pixels between the windows that are tried


@dataclass(frozen=True, kw_only=True)
class Field:
    """A picture of a field.

    Attributes:
        name: of the image.
        model: name of the model that found the objects.
        f1: of the whole image at :data:`IOU`.
        caption: what is to be seen, for people.
        png: the picture.
    """

    name: str
    model: str
    f1: float
    caption: str
    png: bytes


class FieldCollector:
    """The best and the worst fields of a model, drawn while images are evaluated.

    Images without any object are no fields. Only the pictures that are kept are in memory.

    Args:
        model: name of the model.
        worst: number of pictures of the worst fields.
        best: number of pictures of the best fields.
    """

    def __init__(self, model: str, *, worst: int = 4, best: int = 0) -> None:
        self._model = model
        self._worst, self._best = worst, best
        self._kept: list[tuple[float, int, Field]] = []
        self._seen = 0

    def add(self, pair: TrainingPair, image: ImageScore, found: NDArray[Any]) -> None:
        """Draw a field if it is among those to keep."""
        score = image.overlap.score(IOU)
        if score.is_empty:
            return
        self._seen += 1
        values = [value for value, _, _ in self._kept]
        better = sum(value > score.f1 for value in values)
        worse = sum(value <= score.f1 for value in values)
        if worse >= self._worst and better >= self._best:
            return
        caption = (
            f"{pair.name}: F1 {score.f1:.2f} ({score.tp} right, {score.fp} wrong, "
            f"{score.fn} missed)"
        )
        field = Field(
            name=pair.name,
            model=self._model,
            f1=score.f1,
            caption=caption,
            png=draw_field(pair, found, image.overlap),
        )
        self._kept.append((score.f1, self._seen, field))
        self._kept.sort(key=lambda kept: kept[:2])
        if len(self._kept) > self._worst + self._best:
            del self._kept[self._worst]

    @property
    def worst(self) -> list[Field]:
        """The worst fields, the worst first."""
        return [field for _, _, field in self._kept[: self._worst]]

    @property
    def best(self) -> list[Field]:
        """The best fields that are not among the worst, the best first."""
        return [field for _, _, field in self._kept[self._worst :][::-1]]


def draw_field(pair: TrainingPair, found: NDArray[Any], overlap: Overlap) -> bytes:
    """Draw an image with the outlines of its true and of the found objects.

    Of a large image the part with the most errors is drawn. The colours are in :data:`LEGEND`; what
    nobody has looked at is darker.

    Args:
        pair: the image, and the labels of its true objects.
        found: (height, width) labels of the found objects.
        overlap: of both, as :func:`bridge.training.evaluation.scoring.find_overlap` measures it.

    Returns:
        A PNG.
    """
    rows, columns = overlap.match(IOU)
    missed = np.delete(overlap.true_labels, rows)
    is_wrong = ~overlap.is_outside
    is_wrong[columns] = False
    wrong = overlap.found_labels[is_wrong]
    right = overlap.found_labels[columns]
    is_missed, is_found_wrong = np.isin(pair.labels, missed), np.isin(found, wrong)
    window = _window(is_missed | is_found_wrong)
    truth, found = pair.labels[window], found[window]
    zoom = max(1, round(_SIDE / max(truth.shape)))
    grey = _grey(pair)[window]
    picture = np.asarray(
        Picture.fromarray(grey).resize(
            (grey.shape[1] * zoom, grey.shape[0] * zoom), Picture.Resampling.BICUBIC
        )
    )
    canvas = np.repeat(picture[..., np.newaxis], 3, axis=-1)
    canvas[_enlarged(truth < 0, zoom)] //= 3
    width = 2 if zoom > 1 else 1
    truth, found = _enlarged(np.maximum(truth, 0), zoom), _enlarged(found, zoom)
    for labels, chosen, color, pixels in (
        (truth, overlap.true_labels, TRUE, 1),
        (found, right, RIGHT, width),
        (found, wrong, WRONG, width),
        (truth, missed, MISSED, width),
    ):
        canvas[_rims(labels, pixels) & np.isin(labels, chosen)] = color
    stream = io.BytesIO()
    Picture.fromarray(canvas).save(stream, "PNG", optimize=True)
    return stream.getvalue()


def _grey(pair: TrainingPair) -> NDArray[np.uint8]:
    """Return the first channel (of colours their mean), in 8 bits, with brighter mid-greys."""
    image = pair.image
    is_color = image.shape[-1] == 3 and image.dtype == np.uint8
    plane = image.mean(axis=-1) if is_color else image[..., 0]
    low, high = percentile_range(plane, (1, 99.8))
    share = np.clip((plane.astype(np.float32) - low) / max(high - low, 1e-12), 0, 1)
    grey: NDArray[np.uint8] = (215 * share**0.6).astype(np.uint8)
    return grey


def _window(is_wrong: NDArray[np.bool_]) -> tuple[slice, slice]:
    """Return the part to show: all of it, or where the most pixels are wrong."""
    height, width = is_wrong.shape
    rows, columns = min(height, _LARGEST), min(width, _LARGEST)
    sums = np.zeros((height + 1, width + 1), np.int64)
    sums[1:, 1:] = is_wrong.cumsum(0, np.int64).cumsum(1)
    ys = np.unique([*range(0, height - rows + 1, _STEP), height - rows])
    xs = np.unique([*range(0, width - columns + 1, _STEP), width - columns])
    counts = (
        sums[np.ix_(ys + rows, xs + columns)]
        - sums[np.ix_(ys, xs + columns)]
        - sums[np.ix_(ys + rows, xs)]
        + sums[np.ix_(ys, xs)]
    )
    y, x = np.unravel_index(int(counts.argmax()), counts.shape)
    return slice(int(ys[y]), int(ys[y]) + rows), slice(int(xs[x]), int(xs[x]) + columns)


def _enlarged(values: NDArray[Any], zoom: int) -> NDArray[Any]:
    return values.repeat(zoom, axis=0).repeat(zoom, axis=1)


def _rims(labels: NDArray[Any], pixels: int) -> NDArray[np.bool_]:
    """Return the outermost pixels of each object; the edge of the picture is no outline."""
    rim = np.zeros(labels.shape, bool)
    for axis in (0, 1):
        for step in range(1, pixels + 1):
            ahead = np.take(labels, range(step, labels.shape[axis]), axis)
            behind = np.take(labels, range(labels.shape[axis] - step), axis)
            differs = ahead != behind
            first: list[slice] = [slice(None)] * 2
            last: list[slice] = [slice(None)] * 2
            first[axis], last[axis] = slice(None, -step), slice(step, None)
            rim[tuple(first)] |= differs
            rim[tuple(last)] |= differs
    return rim & (labels > 0)
