"""Candidates to be thinned: made from label images, or crowded at random."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from bridge.segment.nms import Candidates

RAYS = 32


def crowd(n: int, height: int, width: int, seed: int = 0) -> Candidates:
    """Make candidates of crowded discs, several each, from tiny ones to some that cover others."""
    rng = np.random.default_rng(seed)
    centres = rng.uniform((0, 0), (height, width), (n, 2))
    owner = np.repeat(np.arange(n), 12)
    points = (centres[owner] + rng.normal(0, 1.5, (len(owner), 2))).clip(0, (height - 1, width - 1))
    radius = rng.uniform(5, 9, n) * rng.choice([0.3, 1, 1, 1, 1, 4], n)
    dist = radius[owner, None] + rng.normal(0, 0.2, (len(owner), RAYS))
    prob = rng.permutation(np.linspace(0.5, 1, len(owner)))
    return Candidates(prob.astype(np.float32), dist.astype(np.float32), points.astype(np.int32))


def candidates_of(labels: NDArray[Any], seed: int = 0, least: float = 0.4) -> Candidates:
    """Make the candidates that a good network proposes for a label image.

    Every pixel inside an object proposes it, with the true distances to its edge and some noise;
    the further from the edge, the more probable.
    """
    from scipy.ndimage import distance_transform_edt, maximum
    from stardist.geometry import star_dist

    rng = np.random.default_rng(seed)
    padded = np.pad(labels, 1)
    inside = np.ones(padded.shape, bool)
    for axis in (0, 1):
        for step in (-1, 1):
            inside &= np.roll(padded, step, axis) == padded
    depth = distance_transform_edt(inside)[1:-1, 1:-1] * (labels > 0)
    deepest = maximum(depth, labels, np.arange(labels.max() + 1))
    prob = 0.9 * depth / np.maximum(deepest[labels], 1) + rng.normal(0, 0.04, labels.shape)
    rows, columns = np.nonzero((prob > least) & (labels > 0))
    dist = star_dist(labels.astype(np.uint16), RAYS)[rows, columns]
    noise = 1 + 0.04 * rng.normal(size=dist.shape)
    return Candidates(
        prob[rows, columns].astype(np.float32),
        np.maximum(dist * noise, 1e-3).astype(np.float32),
        np.stack([rows, columns], axis=1).astype(np.int32),
    )


def places(candidates: Candidates) -> list[tuple[int, int]]:
    """Return the points of the candidates, in their order."""
    return [(int(y), int(x)) for y, x in candidates.points]
