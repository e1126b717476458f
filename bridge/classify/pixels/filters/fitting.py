"""Features that fit an image: no filter wider than the image, in the plane or across planes."""

from __future__ import annotations

import math

from bridge.classify.pixels.filters.features import PRESMOOTHING_WINDOW
from bridge.errors import BadInputError
from bridge.formats.ilastik.feature_selection import FeatureSelection


def least_length(scale: float) -> int:
    """Return the pixels that an axis needs for ilastik to filter along it.

    >>> least_length(10.0)
    36
    """
    return math.ceil(scale * PRESMOOTHING_WINDOW) + 1


def fit_selection(
    selection: FeatureSelection, shape: tuple[int, int, int], source: str = "image"
) -> tuple[FeatureSelection, tuple[str, ...]]:
    """Have the scales that need more planes than an image has filtered plane by plane.

    ilastik asks its user to do the same, and refuses the image until then. A scale in 2D has
    fewer columns than one in 3D: a forest that was trained on other columns cannot be applied.

    Args:
        selection: the features and scales.
        shape: of the image, (z, y, x); z is 1 for a plane.
        source: the image's name in an error.

    Returns:
        The selection with those scales in 2D, and for each of them, in a stack, a warning.

    Raises:
        BadInputError: the image is smaller in the plane than a filter.

    >>> fitted, warnings = fit_selection(FeatureSelection.by_name("default"), (30, 99, 99))
    >>> fitted.in_2d
    (False, False, False, False, False, False, True)
    >>> warnings
    ('filtered plane by plane at scale 10.0, which needs 36 planes; the image has 30',)
    """
    used = [any(row[k] for row in selection.chosen) for k in range(len(selection.scales))]
    depth, height, width = shape
    widest = max(scale for scale, is_used in zip(selection.scales, used, strict=True) if is_used)
    if min(height, width) < least_length(widest):
        raise BadInputError(
            source,
            f"is {height} × {width} pixels, and the filters of scale {widest} need "
            f"{least_length(widest)}",
            "choose smaller scales, or leave the image out",
        )
    too_deep = [
        not in_2d and is_used and depth < least_length(scale)
        for scale, in_2d, is_used in zip(selection.scales, selection.in_2d, used, strict=True)
    ]
    if not any(too_deep):
        return selection, ()
    in_2d = tuple(a or b for a, b in zip(selection.in_2d, too_deep, strict=True))
    fitted = FeatureSelection(selection.scales, selection.chosen, in_2d)
    if depth == 1:
        return fitted, ()
    scales = [scale for scale, is_deep in zip(selection.scales, too_deep, strict=True) if is_deep]
    return fitted, tuple(
        f"filtered plane by plane at scale {scale}, which needs {least_length(scale)} planes; "
        f"the image has {depth}"
        for scale in scales
    )
