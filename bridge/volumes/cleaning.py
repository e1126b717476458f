"""Make a clean label volume of probabilities or of labels."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from bridge.errors import BadInputError
from bridge.volumes.balloon import BalloonSettings, inflate
from bridge.volumes.label_files import smallest_type
from bridge.volumes.label_objects import clean_objects
from bridge.volumes.masks import Size, fill_holes, open_mask, pieces
from bridge.volumes.preparing import check_finite
from bridge.volumes.voxels import voxel_text

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from bridge.volumes.volume import Volume
    from bridge.volumes.voxels import Triple

Kind = Literal["auto", "probabilities", "labels"]

_MASK_COPIES = 5.0  # bytes a voxel beside the values: the mask, its pieces as int32
_DISTANCE_COPIES = 55.0  # of a distance transform
_LABEL_COPIES = 24.0  # numbers of objects in 64 bits, twice, and their order
_ROUNDING = 0.001  # beyond 0 and 1 that sums of floats may come to be


@dataclass(frozen=True)
class CleanSettings:
    """Settings of :func:`clean_volume`. The steps are done in this order.

    Attributes:
        threshold: least probability of a voxel, 0 to 1; for labels without effect.
        balloon: blow up a balloon inside the voxels above the threshold, and take it for them.
        opening: radius in µm of the ball that must fit in.
        fill_holes: fill cavities.
        min_size: least volume of a piece or an object.
        keep: number of pieces or objects, the largest ones; None for all.
        kind: what the values are; ``auto``: whole numbers of one channel are labels.

    Raises:
        BadInputError: a number that is out of range.
    """

    threshold: float = 0.5
    balloon: BalloonSettings | None = None
    opening: float | None = None
    fill_holes: bool = False
    min_size: Size | None = None
    keep: int | None = None
    kind: Kind = "auto"

    def __post_init__(self) -> None:
        """Check what a person gave."""
        if not 0 < self.threshold < 1:
            raise BadInputError(
                "--threshold", f"{self.threshold:g} is no probability", "give one between 0 and 1"
            )
        if self.keep is not None and self.keep < 1:
            raise BadInputError("--keep", f"{self.keep} leaves nothing", "give 1 or more")

    def to_json(self) -> dict[str, Any]:
        """Return plain values, for records."""
        return asdict(self)


@dataclass(frozen=True)
class Cleaned:
    """A label volume.

    Attributes:
        labels: (z, y, x), uint16, or uint32 with labels over 65,535.
        sizes_um3: volume of every label in µm³, the largest first.
        notes: lines for the user.
    """

    labels: NDArray[Any]
    sizes_um3: tuple[float, ...]
    notes: tuple[str, ...] = field(default=())


def clean_volume(
    volume: Volume,
    settings: CleanSettings,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> Cleaned:
    """Return the labels of the pieces above a threshold, or of the objects of a label volume.

    Pieces are numbered from the largest on. Objects of a label volume keep their numbers.

    Args:
        volume: probabilities, of which one channel was chosen where there are several, or labels.
        settings: what to do.
        progress: called with the steps that are done, and their number.

    Raises:
        BadInputError: no voxel size, several channels, NaN, no probabilities, nothing or everything
            above the threshold, nothing left at the end, too little memory.

    >>> from bridge.images import from_array
    >>> from bridge.volumes import Volume
    >>> values = np.zeros((3, 4, 5), np.float32)
    >>> values[1, 1:3, 1:3] = 0.9
    >>> values[0, 0, 4] = 0.9
    >>> image = from_array(values, axes="ZYX")
    >>> cleaned = clean_volume(Volume(image, None, 0, (2.0, 0.5, 0.5)), CleanSettings(keep=1))
    >>> cleaned.sizes_um3
    (2.0,)
    """
    voxel = volume.known_voxel
    if len(volume.channels) > 1:
        numbered = ", ".join(f"{k} ({name})" for k, name in enumerate(volume.channels))
        raise BadInputError(
            volume.source,
            f"has {len(volume.channels)} channels",
            f"choose one with --channel: {numbered}",
        )
    if is_labels(volume, settings.kind):
        return _clean_labels(volume, settings, progress)
    notes: list[str] = []
    has_distances = settings.opening is not None or settings.balloon is not None
    per_voxel = _MASK_COPIES + (_DISTANCE_COPIES if has_distances else 0)
    volume.check_memory(int(math.prod(volume.shape) * per_voxel))
    mask = read_mask(volume, settings.threshold)
    if settings.balloon is not None:
        balloon = inflate(mask, voxel, settings.balloon, volume.source)
        mask = balloon.mask
        if balloon.at_border:
            notes.append(
                "the balloon reaches the border of the volume: where its wall should be closed, "
                "it leaks through a gap (raise --gap, or lower --threshold)"
            )
    labels, sizes = _clean_mask(mask, voxel, settings)
    progress(1, 1)
    return _cleaned(volume, labels, sizes, notes)


def _clean_mask(
    mask: NDArray[np.bool_], voxel: Triple, settings: CleanSettings
) -> tuple[NDArray[Any], NDArray[np.int64]]:
    if settings.opening is not None:
        mask = open_mask(mask, settings.opening, voxel)
    if settings.fill_holes:
        mask = fill_holes(mask)
    smallest = 1 if settings.min_size is None else settings.min_size.voxels(voxel)
    return pieces(mask, smallest=smallest, keep=settings.keep)


def is_labels(volume: Volume, kind: Kind = "auto") -> bool:
    """Return whether the values are numbers of objects.

    Args:
        volume: an open volume.
        kind: what a person says; ``auto``: whole numbers of a file with one channel are labels.
    """
    if kind != "auto":
        return kind == "labels"
    return volume.dtype.kind in "ui" and volume.image.size("C") == 1


def read_mask(volume: Volume, threshold: float) -> NDArray[np.bool_]:
    """Return the voxels whose probability reaches a threshold, (z, y, x).

    Raises:
        BadInputError: NaN, values that are no probabilities, none or all above the threshold, or
            too little memory.
    """
    mask = np.empty(volume.shape, bool)
    low, high = math.inf, -math.inf
    for start, slab in volume.slabs():
        values = _scaled(volume, start, slab)
        low, high = min(low, float(values.min())), max(high, float(values.max()))
        mask[start : start + len(slab)] = values >= np.float32(threshold)
    check_threshold(volume, threshold, low, high)
    return mask


def check_threshold(volume: Volume, threshold: float, low: float, high: float) -> None:
    """Refuse a threshold that no voxel reaches, or that all do.

    Args:
        volume: the volume.
        threshold: from 0 to 1.
        low: its lowest probability.
        high: its highest.

    Raises:
        BadInputError: one of both.
    """
    name = volume.channels[0]
    if high == 0:
        raise BadInputError(
            volume.source,
            f"holds nothing but zeros in channel {name}, as a run of ilastik that failed leaves it "
            "behind",
            "export the probabilities again, or choose another --channel",
        )
    if high < np.float32(threshold):
        raise BadInputError(
            volume.source,
            f"is empty at threshold {threshold:g}: the highest probability of channel {name} is "
            f"{high:.3g}",
            "lower --threshold, or choose another --channel",
        )
    if low >= np.float32(threshold):
        raise BadInputError(
            volume.source,
            f"is full at threshold {threshold:g}: the lowest probability of channel {name} is "
            f"{low:.3g}",
            "raise --threshold, or choose another --channel",
        )


def _scaled(volume: Volume, start: int, slab: NDArray[Any]) -> NDArray[np.float32]:
    check_finite(volume, 0, start, slab)
    if slab.dtype.kind == "f":
        low, high = float(slab.min()), float(slab.max())
        if low < -_ROUNDING or high > 1 + _ROUNDING:
            raise BadInputError(
                volume.source,
                f"has values from {low:.4g} to {high:.4g}; probabilities in floats go from 0 to 1",
                "give the map of probabilities, as ilastik exports it, or --kind labels",
            )
        return slab.astype(np.float32)
    if slab.dtype.name not in ("uint8", "uint16"):
        raise BadInputError(
            volume.source,
            f"holds values of type {slab.dtype}, which have no known probability of 1",
            "export the probabilities as float32 (0 to 1), uint8 (0 to 255) or uint16 (0 to "
            "65535), or give --kind labels",
        )
    return slab.astype(np.float32) / np.float32(volume.full_probability)


def _clean_labels(
    volume: Volume, settings: CleanSettings, progress: Callable[[int, int], None]
) -> Cleaned:
    if settings.balloon is not None:
        raise BadInputError(
            "--balloon",
            f"needs a wall of probabilities, and {volume.source} holds labels",
            "give probabilities, or --kind probabilities where they are 8 or 16 bit",
        )
    voxel = volume.known_voxel
    volume.check_memory(volume.nbytes + int(math.prod(volume.shape) * _LABEL_COPIES))
    labels = volume.read()
    check_finite(volume, 0, 0, labels)
    fractional = labels.dtype.kind == "f" and bool((labels != np.rint(labels)).any())
    lowest, highest = labels.min(), labels.max()
    if fractional or lowest < 0 or highest > np.iinfo(np.uint32).max:
        raise BadInputError(
            volume.source,
            "holds values that are no numbers of objects (fractions, below 0, or over "
            "4,294,967,295)",
            "give a label volume, or --kind probabilities",
        )
    if highest == 0:
        raise BadInputError(volume.source, "holds no object", "give a volume with labels above 0")
    if lowest > 0:
        raise BadInputError(
            volume.source,
            f"holds labels from {int(lowest)} to {int(highest)} and no background (0)",
            "give the probabilities in place of a segmentation by classes, or labels with 0 for "
            "the background",
        )
    labels = labels.astype(smallest_type(int(highest)), copy=False)
    foreground = labels[labels > 0]
    if (foreground == highest).all():
        cleaned, sizes = _clean_mask(labels > 0, voxel, settings)
        progress(1, 1)
        return _cleaned(volume, cleaned, sizes, ["taken for a mask, of which pieces are made"])
    cleaned = clean_objects(
        labels,
        voxel,
        opening=settings.opening,
        holes=settings.fill_holes,
        smallest=1 if settings.min_size is None else settings.min_size.voxels(voxel),
        keep=settings.keep,
    )
    progress(1, 1)
    _, sizes = np.unique(cleaned[cleaned > 0], return_counts=True)
    notes = []
    if settings.kind == "auto":
        notes.append(
            "taken for a label volume; probabilities of whole numbers: --kind probabilities"
        )
    return _cleaned(volume, cleaned, np.sort(sizes)[::-1], notes)


def _cleaned(
    volume: Volume, labels: NDArray[Any], sizes: NDArray[np.int64], notes: list[str]
) -> Cleaned:
    voxel = volume.known_voxel
    if not len(sizes):
        raise BadInputError(
            volume.source,
            f"has nothing left after the clean-up (voxels of {voxel_text(voxel)})",
            "give a smaller --min-size or --opening",
        )
    highest = int(labels.max())
    labels = labels.astype(smallest_type(highest), copy=False)
    if labels.dtype == np.uint32:
        notes.append(
            f"its labels go up to {highest:,}: they are written with 32 bits, a TIFF as OME-TIFF"
        )
    unit = math.prod(voxel)
    return Cleaned(labels, tuple((sizes * unit).tolist()), tuple(notes))
