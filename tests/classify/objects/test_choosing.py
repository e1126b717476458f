"""Choosing the objects that a reviewer should class next."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.classify.objects.choosing import choose_objects, uncertainty
from bridge.errors import BadInputError


def test_an_object_between_two_classes_is_uncertain() -> None:
    probabilities = np.array([[0.98, 0.01, 0.01], [0.34, 0.33, 0.33], [0.5, 0.1, 0.4]])

    assert uncertainty(probabilities) == pytest.approx([0.03, 0.99, 0.9])


def test_an_object_that_was_not_classed_has_no_uncertainty() -> None:
    unsure = uncertainty(np.array([[np.nan, np.nan], [0.5, 0.5]]))

    assert np.isnan(unsure[0])
    assert choose_objects(unsure, ["a", "a"], 2).tolist() == [1]


def test_one_odd_image_does_not_take_all() -> None:
    unsure = np.concatenate([np.full(50, 0.9), np.full(50, 0.5), np.full(50, 0.4)])
    images = ["odd"] * 50 + ["a"] * 50 + ["b"] * 50

    chosen = choose_objects(unsure, images, 30)

    assert [int(np.sum(chosen // 50 == k)) for k in range(3)] == [10, 10, 10]


def test_other_images_fill_up_where_one_has_few() -> None:
    chosen = choose_objects(np.linspace(1, 0, 12), ["few"] * 2 + ["many"] * 10, 8)

    assert chosen.tolist() == [0, 1, 2, 3, 4, 5, 6, 7]


@given(
    st.lists(
        st.tuples(st.one_of(st.just(np.nan), st.floats(0, 1)), st.sampled_from("abc")), max_size=30
    ),
    st.integers(0, 35),
)
def test_as_many_as_wanted_each_once_and_the_most_uncertain_of_its_image(
    objects: list[tuple[float, str]], count: int
) -> None:
    unsure = np.array([value for value, _ in objects], np.float64)
    images = [image for _, image in objects]

    chosen = choose_objects(unsure, images, count).tolist()

    assert len(set(chosen)) == len(chosen) == min(count, int(np.sum(~np.isnan(unsure))))
    assert np.all(np.diff(unsure[chosen]) <= 0)
    for image in set(images):
        own = [k for k in range(len(images)) if images[k] == image and not np.isnan(unsure[k])]
        taken = [k for k in own if k in chosen]
        left = [k for k in own if k not in chosen]
        assert not (taken and left) or unsure[taken].min() >= unsure[left].max()


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: uncertainty(np.ones((3, 1))), "several classes"),
        (lambda: choose_objects(np.ones(2), ["a"], 1), "of 1 images"),
        (lambda: choose_objects(np.ones(1), ["a"], -1), "below 0"),
    ],
)
def test_what_makes_no_sense_is_refused(call: object, message: str) -> None:
    with pytest.raises(BadInputError, match=message):
        call()  # type: ignore[operator]
