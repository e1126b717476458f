"""A balloon fills a hollow, and stays inside though its wall has a gap."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from bridge.errors import BadInputError
from bridge.volumes.balloon import BalloonSettings, inflate
from tests.volumes.scenes import distances

SHAPE, CENTRE, VOXEL = (40, 40, 40), (20.0, 20.0, 20.0), (1.0, 1.0, 1.0)
HOLLOW = distances(SHAPE, CENTRE, VOXEL) < 12


def wall(gap: int = 0) -> NDArray[np.float32]:
    """Return a spherical wall from 12 to 15 µm, with a square gap of some voxels on one side."""
    distance = distances(SHAPE, CENTRE, VOXEL)
    values = np.where((distance >= 12) & (distance < 15), 0.95, 0.02).astype(np.float32)
    if gap:
        low = 20 - gap // 2
        values[low : low + gap, low : low + gap, 25:] = 0.02
    return values


def blow(values: NDArray[np.float32], smoothing: int = 1, steps: int = 200):  # type: ignore[no-untyped-def]
    settings = BalloonSettings((20.0, 17.0, 20.0), smoothing, steps)
    return inflate(values, 0.5, VOXEL, settings, "P.h5")


def test_it_fills_the_hollow() -> None:
    balloon = blow(wall())
    assert (balloon.at_rest, balloon.at_border) == (True, False)
    assert not (balloon.mask & ~HOLLOW).any()
    assert balloon.mask.sum() >= 0.97 * HOLLOW.sum()


def test_it_does_not_leak_through_a_gap_that_a_flood_would() -> None:
    balloon = blow(wall(gap=3), smoothing=2)
    assert (balloon.at_rest, balloon.at_border) == (True, False)
    outside = balloon.mask & ~HOLLOW
    assert outside.sum() <= 0.01 * HOLLOW.sum()
    assert balloon.mask.sum() >= 0.95 * HOLLOW.sum()


def test_it_says_when_it_leaks() -> None:
    balloon = blow(wall(gap=9), smoothing=0)
    assert balloon.at_border


def test_it_says_when_it_still_grows() -> None:
    balloon = blow(wall(), steps=4)
    assert (balloon.at_rest, balloon.steps) == (False, 4)


def test_a_seed_in_the_wall_or_outside_is_refused() -> None:
    with pytest.raises(BadInputError, match=r"0\.95 at the seed, in the wall itself"):
        inflate(wall(), 0.5, VOXEL, BalloonSettings((20.5, 20.5, 33.5)), "P.h5")
    with pytest.raises(BadInputError, match=r"20, 20, 41 µm .* lies outside P\.h5"):
        inflate(wall(), 0.5, VOXEL, BalloonSettings((20.0, 20.0, 41.0)), "P.h5")
