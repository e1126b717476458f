"""What is written is read back: any label image, any object, through every format."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from bridge import Detections
from bridge.formats.layout import endings
from tests.label_images import label_images
from tests.objects import assert_same, reviewed

OUTLINES = (".zip", ".geojson", ".geojson.gz", ".json", ".csv", ".tsv", ".parquet")
LABEL_IMAGES = (".tif", ".ome.tif", ".h5", ".hdf5", ".zarr", ".zarr.zip", ".ozx")


def test_every_format_is_tested_here() -> None:
    assert set(endings()) - {".roi", ".tiff", ".ome.tiff", ".json.gz"} == {*OUTLINES, *LABEL_IMAGES}


@settings(max_examples=30)
@given(label_images(), st.sampled_from([*OUTLINES, *LABEL_IMAGES]))
def test_any_label_image_through_every_format(
    tmp_path: Path, labels: NDArray[Any], ending: str
) -> None:
    path = tmp_path / f"labels{ending}"
    written = Detections.from_labels(labels)

    written.write(path)
    found = Detections.read(path)

    assert np.array_equal(found.to_labels(shape=labels.shape), labels)
    if ending not in (".tif", ".ome.tif"):  # a plain label image has no room for UUIDs
        ours = dict(zip(written.ids, written.objects["label"], strict=True))
        assert dict(zip(found.ids, found.objects["label"], strict=True)) == ours


@settings(max_examples=20)
@given(
    label_images(min_dims=4, max_dims=4, max_side=5),
    st.sampled_from([*OUTLINES, *LABEL_IMAGES]),
)
def test_any_stack_of_slices_and_times_through_every_format(
    tmp_path: Path, labels: NDArray[Any], ending: str
) -> None:
    path = tmp_path / f"stack{ending}"
    written = Detections.from_labels(labels, axes="TZYX")

    written.write(path)
    found = Detections.read(path)

    assert np.array_equal(found.to_labels(shape=labels.shape), labels)
    if ending not in (".csv", ".tsv"):  # a plain table does not know its image's size
        assert found.label_axes() == written.label_axes()


@pytest.mark.parametrize("ending", OUTLINES)
def test_everything_that_an_object_carries_is_kept(tmp_path: Path, ending: str) -> None:
    written = reviewed()
    path = tmp_path / f"objects{ending}"

    written.write(path)

    assert_same(Detections.read(path), written, image=ending not in (".csv", ".tsv"))


@pytest.mark.parametrize("ending", [*OUTLINES, *LABEL_IMAGES])
def test_no_object_at_all_is_a_result_too(tmp_path: Path, ending: str) -> None:
    path = tmp_path / f"empty{ending}"
    Detections.from_labels(np.zeros((4, 5), np.uint16)).write(path)

    assert len(Detections.read(path)) == 0


@pytest.mark.parametrize("ending", [*OUTLINES, *LABEL_IMAGES])
def test_one_known_square_of_pixels_through_every_format(
    tmp_path: Path, square: Detections, ending: str
) -> None:
    """Rows 3 and 4, columns 5 to 7: corners at x 5 and 8, y 3 and 5. Half a pixel off shows."""
    path = tmp_path / f"square{ending}"

    square.write(path)
    found = Detections.read(path)

    assert found.objects.geometry.iloc[0].bounds == (5.0, 3.0, 8.0, 5.0)
    assert np.argwhere(found.to_labels(shape=(10, 12))).tolist() == [
        [3, 5], [3, 6], [3, 7], [4, 5], [4, 6], [4, 7],
    ]  # fmt: skip


@pytest.mark.parametrize("ending", [".zip", ".geojson", ".parquet", ".tif", ".h5"])
def test_labels_over_65535_are_kept(tmp_path: Path, ending: str) -> None:
    labels = np.zeros((4, 4), np.uint32)
    labels[1, 1], labels[2, 3] = 70_000, 4_000_000_000
    path = tmp_path / f"many{ending}"

    Detections.from_labels(labels).write(path)

    assert np.array_equal(Detections.read(path).to_labels(shape=(4, 4)), labels)


@pytest.mark.parametrize("ending", [".zip", ".geojson", ".csv", ".parquet"])
def test_writing_the_same_objects_twice_gives_the_same_bytes(tmp_path: Path, ending: str) -> None:
    objects = reviewed()
    paths = [tmp_path / f"{n}{ending}" for n in "ab"]

    for path in paths:
        objects.write(path)

    assert paths[0].read_bytes() == paths[1].read_bytes()


@pytest.mark.slow
def test_a_real_section_through_every_format(tmp_path: Path, haug2_mask_path: Path) -> None:
    section = Detections.read(haug2_mask_path)
    labels = section.to_labels()

    for ending in (".zip", ".geojson", ".parquet", ".h5", ".tif"):
        path = tmp_path / f"section{ending}"
        section.write(path)
        assert np.array_equal(Detections.read(path).to_labels(), labels), ending
