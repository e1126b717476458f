"""Suppression: StarDist's own, also where the plane is thinned band by band."""

from __future__ import annotations

import numpy as np
import pytest

from bridge.nms import BandedSuppression, Candidates, suppress

pytest.importorskip("stardist", reason="needs the segment part: pip install starbridge[segment]")


def crowd(n: int, height: int, width: int, seed: int = 0) -> Candidates:
    """Candidates of crowded discs, several for each."""
    rng = np.random.default_rng(seed)
    centres = rng.uniform((0, 0), (height, width), (n, 2))
    owner = np.repeat(np.arange(n), 12)
    points = (centres[owner] + rng.normal(0, 1.5, (len(owner), 2))).clip(0, (height - 1, width - 1))
    dist = rng.uniform(5, 9, n)[owner, None] + rng.normal(0, 0.2, (len(owner), 32))
    prob = rng.permutation(np.linspace(0.5, 1, len(owner)))
    return Candidates(prob.astype(np.float32), dist.astype(np.float32), points.astype(np.int32))


def rows_of(candidates: Candidates, height: int, step: int) -> list[tuple[int, list[Candidates]]]:
    y = candidates.points[:, 0]
    return [
        (top, [candidates.take((y >= top) & (y < top + step))]) for top in range(0, height, step)
    ]


def as_set(candidates: Candidates) -> set[tuple[int, int]]:
    return {(int(y), int(x)) for y, x in candidates.points}


def test_winners_come_most_probable_first_and_do_not_cover_each_other() -> None:
    kept = suppress(crowd(60, 120, 120), 0.3)

    assert (np.diff(kept.prob) <= 0).all()
    assert len(suppress(kept, 0.3)) == len(kept)


def test_nothing_stays_nothing() -> None:
    assert len(suppress(Candidates.none(32), 0.3)) == 0
    assert len(BandedSuppression(0.3, 32).finish()) == 0


def test_what_fits_is_thinned_in_one_go() -> None:
    candidates = crowd(80, 200, 120)
    banded = BandedSuppression(0.3, 32)
    for top, row in rows_of(candidates, 200, 40):
        banded.add(row, top)

    assert as_set(banded.finish()) == as_set(suppress(candidates, 0.3))


@pytest.mark.parametrize("seed", range(3))
def test_bands_give_the_winners_of_the_whole_plane(seed: int) -> None:
    candidates = crowd(250, 1000, 60, seed)
    banded = BandedSuppression(0.3, 32, capacity=400)
    for top, row in rows_of(candidates, 1000, 100):
        banded.add(row, top)

    ours, whole = banded.finish(), suppress(candidates, 0.3)

    assert (np.diff(ours.prob) <= 0).all()
    assert as_set(ours) == as_set(whole)


def test_memory_is_bounded_by_the_band() -> None:
    candidates = crowd(500, 1000, 120)
    banded = BandedSuppression(0.3, 32, capacity=800)
    held = 0
    for top, row in rows_of(candidates, 1000, 100):
        banded.add(row, top)
        held = max(held, sum(len(part) for part in banded._pending))

    assert held < len(candidates) / 2
