"""A balloon fills a hollow, and stays inside though its wall has a gap."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.ndimage import label

from bridge.errors import BadInputError
from bridge.volumes.balloon import Balloon, BalloonSettings, inflate
from tests.volumes.scenes import distances

SHAPE = (40, 40, 40)
CENTRE = (20.0, 20.0, 20.0)
VOXEL = (1.0, 1.0, 1.0)
HOLLOW = distances(SHAPE, CENTRE, VOXEL) < 12


def wall(gap: int = 0) -> NDArray[np.bool_]:
    """Return a spherical wall from 12 to 15 µm, with a square gap of some voxels on one side."""
    distance = distances(SHAPE, CENTRE, VOXEL)
    values: NDArray[np.bool_] = (distance >= 12) & (distance < 15)
    if gap:
        low = 20 - gap // 2
        values[low : low + gap, low : low + gap, 25:] = False
    return values


def blow(values: NDArray[np.bool_], gap: float | None = None) -> Balloon:
    """Blow up a balloon from a place beside the middle."""
    return inflate(values, VOXEL, BalloonSettings((20.0, 17.0, 20.0), gap), "P.h5")


def test_it_fills_the_hollow() -> None:
    balloon = blow(wall())
    assert not balloon.at_border
    assert not (balloon.mask & ~HOLLOW).any()
    assert balloon.mask.sum() >= 0.99 * HOLLOW.sum()


@pytest.mark.parametrize("gap", [1, 2, 3, 5])
def test_it_does_not_leak_through_a_gap_that_a_flood_would(gap: int) -> None:
    flooded, _ = label(~wall(gap))
    assert flooded[20, 20, 20] == flooded[0, 0, 0]
    balloon = blow(wall(gap), gap=gap)
    assert not balloon.at_border
    # It bulges into the gap, and no further.
    assert (balloon.mask & ~HOLLOW).sum() <= gap**3
    assert balloon.mask.sum() >= 0.95 * HOLLOW.sum()


@given(st.integers(1, 4), st.integers(0, 4), st.floats(0.3, 3))
def test_it_never_is_in_the_wall_and_holds_its_seed(gap: int, more: int, edge: float) -> None:
    walls = wall(gap)
    settings = BalloonSettings((20.0, 17.0 * edge, 20.0), gap + more)
    balloon = inflate(walls, (1.0, edge, 1.0), settings, "P.h5")
    assert not (balloon.mask & walls).any()
    assert balloon.mask[20, 17, 20]


def test_it_says_when_it_leaks() -> None:
    balloon = blow(wall(gap=9), gap=2)
    assert balloon.at_border


def test_a_seed_in_the_wall_or_outside_or_where_nothing_fits_is_refused() -> None:
    for seed, told in (
        ((20.5, 20.5, 33.5), "the seed of the balloon in the wall itself"),
        ((20.0, 20.0, 41.0), r"20, 20, 41 µm .* lies outside P\.h5"),
    ):
        with pytest.raises(BadInputError, match=told):
            inflate(wall(), VOXEL, BalloonSettings(seed), "P.h5")
    with pytest.raises(BadInputError, match=r"too narrow at the seed .* gaps of 30 µm"):
        blow(wall(), gap=30)
