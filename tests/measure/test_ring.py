"""Rings beside SciPy's distance transform."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from bridge.measure.pixels import number_objects
from bridge.measure.ring import expand
from tests.label_images import label_images


def distances(plane: NDArray[Any], scale: tuple[float, float]) -> NDArray[Any]:
    """(n, height, width): to the nearest pixel of each object."""
    from scipy.ndimage import distance_transform_edt

    n = int(plane.max(initial=0))
    each = [distance_transform_edt(plane != i + 1, sampling=scale) for i in range(n)]
    return np.array(each).reshape(n, *plane.shape)


@given(
    label_images(max_side=16),
    st.floats(0.0, 0.9),
    st.sampled_from([0.5, 1, 2, 2.5, 5, 50]),
    st.sampled_from([(1, 1), (0.25, 0.25), (0.3, 1.1)]),
    st.randoms(use_true_random=False),
)
def test_each_pixel_goes_to_the_nearest_object(
    labels: NDArray[Any], emptied: float, width: float, scale: tuple[float, float], random: Any
) -> None:
    kept = np.array([random.random() for _ in range(labels.size)]).reshape(labels.shape) >= emptied
    plane = number_objects(np.where(kept, labels, 0))[1]

    grown = expand(plane, width, scale)

    assert np.array_equal(grown[plane > 0], plane[plane > 0])
    if not plane.any():
        assert not grown.any()
        return
    apart = distances(plane, scale)
    least = apart.min(axis=0)
    assert np.array_equal(grown > 0, least <= width * (1 + 1e-9))
    y, x = np.nonzero(grown)
    np.testing.assert_allclose(apart[grown[y, x] - 1, y, x], least[y, x], rtol=1e-12)
    if scale[0] == scale[1]:  # ties are exact, and go to the lowest number
        assert np.array_equal(grown[y, x], apart.argmin(axis=0)[y, x] + 1)


def test_a_width_that_floats_cannot_hold_reaches_its_pixels() -> None:
    plane = np.zeros((1, 9), np.int32)
    plane[0, 0] = 1

    assert expand(plane, 0.3, (0.1, 0.1)).sum() == 4
    assert expand(plane, 0.7, (0.1, 0.1)).sum() == 8


@pytest.mark.parametrize("shape", [(1, 1), (1, 7), (7, 1)])
def test_planes_of_a_line(shape: tuple[int, int]) -> None:
    plane = np.zeros(shape, np.int32)
    plane[-1, -1] = 1

    assert expand(plane, 100).all()
