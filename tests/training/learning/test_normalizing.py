"""Training pairs are normalised as the segmenter normalises images."""

from __future__ import annotations

import numpy as np
import pytest

from bridge.errors import BadInputError
from bridge.model.recipe import Recipe
from bridge.training.learning.normalizing import normalize_pair
from bridge.training.pairs import TrainingPair
from tests.training.scenes import disc_pair


@pytest.mark.parametrize("normalize", ["channels", "joint"])
def test_the_percentiles_become_0_and_1(normalize: str) -> None:
    from csbdeep.utils import normalize as csbdeep_normalize

    pair = disc_pair("a", 1, channels=3)
    recipe = Recipe(percentiles=(1, 99), normalize=normalize)  # type: ignore[arg-type]

    ours = normalize_pair(pair, recipe)

    axes = (0, 1) if normalize == "channels" else (0, 1, 2)
    np.testing.assert_allclose(
        ours, csbdeep_normalize(pair.image, 1, 99, axis=axes), rtol=1e-5, atol=1e-6
    )
    assert pair.image.dtype == np.uint16


def test_intensities_of_the_whole_image_count_where_they_are_known() -> None:
    pair = TrainingPair(
        name="a",
        image=np.full((4, 4, 2), 30.0),
        labels=np.eye(4, dtype=int),
        ranges=((10, 50), (30, 30)),
    )

    assert np.unique(normalize_pair(pair, Recipe())[..., 0]).tolist() == [0.5]
    assert np.unique(normalize_pair(pair, Recipe())[..., 1]).tolist() == [0]


def test_an_image_that_is_almost_all_background_is_refused() -> None:
    image = np.zeros((100, 100))
    image[3, 3] = 9
    pair = TrainingPair(name="a", image=image, labels=image.astype(int), source="a.tif")

    with pytest.raises(BadInputError, match=r"a\.tif: is almost all background.*1 and 99\.8"):
        normalize_pair(pair, Recipe())


def test_a_blank_image_is_0_throughout() -> None:
    pair = TrainingPair(name="a", image=np.full((9, 9), 7), labels=np.zeros((9, 9), int))

    assert not normalize_pair(pair, Recipe()).any()


def test_intensities_of_another_number_of_channels_are_refused() -> None:
    pair = TrainingPair(
        name="a", image=np.zeros((4, 4, 3)), labels=np.eye(4, dtype=int), ranges=((0, 1),)
    )

    with pytest.raises(BadInputError, match="has 3 channels, and intensities of 1"):
        normalize_pair(pair, Recipe())
