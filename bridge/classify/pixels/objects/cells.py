"""Cells of nuclei: what a third class, the cytoplasm, adds to them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from bridge.classify.pixels.objects.distance import distance_map
from bridge.classify.pixels.objects.regions import at_border, renumber
from bridge.classify.pixels.objects.separating import grow

if TYPE_CHECKING:
    from numpy.typing import NDArray


def grow_cells(nuclei: NDArray[np.int32], cytoplasm: NDArray[np.bool_]) -> NDArray[np.int32]:
    """Return the cells of nuclei: each nucleus, and the cytoplasm that is nearest to it.

    Cytoplasm that no nucleus touches, directly or through other cytoplasm, belongs to no cell.

    Args:
        nuclei: (height, width) label image.
        cytoplasm: (height, width), true where a cell may be.

    Returns:
        (height, width) label image; a cell has the label of its nucleus.

    Raises:
        MissingPartError: scikit-image is not installed.

    >>> nuclei = np.array([[0, 1, 0, 0, 2, 0, 0]], np.int32)
    >>> grow_cells(nuclei, np.array([[1, 1, 1, 1, 1, 0, 1]], bool)).tolist()
    [[1, 1, 1, 2, 2, 0, 0]]
    """
    if not nuclei.any():
        return nuclei.copy()
    return grow(nuclei, distance_map(nuclei == 0), cytoplasm | (nuclei > 0))


def drop_border_cells(
    nuclei: NDArray[np.int32], cells: NDArray[np.int32]
) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    """Return nuclei and cells without the cells that touch the border of the image.

    Args:
        nuclei: (height, width) label image.
        cells: (height, width) their cells, with their labels.
    """
    kept = ~at_border(cells)
    kept[0] = False
    return renumber(nuclei, kept), renumber(cells, kept)
