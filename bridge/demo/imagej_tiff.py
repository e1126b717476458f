"""Images of the tutorials as ImageJ's TIFF files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import tifffile
from numpy.typing import NDArray

from bridge.files.atomic import writing


def write_imagej_tiff(
    path: Path, pixels: NDArray[Any], axes: str, pixel_size: float, **metadata: Any
) -> None:
    """Write an image that ImageJ opens with its pixel size.

    Args:
        path: the file, written completely or not at all.
        pixels: in the order of ``axes``.
        axes: such as ``CYX``.
        pixel_size: in µm.
        metadata: more of ImageJ's, such as ``mode`` and ``Labels``.

    Raises:
        BadInputError: the file cannot be written.
    """
    with writing(path) as part:
        tifffile.imwrite(
            part,
            np.ascontiguousarray(pixels),
            imagej=True,
            resolution=(1 / pixel_size, 1 / pixel_size),
            metadata={"axes": axes, "unit": "um", **metadata},
        )
