"""Area, moments, perimeter and convex hull of every object of a plane."""

# numba's decorators carry no types
# mypy: disallow-untyped-decorators=False

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numba
import numpy as np
from numpy.typing import NDArray

from bridge.files.compiled import compiled
from bridge.measure.hull import convex_hulls
from bridge.measure.pixels import PixelLists


@dataclass(frozen=True)
class Shapes:
    """Shapes of n objects; every field is (n,) float64, NaN for an object without pixels.

    Lengths are in units of the ``scale`` that they were measured with, areas in its square.

    Attributes:
        area: number of pixels times the area of one.
        x, y: mean of the pixel centres, from the corner of the top-left pixel.
        perimeter: length of the line through the border pixels' centres. A pixel of the object is
            on its border where one of its 4 neighbours is not of it; a border pixel counts 1, √2
            or (1 + √2)/2 by how its border neighbours lie: K. Benkrid, D. Crookes, "Design and
            FPGA Implementation of a Perimeter Estimator", as ``skimage.measure.perimeter``. 0 for
            a single pixel. Holes count. Pixels that are not square count as square ones of the
            same area.
        circularity: 4π area / perimeter²; 1 for a disc. Small objects can exceed 1, as their
            perimeter runs through pixel centres. NaN where the perimeter is 0.
        solidity: number of pixels divided by that of the convex image of
            :func:`~bridge.measure.hull.convex_hulls`, as scikit-image's.
        eccentricity: √(1 - minor² / major²), 0 for a circle, 1 for a line.
        major, minor: axes of the ellipse of the same second moments, 4 √eigenvalue of the
            covariance of the pixel centres (no 1/12 is added for a pixel's own extent: as
            scikit-image, unlike MATLAB's regionprops).
        orientation: angle of the major axis to the y axis in radians, -π/2 to π/2, positive where
            it leans from top-left to bottom-right, as scikit-image; π/2 (there, by rounding, also
            -π/2) along x; -π/4 where the moments have no direction.
        feret_max, feret_min: as in :func:`~bridge.measure.hull.convex_hulls`.
    """

    area: NDArray[np.float64]
    x: NDArray[np.float64]
    y: NDArray[np.float64]
    perimeter: NDArray[np.float64]
    circularity: NDArray[np.float64]
    solidity: NDArray[np.float64]
    eccentricity: NDArray[np.float64]
    major: NDArray[np.float64]
    minor: NDArray[np.float64]
    orientation: NDArray[np.float64]
    feret_max: NDArray[np.float64]
    feret_min: NDArray[np.float64]


@dataclass(frozen=True)
class PixelShapes:
    """Counts of pixels, which serve for every unit.

    Attributes:
        pixels: the objects' pixels.
        moments: (n, 5) float64: mean y, mean x, variance of y, variance of x, covariance, in
            pixels from the centre of the top-left pixel; NaN without pixels.
        perimeter: (n,) float64, pixels; NaN without pixels.
        convex_area: (n,) int64, pixels.
        feret: (n, 2) float64, largest and smallest, pixels.
    """

    pixels: PixelLists
    moments: NDArray[np.float64]
    perimeter: NDArray[np.float64]
    convex_area: NDArray[np.int64]
    feret: NDArray[np.float64]

    def scaled(self, scale: tuple[float, float] = (1.0, 1.0)) -> Shapes:
        """Express the shapes in a unit of length.

        Args:
            scale: length of a pixel along y and x.
        """
        scale_y, scale_x = scale
        square = scale_y * scale_x
        counts = self.pixels.counts
        area = np.where(counts > 0, counts * square, np.nan)
        mean_y, mean_x, var_y, var_x, cov = self.moments.T
        var_y, var_x, cov = var_y * scale_y**2, var_x * scale_x**2, cov * square
        half_sum = (var_y + var_x) / 2
        root = np.hypot((var_x - var_y) / 2, cov)
        large, small = half_sum + root, np.maximum(half_sum - root, 0)
        perimeter = self.perimeter * math.sqrt(square)
        if scale_y == scale_x:
            feret_max, feret_min = self.feret.T * scale_y
        else:
            _, feret_max, feret_min = convex_hulls(self.pixels, scale)
        with np.errstate(divide="ignore", invalid="ignore"):
            circularity = np.where(perimeter > 0, 4 * np.pi * area / perimeter**2, np.nan)
            solidity = np.where(counts > 0, counts / self.convex_area, np.nan)
            eccentricity = np.where(large == 0, 0.0, np.sqrt(1 - small / large))
        return Shapes(
            area=area,
            x=(mean_x + 0.5) * scale_x,
            y=(mean_y + 0.5) * scale_y,
            perimeter=perimeter,
            circularity=circularity,
            solidity=solidity,
            eccentricity=eccentricity,
            major=4 * np.sqrt(large),
            minor=4 * np.sqrt(small),
            orientation=_orientation(var_y, var_x, cov),
            feret_max=feret_max,
            feret_min=feret_min,
        )


