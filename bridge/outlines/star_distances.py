"""Distances from the pixels of a label image to the boundaries of their objects, along rays."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bridge.files.compiled import compiled

_STEPS_ROUNDED = 256
"""Tables of rays have a multiple of these steps, so that images of similar size share them."""


def star_distances(
    labels: NDArray[np.integer[Any]], n_rays: int, grid: tuple[int, int] = (1, 1)
) -> NDArray[np.float32]:
    """Return the distance of each pixel to its object's boundary along each ray.

    It is what ``stardist.geometry.star_dist`` computes (Schmidt et al. 2018): a ray goes on in
    steps of a pixel until it meets another label or the edge of the image. Here, the places that a
    ray comes to are looked up, and other threads of Python go on meanwhile.

    Args:
        labels: (height, width), 0 background.
        n_rays: number of rays; the first points right along x, the others turn down towards y.
        grid: pixels between two results (y, x).

    Returns:
        (height / grid, width / grid, rays) float32, pixels; 0 where the label is 0. Sizes are
        rounded up.

    >>> labels = np.zeros((5, 7), np.int32)
    >>> labels[1:4, 1:6] = 3
    >>> star_distances(labels, 4)[2, 3].tolist()
    [2.5, 1.5, 2.5, 1.5]
    """
    height, width = labels.shape
    result = np.zeros((-(-height // grid[0]), -(-width // grid[1]), n_rays), np.float32)
    # no ray is longer than the diagonal
    longest = -(-(height + width + 2) // _STEPS_ROUNDED) * _STEPS_ROUNDED
    y, x, lengths = _rays(n_rays, longest)
    _march(np.ascontiguousarray(labels, np.int32), y, x, lengths, grid[0], grid[1], result)
    return result


@lru_cache(maxsize=4)
def _rays(
    n_rays: int, longest: int
) -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.float32]]:
    """Return the place (y, x) that each step of each ray comes to, and the length if it ends there.

    All is rounded to 32 bits where StarDist does, so that both meet the same pixels.
    """
    turn = np.float32(2 * np.pi / n_rays)
    angles = (np.arange(n_rays, dtype=np.float32) * turn).astype(np.float64)
    dy, dx = np.sin(angles).astype(np.float32), np.cos(angles).astype(np.float32)
    steps = np.ones((n_rays, longest), np.float32)
    y = np.cumsum(steps * dy[:, None], axis=1, dtype=np.float32)
    x = np.cumsum(steps * dx[:, None], axis=1, dtype=np.float32)
    back = np.float32(1) - np.float32(0.5) / np.maximum(np.abs(dy), np.abs(dx))
    lengths = np.hypot(y - (back * dy)[:, None], x - (back * dx)[:, None]).astype(np.float32)
    return y, x, lengths


@compiled(nogil=True)
def _march(
    labels: Any, rows: Any, columns: Any, lengths: Any, step_y: int, step_x: int, result: Any
) -> None:
    """Follow each ray of each pixel of the grid until it leaves its object."""
    height, width = labels.shape
    n_rays, longest = rows.shape
    for i in range(result.shape[0]):
        for j in range(result.shape[1]):
            y, x = i * step_y, j * step_x
            value = labels[y, x]
            if value == 0:
                continue
            from_y, from_x = np.float32(y), np.float32(x)
            for k in range(n_rays):
                for n in range(longest):
                    # the sum is rounded to 32 bits, and halves to the even pixel, as in StarDist
                    at_y = int(np.rint(from_y + rows[k, n]))
                    at_x = int(np.rint(from_x + columns[k, n]))
                    if (
                        at_y < 0
                        or at_y >= height
                        or at_x < 0
                        or at_x >= width
                        or labels[at_y, at_x] != value
                    ):
                        result[i, j, k] = lengths[k, n]
                        break
