"""Real fluorescence image of nuclei, which comes in StarDist's package.

512 x 512 pixels, uint16, from the 2018 Data Science Bowl, with a mask of 125 nuclei outlined by
hand. The two files are read where pip put them: StarDist itself is not imported, because that needs
csbdeep and TensorFlow.
"""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

import tifffile

from bridge.errors import MissingPartError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


def read_microscope_image() -> NDArray[np.uint16]:
    """Read the image.

    Returns:
        Intensities (YX, uint16, 512 x 512).

    Raises:
        MissingPartError: if the package ``stardist`` is not installed.

    >>> read_microscope_image().shape
    (512, 512)
    """
    return _read("img2d.tif")


def read_microscope_mask() -> NDArray[np.uint16]:
    """Read the label image of the nuclei that were outlined by hand.

    Returns:
        Labels (YX, uint16, 512 x 512), 0 for the background; their numbers have gaps.

    Raises:
        MissingPartError: if the package ``stardist`` is not installed.

    >>> len(set(read_microscope_mask().ravel().tolist()) - {0})
    125
    """
    return _read("mask2d.tif")


def _read(name: str) -> NDArray[np.uint16]:
    spec = find_spec("stardist")
    if spec is None or not spec.submodule_search_locations:
        raise MissingPartError("segment", "read StarDist's test image", "stardist")
    pixels: NDArray[np.uint16] = tifffile.imread(
        Path(spec.submodule_search_locations[0], "data", "images", name)
    )
    return pixels
