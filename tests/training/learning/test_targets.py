"""Targets are those that StarDist makes of the same patch."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from bridge.training.learning.targets import make_targets
from bridge.training.pairs import IGNORED
from tests.training.scenes import discs

pytestmark = pytest.mark.model


def stardist_batch(
    labels: NDArray[np.int32],
    grid: int,
    n_rays: int,
    classes: dict[int, int | None] | None = None,
) -> list[NDArray[Any]]:
    """The targets of StarDist's data generator for one patch as large as the image."""
    from stardist.models.model2d import StarDistData2D

    n_classes = max(number or 0 for number in classes.values()) if classes else None
    data = StarDistData2D(
        [np.zeros(labels.shape, np.float32)],
        [labels],
        n_classes=n_classes,
        classes=[classes] if classes else None,
        batch_size=1,
        n_rays=n_rays,
        length=1,
        patch_size=labels.shape,
        grid=(grid, grid),
    )
    return [array[0] for array in data[0][1]]


def scene(seed: int, ignored: bool) -> NDArray[np.int32]:
    labels = discs(seed, (64, 64))
    if ignored:
        labels[10:40, :20] = IGNORED
        labels[labels == labels.max()] = IGNORED
    return labels


@settings(max_examples=12)
@given(
    seed=st.integers(0, 1000),
    ignored=st.booleans(),
    grid=st.sampled_from([1, 2, 4]),
    n_rays=st.sampled_from([8, 24, 32]),
)
def test_targets_are_those_of_stardist(seed: int, ignored: bool, grid: int, n_rays: int) -> None:
    labels = scene(seed, ignored)

    ours = make_targets(labels, grid=(grid, grid), n_rays=n_rays)
    prob, dist = stardist_batch(labels, grid, n_rays)

    np.testing.assert_array_equal(ours.prob, prob)
    np.testing.assert_allclose(ours.dist, dist, rtol=0, atol=1e-4)
    assert [array.dtype for array in ours.arrays()] == [np.float32] * 2


@pytest.mark.parametrize("ignored", [False, True])
def test_classes_are_those_of_stardist(ignored: bool) -> None:
    labels = scene(3, ignored)
    numbers = np.unique(labels[labels > 0]).tolist()
    known = {n: n % 3 + 1 for n in numbers if n % 4}

    ours = make_targets(labels, grid=(1, 1), n_rays=8, class_numbers=known, n_classes=3)
    prob, dist, classes = stardist_batch(labels, 1, 8, {n: known.get(n) for n in numbers})

    assert ours.classes is not None
    np.testing.assert_array_equal(ours.prob, prob)
    np.testing.assert_allclose(ours.dist, dist, rtol=0, atol=1e-4)
    # no loss comes from 0 or from -1, and StarDist has both for an object without a class
    np.testing.assert_array_equal(np.maximum(ours.classes, 0), np.maximum(classes, 0))


def test_on_a_coarser_grid_each_class_is_that_of_the_pixel_itself() -> None:
    labels = scene(4, ignored=True)
    known = {int(n): 1 + int(n) % 2 for n in np.unique(labels[labels > 0])}

    fine = make_targets(labels, grid=(1, 1), n_rays=4, class_numbers=known, n_classes=2)
    coarse = make_targets(labels, grid=(4, 2), n_rays=4, class_numbers=known, n_classes=2)

    assert fine.classes is not None
    assert coarse.classes is not None
    np.testing.assert_array_equal(coarse.classes, fine.classes[::4, ::2])


def test_an_object_without_a_class_is_an_object_all_the_same() -> None:
    labels = np.zeros((8, 8), np.int32)
    labels[2:6, 2:6] = 5

    targets = make_targets(labels, grid=(1, 1), n_rays=4, n_classes=1)

    assert targets.classes is not None
    assert targets.classes[3, 3].tolist() == [-1, -1]
    assert targets.classes[0, 0].tolist() == [1, 0]
    assert targets.prob[3, 3, 0] > 0


@pytest.mark.parametrize("value", [0, 7, IGNORED])
def test_a_patch_of_one_value_has_targets_without_a_warning(value: int) -> None:
    labels = np.full((16, 16), value, np.int32)

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        targets = make_targets(labels, grid=(2, 2), n_rays=8, n_classes=1, class_numbers={7: 1})

    assert targets.prob.min() == (IGNORED if value < 0 else 0.25 if value else 0)
    if value > 0:
        with pytest.warns(UserWarning, match="ill-defined"):
            prob, dist, _ = stardist_batch(labels, 2, 8, {7: 1})
        np.testing.assert_array_equal(targets.prob, prob)
        np.testing.assert_allclose(targets.dist, dist, atol=1e-4)
