"""Numbers of objects that all versions of ilastik agree on."""

from __future__ import annotations

from pathlib import Path

import h5py
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray

from bridge.errors import BadInputError
from bridge.formats.ilastik.object_numbers import (
    classes_of_objects,
    copy_numbered,
    numbered_planes,
)
from bridge.images.image import from_array
from tests.formats.ilastik.test_labels import strokes_of

_LABELS = arrays(
    np.uint16,
    st.tuples(*[st.integers(1, 3)] * 2, *[st.integers(2, 6)] * 2),
    elements=st.sampled_from([0, 0, 3, 7, 7, 500]),
)


def _in_order_met(volume: NDArray[np.uint16]) -> NDArray[np.int64]:
    """Number the objects of (Z, Y, X) as vigra's relabelConsecutive does."""
    numbers: dict[int, int] = {0: 0}
    for value in volume.ravel().tolist():
        numbers.setdefault(value, len(numbers))
    return np.array([numbers[value] for value in volume.ravel().tolist()]).reshape(volume.shape)


@given(_LABELS)
def test_objects_are_numbered_as_they_are_met_at_each_time(labels: NDArray[np.uint16]) -> None:
    planes = [*numbered_planes(from_array(labels, axes="TZYX"), "a.tif")]

    expected = np.stack([_in_order_met(volume) for volume in labels])
    assert all((plane.labels == expected[plane.t, plane.z]).all() for plane in planes)
    assert [(plane.t, plane.z) for plane in planes] == [*np.ndindex(*labels.shape[:2])]
    same = [bool((labels[plane.t, plane.z] == plane.labels).all()) for plane in planes]
    assert [plane.is_same for plane in planes] == same


def test_numbers_of_ilastik_itself_are_kept(shared: Path) -> None:
    with h5py.File(shared / "ilastik/a_lab.h5") as file:
        labels = file["exported_data"][()].squeeze()

    (plane,) = numbered_planes(from_array(labels), "a_lab.h5")

    assert plane.is_same


def test_a_copy_has_the_numbers_and_a_table_of_the_old_ones(tmp_path: Path) -> None:
    labels = np.array([[0, 9, 9], [4, 0, 9]], np.uint16)

    copy = copy_numbered(from_array(labels), "a.tif", tmp_path / "p.ilp", "a")

    assert (copy.axes, copy.shape) == ("YX", (2, 3))
    with h5py.File(copy.file) as file:
        assert file["exported_data"][()].tolist() == [[0, 1, 1], [2, 0, 1]]
        assert file["exported_data"].dtype == np.uint32
    table = (tmp_path / "p_images/a_numbers.csv").read_text().splitlines()
    assert table == ["time,label,original_label", "0,1,9", "0,2,4"]


def test_an_object_has_the_class_of_most_of_its_strokes() -> None:
    labels = np.array([[[9, 9, 9, 4, 4, 0, 7]], [[0, 0, 0, 0, 4, 4, 4]]], np.uint16)
    drawn = np.array([[[1, 1, 2, 1, 2, 2, 0]], [[2, 2, 2, 2, 0, 0, 1]]], np.uint8)[:, None]

    classes, torn = classes_of_objects(from_array(labels, axes="TYX"), "a.tif", strokes_of(drawn))

    assert classes == [{1: 1}, {1: 1}]
    assert torn == 1


def test_strokes_of_an_image_of_another_size_are_refused() -> None:
    with pytest.raises(BadInputError, match="pixels large"):
        classes_of_objects(
            from_array(np.ones((3, 4), int)), "a.tif", strokes_of(np.ones((1, 1, 4, 3), np.uint8))
        )
