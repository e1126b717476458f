"""Objects of a file on the project's image that shows it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st

from bridge import Detections, ImageInfo, PixelSize
from bridge.apps.qupath.placing import place
from bridge.apps.qupath.project_files import ProjectImage, read_project
from bridge.apps.qupath.server_builder import read_server
from bridge.errors import BadInputError
from tests.apps.qupath.server_builders import (
    Example,
    affine,
    examples,
    metadata,
    uri_builder,
    wrapped,
)
from tests.apps.qupath.test_project_files import entry, write_project

FILE = uri_builder(40, 30, channels=["DAPI", "488"])


def image_of(builder: Any, folder: Path) -> ProjectImage:
    record = entry(1, "a.tif", "")
    record["serverBuilder"] = builder
    return read_project(write_project(folder, record)).images[0]


def found(*shapes: Any, **columns: Any) -> Detections:
    """Objects that were found in a file of 40 x 30 px."""
    info = ImageInfo(
        name="a", width=40, height=30, pixel_size=PixelSize(0.5, 0.25), channels=("DAPI", "488")
    )
    return Detections.from_polygons(shapes, columns=columns, image=info)


def test_objects_of_a_plain_image_stay_as_they_are(tmp_path: Path) -> None:
    objects = found(shapely.box(1, 2, 3, 5))

    placed = place(image_of(FILE, tmp_path), objects, ImageInfo(width=40, height=30), "a.tif")

    assert placed.detections.objects.geometry.iloc[0].equals(objects.objects.geometry.iloc[0])
    assert placed.detections.image == objects.image


def test_objects_are_rotated_with_their_nucleus_pixel_size_and_size(tmp_path: Path) -> None:
    image = image_of(wrapped("rotated", FILE, rotation="ROTATE_90"), tmp_path)
    objects = found(shapely.box(1, 2, 3, 5), nucleus=[shapely.box(1, 2, 2, 3)], score=[7.0])

    placed = place(image, objects, ImageInfo(width=30, height=40), "a.tif").detections

    row = placed.objects.iloc[0]
    assert row.geometry.bounds == (25, 1, 28, 3)
    assert row["nucleus"].bounds == (27, 1, 28, 2)
    assert (row["score"], placed.ids) == (7.0, objects.ids)
    assert (placed.image.width, placed.image.height) == (30, 40)
    assert placed.image.pixel_size == PixelSize(y=0.25, x=0.5)
    assert placed.image.channels == ("DAPI", "488")


def test_objects_that_were_exported_as_qupath_shows_them_are_not_turned_again(
    tmp_path: Path,
) -> None:
    image = image_of(wrapped("rotated", FILE, rotation="ROTATE_180"), tmp_path)
    objects = found(shapely.box(1, 2, 3, 5))
    exported = tmp_path / "exported.geojson"
    replace(objects, image=replace(objects.image, coordinates="shown")).write(exported)

    placed = place(image, Detections.read(exported), ImageInfo(width=40, height=30), "a.tif")

    assert placed.detections.objects.geometry.iloc[0].bounds == (1, 2, 3, 5)


def test_rescaled_pixels_have_their_own_size(tmp_path: Path) -> None:
    half = wrapped("affine", FILE, transform=affine(0.5, 0, 0, 0, 0.25, 0))

    placed = place(image_of(half, tmp_path), found(shapely.box(4, 4, 8, 8)), ImageInfo(), "a.tif")

    assert placed.detections.objects.geometry.iloc[0].bounds == (2, 1, 4, 2)
    assert (placed.detections.image.width, placed.detections.image.height) == (20, 8)
    assert placed.detections.image.pixel_size == PixelSize(y=2.0, x=0.5)


def test_what_a_cropped_image_does_not_show_is_left_out_and_counted(tmp_path: Path) -> None:
    crop = wrapped("cropped", FILE, region={"x": 10, "y": 10, "width": 20, "height": 10})
    objects = found(
        shapely.box(12, 12, 14, 14),
        shapely.box(8, 8, 12, 12),  # over the edge: it stays whole
        shapely.box(2, 2, 4, 4),
        shapely.box(30, 12, 34, 14),  # touches it
    )

    placed = place(image_of(crop, tmp_path), objects, ImageInfo(width=20, height=10), "a.tif")

    assert placed.left_out == 2
    assert [shape.bounds for shape in placed.detections.objects.geometry] == [
        (2, 2, 4, 4), (-2, -2, 2, 2)
    ]  # fmt: skip


@given(examples(), st.lists(st.tuples(*[st.integers(0, 400)] * 4), max_size=4))
def test_objects_come_back_to_their_place(
    example: Example, corners: list[tuple[int, int, int, int]]
) -> None:
    transform = read_server(example.builder)
    shapes = [shapely.box(x / 8, y / 8, (x + w + 1) / 8, (y + h + 1) / 8) for x, y, w, h in corners]
    height, width = example.file.shape
    objects = Detections.from_polygons(
        shapes, image=ImageInfo(width=width, height=height, pixel_size=PixelSize(0.3, 0.7))
    )

    shown = transform.detections_to_shown(objects)
    back = transform.detections_to_file(shown)

    assert (back.image.width, back.image.height) == (width, height)
    assert back.image.pixel_size is not None
    assert (back.image.pixel_size.y, back.image.pixel_size.x) == pytest.approx((0.3, 0.7))
    assert back.ids == objects.ids
    for before, after in zip(objects.objects.geometry, back.objects.geometry, strict=True):
        assert np.allclose(after.bounds, before.bounds, rtol=0, atol=1e-9)
    assert shown.objects.area.to_numpy() == pytest.approx(
        objects.objects.area.to_numpy() * transform.to_shown.area
    )


@given(examples(scales=False))
def test_turned_and_cut_objects_come_back_to_the_last_digit(example: Example) -> None:
    transform = read_server(example.builder)
    ring = [(0.125, 3.25), (7.375, 1.5), (2.0, 8.75)]
    objects = Detections.from_polygons([shapely.Polygon(ring)])

    back = transform.detections_to_file(transform.detections_to_shown(objects))

    assert list(back.objects.geometry.iloc[0].exterior.coords)[:3] == ring


@pytest.mark.parametrize(
    ("size", "shown", "message"),
    [
        ((30, 40), (30, 40), "found in an image of 30 x 40 px, and a.tif in the project is made of "
         r"40 x 30 px \(rotated by 180°\); give the image"),
        ((40, 30), (41, 30), r"for an image of 40 x 30 px \(rotated by 180°\), and QuPath shows "
         "a.tif with 41 x 30 px; open"),
    ],
)  # fmt: skip
def test_another_size_is_refused_with_both_sizes(
    tmp_path: Path, size: tuple[int, int], shown: tuple[int, int], message: str
) -> None:
    image = image_of(wrapped("rotated", FILE, rotation="ROTATE_180"), tmp_path)
    objects = found(shapely.box(1, 2, 3, 5))
    objects = replace(objects, image=replace(objects.image, width=size[0], height=size[1]))

    with pytest.raises(BadInputError, match=f"my.tif: has objects (that were )?{message}"):
        place(image, objects, ImageInfo(width=shown[0], height=shown[1]), "my.tif")


def test_an_image_that_the_project_does_not_describe_is_compared_with_what_is_shown(
    tmp_path: Path,
) -> None:
    image = image_of(uri_builder(), tmp_path)

    with pytest.raises(BadInputError, match="of 40 x 30 px, and a.tif in the project is made of 9"):
        place(image, found(shapely.box(1, 2, 3, 5)), ImageInfo(width=9, height=9), "my.tif")


def test_what_is_no_part_of_one_file_is_refused(tmp_path: Path) -> None:
    image = image_of({"builderType": "sparse", "metadata": metadata(40, 30)}, tmp_path)

    with pytest.raises(
        BadInputError,
        match=r"a\.tif: is put together from regions of other images, so that its objects have no "
        "place in one file; export the image from QuPath as OME-TIFF",
    ):
        place(image, found(shapely.box(1, 2, 3, 5)), ImageInfo(), "my.tif")


def test_objects_of_what_is_no_part_of_one_file_stay_in_qupaths_coordinates() -> None:
    transform = read_server({"builderType": "sparse", "metadata": metadata(40, 30)})
    objects = found(shapely.box(1, 2, 3, 5))

    assert transform.detections_to_file(objects) is objects
    assert transform.note("a.tif") == (
        "a.tif is put together from regions of other images: its objects are in QuPath's "
        "coordinates, and fit no image file"
    )


def test_results_of_a_cropped_image_have_the_size_of_the_file() -> None:
    crop = wrapped("cropped", FILE, region={"x": 0, "y": 0, "width": 20, "height": 10})
    transform = read_server(crop)
    shown = replace(found(shapely.box(1, 2, 3, 5)), image=ImageInfo(width=20, height=10))

    back = transform.detections_to_file(shown)

    assert (back.image.width, back.image.height) == (40, 30)
    assert transform.note("a.tif") == (
        "QuPath shows the file cropped to 20 x 10 px at (0, 0); the results lie as in the "
        "file itself, 40 x 30 px"
    )
    assert read_server(FILE).note("a.tif") is None
