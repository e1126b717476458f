"""Describe images without reading their pixels: axes, sizes, channels, pixel size and series."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from bridge.errors import StarbridgeError
from bridge.images.opening import open_image
from bridge.images.series import SeveralImagesError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bridge.images.info import PixelSize
    from bridge.images.locations import Location


@dataclass(frozen=True)
class ImageLine:
    """An image, or what keeps it from being read.

    Attributes:
        path: as it is given to a command: the file, or ``FILE#SERIES``.
        series: name of the scene, series or position, where the file has names and several images.
        axes, shape, dtype, channels, pixel_size: as in :class:`bridge.images.Image`.
        problem: the line that says what is wrong; ``""`` where nothing is.
    """

    path: str
    series: str = ""
    axes: str = ""
    shape: tuple[int, ...] = ()
    dtype: str = ""
    channels: tuple[str, ...] = ()
    pixel_size: PixelSize | None = None
    problem: str = ""

    def to_json(self) -> dict[str, Any]:
        """Return plain values, for other programs."""
        return {**asdict(self), "shape": list(self.shape), "channels": list(self.channels)}


def describe_images(path: Location, *, axes: str | None = None) -> Iterator[ImageLine]:
    """Yield a line for an image, or one for each image of a file that holds several.

    Args:
        path: an image as :func:`bridge.images.open_image` takes it. What cannot be read is a line
            with its problem, never an error.
        axes: of the stored arrays, over what the files say.
    """
    try:
        yield _line(path, axes)
    except SeveralImagesError as several:
        for choice, name in several.choices.items():
            try:
                yield _line(path, axes, choice, name)
            except StarbridgeError as error:
                yield ImageLine(f"{path}#{choice}", name, problem=str(error))
    except StarbridgeError as error:
        yield ImageLine(str(path), problem=str(error))


def _line(
    path: Location, axes: str | None, dataset: str | None = None, name: str = ""
) -> ImageLine:
    with open_image(path, axes=axes, dataset=dataset) as image:
        return ImageLine(
            str(path) if dataset is None else f"{path}#{dataset}",
            name,
            image.axes,
            image.shape,
            str(image.dtype),
            image.channels,
            image.pixel_size,
        )
