"""Mean intensities over the nuclei of images."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import shapely

from bridge import Detections, open_image
from bridge.errors import BadInputError
from bridge.images import from_array
from bridge.measure import measure
from bridge.select import image_intensities, mean_intensities
from bridge.select.nuclei import nuclei_only
from tests.select.sections import nuclei, write_section


def test_every_nucleus_counts_the_same_whatever_its_size() -> None:
    labels = np.zeros((10, 10), np.uint8)
    labels[0, :8], labels[5, :2], labels[9, 9] = 1, 2, 3
    image = from_array(np.where(labels == 1, 10, np.where(labels == 2, 40, 100)), name="x")

    found = image_intensities(labels, image, 0)

    assert found.nuclei == 3
    assert found.mean == 50
    assert found.median == 40
    assert found.pixel_mean == pytest.approx((80 + 80 + 100) / 11)


def test_values_are_those_of_measure(haug2_mask_path: Path) -> None:
    import tifffile

    labels = tifffile.imread(haug2_mask_path)
    pixels = np.random.default_rng(0).integers(0, 4096, (2, *labels.shape)).astype(np.uint16)
    image = from_array(pixels, axes="CYX", channels=["DAPI", "488"])

    found = image_intensities(labels, image, "488")

    table = measure(labels, image)
    assert found.nuclei == len(table) == 12_551
    assert found.mean == pytest.approx(table["Nucleus: 488: Mean"].mean())
    assert found.pixel_mean == pytest.approx(pixels[1][labels > 0].mean())


def test_files_arrays_and_detections_give_one_table(tmp_path: Path) -> None:
    path = write_section(tmp_path / "SECTIONS", "Pa_s1", 100)
    label_file = tmp_path / "RESULTS" / "lbl" / "Pa_s1_labels.tif"
    with open_image(path) as image:
        traced = Detections.from_labels(nuclei(), image=image.info)
        traced.write(tmp_path / "Pa_s1.geojson")
        images: list[Any] = [path, str(path), image, image]
        table = mean_intensities(
            images, [label_file, str(tmp_path / "Pa_s1.geojson"), traced, nuclei()], "488"
        )

    assert table.columns.tolist() == [
        *("name", "channel", "nuclei", "mean", "median", "pixel_mean", "image")
    ]
    assert table["image"].tolist() == [str(path)] * 4
    assert table["nuclei"].tolist() == [4] * 4
    assert table["mean"].nunique() == 1
    assert 100 < table["mean"].tolist()[0] < 120


def test_an_image_without_nuclei_has_no_intensity() -> None:
    image = from_array(np.ones((5, 5)), name="empty")

    found = image_intensities(np.zeros((5, 5), np.uint8), image, 0)

    assert found.nuclei == 0
    assert np.isnan(found.mean)


def test_nuclei_with_broken_pixels_are_left_out() -> None:
    pixels = np.ones((6, 6), np.float32)
    labels = np.zeros((6, 6), np.uint8)
    labels[0, :3], labels[4, :3] = 1, 2
    pixels[4, 1] = np.nan

    assert image_intensities(labels, from_array(pixels), 0).nuclei == 1


def test_regions_that_a_reviewer_drew_are_no_nuclei() -> None:
    boxes = [shapely.box(0, 0, 2, 2), shapely.box(3, 3, 5, 5), shapely.box(0, 0, 9, 9)]
    kinds = ["detection", "cell", "annotation"]
    reviewed = Detections.from_polygons(boxes, columns={"object_type": kinds})
    by_hand = Detections.from_polygons(boxes, columns={"object_type": ["annotation"] * 3})

    assert nuclei_only(reviewed).objects["object_type"].tolist() == ["detection", "cell"]
    assert len(nuclei_only(by_hand)) == 3
    values = np.zeros((9, 9))
    values[:5, :5] = 8
    assert image_intensities(reviewed, from_array(values), 0).mean == 8


def test_every_plane_of_a_stack_counts() -> None:
    labels = np.zeros((2, 4, 4), np.uint8)
    labels[:, 1, 1] = 1
    values = np.stack([np.full((4, 4), 10), np.full((4, 4), 30)])

    found = image_intensities(labels, from_array(values, axes="ZYX"), 0)

    assert (found.nuclei, found.mean) == (2, 20)


def test_what_does_not_fit_is_named(tmp_path: Path) -> None:
    path = write_section(tmp_path / "SECTIONS", "Pa_s1", 100)

    with pytest.raises(BadInputError, match="has no channel '647'.*0 = DAPI, 1 = AF488"):
        mean_intensities([path], [nuclei()], "647")
    with pytest.raises(BadInputError, match="are of 2 images, not of 1"):
        mean_intensities([path], [nuclei(), nuclei()], 1)
    with pytest.raises(BadInputError, match="give the image that the labels belong to"):
        mean_intensities([path], [nuclei()[:-1]], 1)
