"""Planes of an image in the size and with the channels that a network takes."""

from __future__ import annotations

import logging
import math
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from bridge.errors import BadInputError

if TYPE_CHECKING:
    from bridge.images import Image
    from bridge.images.info import PixelSize

log = logging.getLogger(__name__)

_SAME_SCALE = 0.05


def read_plane(image: Image, channels: Sequence[int], *, t: int, z: int) -> NDArray[Any]:
    """Read channels of a plane.

    Returns:
        (height, width, channels) of the image's type.

    Raises:
        BadInputError: the image is damaged.
    """
    return np.stack([image.plane(c, z=z, t=t) for c in channels], axis=-1)


def set_slice_distance(image: Image, z_step: float | None) -> None:
    """Give an open image the distance of its slices, over what its file says.

    Args:
        image: an image whose pixel size is known.
        z_step: µm; ``None`` leaves it as it is.

    Raises:
        BadInputError: no length, or the image's pixel size is not known.

    >>> from bridge.images import from_array
    >>> image = from_array(np.zeros((2, 9, 9)), axes="ZYX", pixel_size=0.5)
    >>> set_slice_distance(image, 2)
    >>> image.info.pixel_size
    PixelSize(y=0.5, x=0.5, z=2)
    """
    if z_step is None:
        return
    if image.pixel_size is None:
        raise BadInputError(
            image.path or image.name,
            "has no pixel size, so that the distance of slices alone says nothing",
            "give µm of both: --pixel-size and --z-step",
        )
    image.pixel_size = replace(image.pixel_size, z=z_step)


def name_plane(image: Image, t: int, z: int) -> str:
    """Return what an error calls a plane: the file, and the plane where there are several."""
    name = str(image.path or image.name)
    info = image.info
    if info.size_t > 1:
        name += f" (time point {t})"
    if info.size_z > 1:
        name += f" (slice {z})"
    return name


def check_scale(scale: float | None, pixel_size: float | None = None) -> None:
    """Check a scale that a user gave, and that no pixel size was given beside it.

    Raises:
        BadInputError: it is no factor, or there are both.
    """
    if scale is None:
        return
    if not (math.isfinite(scale) and scale > 0):
        raise BadInputError("scale", f"{scale:g} is no factor", "give a number above 0")
    if pixel_size is not None:
        raise BadInputError(
            "scale and pixel size", "both say how large the nuclei are", "give one of them"
        )


def magnification(
    pixel_size: PixelSize | None, model_size: float | None, scale: float | None = None
) -> tuple[float, float]:
    """Return how often a plane is enlarged along (y, x) before prediction; 1 leaves it as it is.

    Args:
        pixel_size: of the image, µm; ``None`` where it is not known.
        model_size: µm a pixel that the model was trained on; ``None`` where it is not known.
        scale: a factor that was given, which counts more than the pixel sizes.

    >>> magnification(None, None, scale=2)
    (2.0, 2.0)
    """
    if scale is not None:
        return float(scale), float(scale)
    if pixel_size is None or model_size is None:
        return 1.0, 1.0
    factors = (pixel_size.y / model_size, pixel_size.x / model_size)
    return (1.0, 1.0) if all(abs(f - 1) <= _SAME_SCALE for f in factors) else factors


def resample(plane: NDArray[Any], factors: tuple[float, float], source: str) -> NDArray[Any]:
    """Enlarge a (height, width, channels) plane along (y, x); factors below 1 shrink it."""
    if factors == (1.0, 1.0):
        return plane
    from skimage.transform import resize

    size = tuple(max(1, round(n * f)) for n, f in zip(plane.shape[:2], factors, strict=True))
    log.info("%s: resampled from %s to %s pixels", source, plane.shape[:2], size)
    resampled: NDArray[Any] = resize(
        plane.astype(np.float32),
        (*size, plane.shape[2]),
        order=1,
        mode="reflect",
        anti_aliasing=min(factors) < 1,
        preserve_range=True,
    )
    return resampled
