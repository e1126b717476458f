"""Training pairs: images and the label images that a network is to learn."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bridge.errors import BadInputError

IGNORED = -1
"""Label of a pixel that nobody has looked at; StarDist's losses leave it out."""


@dataclass(frozen=True, kw_only=True, eq=False)
class TrainingPair:
    """An image, or a region of one, and the labels of its objects.

    Attributes:
        name: unique in a data set; the base name of its files.
        image: (height, width, channels), intensities as the file has them, any number type.
        labels: (height, width) int32: 0 background, :data:`IGNORED` where nobody has looked, other
            numbers are objects.
        classes: class names by label, of the objects that have a class.
        source: the file, or the project and the image in it, that the pair was made from.
        group: what is never divided between training and test: the image that a region was cut
            from, or the value of a field of its name. The name itself where it is ``""``.
        frame: (y, x) of the region's first pixel in the whole image.
        ranges: (low, high) intensities of each channel that become 0 and 1, where they were found
            in the whole image; ``None``: the percentiles of ``image`` count.
        split: ``train``, ``val`` or ``test`` where the source says it, else ``""``.

    Raises:
        BadInputError: image and labels differ in size, the labels are no whole numbers or do not
            fit, or the image has pixels that are no numbers.

    >>> pair = TrainingPair(name="a", image=np.zeros((8, 9)), labels=np.ones((8, 9), int))
    >>> pair.image.shape, pair.labels.dtype.name, pair.count
    ((8, 9, 1), 'int32', 1)
    """

    name: str
    image: NDArray[Any]
    labels: NDArray[np.int32]
    classes: Mapping[int, str] = field(default_factory=dict)
    source: str = ""
    group: str = ""
    frame: tuple[int, int] = (0, 0)
    ranges: tuple[tuple[float, float], ...] | None = None
    split: str = ""

    def __post_init__(self) -> None:
        image, labels = np.asarray(self.image), np.asarray(self.labels)
        if image.ndim == 2:
            image = image[..., np.newaxis]
        if image.ndim != 3 or labels.ndim != 2 or image.shape[:2] != labels.shape:
            raise BadInputError(
                self.source or self.name,
                f"has an image of {_size(image)} and labels of {_size(labels)} pixels",
                "give each image the label image that was made of it",
            )
        if labels.dtype.kind not in "iu" and not (
            labels.dtype.kind == "f" and np.array_equal(labels, np.rint(labels))
        ):
            raise BadInputError(
                self.source or self.name,
                f"has labels of type {labels.dtype}",
                "save them as whole numbers, one for each object",
            )
        if labels.size and int(labels.max()) > np.iinfo(np.int32).max:
            raise BadInputError(
                self.source or self.name,
                f"has the label {int(labels.max())}",
                f"number the objects anew, up to {np.iinfo(np.int32).max}",
            )
        if image.dtype.kind == "f" and not np.isfinite(image).all():
            raise BadInputError(
                self.source or self.name,
                "has pixels that are NaN or infinite",
                "replace them first (in Fiji: Process › Math › NaN Background, then set them to 0)",
            )
        numbers = np.maximum(labels.astype(np.int64), IGNORED).astype(np.int32)
        object.__setattr__(self, "image", image)
        object.__setattr__(self, "labels", numbers)
        object.__setattr__(self, "group", self.group or self.name)

    @property
    def count(self) -> int:
        """Number of objects."""
        return len(np.unique(self.labels[self.labels > 0]))

    @property
    def reviewed(self) -> float:
        """Part of the pixels that somebody has looked at, 0 to 1."""
        return float((self.labels != IGNORED).mean()) if self.labels.size else 0.0

    @property
    def content_hash(self) -> str:
        """SHA-256 of the pixels of the image, whatever its file's name and format."""
        shape = repr((self.image.shape, self.image.dtype.str)).encode()
        return hashlib.sha256(shape + np.ascontiguousarray(self.image).tobytes()).hexdigest()


def _size(array: NDArray[Any]) -> str:
    return " x ".join(str(n) for n in array.shape[:2]) or "no"
