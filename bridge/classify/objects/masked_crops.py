"""Cut objects out of images, without what is around them, at one size.

A crop shows the object alone, in standard deviations from its mean; how large, bright and uneven it
is, is kept beside it.
"""

# numba's decorators carry no types
# mypy: disallow-untyped-decorators=False

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from bridge.classify.objects.features.settings import FeatureSettings
from bridge.files.compiled import compiled
from bridge.measure.pixels import PixelLists, list_pixels
from bridge.measure.table import object_planes

if TYPE_CHECKING:
    from bridge.detections import Detections
    from bridge.images import Image

SIDE = 64
"""Pixels of a crop's side."""

_INNER = 60  # of them that the object's longer side takes
_BATCH = 512  # crops that are in memory at the same time: 13 MB of three channels
_BRIGHTEST = 8.0  # standard deviations; what is farther from the mean is set to it
_GREATEST = 1e38  # of a mean or deviation, which are kept as float32
_FLAT = 1e-6  # part of the brightest value; what varies less varies by rounding


@dataclass(frozen=True, eq=False)
class MaskedCrops:
    """Crops of n objects.

    Attributes:
        pixels: (n, SIDE, SIDE, channels + 1) float16. The channels in standard deviations from
            their mean inside the object, 0 outside; last the object's mask from 0 to 1.
        sizes: (n,) float64: the natural logarithm of the longer side of the bounding box, in the
            unit of the settings; NaN for an object of which nothing is drawn, whose crop is 0.
        means: (n, channels) float32: mean inside the object in each channel; NaN where no pixel is
            a number.
        deviations: (n, channels) float32: standard deviation there.

    Raises:
        ValueError: sizes that do not fit each other.
    """

    pixels: NDArray[np.float16]
    sizes: NDArray[np.float64]
    means: NDArray[np.float32]
    deviations: NDArray[np.float32]

    def __post_init__(self) -> None:
        """Check the shapes."""
        shape = self.pixels.shape
        if len(shape) != 4 or shape[1:3] != (SIDE, SIDE) or shape[3] < 2:
            raise ValueError(f"crops have the shape {shape}")
        if self.sizes.shape != shape[:1]:
            raise ValueError("there is not one size a crop")
        if not self.means.shape == self.deviations.shape == (shape[0], shape[3] - 1):
            raise ValueError("there is not one mean and deviation a crop and channel")

    def __len__(self) -> int:
        """Return the number of objects."""
        return len(self.sizes)

    def __getitem__(self, rows: NDArray[Any]) -> MaskedCrops:
        """Return the crops of some objects, by a mask or by their numbers."""
        return MaskedCrops(
            self.pixels[rows], self.sizes[rows], self.means[rows], self.deviations[rows]
        )

    def __setitem__(self, rows: NDArray[Any], crops: MaskedCrops) -> None:
        """Replace the crops of some objects."""
        self.pixels[rows], self.sizes[rows] = crops.pixels, crops.sizes
        self.means[rows], self.deviations[rows] = crops.means, crops.deviations

    @property
    def n_channels(self) -> int:
        """Number of channels, without the mask."""
        return int(self.pixels.shape[3]) - 1

    @property
    def is_drawn(self) -> NDArray[np.bool_]:
        """(n,) of which objects something is drawn."""
        return np.isfinite(self.sizes)

    @classmethod
    def empty(cls, n: int, n_channels: int) -> MaskedCrops:
        """Return crops of objects of which nothing is drawn."""
        shape = (n, SIDE, SIDE, n_channels + 1)
        unknown = np.full((n, n_channels), np.nan, np.float32)
        return cls(np.zeros(shape, np.float16), np.full(n, np.nan), unknown, unknown.copy())


def cut_crops(
    objects: Detections,
    image: Image,
    settings: FeatureSettings,
    *,
    channels: Sequence[int | str] | None = None,
    chosen: NDArray[np.bool_] | None = None,
) -> Iterator[tuple[NDArray[np.int64], MaskedCrops]]:
    """Cut objects out of their image, some hundreds at a time.

    An object is scaled so that the longer side of its bounding box fills the crop, whatever its
    aspect. Pixels that are no number count as the mean, and so does all of a channel that does not
    vary inside the object. Gain and offset of the camera change means and deviations only.

    Args:
        objects: all n objects; those on top cover others, as :func:`bridge.measure.measure` draws
            them.
        image: their image, of which all channels of a plane are in memory.
        settings: say which channels, and in which unit sizes are.
        channels: the image's channels that stand for the settings', in their order; those of the
            same names where ``None``.
        chosen: (n,) those to cut; all where ``None``.

    Yields:
        Rows (m,) of objects, and their crops; each chosen object once.

    Raises:
        BadInputError: sizes that do not fit, other channels than the settings', or no pixel size
            where lengths are in µm.

    >>> from bridge import Detections
    >>> from bridge.images import from_array
    >>> image = from_array(np.arange(64, dtype=np.uint8).reshape(8, 8), axes="YX")
    >>> labels = np.zeros((8, 8), int)
    >>> labels[1:7, 1:7] = 1
    >>> settings = FeatureSettings.of_image(image, neighbours=0)
    >>> [(rows, crops)] = cut_crops(Detections.from_labels(labels), image, settings)
    >>> crops.pixels.shape, round(float(np.exp(crops.sizes[0])), 3)
    ((1, 64, 64, 2), 6.0)
    """
    numbers = settings.find_channels(image, channels)
    settings.check_pixel_size(image)
    scale = 1.0
    if settings.unit == "µm" and image.pixel_size is not None:
        scale = image.pixel_size.yx
    is_chosen = np.ones(len(objects), np.bool_) if chosen is None else chosen
    for plane in object_planes(objects, image)[1]:
        own = np.flatnonzero(is_chosen[plane.rows])
        if not len(own):
            continue
        pixels = list_pixels(plane.compartments.nucleus, len(plane.rows))
        values = [image.plane(number, z=plane.z, t=plane.t).ravel() for number in numbers]
        for start in range(0, len(own), _BATCH):
            part = own[start : start + _BATCH]
            yield plane.rows[part], _cut(pixels, part, values, scale)


