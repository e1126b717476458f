"""Maps of class probabilities, as ilastik, starbridge and others write them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from bridge.classify.pixels.outputs import DATASET, NAMES
from bridge.errors import BadInputError
from bridge.images import find_images, image_name, open_image
from bridge.images.channels import find_channel
from bridge.images.series import SeveralImagesError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from bridge.images import Image
    from bridge.images.locations import Location

_FULL = {"uint8": 255.0, "uint16": 65535.0}
_SUFFIX = re.compile(r"(?<=.)[ _-]probabilities$", re.IGNORECASE)
_UNNAMED = re.compile(r"C[1-9]\d*")
_ROUNDING = 0.001  # beyond 0 and 1 that sums of floats may come to be, as the macro allows it
_MOST_CLASSES = 20  # that a segmentation is expected to have
_SUM = 0.02  # by which the classes may add up to something else than 1


def map_name(path: Location) -> str:
    """Return the name of the image that a map was made of: without ``_Probabilities``.

    >>> from pathlib import Path
    >>> map_name(Path("maps/a 1-Probabilities.h5")), map_name(Path("b.tif"))
    ('a 1', 'b')
    """
    return _SUFFIX.sub("", image_name(path))


def find_maps(paths: Sequence[str]) -> list[Location]:
    """Find the maps among files, folders and URLs.

    What else ilastik and starbridge export of an image (segmentations, uncertainties) is left out
    of folders, by its name.

    Args:
        paths: as :func:`bridge.images.find_images` takes them.

    Raises:
        BadInputError: a path that is not there, or a folder without images.
    """
    given = {str(path) for path in paths}
    names = [name for export, name in NAMES.items() if export != "probabilities"]
    # Names with and without the blank are about: ilastik's own, and those of its other programs.
    others = tuple(f"_{name.replace(' ', '')}" for name in names)
    return [
        path
        for path in find_images(paths)
        if str(path) in given or not image_name(path).replace(" ", "").endswith(others)
    ]


def open_map(path: Location, *, axes: str | None = None, pixel_size: float | None = None) -> Image:
    """Open a file of probabilities; of several HDF5 datasets ``exported_data`` counts.

    Args:
        path: HDF5, TIFF or OME-Zarr.
        axes: axes, where the file does not say them.
        pixel_size: in µm, over what the file says.

    Raises:
        BadInputError: as :func:`bridge.images.open_image`.
    """
    try:
        return open_image(path, axes=axes, pixel_size=pixel_size)
    except SeveralImagesError as error:
        if DATASET not in error.choices:
            raise
    return open_image(path, axes=axes, pixel_size=pixel_size, dataset=DATASET)


@dataclass(frozen=True)
class ProbabilityMap:
    """A file of class probabilities, of which planes are read as they are asked for.

    Attributes:
        image: the opened file, a channel a class.
        full: value that stands for a probability of 1: 1, 255 or 65535, by type.

    Raises:
        BadInputError: values of another type.
    """

    image: Image

    def __post_init__(self) -> None:
        dtype = self.image.dtype
        if dtype.kind != "f" and dtype.name not in _FULL:
            raise BadInputError(
                self._source,
                f"holds values of type {dtype}, which have no known probability of 1",
                "export the probabilities as float32 (0 to 1), uint8 (0 to 255) or uint16 "
                "(0 to 65535)",
            )

    @property
    def full(self) -> float:
        """Value that stands for a probability of 1."""
        return _FULL.get(self.image.dtype.name, 1.0)

    @property
    def _source(self) -> str:
        return str(self.image.path or self.image.name)

    @property
    def names(self) -> tuple[str | None, ...]:
        """Name of each class; ``None`` where the file has none."""
        if self.image.is_rgb:  # three or four 8-bit classes in a TIFF pass for colours
            return (None,) * len(self.image.channels)
        return tuple(None if _UNNAMED.fullmatch(c) else c for c in self.image.channels)

    def class_index(self, chosen: str | None, option: str = "--class") -> int:
        """Find a class.

        Args:
            chosen: its number from 1, as ilastik and the label colours count, or its name;
                ``None`` where there is only one.
            option: what the user gives it by, for messages.

        Returns:
            The number of its channel, from 0.

        Raises:
            BadInputError: no choice among several, or one that is not there.
        """
        count = len(self.names)
        if chosen is None:
            if count == 1:
                return 0
            raise BadInputError(
                self._source,
                f"holds the probabilities of {count} classes",
                f"choose one with {option}: {self._listed()}",
            )
        if chosen.isdecimal():
            if 1 <= int(chosen) <= count:
                return int(chosen) - 1
        elif any(self.names):
            try:
                return find_channel([name or "" for name in self.names], chosen, self._source)
            except BadInputError:
                pass
        if self.image.size("C") == 1:
            raise BadInputError(
                self._source,
                f"has no class {chosen}, only one channel",
                f"give the probabilities of all classes, not a segmentation, or {option} 1",
            )
        raise BadInputError(
            self._source, f"has no class {chosen}", f"choose with {option}: {self._listed()}"
        )

    def plane(self, channel: int, z: int = 0, t: int = 0) -> NDArray[np.float32]:
        """Read a plane of a class, in the file's range of values.

        Args:
            channel: number of the class, from 0.
            z: slice, from 0.
            t: time point, from 0.

        Returns:
            (height, width) float32, from 0 to :attr:`full`.

        Raises:
            BadInputError: values that are no probabilities, or damaged data.
        """
        stored = self.image.plane(channel, z=z, t=t)
        low, high = float(stored.min()), float(stored.max())
        if stored.dtype.kind == "f":
            if not (low >= -_ROUNDING and high <= 1 + _ROUNDING):  # NaN fails, too
                span = "that are no numbers (NaN)" if np.isnan(low) else f"from {low:g} to {high:g}"
                raise BadInputError(
                    self._source,
                    f"has values {span}; probabilities in floats go from 0 to 1",
                    "give the map of probabilities, as ilastik exports it",
                )
        elif self.image.size("C") == 1 and (high == 1 or (low >= 1 and high <= _MOST_CLASSES)):
            raise BadInputError(
                self._source,
                f"holds only whole numbers up to {high:g}: a segmentation, not probabilities",
                "export Probabilities (in ilastik: Source), or use the segmentation as labels",
            )
        return stored.astype(np.float32)

    def check_not_empty(self) -> None:
        """Refuse a file in which all classes are 0 everywhere.

        A run of ilastik that failed leaves such a file behind.

        Raises:
            BadInputError: it is one.
        """
        for channel in range(self.image.size("C")):
            for t, z in self.image.planes():
                if self.image.plane(channel, z=z, t=t).any():
                    return
        raise BadInputError(
            self._source,
            "holds nothing but zeros, as a run of ilastik that failed leaves it behind",
            "export the probabilities again",
        )

    def find_oddity(self) -> str | None:
        """Return a sentence where the classes of the first plane do not add up to 1."""
        channels = self.image.size("C")
        if channels == 1:
            return None
        total = np.zeros((self.image.height, self.image.width), np.float32)
        for channel in range(channels):
            total += self.image.plane(channel)
        low, high = float(total.min()) / self.full, float(total.max()) / self.full
        rounding = _SUM + (channels / 2 / self.full if self.full > 1 else 0)
        if abs(low - 1) <= rounding and abs(high - 1) <= rounding:
            return None
        return (
            f"its {channels} channels add up to {low:.2f} to {high:.2f}, not to 1: check that they "
            "are the probabilities of all classes"
        )

    def _listed(self) -> str:
        numbered = enumerate(self.names, 1)
        return ", ".join(f"{k} ({name})" if name else f"{k}" for k, name in numbered)
