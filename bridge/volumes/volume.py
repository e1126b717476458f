"""A volume: an image of one time point with slices, and µm along every axis."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Self

import numpy as np
import psutil

from bridge.errors import BadInputError
from bridge.images import open_image
from bridge.images.locations import Location, locate
from bridge.images.series import SeveralImagesError
from bridge.volumes.provenance import ATTRIBUTE, Provenance
from bridge.volumes.voxels import Triple, Voxel, check_anisotropy, shape_text, voxel_text

if TYPE_CHECKING:
    from collections.abc import Iterator
    from os import PathLike
    from types import TracebackType

    from numpy.typing import NDArray

    from bridge.images import Image

EXPORTED = "exported_data"
"""Dataset that counts where ilastik's export has several."""

_SLAB_BYTES = 64 * 2**20
_SAME = 0.01  # of two voxel sizes, of which one was rounded by a file format
_FULL = {"uint8": 255.0, "uint16": 65535.0}


@dataclass(frozen=True, eq=False)
class Volume:
    """An open volume whose slices are read as they are asked for. Use it in a ``with``.

    Positions are (z, y, x) in voxels or in µm, from the **corner** of the first voxel, as in
    :class:`bridge.Detections`: the centre of voxel (0, 0, 0) lies at half a voxel along each axis.

    Attributes:
        image: the open image.
        channel: number of the channel that was chosen, or None for all.
        time: number of the time point.
        voxel: µm along z, y and x; None where neither the file nor a person says.
        provenance: the image that a prepared volume was made of, or None.
    """

    image: Image
    channel: int | None
    time: int
    voxel: Voxel
    provenance: Provenance | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.image.close()

    @property
    def source(self) -> str:
        """The file as it was given, for messages and records."""
        return str(self.image.path or self.image.name)

    @property
    def name(self) -> str:
        """Name of the file without its ending."""
        return self.image.name

    @property
    def channels(self) -> tuple[str, ...]:
        """Names of the channels, of the chosen one alone where one was chosen."""
        names = self.image.channels
        return names if self.channel is None else (names[self.channel],)

    @property
    def shape(self) -> tuple[int, int, int]:
        """Number of voxels along z, y and x."""
        return self.image.size("Z"), self.image.height, self.image.width

    @property
    def dtype(self) -> np.dtype[Any]:
        """Type of the values, in native byte order."""
        return self.image.dtype

    @property
    def nbytes(self) -> int:
        """Bytes of one channel in memory."""
        depth, height, width = self.shape
        return depth * height * width * self.dtype.itemsize

    @property
    def known_voxel(self) -> Triple:
        """The voxel size in µm along z, y and x.

        Raises:
            BadInputError: it is not known along every axis, or the axes differ more than tenfold.
        """
        z, y, x = self.voxel
        if z is None or y is None or x is None:
            raise BadInputError(
                self.source,
                f"does not say how large its voxels are ({voxel_text(self.voxel)})",
                "give µm along z, y and x, as in --voxel 1,0.36,0.36",
            )
        check_anisotropy(self.source, (z, y, x))
        return z, y, x

    @property
    def size_um(self) -> Triple:
        """Length of the volume in µm along z, y and x, from corner to corner.

        Raises:
            BadInputError: as :attr:`known_voxel`.
        """
        z, y, x = (n * step for n, step in zip(self.shape, self.known_voxel, strict=True))
        return z, y, x

    @property
    def full_probability(self) -> float:
        """Value that stands for a probability of 1: 255 and 65,535 in integers, else 1."""
        return _FULL.get(self.dtype.name, 1.0)

    def slab(self, start: int, stop: int, channel: int = 0) -> NDArray[Any]:
        """Read slices of a channel.

        Args:
            start: the first slice.
            stop: the slice behind the last.
            channel: number among :attr:`channels`.

        Returns:
            (z, y, x) in the volume's own type, which the caller owns.

        Raises:
            BadInputError: a slice that is not there, or damaged data.
        """
        number = self.channel if self.channel is not None else channel
        return self.image.slab(number, (start, stop), t=self.time)

    def slabs(self, channel: int = 0) -> Iterator[tuple[int, NDArray[Any]]]:
        """Yield the slices of a channel from the first to the last, at most 64 MiB at a time.

        Args:
            channel: number among :attr:`channels`.

        Yields:
            The first slice's number, and the slices (z, y, x).
        """
        depth, height, width = self.shape
        step = max(1, _SLAB_BYTES // max(1, height * width * self.dtype.itemsize))
        for start in range(0, depth, step):
            yield start, self.slab(start, min(start + step, depth), channel)

    def read(self, channel: int = 0, *, copies: float = 1.0) -> NDArray[Any]:
        """Read a whole channel into memory.

        Args:
            channel: number among :attr:`channels`.
            copies: arrays of this size that are needed at once, this one among them.

        Returns:
            (z, y, x) in the volume's own type.

        Raises:
            BadInputError: that needs more memory than is free, or the data is damaged.
        """
        self.check_memory(int(self.nbytes * copies))
        whole = np.empty(self.shape, self.dtype)
        for start, slab in self.slabs(channel):
            whole[start : start + len(slab)] = slab
        return whole

    def check_memory(self, needed: int) -> None:
        """Refuse work that needs more memory than is free.

        Args:
            needed: bytes.

        Raises:
            BadInputError: less is free.
        """
        free = psutil.virtual_memory().available
        if needed > free:
            raise BadInputError(
                self.source,
                f"has {shape_text(self.shape)} voxels, whose work needs "
                f"{needed / 2**30:.1f} GiB of memory; {free / 2**30:.1f} are free",
                "subsample it first (starbridge volume prepare --isotropic or --subsample), "
                "or close other programs",
            )


def open_volume(
    path: str | PathLike[str] | Location,
    *,
    axes: str | None = None,
    voxel: Triple | None = None,
    channel: int | str | None = None,
    time: int | None = None,
    dataset: str | None = None,
) -> Volume:
    """Open a volume of any format that :func:`bridge.open_image` opens.

    Args:
        path: the file or OME-Zarr folder; ``FILE#DATASET`` as for images. Of several datasets in
            an HDF5 file, ilastik's ``exported_data`` counts.
        axes: what the stored dimensions are, over what the file says (``ZYX``, ``CZYX``, …).
        voxel: µm along z, y and x, over what the file says.
        channel: number from 0, or name, of one channel; None for all.
        time: the time point, from 0; None where there is only one.
        dataset: which image of a file that has several.

    Returns:
        The volume, whose voxel size may be unknown: :attr:`Volume.known_voxel` asks for it.

    Raises:
        BadInputError: no image, a plane, several time points of which none is chosen, a channel or
            time point that is not there, or a voxel size that is none.

    >>> import tempfile
    >>> from bridge.images import from_array
    >>> from bridge.images.hyperstack import write_hyperstack
    >>> stack = from_array(np.zeros((5, 8, 9), np.uint16), axes="ZYX", pixel_size=(2, 0.5, 0.5))
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     write_hyperstack(stack, f"{folder}/a.tif")
    ...     with open_volume(f"{folder}/a.tif") as volume:
    ...         volume.shape, volume.known_voxel, volume.slab(1, 3).shape
    ((5, 8, 9), (2.0, 0.5, 0.5), (2, 8, 9))
    """
    place = locate(path)
    try:
        image = open_image(place, axes=axes, pixel_size=voxel, dataset=dataset)
    except SeveralImagesError as error:
        if EXPORTED not in error.choices:
            raise
        image = open_image(place, axes=axes, pixel_size=voxel, dataset=EXPORTED)
    try:
        return _volume(image, channel, time, is_given=voxel is not None)
    except BaseException:
        image.close()
        raise


def take_over(volume: Volume, prepared: Volume) -> Volume:
    """Return a volume with the voxel size and origin of the prepared volume that it was made of.

    ilastik hands neither on to what it exports.

    Args:
        volume: probabilities or labels.
        prepared: what they were computed on.

    Raises:
        BadInputError: another number of voxels, another voxel size, or an unknown one.
    """
    if volume.shape != prepared.shape:
        raise BadInputError(
            volume.source,
            f"has {shape_text(volume.shape)} voxels, but {prepared.source} has "
            f"{shape_text(prepared.shape)}",
            "give the volume that it was computed on, or its axes (--axes)",
        )
    voxel = prepared.known_voxel
    for own, taken in zip(volume.voxel, voxel, strict=True):
        if own is not None and not math.isclose(own, taken, rel_tol=_SAME):
            raise BadInputError(
                volume.source,
                f"has voxels of {voxel_text(volume.voxel)}, but those of {prepared.source} are "
                f"{voxel_text(voxel)}",
                "give the volume that it was computed on, or none",
            )
    return replace(volume, voxel=voxel, provenance=prepared.provenance)


def _volume(image: Image, channel: int | str | None, time: int | None, *, is_given: bool) -> Volume:
    source = str(image.path or image.name)
    if image.size("Z") == 1:
        raise BadInputError(
            source,
            f"is a plane of {image.height} × {image.width} pixels, not a volume",
            "give a stack of slices; where its slices count as channels or time points, say so "
            "with --axes ZYX (or CZYX)",
        )
    times = image.size("T")
    if time is None and times > 1:
        raise BadInputError(
            source, f"has {times} time points", f"choose one with --time 0 to {times - 1}"
        )
    if not 0 <= (time or 0) < times:
        numbers = "only 0" if times == 1 else f"0 to {times - 1}"
        raise BadInputError(source, f"has no time point {time}", f"choose --time: {numbers}")
    chosen = None if channel is None else image.channel_index(channel)
    size = image.pixel_size
    voxel: Voxel = (None, None, None) if size is None else (size.z, size.y, size.x)
    provenance = _provenance(image, source)
    if is_given and provenance is not None and size is not None and size.z is not None:
        # Who corrects the volume's voxels means its image's, too.
        z, y, x = provenance.factors
        provenance = replace(provenance, voxel=(size.z * z, size.y * y, size.x * x))
    return Volume(image, chosen, time or 0, voxel, provenance)


def _provenance(image: Image, source: str) -> Provenance | None:
    text = image.notes.get(ATTRIBUTE)
    if text is None:
        return None
    found = Provenance.from_text(text, source)
    shape = (image.size("Z"), image.height, image.width)
    if found.written_shape != shape:
        raise BadInputError(
            source,
            f"has {shape_text(shape)} voxels, but was prepared with "
            f"{shape_text(found.written_shape)} voxels",
            "prepare it again with starbridge volume prepare, or give its axes (--axes)",
        )
    return found
