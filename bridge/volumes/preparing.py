"""Prepare a volume for ilastik: about isotropic voxels, quantiles at 0 and 1, HDF5 with µm."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from bridge.errors import BadInputError
from bridge.files.atomic import writing
from bridge.images.hdf5 import NOTES
from bridge.volumes.chunked_hdf5 import IMAGE, LABELS, ChunkedHdf5, check_space, volume_attributes
from bridge.volumes.provenance import ATTRIBUTE, Provenance
from bridge.volumes.quantiles import quantiles
from bridge.volumes.subsampling import (
    Shape,
    check_shape,
    isotropic_shape,
    subsample,
    subsample_labels,
    subsampled_shape,
)
from bridge.volumes.volume import Volume

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from bridge.volumes.voxels import Triple

ValueType = Literal["float32", "uint16", "uint8"]

NORMALIZATION = f"{NOTES}normalization"
"""Attribute with the quantiles and, for every channel, the values that they have."""

HDF5_ENDINGS = (".h5", ".hdf5")
"""Endings of a prepared volume."""

_EXACT_BYTES = 2  # of whole numbers whose means are computed in 32-bit floats


@dataclass(frozen=True)
class PrepareSettings:
    """Settings of :func:`prepare_volume`.

    Attributes:
        isotropic: subsample to about the longest edge of a voxel.
        factors: subsample by these factors along z, y and x, where not isotropic; None not at all.
        normalize: quantiles that become 0 and 1; None leaves the values as they are.
        dtype: type that is written; None: float32 where normalized, else the image's own where
            that has 8 or 16 bit integers, else float32.
        labels: the values are label ids: nearest voxels, never means.

    Raises:
        BadInputError: settings that contradict each other, or quantiles out of order.
    """

    isotropic: bool = False
    factors: Triple | None = None
    normalize: tuple[float, float] | None = None
    dtype: ValueType | None = None
    labels: bool = False

    def __post_init__(self) -> None:
        """Check what a person gave."""
        if self.isotropic and self.factors is not None:
            raise BadInputError(
                "--isotropic and --subsample", "contradict each other", "give one of them"
            )
        if self.normalize is not None and not 0 <= self.normalize[0] < self.normalize[1] <= 1:
            low, high = self.normalize
            raise BadInputError(
                "--normalize",
                f"{low:g},{high:g} are not two quantiles in order",
                "give two from 0 to 1, as in 0.01,0.998",
            )
        if self.labels and (self.normalize is not None or self.dtype is not None):
            raise BadInputError(
                "--labels",
                "are numbers of objects, which stay as they are",
                "leave out --normalize and --dtype",
            )

    def to_json(self) -> dict[str, Any]:
        """Return plain values, for records."""
        return asdict(self)


def parse_quantiles(text: str) -> tuple[float, float]:
    """Read two quantiles with a comma, as in ``0.01,0.998``.

    Raises:
        BadInputError: anything else.

    >>> parse_quantiles("0.01,0.998")
    (0.01, 0.998)
    """
    try:
        low, high = (float(part) for part in text.split(","))
    except ValueError as error:
        raise BadInputError(
            "--normalize", f"{text!r} is not two quantiles", "give two, as in 0.01,0.998"
        ) from error
    return low, high


@dataclass(frozen=True)
class Prepared:
    """A volume that was written.

    Attributes:
        provenance: its image, and how its voxels relate to that image's.
        channels: names of its channels.
        ranges: for every channel the values that became 0 and 1; none where not normalized.
    """

    provenance: Provenance
    channels: tuple[str, ...]
    ranges: tuple[tuple[float, float], ...] = ()

    def to_json(self) -> dict[str, Any]:
        """Return plain values, for JSON."""
        made = self.provenance
        return {
            **made.to_json(),
            "written_voxel": list(made.written_voxel),
            "channels": list(self.channels),
            "ranges": [list(pair) for pair in self.ranges],
        }


def prepare_volume(
    volume: Volume,
    path: Path,
    settings: PrepareSettings,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> Prepared:
    """Write a volume as HDF5 for ilastik, slice by slice.

    The dataset ``image`` (CZYX; ``labels``, ZYX, of label ids) has the voxel size of what was
    written in ``axistags``, ``axis_units`` and ``element_size_um``, and the image that it was made
    of in ``starbridge_volume`` (:class:`Provenance`). It covers the same space as its image.

    Memory holds three slabs of the image (of 64 MiB, or one slice) and some slices. The image is
    read once, and twice where it is normalized.

    Args:
        volume: the open image.
        path: the file, ``.h5``.
        settings: what to do.
        progress: called with the slices that are done, and their number.

    Raises:
        BadInputError: an unknown voxel size, NaN, a channel of one value that is to be normalized,
            labels that are no ids, a type that does not hold the values, or a full disk.

    >>> import tempfile
    >>> from bridge.images import from_array
    >>> stack = from_array(np.ones((4, 30, 31), np.uint8), axes="ZYX", pixel_size=(1, 0.3, 0.3))
    >>> volume = Volume(stack, None, 0, (1.0, 0.3, 0.3))
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     made = prepare_volume(volume, Path(folder) / "a.h5", PrepareSettings(isotropic=True))
    >>> made.provenance.written_shape, [round(size, 3) for size in made.provenance.written_voxel]
    ((4, 9, 9), [1.0, 1.0, 1.033])
    """
    if path.suffix.lower() not in HDF5_ENDINGS:
        raise BadInputError(path, "is not the name of an HDF5 file", "give one ending in .h5")
    shape, voxel = volume.shape, volume.known_voxel
    written = _written_shape(shape, voxel, settings)
    check_shape(volume.source, shape, written, voxel)
    dtype = _written_type(volume, settings)
    channels = volume.channels
    if settings.labels and len(channels) > 1:
        raise BadInputError(
            volume.source,
            f"has {len(channels)} channels, and label ids have one",
            "choose it with --channel, or leave out --labels",
        )
    check_space(path.parent, len(channels) * int(np.prod(written, dtype=object)) * dtype.itemsize)
    earlier = volume.provenance
    provenance = (
        Provenance(volume.source, shape, voxel, written)
        if earlier is None
        else Provenance(earlier.source, earlier.shape, earlier.voxel, written)
    )
    steps = _Steps(progress, len(channels) * shape[0] * (1 if settings.normalize is None else 2))
    ranges = _ranges(volume, settings, steps)
    axes = "ZYX" if settings.labels else "CZYX"
    attributes = volume_attributes(
        axes, provenance.written_voxel, () if settings.labels else channels
    ) | {ATTRIBUTE: provenance.to_text()}
    if settings.normalize is not None:
        note = {"quantiles": settings.normalize, "values": dict(zip(channels, ranges, strict=True))}
        attributes[NORMALIZATION] = json.dumps(note, ensure_ascii=False)
    full = (*([] if settings.labels else [len(channels)]), *written)
    name = LABELS if settings.labels else IMAGE
    with writing(path) as part, ChunkedHdf5(part, name, full, dtype, attributes) as file:
        for channel in range(len(channels)):
            slices = _slices(volume, channel, settings, steps)
            resample = subsample_labels if settings.labels else subsample
            for z, plane in enumerate(resample(slices, shape, written)):
                values = _encode(plane, ranges[channel] if ranges else None, dtype)
                file.write(values, *([] if settings.labels else [channel]), z)
    return Prepared(provenance, channels, ranges)


class _Steps:
    """The slices that were read, of all that will be."""

    def __init__(self, progress: Callable[[int, int], None], total: int) -> None:
        self._progress = progress
        self._total = total
        self._done = 0

    def take(self, count: int) -> None:
        self._done += count
        self._progress(self._done, self._total)


def _written_shape(shape: Shape, voxel: Triple, settings: PrepareSettings) -> Shape:
    if settings.isotropic:
        return isotropic_shape(shape, voxel)
    return shape if settings.factors is None else subsampled_shape(shape, settings.factors)


def _written_type(volume: Volume, settings: PrepareSettings) -> np.dtype[Any]:
    own = volume.dtype
    if settings.labels:
        if own.kind not in "ui":
            raise BadInputError(
                volume.source,
                f"holds values of type {own}, which are no label ids",
                "give a label volume of whole numbers, or leave out --labels",
            )
        return own
    if settings.normalize is not None:
        return np.dtype(settings.dtype or "float32")
    if settings.dtype not in (None, "float32", own.name):
        raise BadInputError(
            "--dtype",
            f"{settings.dtype} does not hold the values of {volume.source}, which are {own}",
            "give --normalize, too, or --dtype float32",
        )
    if settings.dtype == "float32" or own.kind == "f" or own.itemsize > _EXACT_BYTES:
        return np.dtype(np.float32)
    return own


def _ranges(
    volume: Volume, settings: PrepareSettings, steps: _Steps
) -> tuple[tuple[float, float], ...]:
    if settings.normalize is None:
        return ()
    found = []
    for channel, name in enumerate(volume.channels):
        low, high = quantiles(
            lambda channel=channel: _slabs(volume, channel, steps),  # type: ignore[misc]
            volume.shape,
            settings.normalize,
        )
        if not low < high:
            first, second = settings.normalize
            raise BadInputError(
                volume.source,
                f"has {low:g} at both quantiles {first:g} and {second:g} of channel {name}, which "
                "holds nothing, or too little to be seen by them",
                "leave the channel out with --channel, or widen --normalize",
            )
        found.append((low, high))
    return tuple(found)


def _slabs(volume: Volume, channel: int, steps: _Steps) -> Iterator[NDArray[Any]]:
    """Yield the slabs of a channel, none of which holds NaN."""
    for start, slab in volume.slabs(channel):
        check_finite(volume, channel, start, slab)
        yield slab
        steps.take(len(slab))


def _slices(
    volume: Volume, channel: int, settings: PrepareSettings, steps: _Steps
) -> Iterator[NDArray[Any]]:
    for slab in _slabs(volume, channel, steps):
        if settings.labels and slab.dtype.kind == "i" and (slab < 0).any():
            raise BadInputError(
                volume.source, "holds numbers below 0, which are no label ids", "relabel it"
            )
        yield from slab


def check_finite(volume: Volume, channel: int, start: int, slab: NDArray[Any]) -> None:
    """Refuse values that are no numbers.

    Args:
        volume: the volume.
        channel: number among its channels.
        start: number of the slab's first slice.
        slab: (z, y, x).

    Raises:
        BadInputError: NaN or an infinite value.
    """
    if slab.dtype.kind != "f" or np.isfinite(slab).all():
        return
    bad = ~np.isfinite(slab)
    z = start + int(bad.any(axis=(1, 2)).argmax())
    raise BadInputError(
        volume.source,
        f"holds values that are no numbers (NaN or infinite; the first in slice {z} of channel "
        f"{volume.channels[channel]})",
        "replace them, in Fiji: Process › Math › NaN Background, or crop them away",
    )


def _encode(
    plane: NDArray[Any], span: tuple[float, float] | None, dtype: np.dtype[Any]
) -> NDArray[Any]:
    """Return a slice in the type that is written."""
    if span is None:
        whole: NDArray[Any] = np.rint(plane) if dtype.kind != "f" else plane
        return plane if plane.dtype == dtype else whole
    low, high = span
    values: NDArray[Any] = np.clip((plane - np.float32(low)) / np.float32(high - low), 0, 1)
    if dtype.kind == "f":
        return values
    scaled: NDArray[Any] = np.rint(values * np.float32(np.iinfo(dtype).max))
    return scaled
