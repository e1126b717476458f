"""Read the pixels of an image as QuPath shows them, from its file."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from bridge.apps.qupath.image_transform import Affine, ImageTransform, pixel_size_after
from bridge.errors import BadInputError
from bridge.images import open_image

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from bridge.apps.qupath.project_files import ProjectImage
    from bridge.images.image import Image
    from bridge.images.info import PixelSize

_TIFF = (".tif", ".tiff", ".btf")


class ShownImage:
    """An image file, turned and cut as a project's image shows it.

    Attributes:
        path: the file.
        width, height: pixels that are shown.
        channels: names of the channels that are shown.
        pixel_size: of a pixel that is shown, µm; ``None`` where the file does not say.
    """

    def __init__(self, image: Image, transform: ImageTransform) -> None:
        self._image, self._move = image, transform.to_shown
        self.path = image.path
        size = transform.shown_size
        if transform.keeps_frame or size is None:
            size = (image.width, image.height)
        self.width, self.height = size
        chosen = transform.channels
        numbers = range(len(image.channels)) if chosen is None else map(image.channel_index, chosen)
        self._channels = tuple(numbers)
        self.channels = tuple(image.channels[number] for number in self._channels)
        self.pixel_size: PixelSize | None = None
        if image.pixel_size is not None:
            self.pixel_size = pixel_size_after(image.pixel_size, self._move)

    @property
    def is_rgb(self) -> bool:
        """Is true where the channels are the colours of a colour image, all of them."""
        return self._image.is_rgb and len(self.channels) == len(self._image.channels)

    def size(self, axis: str) -> int:
        """Return the number of slices (``Z``) or time points (``T``)."""
        return self._image.size(axis)

    def plane(self, channel: int, z: int = 0, t: int = 0) -> NDArray[Any]:
        """Read one plane as QuPath shows it.

        Each pixel has the value of the file's pixel in which its centre lies: nothing is blended.
        Pixels outside of the file are 0.

        Args:
            channel: number in :attr:`channels`.
            z: slice, from 0.
            t: time point, from 0.

        Returns:
            Array (Y, X) of the file's dtype.

        Raises:
            BadInputError: no such slice or time point, or damaged data.
        """
        pixels = self._image.plane(self._channels[channel], z=z, t=t)
        return sample_plane(pixels, self._move, (self.width, self.height))


def sample_plane(pixels: NDArray[Any], move: Affine, size: tuple[int, int]) -> NDArray[Any]:
    """Return what is seen of a plane after a map of its coordinates.

    Args:
        pixels: array (Y, X).
        move: map of its coordinates to those of the result; invertible.
        size: width and height of the result.

    Returns:
        Array (height, width) of the same dtype, 0 where nothing of the plane is seen.

    >>> from bridge.apps.qupath.image_transform import Affine
    >>> sample_plane(np.array([[1, 2, 3]]), Affine.rotation(90, 3, 1), (1, 3)).tolist()
    [[1], [2], [3]]
    """
    height, width = pixels.shape
    if move == Affine() and size == (width, height):
        return pixels
    back = move.inverse()
    shown = np.zeros((size[1], size[0]), pixels.dtype)
    x = np.arange(size[0]) + 0.5
    for row in range(size[1]):  # a row at a time: coordinates take more memory than pixels
        from_x = np.floor(back.xx * x + back.xy * (row + 0.5) + back.dx).astype(np.int64)
        from_y = np.floor(back.yx * x + back.yy * (row + 0.5) + back.dy).astype(np.int64)
        inside = (from_x >= 0) & (from_x < width) & (from_y >= 0) & (from_y < height)
        shown[row, inside] = pixels[from_y[inside], from_x[inside]]
    return shown


@contextmanager
def open_shown(image: ProjectImage) -> Iterator[ShownImage]:
    """Open the file of a project's image, to read what QuPath shows of it.

    Args:
        image: the image.

    Raises:
        BadInputError: the file is missing, cannot be read, or is not what QuPath shows: several
            files in one image, pixels that QuPath computes, another size than the project says.
    """
    path, transform = _image_file(image), image.transform
    transform.check(image.name)
    if transform.pixel_problem is not None:
        raise BadInputError(image.name, transform.pixel_problem, "export its regions from QuPath")
    with open_image(path, dataset=_dataset(path, transform)) as opened:
        size = (opened.width, opened.height)
        if transform.file_size is not None and transform.file_size != size:
            width, height = transform.file_size
            raise BadInputError(
                path,
                f"is {size[0]} x {size[1]} px, and the project's image is made of "
                f"{width} x {height} px",
                "export the image from QuPath",
            )
        yield ShownImage(opened, transform)


def _image_file(image: ProjectImage) -> Path:
    """Return the one file that the image's pixels come from."""
    if not image.paths:
        raise BadInputError(image.name, "has no file of its own", "export it from QuPath")
    if image.missing:
        raise BadInputError(
            image.missing[0], "is not there", "tell the project where it is: --relink FOLDER"
        )
    if len(image.paths) > 1:
        raise BadInputError(image.name, "is made of several files", "export it from QuPath")
    return image.paths[0]


def _dataset(path: Path, transform: ImageTransform) -> str | None:
    """Return which image of the file it is, as :func:`open_image` takes it."""
    if path.suffix.lower() in _TIFF:
        return transform.series
    # Every reader of QuPath calls the only image of a file its first.
    if transform.series in (None, "0"):
        return None
    raise BadInputError(
        path, f"is shown by its series {transform.series}", "export the image from QuPath"
    )
