"""Pictures of classed objects, for the report of a classifier."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bridge.classify.objects.classed_images import ClassedImage
from bridge.images import open_image

_MARGIN = 0.5
"""Part of an object's longer side that is shown around it."""

_PLANES = 4
"""Planes that are kept, as objects of one image follow each other only by chance."""


def picture_objects(
    images: Iterable[ClassedImage], channel: str
) -> Callable[[str], NDArray[Any] | None]:
    """Return what cuts an object out of its image, with some of what is around it.

    Args:
        images: the images; nothing is read of them yet.
        channel: the channel that is shown.

    Returns:
        A function of an object's UUID that returns (height, width) of its image's type, ``None``
        for an object that is not in the images or lies outside of its own.
    """
    owners = {identity: image for image in images for identity in image.classes}

    @lru_cache(maxsize=_PLANES)
    def read(image: ClassedImage, z: int, t: int) -> NDArray[Any]:
        with open_image(image.path, axes=image.axes, pixel_size=image.pixel_size) as opened:
            index = opened.channel_index(channel) if len(opened.channels) > 1 else 0
            return opened.plane(index, z=z, t=t)

    def picture(identity: str) -> NDArray[Any] | None:
        image = owners.get(identity)
        if image is None:
            return None
        row = image.detections.objects.loc[identity]
        plane = read(image, int(row["z"]), int(row["t"]))
        left, top, right, bottom = np.nan_to_num(row["geometry"].bounds)
        margin = _MARGIN * max(right - left, bottom - top)
        rows = slice(max(int(top - margin), 0), max(int(np.ceil(bottom + margin)), 0))
        columns = slice(max(int(left - margin), 0), max(int(np.ceil(right + margin)), 0))
        cut = plane[rows, columns]
        return cut if cut.size else None

    return picture
