"""Suppression: StarDist's winners, whatever the objects look like, found in another way."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from bridge.examples.simulator import Scene, simulate_nuclei, simulate_section
from bridge.outlines import rasterize, star_polygons
from bridge.segment.nms import Candidates, suppress
from bridge.segment.nms.corners import correct_for_rounding
from bridge.segment.nms.outline import compute_area, compute_vertices, ray_directions
from bridge.segment.nms.overlap import compute_overlap
from tests.segment.nms.stars import RAYS, candidates_of, crowd, places

THRESHOLDS = (0.1, 0.3, 0.5)


def of_stardist(candidates: Candidates, threshold: float) -> Candidates:
    """StarDist's own winners."""
    nms = pytest.importorskip(
        "stardist.nms", reason="needs the segment part: pip install starbridge[segment]"
    )
    *_, kept = nms.non_maximum_suppression_sparse(
        candidates.dist, candidates.prob, candidates.points, nms_thresh=threshold, verbose=False
    )
    return candidates.take(kept)


def drawn(winners: Candidates, shape: tuple[int, int]) -> NDArray[Any]:
    order = np.argsort(winners.prob, kind="stable")
    polygons = star_polygons(winners.dist, winners.points)
    return rasterize(polygons[order], order + 1, shape)


def check(candidates: Candidates, shape: tuple[int, int], threshold: float) -> None:
    """At least 99.5 % of the winners are StarDist's, and so are the label images."""
    from stardist.matching import matching

    ours, theirs = suppress(candidates, threshold), of_stardist(candidates, threshold)
    same = len(set(places(ours)) & set(places(theirs)))
    assert same >= 0.995 * max(len(ours), len(theirs))
    f1 = matching(drawn(theirs, shape), drawn(ours, shape), thresh=0.9).f1
    assert f1 >= 0.995


@pytest.mark.parametrize("threshold", THRESHOLDS)
def test_winners_on_the_real_image_are_stardists(
    real_image: tuple[NDArray[Any], NDArray[Any]], threshold: float
) -> None:
    mask = real_image[1].astype(np.int32)

    check(candidates_of(mask), mask.shape, threshold)


@pytest.mark.parametrize("threshold", THRESHOLDS)
def test_winners_in_a_crowded_section_are_stardists(threshold: float) -> None:
    _, labels = simulate_section((512, 512), seed=3, n_channels=1, diameter=13)

    check(candidates_of(labels), (512, 512), threshold)


@pytest.mark.parametrize("threshold", THRESHOLDS)
def test_winners_among_clumped_nuclei_are_stardists(threshold: float) -> None:
    scene = Scene(diameter=22, cover=0.9, overlap=0.35, clumping=0.5, spacing=0.8)
    _, labels = simulate_nuclei((400, 400), seed=5, scene=scene)

    check(candidates_of(labels), (400, 400), threshold)


def touching() -> NDArray[np.int32]:
    """Squares and bars that share their edges."""
    tiles = np.arange(1, 65, dtype=np.int32).reshape(8, 8)
    squares = np.kron(tiles, np.ones((12, 12), np.int32))
    squares[:, 48:] = np.kron(tiles[:, :4] + 64, np.ones((12, 12), np.int32))
    squares[:36, 60:] = 200
    return squares


def nested() -> NDArray[np.int32]:
    """Discs in rings."""
    yy, xx = np.mgrid[:120, :120]
    away = np.hypot(yy - 60, xx - 60)
    labels = np.zeros((120, 120), np.int32)
    labels[away < 50] = 1
    labels[away < 30] = 2
    labels[away < 12] = 3
    return labels


def cut_by_the_border() -> NDArray[np.int32]:
    yy, xx = np.mgrid[:90, :90]
    labels = np.zeros((90, 90), np.int32)
    for k, (y, x) in enumerate([(0, 0), (0, 45), (45, 0), (89, 89), (50, 88), (88, 40), (45, 45)]):
        labels[np.hypot((yy - y) / 1.4, xx - x) < 13] = k + 1
    return labels


@pytest.mark.parametrize("threshold", THRESHOLDS)
@pytest.mark.parametrize("labels", [touching(), nested(), cut_by_the_border()])
def test_winners_of_odd_arrangements_are_stardists(
    labels: NDArray[np.int32], threshold: float
) -> None:
    height, width = labels.shape

    check(candidates_of(labels), (height, width), threshold)


def test_one_object_may_fill_the_tile() -> None:
    labels = np.ones((150, 150), np.int32)

    check(candidates_of(labels), (150, 150), 0.4)
    assert len(suppress(candidates_of(labels), 0.4)) < 20


