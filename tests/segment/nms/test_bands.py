"""A plane that arrives in rows of tiles: the winners of the whole plane, not all of it held."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from functools import partial
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from bridge import Segmenter
from bridge.model.folder import open_model
from bridge.segment.engines.base import NO_MARGINS, Margins, Prediction, remove_margins
from bridge.segment.nms import BandedSuppression, Candidates, suppress, suppress_rows
from bridge.segment.nms.bands import LateObjectError
from bridge.segment.normalize import percentile_range
from tests.segment.nms.stars import RAYS, crowd, places


def rows_of(candidates: Candidates, height: int, step: int) -> list[tuple[list[Candidates], int]]:
    y = candidates.points[:, 0]
    return [
        ([candidates.take((y >= top) & (y < top + step))], top) for top in range(0, height, step)
    ]


def with_a_giant(candidates: Candidates, y: int, x: int, radius: float) -> Candidates:
    """Add one most probable object far larger than the others."""
    giant = Candidates(
        np.ones(1, np.float32),
        np.full((1, RAYS), radius, np.float32),
        np.array([[y, x]], np.int32),
    )
    return Candidates.join([candidates, giant], RAYS)


def test_no_rows_no_winners() -> None:
    assert len(BandedSuppression(0.3, RAYS).finish()) == 0


def test_what_fits_is_thinned_in_one_go() -> None:
    candidates = crowd(80, 200, 120)
    banded = BandedSuppression(0.3, RAYS)
    for row, top in rows_of(candidates, 200, 40):
        banded.add(row, top)
    assert banded.held == len(candidates)

    assert places(banded.finish()) == places(suppress(candidates, 0.3))


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("step", [25, 100, 300])
def test_bands_give_the_winners_of_the_whole_plane(seed: int, step: int) -> None:
    candidates = crowd(900, 1200, 150, seed)

    banded = suppress_rows(
        lambda: rows_of(candidates, 1200, step), 0.3, RAYS, capacity=800, reach=20
    )

    assert places(banded) == places(suppress(candidates, 0.3))


def test_memory_is_bounded_by_the_band() -> None:
    candidates = crowd(4000, 4000, 200)
    banded = BandedSuppression(0.3, RAYS, capacity=2000, reach=80)
    held = 0
    for row, top in rows_of(candidates, 4000, 100):
        banded.add(row, top)
        held = max(held, banded.held)

    assert held < len(candidates) / 4
    assert places(banded.finish()) == places(suppress(candidates, 0.3))


def test_a_late_object_that_reaches_far_up_is_noticed() -> None:
    candidates = with_a_giant(crowd(900, 1200, 150), 1190, 75, 600)
    banded = BandedSuppression(0.3, RAYS, capacity=800, reach=20)
    for row, top in rows_of(candidates, 1200, 100):
        banded.add(row, top)

    with pytest.raises(LateObjectError) as error:
        banded.finish()
    assert error.value.reach >= 600


def test_the_plane_is_predicted_once_more_with_the_reach_that_was_measured(
    caplog: pytest.LogCaptureFixture,
) -> None:
    candidates = with_a_giant(crowd(900, 1200, 150), 1190, 75, 600)
    times = 0

    def predict() -> list[tuple[list[Candidates], int]]:
        nonlocal times
        times += 1
        return rows_of(candidates, 1200, 100)

    with caplog.at_level(logging.INFO, "bridge"):
        found = suppress_rows(predict, 0.3, RAYS, capacity=800, reach=20)

    assert times == 2
    assert "predicted anew" in caplog.text
    assert places(found) == places(suppress(candidates, 0.3))


def test_a_large_object_that_comes_early_costs_nothing() -> None:
    candidates = with_a_giant(crowd(900, 1200, 150), 50, 75, 500)
    times = 0

    def predict() -> list[tuple[list[Candidates], int]]:
        nonlocal times
        times += 1
        return rows_of(candidates, 1200, 100)

    found = suppress_rows(predict, 0.3, RAYS, capacity=800, reach=20)

    assert times == 1
    assert places(found) == places(suppress(candidates, 0.3))


class PixelsAsAddresses:
    """An engine that looks up what it predicts: the value of a pixel says which pixel it is."""

    name = "addresses"
    device = "none"
    versions: dict[str, str]
    divisor = (16, 16)
    alignment = (16, 16)
    halo = (16, 16)
    bytes_per_pixel = 1.0

    def __init__(self, plane: NDArray[Any], prob: NDArray[Any], dist: NDArray[Any]) -> None:
        self.versions = {}
        self._range = percentile_range(plane, (1.0, 99.0))
        self._prob, self._dist = prob.reshape(-1), dist.reshape(-1, dist.shape[-1])

    def predict(
        self, tile: NDArray[Any], margins: Margins = NO_MARGINS, min_prob: float = 0.0
    ) -> Prediction:
        low, high = self._range
        at = np.rint(tile[::2, ::2, 0].astype(float) * (high - low) + low).astype(int)
        return remove_margins(margins, Prediction(self._prob[at], self._dist[at]), (2, 2))


def planes() -> Iterator[Any]:
    """Label images of small nuclei, and of nuclei larger than a tile."""
    from bridge.examples.simulator import Scene, simulate_nuclei

    for diameter in (12, 90, 220):
        scene = Scene(diameter=float(diameter), cover=0.9, overlap=0.2)
        _, labels = simulate_nuclei((248, 264), seed=diameter, scene=scene)
        yield pytest.param(labels, id=f"{diameter} pixels")


@pytest.mark.parametrize("labels", list(planes()))
def test_no_object_is_cut_or_doubled_at_a_seam(
    labels: NDArray[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    from scipy.ndimage import distance_transform_edt
    from stardist.geometry import star_dist

    rng = np.random.default_rng(0)
    plane = np.arange(labels.size, dtype=np.uint16).reshape(labels.shape)
    depth = distance_transform_edt(labels > 0)
    prob = (labels > 0) * np.minimum(0.5 + depth / depth.max() / 2, 1)
    prob = (prob - rng.uniform(0, 0.05, prob.shape)).astype(np.float32)
    dist = star_dist(labels.astype(np.uint16), RAYS)
    dist = (dist * rng.uniform(0.95, 1.05, dist.shape)).astype(np.float32)
    model = open_model("demo")
    recipe = model.recipe.with_changes(prob=0.5, nms=0.3, percentiles=(1.0, 99.0))
    segmenter = Segmenter(model, recipe, PixelsAsAddresses(plane, prob, dist))

    whole = segmenter.segment(plane, tiles=1)
    assert len(whole) >= 2
    # Thin at every row of tiles, as on a plane too large to be held.
    often = partial(suppress_rows, capacity=0, reach=4)
    monkeypatch.setattr("bridge.segment.prediction.suppress_rows", often)
    for tiles in [(1, 2), (2, 1), (2, 2), (3, 5), (5, 3), (8, 1), (8, 8)]:
        found = segmenter.segment(plane, tiles=tiles)
        assert np.array_equal(found.to_labels(), whole.to_labels()), tiles
