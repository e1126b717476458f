"""Split the profile of a chain of cuts along z into those of single nuclei."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

VALLEY = 0.9
"""A profile is split at a slice below this share of the lower one of the peaks beside it."""

BLUR = 0.7
"""Slices below this share of the peak of their nucleus show its blur."""

Floats = NDArray[np.float64]
Indices = NDArray[np.int64]


def split_profile(profile: Floats) -> list[Indices]:
    """Split a profile at its valleys and leave out what lies far below each peak.

    The deepest valley, relative to the lower one of its peaks, is split first; its slice shows the
    blur of both nuclei and belongs to neither.

    Args:
        profile: (n,) from 0 up, in the order of slices: contrast times diameter of each cut.

    Returns:
        Positions of the cuts of each nucleus, ascending.

    >>> [part.tolist() for part in split_profile(np.array([6.0, 9, 8, 4, 7, 10, 2]))]
    [[1, 2], [4, 5]]
    """
    parts = []
    todo = [np.arange(len(profile))]
    while todo:
        part = todo.pop()
        values = profile[part]
        cut = _deepest_valley(values)
        if cut is None:
            parts.append(part[values >= BLUR * values.max(initial=0)])
        else:
            todo += [part[cut + 1 :], part[:cut]]
    return [part for part in parts if len(part)]


def _deepest_valley(values: Floats) -> int | None:
    """Return the position of the deepest valley; ``None`` where none is deep enough."""
    if len(values) < 3:
        return None
    left = np.maximum.accumulate(values)[:-2]
    right = np.maximum.accumulate(values[::-1])[::-1][2:]
    lower = np.minimum(left, right)
    ratio = np.where(lower > 0, values[1:-1] / np.where(lower > 0, lower, 1), 1.0)
    best = int(np.argmin(ratio))
    return best + 1 if ratio[best] < VALLEY else None
