"""What a project says of how an image is made of its file."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.apps.qupath.image_transform import Affine
from bridge.apps.qupath.server_builder import DEEPEST, read_server
from bridge.apps.qupath.shown_image import sample_plane
from tests.apps.qupath.server_builders import (
    Example,
    affine,
    examples,
    metadata,
    uri_builder,
    wrapped,
)

FILE = uri_builder(40, 30)


@given(examples())
def test_every_pixel_of_the_file_is_shown_where_the_map_says(example: Example) -> None:
    transform = read_server(example.builder)

    assert transform.problem is None
    assert transform.shown_size == example.shown.shape[::-1]
    assert transform.file_size == example.file.shape[::-1]
    shown = {int(example.shown[y, x]): (x, y) for y, x in np.ndindex(example.shown.shape)}
    for value, (x, y) in shown.items():
        row, column = np.argwhere(example.file == value)[0]
        there_x, there_y = transform.to_shown.inverse().apply(x + 0.5, y + 0.5)
        assert (int(there_x), int(there_y)) == (column, row)


@given(examples())
def test_a_plane_is_turned_and_cut_as_it_is_shown(example: Example) -> None:
    transform = read_server(example.builder)

    assert transform.shown_size is not None
    seen = sample_plane(example.file, transform.to_shown, transform.shown_size)

    assert np.array_equal(seen, example.shown)


@pytest.mark.parametrize(
    ("rotation", "corner", "size"),
    [
        ("ROTATE_NONE", (0, 0), (40, 30)),
        ("ROTATE_90", (30, 0), (30, 40)),
        ("ROTATE_180", (40, 30), (40, 30)),
        ("ROTATE_270", (0, 40), (30, 40)),
    ],
)
def test_rotations_are_clockwise(
    rotation: str, corner: tuple[float, float], size: tuple[int, int]
) -> None:
    transform = read_server(wrapped("rotated", FILE, rotation=rotation))

    assert transform.to_shown.apply(0, 0) == corner
    assert transform.shown_size == size
    assert transform.file_size == (40, 30)


def test_a_size_that_only_the_outer_builder_has_is_used() -> None:
    turned = wrapped("rotated", uri_builder(), rotation="ROTATE_90", metadata=metadata(30, 40))

    transform = read_server(turned)

    assert transform.file_size == (40, 30)
    assert transform.to_shown == Affine.rotation(90, 40, 30)


def test_any_affine_matrix_with_an_inverse_is_read() -> None:
    matrix = affine(0.5, 0.25, 3, -0.1, 2, -4)

    transform = read_server(wrapped("affine", FILE, transform=matrix, metadata=metadata(31, 60)))

    assert transform.to_shown.apply(2, 4) == pytest.approx((5, 3.8))
    assert transform.shown_size == (31, 60)
    assert transform.steps == ("transformed by an affine matrix",)


@pytest.mark.parametrize(
    ("args", "series"),
    [
        ([], None),
        (["--series", "2"], "2"),
        (["--series=3"], "3"),
        (["-s", "4"], "4"),
        (["--name", "left eye"], "left eye"),
        (["--dims", "XYCZT", "--series", "1"], "1"),
    ],
)
def test_the_series_is_read(args: list[str], series: str | None) -> None:
    assert read_server(uri_builder(4, 3, args=args)).series == series


def test_an_image_that_qupath_rotates_on_opening_is_rotated() -> None:
    builder = uri_builder(30, 40, args=["--rotate", "ROTATE_90"])
    del builder["providerClassName"]

    transform = read_server(builder)

    assert transform.to_shown == Affine.rotation(90, 40, 30)
    assert (transform.file_size, transform.shown_size) == ((40, 30), (30, 40))


def test_channels_are_selected_by_number_and_name() -> None:
    file = uri_builder(4, 3, channels=["DAPI", "488", "555"])
    two = wrapped("color", file, transforms=[{"channelName": "555"}, {"channel": 0}])
    cut = wrapped("cropped", two, region={"x": 1, "y": 0, "width": 2, "height": 2})
    one = wrapped("color", cut, transforms=[{"channel": 0}])

    assert read_server(two).channels == (2, 0)
    assert read_server(two).pixel_problem is None
    assert read_server(one).channels == (2,)
    assert read_server(one).to_shown == Affine(dx=-1)


def test_colours_are_swapped() -> None:
    assert read_server(wrapped("swapRedBlue", FILE, order="BGR")).channels == (2, 1, 0)


def test_channels_of_one_file_are_put_together() -> None:
    file = uri_builder(4, 3, channels=["DAPI", "488"])
    last = wrapped("color", file, transforms=[{"channel": 1}])

    transform = read_server({"builderType": "channels", "builder": file, "channels": [last, file]})

    assert transform.problem is None
    assert transform.channels == (1, 0, 1)


@pytest.mark.parametrize(
    ("kind", "more"),
    [
        ("color_deconvolved", {"channels": [1, 2]}),
        ("normalized", {}),
        ("typeConvert", {"pixelType": "FLOAT32"}),
        ("color", {"transforms": [{"combineType": "MEAN"}]}),
        ("color", {"transforms": []}),
    ],
)
def test_computed_pixels_stay_where_they_are_and_are_not_taken_from_the_file(
    kind: str, more: dict[str, Any]
) -> None:
    turned = wrapped("rotated", FILE, rotation="ROTATE_180")

    transform = read_server(wrapped(kind, turned, **more))

    assert transform.problem is None
    assert transform.to_shown == Affine.rotation(180, 40, 30)
    assert "pixels that QuPath computes" in str(transform.pixel_problem)


OTHER = uri_builder(40, 30, uri="file:/data/b.tif")


@pytest.mark.parametrize(
    ("server", "problem"),
    [
        ({"builderType": "sparse", "regions": [FILE]}, "is put together from regions"),
        ({"builderType": "z_concatenated", "builders": [FILE]}, "from slices of several images"),
        (wrapped("z_projected", FILE, projection="MAX"), "is a projection"),
        (wrapped("sliced", FILE, zStart=1), "shows some of its file's slices"),
        ({"builderType": "channels", "channels": [FILE, OTHER]}, "channels of several images"),
        (
            {
                "builderType": "channels",
                "channels": [FILE, wrapped("rotated", FILE, rotation="ROTATE_180")],
            },
            "channels of several images",
        ),
        ({"builderType": "channels", "channels": []}, "channels that are not named"),
        (wrapped("warped", FILE), "by 'warped', which is not known"),
        ({"builderType": ["uri"]}, "which is not known"),
        (wrapped("rotated", FILE, rotation="ROTATE_45"), "ROTATE_45"),
        (wrapped("rotated", uri_builder(), rotation="ROTATE_90"), "its size before it"),
        (wrapped("flipped", FILE, flip="DIAGONAL"), "DIAGONAL"),
        (wrapped("cropped", FILE), "to which region"),
        (wrapped("cropped", FILE, region={"x": 0, "y": 0, "width": -1, "height": 3}), "region"),
        (wrapped("cropped", FILE, region={"x": 0.5, "y": 0, "width": 1, "height": 3}), "region"),
        (wrapped("affine", FILE, transform=affine(1, 2, 0, 2, 4, 0)), "has no inverse"),
        (wrapped("affine", FILE, transform=affine(float("nan"), 0, 0, 0, 1, 0)), "no inverse"),
        (wrapped("affine", FILE, transform={"m00": 1}), "has no inverse"),
        (wrapped("affine", FILE, transform=affine(True, 0, 0, 0, 1, 0)), "no inverse"),
        (wrapped("pyramidize", FILE, metadata=metadata(20, 15)), "20 x 15 px by one part"),
        (uri_builder(4, 3, args=["--rotate", "ROTATE_90"]), "in a way that is not known"),
        (None, "does not say how"),
        (wrapped("rotated", None, rotation="ROTATE_90"), "does not say how"),  # type: ignore[arg-type]
    ],
)
def test_what_is_no_part_of_one_file_is_said(server: Any, problem: str) -> None:
    transform = read_server(server)

    assert problem in str(transform.problem)
    assert not transform.is_identity


def test_builders_inside_each_other_without_end_are_refused() -> None:
    server = FILE
    for _ in range(DEEPEST + 1):
        server = wrapped("rotated", server, rotation="ROTATE_90")

    assert "does not say how" in str(read_server(server).problem)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["builderType", "builder", "uri", "args", "metadata", "width", "height", "region",
                 "rotation", "transform", "transforms", "channels", "m00", "x"]
            ),
            inner | st.sampled_from(["uri", "rotated", "cropped", "affine", "color", "channels"]),
            max_size=5,
        )
    ),
    max_leaves=20,
)  # fmt: skip


@given(JSON)
def test_no_description_stops_the_reading_of_a_project(server: Any) -> None:
    transform = read_server(server)

    assert transform.problem is not None or transform.to_shown.is_invertible
    json.dumps(transform.steps)
