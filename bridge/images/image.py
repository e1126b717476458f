"""One microscope image, of which planes are read as they are asked for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, Self

import numpy as np

from bridge.errors import BadInputError
from bridge.images.axes import lay_out
from bridge.images.channels import find_channel, name_channels, no_channel
from bridge.images.contents import ArrayStore, Contents, Index, PixelStore
from bridge.images.info import ImageInfo, PixelSize
from bridge.images.locations import Location, RemotePath
from bridge.images.units import given_pixel_size

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from types import TracebackType

    from numpy.typing import ArrayLike, NDArray

_NUMBERS = "buif"
_MOST_BYTES = 8  # beyond float64 only C's long double is left, which differs by machine
_MOST_CHANNELS = 2**16  # far more than any detector has
_MOST_PIXELS = 2**40  # a plane of a terapixel is a damaged header, not a microscope


class Image:
    """A microscope image whose planes are read as they are asked for. Use it in a ``with``.

    Attributes:
        path: the file or folder, here or at a URL; None for an array.
        name: the file's name without ending.
        axes: the axes in file order, letters of ``TCZYX``, Y and X among them.
        shape: the size of every axis in ``axes``.
        dtype: type of the values: (u)int8 to 64 or float16 to 64, native byte order. A mask of
            booleans (a TIFF of 1 bit, too) is an 8-bit image of 0 and 1, as other programs take it.
        pixel_size: in µm, None where unknown.
        channels: a name a channel. ``"C1"``, ``"C2"``, … where the file has no names; ``"R"``,
            ``"G"``, ``"B"`` (``"A"``) for a colour image; a single ``"C1"`` without a C axis.
        is_rgb: whether the channels are the colours of a colour image.
        level_shapes: (height, width) of every pyramid level, the full image first.
        notes: texts that starbridge left beside the pixels, by name (``starbridge_…``).
    """

    def __init__(
        self,
        contents: Contents,
        *,
        source: str,
        path: Location | None,
        name: str,
        pixel_size: PixelSize | None = None,
    ) -> None:
        layout, dtype = contents.layout, contents.dtype
        if dtype.kind not in _NUMBERS or dtype.itemsize > _MOST_BYTES:
            kind = "complex numbers" if dtype.kind == "c" else f"values of type {dtype}"
            raise BadInputError(
                source,
                f"holds {kind}, not grey values",
                "save it with 8 or 16 bit integers or 32 bit floats",
            )
        self.path = path
        self.name = name
        self.axes = layout.axes
        self.shape = layout.image_shape
        self.dtype = np.dtype(np.uint8) if dtype.kind == "b" else dtype.newbyteorder("=")
        self.pixel_size = pixel_size
        self.is_rgb = layout.is_rgb
        self.notes = contents.notes
        self._source = source
        self._store: PixelStore | None = contents.store
        self._letters = layout.letters
        self._levels = contents.levels or (layout.shape,)
        if self.size("C") > _MOST_CHANNELS:
            raise BadInputError(
                source,
                f"claims to have {self.size('C')} channels, so its header is damaged",
                "copy or export the file again, or give its axes (--axes)",
            )
        self.channels = self._channel_names(contents.channels)
        if self.width * self.height > _MOST_PIXELS:
            raise BadInputError(
                source,
                f"claims to be {self.width} × {self.height} pixels large, so its header is damaged",
                "copy or export the file again",
            )

    def _channel_names(self, names: Sequence[str]) -> tuple[str, ...]:
        count = self.size("C")
        return tuple("RGBA"[:count]) if self.is_rgb else name_channels(names, count)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"<Image {self.name!r} {self.axes} {'×'.join(map(str, self.shape))} {self.dtype}>"

    def close(self) -> None:
        """Close the file. Planes cannot be read any more; everything else stays known."""
        if self._store is not None:
            self._store.close()
            self._store = None

    def size(self, axis: str) -> int:
        """Return the size of an axis (a letter of ``TCZYX``), 1 where the image lacks it."""
        return self.shape[self.axes.index(axis)] if axis in self.axes else 1

    @property
    def info(self) -> ImageInfo:
        """Description of the image without its pixels."""
        return ImageInfo(
            name=self.name,
            path=None if self.path is None else str(self.path),
            width=self.width,
            height=self.height,
            size_z=self.size("Z"),
            size_t=self.size("T"),
            pixel_size=self.pixel_size,
            channels=self.channels,
        )

    @property
    def width(self) -> int:
        """Number of columns."""
        return self.size("X")

    @property
    def height(self) -> int:
        """Number of rows."""
        return self.size("Y")

    @property
    def level_shapes(self) -> tuple[tuple[int, int], ...]:
        """(height, width) of every pyramid level, the full image first."""
        y, x = self._letters.index("Y"), self._letters.index("X")
        return tuple((shape[y], shape[x]) for shape in self._levels)

    def channel_index(self, channel: int | str) -> int:
        """Find a channel.

        Args:
            channel: its number from 0 (also as text), or its name: as it is written, or in
                another case, or a part of it that no other channel has (``"DAPI"`` for
                ``"DAPI (405)"``). A number in range is always the channel's number. Names of
                channels without a name count from 1: channel 0 is ``"C1"``, in QuPath
                ``"Channel 1"``.

        Returns:
            The number of the channel, from 0.

        Raises:
            BadInputError: for a channel that does not exist or a text that fits several; the
                message lists the channels.

        >>> image = from_array(np.zeros((2, 3, 4)), axes="CYX", channels=["DAPI (405)", "GFP"])
        >>> image.channel_index("dapi"), image.channel_index(1)
        (0, 1)
        """
        return find_channel(self.channels, channel, self._source)

    def planes(self) -> Iterator[tuple[int, int]]:
        """Yield every (t, z) of the image, z fastest: ``plane(channel, z=z, t=t)`` reads each."""
        for t in range(self.size("T")):
            for z in range(self.size("Z")):
                yield t, z

    def plane(
        self, channel: int | str | None = None, z: int = 0, t: int = 0, level: int = 0
    ) -> NDArray[Any]:
        """Read one plane, and only that plane's data.

        Args:
            channel: a channel (see :meth:`channel_index`). None where there is only one.
            z: slice, from 0.
            t: time point, from 0.
            level: pyramid level, 0 for the full image.

        Returns:
            An array (Y, X) of the image's dtype, contiguous, in native byte order, that the
            caller owns.

        Raises:
            BadInputError: for a channel, slice, time point or level that does not exist, a
                missing choice of channel, or data that is damaged, cut short or larger than
                memory.
            ValueError: after the image was closed.
        """
        if not 0 <= level < len(self._levels):
            raise BadInputError(
                self._source,
                f"has no pyramid level {level}",
                f"choose 0 to {len(self._levels) - 1}",
            )
        plane: NDArray[Any] = self._pixels(channel, z, t, level)[0]
        return plane

    def slab(self, channel: int | str | None, z: tuple[int, int], t: int = 0) -> NDArray[Any]:
        """Read slices that follow each other.

        Of HDF5 and Zarr they are read at once, so that a chunk of many slices is decompressed once
        and not for each of them.

        Args:
            channel: as in :meth:`plane`.
            z: the first slice, and the one behind the last.
            t: time point, from 0.

        Returns:
            An array (Z, Y, X) as :meth:`plane` returns one.

        Raises:
            BadInputError: as :meth:`plane`; or no slices at all.
            ValueError: after the image was closed.
        """
        first, stop = z
        if stop <= first:
            raise BadInputError(
                self._source, f"has no slices {first} to {stop}", "give one or more"
            )
        self._check_place("Z", stop - 1, 0)
        if isinstance(self._store, ArrayStore) and "Z" in self.axes:
            return self._pixels(channel, slice(first, stop), t, 0)
        return np.stack([self.plane(channel, z=number, t=t) for number in range(first, stop)])

    def _pixels(
        self, channel: int | str | None, z: int | slice, t: int, level: int
    ) -> NDArray[Any]:
        """Read slices as (Z, Y, X)."""
        at = {"C": self._chosen(channel), "Z": z, "T": t}
        self._check_place("Z", z.start if isinstance(z, slice) else z, level)
        self._check_place("T", t, level)
        everything = slice(None)
        index: Index = tuple(
            0 if letter is None else at.get(letter, everything) for letter in self._letters
        )
        pixels = self._read(level, index)
        kept = [letter for letter in self.axes if isinstance(at.get(letter, everything), slice)]
        depth = z.stop - z.start if isinstance(z, slice) else 1
        if pixels.ndim != len(kept):
            raise self._damaged(f"an array of {pixels.shape} values came out")
        pixels = pixels.transpose([kept.index(letter) for letter in "ZYX" if letter in kept])
        if not isinstance(z, slice):
            pixels = pixels[None]
        sizes = self._sizes(level)
        if pixels.shape != (depth, sizes["Y"], sizes["X"]):
            raise self._damaged(f"planes of {pixels.shape[1:]} values came out")
        return np.ascontiguousarray(pixels, dtype=self.dtype)

    def _sizes(self, level: int) -> dict[str, int]:
        stored = self._levels[level]
        return {letter: n for letter, n in zip(self._letters, stored, strict=True) if letter}

    def _check_place(self, axis: Literal["Z", "T"], number: int, level: int) -> None:
        size = self._sizes(level).get(axis, 1)
        if not 0 <= number < size:
            what = {"Z": "slice (z)", "T": "time point (t)"}[axis]
            numbers = "only 0" if size == 1 else f"0 to {size - 1}"
            raise BadInputError(self._source, f"has no {what} {number}", f"choose {numbers}")

    def _chosen(self, channel: int | str | None) -> int:
        if channel is not None:
            return self.channel_index(channel)
        if len(self.channels) == 1:
            return 0
        if self.is_rgb:
            raise BadInputError(
                self._source,
                "is a colour (RGB) image",
                f"choose --channel R, G or B, or give --axes {self.axes} if they are channels",
            )
        problem = f"has {len(self.channels)} channels"
        raise no_channel(self.channels, self._source, problem)

    def _read(self, level: int, index: Index) -> NDArray[Any]:
        if self._store is None:
            raise ValueError(f"{self._source} is closed")
        try:
            return self._store.read(level, index)
        except BadInputError:
            raise
        except MemoryError as error:
            raise BadInputError(
                self._source,
                f"has planes of {self.width} × {self.height} pixels, more than fits in memory",
                "close other programs, or export a smaller region",
            ) from error
        except Exception as error:
            # Every codec has exceptions of its own; to a person they all mean the same.
            raise self._damaged(str(error)) from error

    def _damaged(self, detail: str) -> BadInputError:
        if isinstance(self.path, RemotePath):
            return BadInputError(
                self._source,
                f"cannot be read: its data is damaged, or the network failed ({detail[:120]})",
                "run again, or copy the file to this machine",
            )
        return BadInputError(
            self._source,
            f"cannot be read, its pixel data is damaged or cut short ({detail[:120]})",
            "copy or export the file again",
        )


def from_array(
    array: ArrayLike,
    *,
    axes: str | None = None,
    pixel_size: float | tuple[float, ...] | PixelSize | None = None,
    channels: Sequence[str] = (),
    name: str = "image",
) -> Image:
    """Make an image of an array in memory.

    Args:
        array: the values, of any shape and numeric type.
        axes: letters of ``TCZYX``, one a dimension (``"CYX"``; ``"YXS"`` for colours). Needed
            unless the array has only rows and columns.
        pixel_size: in µm: one number, (y, x), (z, y, x) or a :class:`PixelSize`.
        channels: a name a channel, or none.
        name: name of the image.

    Returns:
        The image. The array is not copied; the planes read from it are.

    Raises:
        BadInputError: for axes that do not fit, values that are no grey values, or another
            number of channel names than channels.

    >>> image = from_array(np.zeros((2, 30, 40), np.uint16), axes="CYX", channels=["DAPI", "GFP"])
    >>> image.plane("gfp").shape
    (30, 40)
    """
    values = np.asarray(array)
    layout = lay_out(name, values.shape, given=axes)
    contents = Contents(ArrayStore([values]), layout, values.dtype, channels=tuple(channels))
    size = given_pixel_size(pixel_size, None)
    image = Image(contents, source=name, path=None, name=name, pixel_size=size)
    if channels and len(channels) != len(image.channels):
        raise BadInputError(
            name,
            f"has {len(image.channels)} channels but {len(channels)} channel names",
            "give a name a channel",
        )
    return image