def measure_shapes(plane: NDArray[np.int32], pixels: PixelLists) -> PixelShapes:
    """Count what the shapes of a plane's objects need.

    Args:
        plane: (height, width) int32 of objects numbered from 1, 0 is background.
        pixels: its pixels by object.
    """
    plane = np.ascontiguousarray(plane)
    area, largest, smallest = convex_hulls(pixels, (1.0, 1.0))
    return PixelShapes(
        pixels=pixels,
        moments=_moments(pixels.starts, pixels.positions, plane.shape[1]),
        perimeter=_perimeters(plane, _borders(plane), pixels.starts, pixels.positions),
        convex_area=area,
        feret=np.stack([largest, smallest], axis=1),
    )


def _orientation(
    var_y: NDArray[np.float64], var_x: NDArray[np.float64], cov: NDArray[np.float64]
) -> NDArray[np.float64]:
    difference = var_y - var_x
    # Sums of rounded squares differ from 0 in their last digits, and the sign of such a difference
    # must not decide between -π/2 and π/2.
    nothing = 1e-13 * (var_y + var_x)
    leaning = np.where(np.abs(cov) <= nothing, 0.0, cov)
    diagonal = np.where(leaning > 0, np.pi / 4, -np.pi / 4)
    even = np.abs(difference) <= nothing
    angle = np.where(even, diagonal, 0.5 * np.arctan2(2 * leaning, difference))
    return np.where(np.isnan(cov), np.nan, angle)


@compiled(parallel=True)
def _moments(starts: Any, positions: Any, width: int) -> Any:
    n = len(starts) - 1
    moments = np.full((n, 5), np.nan)
    for i in numba.prange(n):
        start, end = starts[i], starts[i + 1]
        count = end - start
        if count == 0:
            continue
        top = positions[start] // width
        sum_y, sum_x = 0, 0
        y, row_start = top, top * width
        for k in range(start, end):
            while positions[k] - row_start >= width:  # counting on is faster than dividing
                y, row_start = y + 1, row_start + width
            sum_y += y
            sum_x += positions[k] - row_start
        mean_y, mean_x = sum_y / count, sum_x / count
        # Deviations from the mean: squares of large coordinates would lose their last digits.
        yy, xx, xy = 0.0, 0.0, 0.0
        y, row_start = top, top * width
        for k in range(start, end):
            while positions[k] - row_start >= width:
                y, row_start = y + 1, row_start + width
            dy = y - mean_y
            dx = (positions[k] - row_start) - mean_x
            yy += dy * dy
            xx += dx * dx
            xy += dy * dx
        moments[i, 0], moments[i, 1] = mean_y, mean_x
        moments[i, 2], moments[i, 3], moments[i, 4] = yy / count, xx / count, xy / count
    return moments


@compiled(parallel=True)
def _borders(plane: Any) -> Any:
    """Tell whether a pixel of an object has one of its 4 neighbours outside the object."""
    height, width = plane.shape
    border = np.zeros((height, width), np.bool_)
    for y in numba.prange(height):
        for x in range(width):
            own = plane[y, x]
            if own > 0:
                border[y, x] = (
                    y == 0
                    or x == 0
                    or y == height - 1
                    or x == width - 1
                    or plane[y - 1, x] != own
                    or plane[y + 1, x] != own
                    or plane[y, x - 1] != own
                    or plane[y, x + 1] != own
                )
    return border


@compiled(parallel=True)
def _perimeters(plane: Any, border: Any, starts: Any, positions: Any) -> Any:
    height, width = plane.shape
    n = len(starts) - 1
    perimeters = np.full(n, np.nan)
    for i in numba.prange(n):
        if starts[i + 1] == starts[i]:
            continue
        own = i + 1
        straight, diagonal, between = 0, 0, 0
        for k in range(starts[i], starts[i + 1]):
            y = positions[k] // width
            x = positions[k] - y * width
            if not border[y, x]:
                continue
            code = 1
            for dy in range(-1, 2):
                for dx in range(-1, 2):
                    at_y, at_x = y + dy, x + dx
                    if (dy == 0 and dx == 0) or not (0 <= at_y < height and 0 <= at_x < width):
                        continue
                    if plane[at_y, at_x] == own and border[at_y, at_x]:
                        code += 2 if dy == 0 or dx == 0 else 10
            if code in (5, 7, 15, 17, 25, 27):
                straight += 1
            elif code in (21, 33):
                diagonal += 1
            elif code in (13, 23):
                between += 1
        perimeters[i] = straight + diagonal * np.sqrt(2.0) + between * (1 + np.sqrt(2.0)) / 2
    return perimeters
