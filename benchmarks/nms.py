"""Suppression and drawing of dense candidates, beside StarDist's own. Bars: 10, 12, 15 times.

``python -m benchmarks.nms [SIDE ...]`` simulates sections of SIDE x SIDE pixels (default 1024, 2048
and 4096) with some 1,600 nuclei in 1024 x 1024 pixels, and what a network of grid 1 and 32 rays
proposes for them: every pixel far enough from a nucleus's edge, with the true distances to the edge
and noise of a network's size. Both go from these candidates to the label image.
"""

from __future__ import annotations

import sys
import time
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bridge.examples.simulator import simulate_section
from bridge.outlines import rasterize, star_polygons
from bridge.segment.nms import Candidates, suppress

_RAYS = 32
_THRESHOLD = 0.3
_DIAMETER = 13.5
_LEAST_PROB = 0.27
_MARGIN = 64  # no simulated nucleus is larger


def simulated_candidates(labels: NDArray[np.int32], seed: int = 0) -> Candidates:
    """Make the candidates that a good network proposes for a label image, tile by tile."""
    rng = np.random.default_rng(seed)
    height, width = labels.shape
    parts = [
        _of_tile(labels, (y, min(y + 1024, height)), (x, min(x + 1024, width)), rng)
        for y in range(0, height, 1024)
        for x in range(0, width, 1024)
    ]
    return Candidates.join(parts, _RAYS)


def _of_tile(
    labels: NDArray[np.int32], y: tuple[int, int], x: tuple[int, int], rng: np.random.Generator
) -> Candidates:
    from scipy.ndimage import distance_transform_edt, maximum
    from stardist.geometry import star_dist

    top, left = max(0, y[0] - _MARGIN), max(0, x[0] - _MARGIN)
    part = labels[top : y[1] + _MARGIN, left : x[1] + _MARGIN]
    ids, numbers = np.unique(part, return_inverse=True)
    part = numbers.reshape(part.shape) + (ids[0] > 0)
    edge = np.zeros(part.shape, bool)
    for axis in (0, 1):
        differs = np.diff(part, axis=axis) != 0
        before = [slice(None)] * 2
        after = [slice(None)] * 2
        before[axis], after[axis] = slice(None, -1), slice(1, None)
        edge[tuple(before)] |= differs
        edge[tuple(after)] |= differs
    depth = (distance_transform_edt(~edge) + 0.5) * (part > 0)
    deepest = maximum(depth, part, np.arange(part.max() + 1))
    prob = 0.85 * depth / np.maximum(deepest[part], 1) + rng.normal(0, 0.04, part.shape)
    core = np.zeros(part.shape, bool)
    core[y[0] - top : y[1] - top, x[0] - left : x[1] - left] = True
    rows, columns = np.nonzero((prob > _LEAST_PROB) & (part > 0) & core)
    dist = star_dist(part.astype(np.uint16), _RAYS)[rows, columns]
    # Networks err alike along neighbouring rays.
    noise = rng.normal(0, 1, dist.shape)
    noise = (noise + np.roll(noise, 1, 1) + np.roll(noise, -1, 1)) / np.sqrt(3)
    dist = np.maximum(dist * (1 + 0.04 * noise) + 0.25 * rng.normal(0, 1, dist.shape), 1e-3)
    points = np.stack([rows + top, columns + left], axis=1)
    return Candidates(
        prob[rows, columns].clip(0, 1).astype(np.float32),
        dist.astype(np.float32),
        points.astype(np.int32),
    )


def ours(candidates: Candidates, shape: tuple[int, int]) -> tuple[Candidates, NDArray[Any]]:
    """Winners and label image by starbridge."""
    kept = suppress(candidates, _THRESHOLD)
    polygons = star_polygons(kept.dist, kept.points)
    order = np.argsort(kept.prob, kind="stable")
    return kept, rasterize(polygons[order], order + 1, shape)


def theirs(candidates: Candidates, shape: tuple[int, int]) -> tuple[Candidates, NDArray[Any]]:
    """Winners and label image by StarDist."""
    from stardist.geometry import polygons_to_label
    from stardist.nms import non_maximum_suppression_sparse

    points, prob, dist, index = non_maximum_suppression_sparse(
        candidates.dist,
        candidates.prob,
        candidates.points,
        nms_thresh=_THRESHOLD,
        verbose=False,
    )
    return candidates.take(index), polygons_to_label(dist, points, shape, prob=prob)


def main() -> None:
    """Measure and print."""
    from stardist.matching import matching

    sides = [int(side) for side in sys.argv[1:]] or [1024, 2048, 4096]
    small = simulated_candidates(simulate_section((128, 128), seed=0, n_channels=1)[1])
    began = time.perf_counter()
    ours(small, (128, 128))
    print(f"first use in this process: {time.perf_counter() - began:.1f} s")
    theirs(small, (128, 128))
    print(
        "| side | candidates | objects | StarDist s | ours s | ratio | same winners | F1 at 0.9 |"
    )
    print("|---|---|---|---|---|---|---|---|")
    for side in sides:
        _, labels = simulate_section((side, side), seed=1, n_channels=1, diameter=_DIAMETER)
        candidates = simulated_candidates(labels)
        times = []
        for _ in range(3):
            began = time.perf_counter()
            kept, drawn = ours(candidates, (side, side))
            times.append(time.perf_counter() - began)
        began = time.perf_counter()
        peer_kept, peer_drawn = theirs(candidates, (side, side))
        peer = time.perf_counter() - began
        places = [{(int(y), int(x)) for y, x in found.points} for found in (kept, peer_kept)]
        same = len(places[0] & places[1]) / max(map(len, places))
        f1 = matching(peer_drawn, drawn, thresh=0.9).f1
        print(
            f"| {side} | {len(candidates):,} | {len(kept):,} | {peer:.2f} | {min(times):.3f} "
            f"| {peer / min(times):.0f} | {same:.2%} | {f1:.4f} |",
            flush=True,
        )


if __name__ == "__main__":
    main()