def _cut(
    pixels: PixelLists, part: NDArray[np.intp], values: Sequence[NDArray[Any]], scale: float
) -> MaskedCrops:
    """Return the crops of objects of a plane.

    Args:
        pixels: of all objects of the plane.
        part: (m,) numbers of the objects.
        values: of each channel, flat.
        scale: length of a pixel.
    """
    crops = MaskedCrops.empty(len(part), len(values))
    positions = [pixels.positions[pixels.starts[k] : pixels.starts[k + 1]] for k in part]
    starts = np.concatenate([[0], np.cumsum([len(each) for each in positions])])
    at = np.concatenate(positions).astype(np.int64)
    rows, columns = np.divmod(at, pixels.shape[1])
    boxes = np.zeros((len(part), 4), np.int64)
    _find_boxes(rows, columns, starts, boxes)
    sides = boxes[:, 2:].max(axis=1)
    is_drawn = sides > 0
    crops.sizes[is_drawn] = np.log(sides[is_drawn] * scale)
    drawn = np.zeros((len(part), SIDE, SIDE), np.float32)
    inside = np.ones(len(at), np.float32)
    for number, channel in enumerate(values):
        shown, means, deviations = _normalise(channel[at].astype(np.float64), starts)
        crops.means[:, number], crops.deviations[:, number] = means, deviations
        _draw(shown, rows, columns, starts, boxes, drawn)
        crops.pixels[..., number] = drawn
    _draw(inside, rows, columns, starts, boxes, drawn)
    crops.pixels[..., -1] = drawn
    return crops


def _normalise(
    values: NDArray[np.float64], starts: NDArray[np.int64]
) -> tuple[NDArray[np.float32], NDArray[np.float64], NDArray[np.float64]]:
    """Return values in standard deviations from the mean of their object, means and deviations."""
    n = len(starts) - 1
    owner = np.repeat(np.arange(n), np.diff(starts))
    is_known = np.isfinite(values)
    known = np.where(is_known, values, 0.0)
    counts = np.bincount(owner, is_known, n)
    greatest = np.zeros(n)
    np.maximum.at(greatest, owner, np.abs(known))
    # Sums of values near the greatest float would overflow.
    known = known / np.where(greatest > 0, greatest, 1.0)[owner]
    means = np.bincount(owner, known, n) / np.maximum(counts, 1)
    from_mean = np.where(is_known, known - means[owner], 0.0)
    deviations = np.sqrt(np.bincount(owner, from_mean**2, n) / np.maximum(counts, 1))
    is_flat = deviations <= _FLAT
    found = from_mean / np.where(is_flat, 1.0, deviations)[owner]
    found[is_flat[owner]] = 0.0
    shown = np.clip(found, -_BRIGHTEST, _BRIGHTEST).astype(np.float32)
    means, deviations = (
        np.where(counts > 0, np.clip(part * greatest, -_GREATEST, _GREATEST), np.nan)
        for part in (means, np.where(is_flat, 0.0, deviations))
    )
    return shown, means, deviations


@compiled()
def _find_boxes(rows: Any, columns: Any, starts: Any, boxes: Any) -> None:
    """Find each object's bounding box: top, left, height, width; 0 without pixels."""
    for i in range(len(boxes)):
        if starts[i] == starts[i + 1]:
            continue
        left = right = columns[starts[i]]
        for k in range(starts[i], starts[i + 1]):
            left, right = min(left, columns[k]), max(right, columns[k])
        # positions ascend
        top = rows[starts[i]]
        boxes[i, 0], boxes[i, 1] = top, left
        boxes[i, 2], boxes[i, 3] = rows[starts[i + 1] - 1] - top + 1, right - left + 1


@compiled()
def _draw(values: Any, rows: Any, columns: Any, starts: Any, boxes: Any, out: Any) -> None:
    """Draw each object in the middle of its crop.

    A pixel of the crop is the mean of those of the image with weights that fall linearly with the
    distance, over a pixel of whichever is coarser: linear interpolation where the object is
    enlarged, and no moiré where it is reduced.
    """
    side = out.shape[1]
    for i in range(len(boxes)):
        first, end = starts[i], starts[i + 1]
        out[i] = 0
        if first == end:
            continue
        top, left, height, width = boxes[i]
        window = np.zeros((height, width), np.float32)
        for k in range(first, end):
            window[rows[k] - top, columns[k] - left] = values[k]
        step = max(height, width) / _INNER
        reach = max(step, 1.0)
        between = np.zeros((side, width), np.float32)
        for y in range(side):
            centre = (y + 0.5 - side / 2) * step + height / 2 - 0.5
            total = np.float32(0)
            for row in range(int(np.ceil(centre - reach)), int(np.floor(centre + reach)) + 1):
                weight = np.float32(1 - abs(row - centre) / reach)
                total += weight
                if 0 <= row < height:
                    between[y] += weight * window[row]
            between[y] /= total
        for x in range(side):
            centre = (x + 0.5 - side / 2) * step + width / 2 - 0.5
            total = np.float32(0)
            for column in range(int(np.ceil(centre - reach)), int(np.floor(centre + reach)) + 1):
                weight = np.float32(1 - abs(column - centre) / reach)
                total += weight
                if 0 <= column < width:
                    for y in range(side):
                        out[i, y, x] += weight * between[y, column]
            for y in range(side):
                out[i, y, x] /= total
