"""Check that outlines lie where an image can be."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import shapely
from numpy.typing import NDArray

from bridge.errors import BadInputError
from bridge.outlines.rings import areas_only

LARGEST_COORDINATE = 1e9
"""Pixels; no image is as large."""


def check_coordinates(file: Path, outlines: NDArray[np.object_]) -> None:
    """Refuse outlines whose coordinates are NaN, infinite or beyond any image.

    Args:
        file: the file, for errors.
        outlines: n geometries, or ``None``.

    Raises:
        BadInputError: names the first such object by its number, from 1.
    """
    xy, owner = shapely.get_coordinates(outlines, return_index=True)
    odd = ~(np.abs(xy) <= LARGEST_COORDINATE).all(axis=1)  # NaN too
    if odd.any():
        raise BadInputError(
            file,
            f"its object {owner[odd][0] + 1} has coordinates that are no pixels of an image",
            "export it again",
        )


def areas_in(
    file: Path, outlines: NDArray[np.object_]
) -> tuple[NDArray[np.object_], NDArray[np.bool_]]:
    """Return outlines, repaired where they cross themselves, and which of them are areas.

    Args:
        file: the file, for errors.
        outlines: n geometries, or ``None``.

    Returns:
        The outlines in two dimensions, and n truth values: false for lines, points, empty outlines
        and ``None``.

    Raises:
        BadInputError: as :func:`check_coordinates`.
    """
    check_coordinates(file, outlines)
    found = np.asarray(shapely.force_2d(outlines), object)
    unsound = ~shapely.is_valid(found) & ~shapely.is_missing(found)
    unsound &= shapely.get_dimensions(found) == 2  # the others enclose no area
    for row in np.flatnonzero(unsound):
        found[row] = areas_only(found[row])
    kinds = (shapely.GeometryType.POLYGON, shapely.GeometryType.MULTIPOLYGON)
    is_area = np.isin(shapely.get_type_id(found), kinds) & ~shapely.is_empty(found)
    return found, is_area
