"""Simulated cells have nuclei in one channel, cytoplasm in the other, and strokes within them."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bridge.errors import BadInputError
from bridge.examples.cells import draw_strokes, simulate_cells


def test_each_channel_shows_its_part_of_a_cell() -> None:
    cells = simulate_cells((192, 192), seed=3)
    nuclei, cytoplasm = cells.image.astype(float)
    kinds = cells.classes(cytoplasm=True)

    assert cells.nuclei.max() > 10
    assert nuclei[kinds == 2].mean() > 2 * nuclei[kinds == 3].mean()
    assert cytoplasm[kinds == 3].mean() > 1.2 * cytoplasm[kinds == 2].mean()
    assert cytoplasm[kinds == 3].mean() > 2 * cytoplasm[kinds == 1].mean()


def test_every_nucleus_lies_in_its_own_cell() -> None:
    cells = simulate_cells((96, 96), seed=4)

    inside = cells.nuclei > 0
    assert inside.any()
    assert np.array_equal(cells.cells[inside], cells.nuclei[inside])


def test_noise_leaves_the_cells_where_they_are() -> None:
    good, poor = (simulate_cells((96, 96), seed=5, photons=photons) for photons in (400, 8))

    assert np.array_equal(good.nuclei, poor.nuclei)
    dark = good.classes(cytoplasm=True) == 1
    assert poor.image[0][dark].std() > 2 * good.image[0][dark].std()


@settings(max_examples=10, deadline=None)
@given(seed=st.integers(0, 1000), count=st.integers(1, 6), with_cytoplasm=st.booleans())
def test_strokes_stay_within_their_class(seed: int, count: int, with_cytoplasm: bool) -> None:
    classes = simulate_cells((96, 96), seed=6).classes(cytoplasm=with_cytoplasm)

    painted = draw_strokes(classes, count, seed=seed)

    assert set(np.unique(painted)) == {0, *np.unique(classes)}
    assert np.array_equal(painted[painted > 0], classes[painted > 0])
    assert np.array_equal(painted, draw_strokes(classes, count, seed=seed))


@pytest.mark.parametrize("wrong", [{"shape": (0, 4)}, {"shape": (4, 4), "photons": 0}])
def test_impossible_images_are_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(BadInputError):
        simulate_cells(seed=1, **wrong)  # type: ignore[arg-type]
