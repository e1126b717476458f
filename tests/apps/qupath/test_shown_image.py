"""Pixels of an image as QuPath shows them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import shapely
import tifffile
from numpy.typing import NDArray

from bridge import Detections, ImageInfo, PixelSize
from bridge.apps.qupath.crops import write_crops
from bridge.apps.qupath.image_transform import Affine
from bridge.apps.qupath.project_files import ProjectImage, read_project
from bridge.apps.qupath.server_builder import read_server
from bridge.apps.qupath.shown_image import open_shown, sample_plane
from bridge.errors import BadInputError
from bridge.images import open_image
from tests.apps.qupath.reviews import review_of
from tests.apps.qupath.server_builders import affine, uri_builder, wrapped
from tests.apps.qupath.test_project_files import entry, write_project

WIDTH, HEIGHT = 60, 40


@pytest.fixture
def pixels() -> NDArray[Any]:
    return np.random.default_rng(0).integers(0, 4000, (3, HEIGHT, WIDTH), np.uint16)


@pytest.fixture
def file(tmp_path: Path, pixels: NDArray[Any]) -> Path:
    path = tmp_path / "a.tif"
    labels = {"axes": "CYX", "unit": "um", "Labels": ["DAPI", "488", "555"]}
    tifffile.imwrite(path, pixels, imagej=True, resolution=(2, 4), metadata=labels)
    return path


def image_of(builder: Any, folder: Path) -> ProjectImage:
    record = entry(1, "shown", "")
    record["serverBuilder"] = builder
    return read_project(write_project(folder / "project", record)).images[0]


def test_channels_that_are_shown_are_read_turned(
    tmp_path: Path, file: Path, pixels: NDArray[Any]
) -> None:
    plain = uri_builder(WIDTH, HEIGHT, uri=file.as_uri())
    chosen = wrapped("color", plain, transforms=[{"channelName": "555"}, {"channel": 0}])
    turned = wrapped("rotated", chosen, rotation="ROTATE_90")

    with open_shown(image_of(turned, tmp_path)) as image:
        assert (image.width, image.height) == (HEIGHT, WIDTH)
        assert image.channels == ("555", "DAPI")
        assert image.pixel_size == PixelSize(y=0.5, x=0.25)
        assert np.array_equal(image.plane(0), np.rot90(pixels[2], -1))


def test_each_pixel_is_the_one_in_which_its_centre_lies() -> None:
    plane = np.array([[1, 2], [3, 4]])

    third = sample_plane(plane, Affine(xx=1.5, yy=1.5), (3, 3))
    outside = sample_plane(plane, Affine(dx=1), (3, 2))

    assert third.tolist() == [[1, 2, 2], [3, 4, 4], [3, 4, 4]]
    assert outside.tolist() == [[0, 1, 2], [0, 3, 4]]


def test_one_image_of_a_file_of_several_is_read(tmp_path: Path) -> None:
    path = tmp_path / "a.ome.tif"
    first, second = np.zeros((30, 40), np.uint8), np.full((20, 50), 7, np.uint8)
    with tifffile.TiffWriter(path, ome=True) as tiff:
        tiff.write(first, metadata={"axes": "YX", "Name": "left"})
        tiff.write(second, metadata={"axes": "YX", "Name": "right"})
    builder = uri_builder(50, 20, uri=path.as_uri(), args=["--series", "1"])

    with open_shown(image_of(builder, tmp_path)) as image:
        assert (image.plane(0) == 7).all()
        assert (image.width, image.height) == (50, 20)


@pytest.mark.parametrize(
    ("builder", "message"),
    [
        (
            wrapped("normalized", uri_builder(WIDTH, HEIGHT)),
            r"shown: has pixels that QuPath computes \(its intensities normalized\); export its",
        ),
        (
            wrapped("z_projected", uri_builder(WIDTH, HEIGHT)),
            "shown: is a projection of its file's slices",
        ),
        (
            uri_builder(WIDTH, HEIGHT + 1),
            r"a\.tif: is 60 x 40 px, and the project's image is made of 60 x 41 px",
        ),
        (uri_builder(WIDTH, HEIGHT, args=["--series", "3"]), "has no image '3'"),
    ],
)
def test_what_the_file_does_not_have_is_said(
    tmp_path: Path, file: Path, builder: dict[str, Any], message: str
) -> None:
    inner = builder.get("builder", builder)
    inner["uri"] = file.as_uri()

    with pytest.raises(BadInputError, match=message), open_shown(image_of(builder, tmp_path)):
        pass


@pytest.mark.parametrize(
    ("kind", "more"),
    [
        ("rotated", {"rotation": "ROTATE_90"}),
        ("rotated", {"rotation": "ROTATE_270"}),
        ("flipped", {"flip": "HORIZONTAL"}),
        ("cropped", {"region": {"x": 4, "y": 2, "width": 50, "height": 30}}),
        ("affine", {"transform": affine(2, 0, 0, 0, 2, 0)}),
    ],
)
def test_crops_and_their_outlines_are_turned_as_the_image_is(
    tmp_path: Path, file: Path, pixels: NDArray[Any], kind: str, more: dict[str, Any]
) -> None:
    builder = wrapped(kind, uri_builder(WIDTH, HEIGHT, uri=file.as_uri()), **more)
    transform = read_server(builder)
    assert transform.shown_size is not None
    width, height = transform.shown_size
    drawn = Detections.from_polygons(
        [shapely.box(5, 8, 15, 20)],
        columns={"object_type": ["annotation"]},
        image=ImageInfo(width=width, height=height),
    )
    # what is pulled lies as in the file
    review = review_of(transform.detections_to_file(drawn), file, transform=transform)

    files = write_crops(review, "a", tmp_path / "out").files

    with open_image(tmp_path / "out" / files["crop 1"]) as crop, open_shown(review.image) as shown:
        assert crop.pixel_size == shown.pixel_size
        for channel in range(3):
            assert np.array_equal(crop.plane(channel), shown.plane(channel)[8:20, 5:15])
    outline = Detections.read(tmp_path / "out" / files["annotations geojson"])
    assert outline.objects.geometry.iloc[0].bounds == (5, 8, 15, 20)


def test_crops_of_another_size_are_refused(tmp_path: Path, file: Path) -> None:
    drawn = Detections.from_polygons(
        [shapely.box(5, 8, 15, 20)], columns={"object_type": ["annotation"]}
    )
    transform = replace(read_server(uri_builder(WIDTH, HEIGHT)), file_size=(9, 9))

    with pytest.raises(BadInputError, match="is 60 x 40 px, and the project's image is made of 9"):
        write_crops(review_of(drawn, file, transform=transform), "a", tmp_path / "out")
    assert not (tmp_path / "out").exists()
