"""ilastik's features of pixels, beside scipy's same ones and scikit-image's own.

``python -m benchmarks.pixel_features [SIDE ...]`` computes the 49 default columns of simulated
sections of SIDE x SIDE pixels (default 512, 1024 and 2048), in tiles of 256, in one thread, and
counts CPU seconds. scipy computes the same columns from the same kernels in float32, sharing the
presmoothed plane; scikit-image's ``multiscale_basic_features`` computes intensity, edges and
texture at the same seven scales, 28 columns.
"""

# scikit-image's functions have annotations in part only
# mypy: disallow-untyped-calls=False

from __future__ import annotations

import sys
import time
import tracemalloc
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bridge.classify.pixels.filters import FilterBank
from bridge.classify.pixels.filters.features import (
    PRESMOOTHING_WINDOW,
    filter_sigma,
    presmoothing_sigma,
)
from bridge.classify.pixels.filters.kernels import gaussian_kernel
from bridge.examples.simulator import simulate_section
from bridge.formats.ilastik.feature_selection import DEFAULT_SCALES, FeatureSelection

_TILE = 256
_WINDOW = 2.0

Plane = NDArray[np.float32]


def cpu_seconds(work: Callable[[], Any], runs: int) -> float:
    """CPU time, the least of some runs."""
    times = []
    for _ in range(runs):
        began = time.process_time()
        work()
        times.append(time.process_time() - began)
    return min(times)


def ours(bank: FilterBank, plane: Plane) -> Iterator[tuple[slice, slice, Plane]]:
    """Yield the rows, columns and features (column, y, x) of each tile."""
    _, margin_y, margin_x = bank.halo
    height, width = plane.shape
    block = plane[None, ..., None]
    for y in range(0, height, _TILE):
        for x in range(0, width, _TILE):
            top, left = max(0, y - margin_y), max(0, x - margin_x)
            rows, columns = slice(y, min(height, y + _TILE)), slice(x, min(width, x + _TILE))
            outer = block[:, top : rows.stop + margin_y, left : columns.stop + margin_x]
            inner = slice(y - top, rows.stop - top), slice(x - left, columns.stop - left)
            yield rows, columns, bank.compute(outer, (slice(0, 1), *inner))[:, 0]


def by_scipy(selection: FeatureSelection, plane: Plane) -> Iterator[Plane]:
    """Yield the columns of a plane, computed by scipy."""
    smoothed = {
        scale: _derivative(plane, presmoothing_sigma(scale), 0, 0, PRESMOOTHING_WINDOW)
        for scale in selection.scales
    }
    for name, scale, _ in selection.filters():
        source, sigma = smoothed[scale], filter_sigma(scale)
        if name == "GaussianSmoothing":
            yield _derivative(source, sigma, 0, 0)
        elif name == "LaplacianOfGaussian":
            yield _derivative(source, sigma, 2, 0) + _derivative(source, sigma, 0, 2)
        elif name == "GaussianGradientMagnitude":
            yield np.hypot(_derivative(source, sigma, 1, 0), _derivative(source, sigma, 0, 1))
        elif name == "DifferenceOfGaussians":
            yield _derivative(source, sigma, 0, 0) - _derivative(source, 0.66 * sigma, 0, 0)
        elif name == "StructureTensorEigenvalues":
            dy = _derivative(source, sigma / 2, 1, 0)
            dx = _derivative(source, sigma / 2, 0, 1)
            products = dx * dx, dx * dy, dy * dy
            yield from _eigenvalues(*[_derivative(part, sigma, 0, 0) for part in products])
        else:
            orders = (0, 2), (1, 1), (2, 0)
            yield from _eigenvalues(*[_derivative(source, sigma, *order) for order in orders])


def _derivative(source: Plane, sigma: float, y: int, x: int, window: float = _WINDOW) -> Plane:
    from scipy.ndimage import correlate1d

    for axis, order in enumerate((y, x)):
        kernel = gaussian_kernel(sigma, order, window)
        left = -kernel.half if kernel.is_odd else kernel.half
        source = correlate1d(source, np.r_[left[:0:-1], kernel.half], axis, mode="mirror")
    return source


def _eigenvalues(xx: Plane, xy: Plane, yy: Plane) -> Iterator[Plane]:
    half = np.float32(0.5)
    mean, root = half * (xx + yy), np.hypot(half * (xx - yy), xy)
    yield mean + root
    yield mean - root


def by_skimage(plane: Plane) -> Any:
    """Compute scikit-image's features at the same scales."""
    from skimage.feature import multiscale_basic_features

    least, most, number = min(DEFAULT_SCALES), max(DEFAULT_SCALES), len(DEFAULT_SCALES)
    # by position: the last one, one worker, has changed its name
    return multiscale_basic_features(plane, True, True, True, least, most, number, 1)


def main() -> None:
    """Measure and print."""
    sides = [int(side) for side in sys.argv[1:]] or [512, 1024, 2048]
    selection = FeatureSelection.by_name("default")
    bank = FilterBank(selection, n_channels=1, is_3d=False)
    small, _ = simulate_section((64, 64), seed=0, n_channels=1)
    list(ours(bank, small[0].astype(np.float32)))  # compiles
    by_skimage(small[0].astype(np.float32))  # imports
    print(
        "| side | ours CPU s | ns a pixel | MB beside the plane | scipy CPU s | ratio "
        "| scikit-image CPU s | ratio | largest difference to scipy |"
    )
    print("|---|---|---|---|---|---|---|---|---|")
    for side in sides:
        image, _ = simulate_section((side, side), seed=1, n_channels=1)
        plane = image[0].astype(np.float32)
        own = cpu_seconds(lambda: sum(1 for _ in ours(bank, plane)), 3)  # noqa: B023
        scipy = cpu_seconds(lambda: sum(1 for _ in by_scipy(selection, plane)), 1)  # noqa: B023
        skimage = cpu_seconds(lambda: by_skimage(plane), 1)  # noqa: B023
        tracemalloc.start()
        difference = np.zeros(len(bank.names))
        for _ in ours(bank, plane):
            pass
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        found = np.empty((len(bank.names), side, side), np.float32)
        for rows, columns, part in ours(bank, plane):
            found[:, rows, columns] = part
        for k, column in enumerate(by_scipy(selection, plane)):
            difference[k] = np.abs(found[k] - column).max() / np.abs(column).max()
        print(
            f"| {side} | {own:.2f} | {own / side**2 * 1e9:.0f} | {peak / 1e6:.0f} "
            f"| {scipy:.2f} | {scipy / own:.1f} | {skimage:.2f} | {skimage / own:.1f} "
            f"| {difference.max():.0e} |",
            flush=True,
        )


if __name__ == "__main__":
    main()