def naive(candidates: Candidates, threshold: float) -> list[tuple[int, int]]:
    """Apply the rule itself, every pair computed exactly."""
    directions = ray_directions(candidates.dist.shape[1])
    kept: list[tuple[Any, Any, float, bool]] = []
    winners = []
    for k in np.argsort(-candidates.prob, kind="stable"):
        point = candidates.points[k]
        x, y = np.empty(RAYS, np.int32), np.empty(RAYS, np.int32)
        compute_vertices(candidates.dist[k], point, *directions, x, y)
        area, simple = compute_area(x, y, point)
        for x_b, y_b, area_b, simple_b in kept:
            top, bottom = max(y.min(), y_b.min()), min(y.max(), y_b.max())
            if top >= bottom or max(x.min(), x_b.min()) >= min(x.max(), x_b.max()):
                continue
            shared = compute_overlap(x, y, x_b, y_b, top, bottom)
            if simple and simple_b:
                shared += correct_for_rounding(x, y, x_b, y_b)
            if np.float32(shared / (min(area, area_b) + 1e-10)) > np.float32(threshold):
                break
        else:
            kept.append((x, y, area, simple))
            winners.append((int(point[0]), int(point[1])))
    return winners


@pytest.mark.parametrize("threshold", THRESHOLDS)
@pytest.mark.parametrize("seed", range(3))
def test_no_shortcut_changes_a_winner(threshold: float, seed: int) -> None:
    candidates = crowd(150, 150, 150, seed)

    assert places(suppress(candidates, threshold)) == naive(candidates, threshold)


def test_objects_of_all_sizes_meet() -> None:
    rng = np.random.default_rng(1)
    n = 500
    radius = np.exp(rng.uniform(np.log(1), np.log(700), n))
    dist = radius[:, None] * rng.uniform(0.9, 1.1, (n, RAYS))
    points = rng.integers(0, 900, (n, 2)).astype(np.int32)
    prob = rng.permutation(np.linspace(0.5, 1, n)).astype(np.float32)
    candidates = Candidates(prob, dist.astype(np.float32), points)

    assert places(suppress(candidates, 0.6)) == naive(candidates, 0.6)


def test_spiky_outlines_that_cross_themselves_are_compared_too() -> None:
    rng = np.random.default_rng(2)
    n = 120
    dist = rng.uniform(-8, 20, (n, RAYS)).astype(np.float32)
    points = rng.integers(0, 60, (n, 2)).astype(np.int32)
    prob = rng.permutation(np.linspace(0.5, 1, n)).astype(np.float32)
    candidates = Candidates(prob, dist, points)

    assert places(suppress(candidates, 0.4)) == naive(candidates, 0.4)


@pytest.mark.parametrize("threads", [2, 3, 8])
def test_the_number_of_threads_does_not_matter(threads: int) -> None:
    candidates = crowd(1500, 500, 500)

    alone = suppress(candidates, 0.3, threads=1)

    assert places(suppress(candidates, 0.3, threads=threads)) == places(alone)


def test_the_order_of_equally_probable_candidates_does_not_matter() -> None:
    candidates = crowd(300, 200, 200)
    coarse = Candidates(np.round(candidates.prob, 1), candidates.dist, candidates.points)
    _, once = np.unique(coarse.points, axis=0, return_index=True)
    coarse = coarse.take(once)

    shuffled = coarse.take(np.random.default_rng(0).permutation(len(coarse)))

    assert places(suppress(shuffled, 0.3)) == places(suppress(coarse, 0.3))


def test_of_two_equals_the_upper_one_stays() -> None:
    points = np.array([[9, 5], [7, 6], [7, 5]], np.int32)
    candidates = Candidates(np.full(3, 0.7, np.float32), np.full((3, 8), 6, np.float32), points)

    assert places(suppress(candidates, 0.5)) == [(7, 5)]


def test_winners_come_most_probable_first_and_do_not_cover_each_other() -> None:
    kept = suppress(crowd(60, 120, 120), 0.3)

    assert (np.diff(kept.prob) <= 0).all()
    assert len(suppress(kept, 0.3)) == len(kept)


def test_classes_stay_with_their_candidates() -> None:
    plain = crowd(40, 100, 100)
    classes = np.stack([plain.prob, 1 - plain.prob], axis=1)
    candidates = Candidates(plain.prob, plain.dist, plain.points, classes)

    kept = suppress(candidates, 0.3)

    assert kept.classes is not None
    assert np.array_equal(kept.classes[:, 0], kept.prob)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf, 1e30])
def test_rays_that_are_no_lengths_describe_no_object(bad: float) -> None:
    candidates = crowd(20, 60, 60)
    broken = candidates.dist.copy()
    broken[7, 3] = bad
    prob = candidates.prob.copy()
    prob[9] = np.nan
    rest = np.setdiff1d(np.arange(len(prob)), [7, 9])

    kept = suppress(Candidates(prob, broken, candidates.points), 0.3)

    assert places(kept) == places(suppress(candidates.take(rest), 0.3))


def test_an_outline_without_area_covers_nothing_and_is_covered_by_nothing() -> None:
    dist = np.array([[9] * 8, [0] * 8, [9] * 8], np.float32)
    points = np.array([[20, 20], [20, 20], [21, 20]], np.int32)
    candidates = Candidates(np.array([0.9, 0.8, 0.7], np.float32), dist, points)

    assert places(suppress(candidates, 0.3)) == [(20, 20), (20, 20)]
    assert places(of_stardist(candidates, 0.3)) == [(20, 20), (20, 20)]


def test_nothing_stays_nothing() -> None:
    assert len(suppress(Candidates.none(32), 0.3)) == 0
