"""The scripts read how an image is made of its file as Python does."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings

from bridge.apps.qupath.server_builder import read_server
from tests.apps.qupath.server_builders import Example, affine, examples, uri_builder, wrapped
from tests.groovy.conftest import Groovy
from tests.groovy.test_logic import quoted

pytestmark = [pytest.mark.imagej, pytest.mark.network]

FILE = uri_builder(40, 30)

READ = """
    def flat = new double[6]
    def read = script.builderTransform(com.google.gson.JsonParser.parseString(%s), 0)
    read.map?.getMatrix(flat)
    [read.map == null ? null : flat as List, read.file, read.shown, read.problem]
"""


def read(groovy: Groovy, builder: Any) -> tuple[Any, Any, Any, Any]:
    """Matrix in Java's order, sizes of file and image, and the problem."""
    matrix, file, shown, problem = groovy.ask(
        "import_detections", READ % quoted(json.dumps(builder))
    )
    return matrix, file, shown, problem


@settings(max_examples=25)
@given(example=examples())
def test_the_scripts_agree_with_python(groovy: Groovy, example: Example) -> None:
    expected = read_server(example.builder)

    matrix, file, shown, problem = read(groovy, example.builder)

    to = expected.to_shown
    assert matrix == [to.xx, to.yx, to.xy, to.yy, to.dx, to.dy]
    assert (tuple(file), tuple(shown)) == (expected.file_size, expected.shown_size)
    assert problem is None


@pytest.mark.parametrize(
    "builder",
    [
        wrapped("color_deconvolved", wrapped("rotated", FILE, rotation="ROTATE_180")),
        wrapped("affine", FILE, transform=affine(0.5, 0.25, 3, -0.1, 2, -4)),
        {"builderType": "channels", "channels": [FILE, FILE]},
    ],
)
def test_what_python_maps_the_scripts_map(groovy: Groovy, builder: Any) -> None:
    to = read_server(builder).to_shown

    assert read(groovy, builder)[0] == [to.xx, to.yx, to.xy, to.yy, to.dx, to.dy]


@pytest.mark.parametrize(
    "builder",
    [
        {"builderType": "sparse", "regions": []},
        wrapped("sliced", FILE),
        wrapped("rotated", FILE, rotation="ROTATE_45"),
        wrapped("rotated", uri_builder(), rotation="ROTATE_90"),
        wrapped("flipped", FILE, flip="DIAGONAL"),
        wrapped("cropped", FILE),
        wrapped("affine", FILE, transform=affine(1, 2, 0, 2, 4, 0)),
        wrapped("affine", FILE, transform={}),
        uri_builder(4, 3, args=["--rotate", "ROTATE_90"]),
        {
            "builderType": "channels",
            "channels": [FILE, wrapped("rotated", FILE, rotation="ROTATE_180")],
        },
        None,
    ],
)
def test_what_python_refuses_the_scripts_refuse(groovy: Groovy, builder: Any) -> None:
    assert read_server(builder).problem

    assert read(groovy, builder)[3]


TURN = "new java.awt.geom.AffineTransform(0, 1, -1, 0, 30, 0)"


def test_ellipses_stay_ellipses_where_they_can(groovy: Groovy) -> None:
    ring = [[0, 0], [4, 0], [4, 2], [0, 0]]
    drawn = {"geometry": {"type": "Polygon", "coordinates": [ring], "isEllipse": True}}
    call = """
        def feature = com.google.gson.JsonParser.parseString(%s).getAsJsonObject()
        script.mapFeature(feature, %s)
        feature.get('geometry')
    """

    turned = groovy.ask("import_detections", call % (quoted(json.dumps(drawn)), TURN))
    sheared = "new java.awt.geom.AffineTransform(1, 0, 0.5, 1, 0, 0)"
    skewed = groovy.ask("import_detections", call % (quoted(json.dumps(drawn)), sheared))

    assert turned["coordinates"] == [[[30, 0], [30, 4], [28, 4], [30, 0]]]
    assert turned["isEllipse"]
    assert "isEllipse" not in skewed


PLAN = """
    def view = [map: %s, moves: %s, problem: %s, file: [40, 30], shown: [30, 40]]
    def plan = script.planImport(%s, view, %s)
    [plan.map.isIdentity(), plan.size, plan.isFile]
"""


@pytest.mark.parametrize(
    ("image", "view", "plan"),
    [
        ({"width": 40, "height": 30}, (TURN, "true", "null"), [False, [40, 30], True]),
        # made of what QuPath shows
        (
            {"width": 30, "height": 40, "coordinates": "shown"},
            (TURN, "true", "null"),
            [True, [30, 40], False],
        ),
        # QuPath's own file
        (None, (TURN, "true", "null"), [True, [30, 40], False]),
        (None, ("null", "false", "'is a mosaic'"), [True, [30, 40], False]),
    ],
)
def test_the_coordinates_of_a_file_are_known(
    groovy: Groovy, tmp_path: Any, image: Any, view: tuple[str, ...], plan: Any
) -> None:
    head = {} if image is None else {"starbridge": {"image": image}}
    (tmp_path / "a.geojson").write_text(json.dumps({**head, "features": []}))

    call = PLAN % (*view, quoted(tmp_path / "a.geojson"), "false")

    assert groovy.ask("import_detections", call) == plan


def test_objects_of_a_file_have_no_place_in_an_image_of_several(
    groovy: Groovy, tmp_path: Any
) -> None:
    head = {"starbridge": {"image": {"width": 40, "height": 30}}, "features": []}
    (tmp_path / "a.geojson").write_text(json.dumps(head))
    view = ("null", "false", "'is a mosaic'", quoted(tmp_path / "a.geojson"))

    refused = groovy.refusal("import_detections", PLAN % (*view, "false"))

    assert refused.startswith("The image is a mosaic, so that objects of a file have no place")
    assert groovy.ask("import_detections", PLAN % (*view, "true")) == [True, [30, 40], False]
