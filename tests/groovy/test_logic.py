"""The functions in the scripts that take plain values, run by Groovy without QuPath."""

from __future__ import annotations

import gzip
import json
import os
import stat
import sys
from pathlib import Path
from typing import Any

import pytest

from bridge.apps.qupath.project_files import ProjectImage
from bridge.apps.qupath.results import result_names
from bridge.formats.naming.crops import ROI_KINDS, class_text, crop_name
from tests.groovy.conftest import NAMES, Groovy
from tests.waiting import PATIENCE

pytestmark = [pytest.mark.imagej, pytest.mark.network]

SETTINGS = "[text: '', flag: true, count: 1024, size: 0.5]"


def quoted(value: Any) -> str:
    """A string, list or dict as Groovy writes it."""
    if isinstance(value, str):
        escaped = value.replace("\\", "\\\\").replace("'", "\\'").replace("\n", "\\n")
        return f"'{escaped}'"
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join(map(quoted, value)) + "]"
    if isinstance(value, dict):
        return (
            "[" + (", ".join(f"({quoted(k)}): {quoted(v)}" for k, v in value.items()) or ":") + "]"
        )
    if isinstance(value, Path):
        return f"new File({quoted(str(value))})"
    return {None: "null", True: "true", False: "false"}.get(value, repr(value))


@pytest.mark.parametrize("name", NAMES)
def test_arguments_replace_settings(groovy: Groovy, name: str) -> None:
    given = ["text=it's a=b, [c]", "flag=no", "count=256", "size=2"]

    settings = groovy.ask(name, f"script.applyArguments({SETTINGS}, {quoted(given)})")

    assert settings == {"text": "it's a=b, [c]", "flag": False, "count": 256, "size": 2.0}


@pytest.mark.parametrize(
    ("argument", "message"),
    [
        (
            "text",
            "'text' is no setting: write NAME=VALUE, NAME being one of text, flag, count, size.",
        ),
        ("=1", "'=1' is no setting"),
        ("txet=1", "'txet=1' is no setting"),
        ("flag=maybe", "flag is 'maybe'; give true or false."),
        ("count=many", "count is 'many'; give a number."),
    ],
)
def test_a_wrong_argument_is_reported(groovy: Groovy, argument: str, message: str) -> None:
    call = f"script.applyArguments({SETTINGS}, {quoted([argument])})"

    assert groovy.refusal("export_review", call).startswith(message)


def test_without_a_command_line_there_are_no_arguments(groovy: Groovy) -> None:
    assert groovy.ask("export_review", "script.commandLineArguments(new Binding())") == []
    none = "script.commandLineArguments(new Binding([args: null]))"
    assert groovy.ask("export_review", none) == []
    some = "script.commandLineArguments(new Binding([args: ['a=1'] as String[]]))"
    assert groovy.ask("export_review", some) == ["a=1"]


@pytest.mark.parametrize(
    ("name", "safe"),
    [
        ("OG1_s1", "OG1_s1"),
        ("../../etc/passwd", "_.._etc_passwd"),
        ('a\\b:c*d?"e"<f>|g', "a_b_c_d__e__f__g"),
        ("Tumor: Positive", "Tumor_ Positive"),
        ("line\nbreak", "line_break"),
        (" .hidden. ", "hidden"),
        ("NUL", "_NUL"),
        ("...", "unnamed"),
        ("", "unnamed"),
        ("Größe µm 100%", "Größe µm 100%"),
        ("x" * 300, "x" * 120),
    ],
)
def test_names_become_safe(groovy: Groovy, name: str, safe: str) -> None:
    assert groovy.ask("export_annotations", f"script.safeName({quoted(name)})") == safe


def test_images_have_the_names_that_pull_gives_them(groovy: Groovy) -> None:
    names = [
        "a.tif", "A.ome.TIF", "b", "a.zarr", "s.ome.tif - Image0", "../c:d?.h5", " day 1.5 ", "...",
        ".tif", "x.ome.h5", "[two] $x 100%.btf", "a (13)", "a.btf", "a [13]",
    ]  # fmt: skip
    images = [
        ProjectImage(id=str(n), name=name, uris=(), data=Path(), description="", metadata={})
        for n, name in enumerate(names, 1)
    ]
    call = f"script.resultNames({quoted(names)}, {quoted([image.id for image in images])})"

    for script in ("export_review", "export_annotations"):
        assert groovy.ask(script, call) == result_names(images)


@pytest.mark.parametrize(
    ("name", "base"),
    [
        ("s1.tif", "s1"),
        ("My image.OME.TIF", "My image"),
        ("s1.ome.tif - Image0", "s1"),
        ("s1.zarr", "s1"),
        ("day 1.5", "day 1.5"),
        ("a - b", "a - b"),
        ("s1.czi", "s1.czi"),
        (".tif", ".tif"),
    ],
)
def test_an_image_is_called_as_starbridge_calls_it(groovy: Groovy, name: str, base: str) -> None:
    assert groovy.ask("export_review", f"script.baseName({quoted(name)})") == base


def test_a_file_outside_the_export_folder_is_refused(groovy: Groovy, tmp_path: Path) -> None:
    inside = groovy.ask(
        "export_annotations", f"script.fileInside({quoted(tmp_path)}, 'ROIs/a.zip').path"
    )
    assert inside == str(tmp_path / "ROIs" / "a.zip")
    call = f"script.fileInside({quoted(tmp_path)}, '../a.zip')"
    assert "would lie outside" in groovy.refusal("export_annotations", call)


def test_a_file_appears_when_it_is_complete(groovy: Groovy, tmp_path: Path) -> None:
    file = tmp_path / "out" / "a.txt"
    groovy.ask("export_review", f"script.writeAtomically({quoted(file)}) {{ it.text = 'good' }}")
    failing = "{ it.text = 'half'; throw new IOException('disk full') }"
    message = groovy.refusal("export_review", f"script.writeAtomically({quoted(file)}) {failing}")

    assert message == "disk full"
    assert [p.name for p in file.parent.iterdir()] == ["a.txt"]
    assert file.read_text() == "good"


def test_cells_of_tables_are_quoted(groovy: Groovy) -> None:
    cells = ["plain", 'a "b"', "c,d", "e\nf", None]

    row = groovy.ask("export_review", f"script.tableRow({quoted(cells)}, ',')")

    assert row == 'plain,"a ""b""","c,d","e\nf",\n'
    assert (
        groovy.ask("export_review", "script.tableRow(['c,d', 'e\\tf'], '\\t')") == 'c,d\t"e\tf"\n'
    )


def test_numbers_of_tables_keep_their_digits(groovy: Groovy) -> None:
    numbers = "[Double.NaN, 3.0d, 0.1d, 1e20d, -2.5d]"

    assert groovy.ask("export_review", f"{numbers}.collect {{ script.formatNumber(it) }}") == [
        "", "3", "0.1", "1.0E20", "-2.5",
    ]  # fmt: skip


# ---- run_stardist -------------------------------------------------------------------------------

EMPTY = "[percentiles: '', probability: '', channel: '', pixelSize: '']"


def exported(folder: Path, **recipe: Any) -> Path:
    """A .pb with its record, as `starbridge export` writes it."""
    record = {
        "model": {"channels": 1, "classes": 0},
        "recipe": {
            "percentiles": [1.0, 99.8],
            "prob": 0.48,
            "nms": 0.3,
            "channel": 0,
            "pixel_size": None,
            **recipe,
        },
    }
    (folder / "demo.pb").touch()
    (folder / "demo.export.json").write_text(json.dumps(record))
    return folder / "demo.pb"


def test_the_recipe_is_read_beside_the_model(groovy: Groovy, tmp_path: Path) -> None:
    model = exported(tmp_path, pixel_size=0.33, channel="DAPI")

    recipe = groovy.ask("run_stardist", f"script.readRecipe({quoted(model)})")

    assert recipe == {
        "percentiles": [1.0, 99.8],
        "probability": 0.48,
        "channels": ["DAPI"],
        "pixelSize": 0.33,
        "perChannel": True,
        "classNames": None,
    }


def test_settings_come_before_the_recipe(groovy: Groovy, tmp_path: Path) -> None:
    model = exported(tmp_path)
    settings = "[percentiles: '0.2, 99.9', probability: '0.6', channel: '2, GFP', pixelSize: 0.5]"

    call = f"script.overrideRecipe(script.readRecipe({quoted(model)}), {settings})"

    assert groovy.ask("run_stardist", call) == {
        "percentiles": [0.2, 99.9],
        "probability": 0.6,
        "channels": [2, "GFP"],
        "pixelSize": 0.5,
        "perChannel": True,
        "classNames": None,
    }
    same = f"script.overrideRecipe(script.readRecipe({quoted(model)}), {EMPTY})"
    assert groovy.ask("run_stardist", same)["probability"] == 0.48


def test_without_a_record_the_settings_are_asked_for(groovy: Groovy, tmp_path: Path) -> None:
    call = f"script.overrideRecipe(script.readRecipe({quoted(tmp_path / 'x.pb')}), {EMPTY})"

    message = groovy.refusal("run_stardist", call)

    assert message.startswith("What percentiles and probability should the model have?")


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ("percentiles: '99 1'", "percentiles is '99 1'; give two numbers"),
        ("percentiles: '1'", "percentiles is '1'; give two numbers"),
        ("probability: '48'", "probability is '48'; give a number from 0.0 to 1.0"),
        ("probability: 'high'", "probability is 'high'; give a number"),
    ],
)
def test_a_wrong_setting_is_reported(
    groovy: Groovy, tmp_path: Path, setting: str, message: str
) -> None:
    settings = f"{EMPTY} + [{setting}]"
    call = f"script.overrideRecipe(script.readRecipe({quoted(exported(tmp_path))}), {settings})"

    assert groovy.refusal("run_stardist", call).startswith(message)


@pytest.mark.parametrize("text", ["{", "[]", "{}", '{"recipe": 3}'])
def test_a_damaged_record_is_reported(groovy: Groovy, tmp_path: Path, text: str) -> None:
    model = exported(tmp_path)
    (tmp_path / "demo.export.json").write_text(text)

    message = groovy.refusal("run_stardist", f"script.readRecipe({quoted(model)})")

    assert "demo.export.json is damaged (" in message
    assert message.endswith("export the model again.")


def test_a_model_of_several_channels_and_classes(groovy: Groovy, tmp_path: Path) -> None:
    model = exported(tmp_path)
    record = json.loads((tmp_path / "demo.export.json").read_text())
    record["model"] = {"channels": 3, "classes": 2}
    record["recipe"] |= {"normalize": "joint", "classes": ["Neuron"]}
    (tmp_path / "demo.export.json").write_text(json.dumps(record))

    recipe = groovy.ask("run_stardist", f"script.readRecipe({quoted(model)})")

    assert recipe["channels"] == [0, 1, 2]
    assert recipe["perChannel"] is False
    assert recipe["classNames"] == {"1": "Neuron", "2": "class 2"}


def test_channels_are_found_by_name(groovy: Groovy) -> None:
    names = quoted(["DAPI", "GFP"])

    assert groovy.ask("run_stardist", f"script.channelNumbers(['dapi', 1], {names})") == [0, 1]
    message = groovy.refusal("run_stardist", f"script.channelNumbers(['Cy5'], {names})")
    assert message == "The image has no channel Cy5; choose by number or name: 0 = DAPI, 1 = GFP."
    unnamed = quoted(["Channel 1", "Channel 2"])
    by_place = f"script.channelNumbers(['C2', 'channel 1'], {unnamed})"
    assert groovy.ask("run_stardist", by_place) == [1, 0]
    from_0 = f"script.channelNumbers(['C0'], {unnamed})"
    assert "no channel C0;" in groovy.refusal("run_stardist", from_0)
    assert "no channel 2;" in groovy.refusal("run_stardist", f"script.channelNumbers([2], {names})")


def test_the_model_is_found(groovy: Groovy, tmp_path: Path) -> None:
    def call(named: str) -> str:
        return f"script.findModel({quoted(named)}, {quoted(tmp_path)}).name"

    assert groovy.refusal("run_stardist", call("")).startswith("Which model? Set model to the .pb")
    assert "x.pb does not exist" in groovy.refusal("run_stardist", call("x.pb"))
    exported(tmp_path)
    assert groovy.ask("run_stardist", call("")) == "demo.pb"
    assert groovy.ask("run_stardist", call("demo.pb")) == "demo.pb"
    (tmp_path / "other.pb").touch()
    assert "(demo.pb, other.pb)" in groovy.refusal("run_stardist", call(""))


def test_a_missing_extension_is_reported(groovy: Groovy) -> None:
    message = groovy.refusal("run_stardist", "script.findStarDist(script.class.classLoader)")

    assert message.startswith(
        "QuPath has no StarDist extension: install the one of the same version"
    )


# ---- reading GeoJSON ----------------------------------------------------------------------------

SQUARE = [[[0, 0], [2, 0], [2, 2], [0, 0]]]


def feature(**properties: Any) -> dict[str, Any]:
    return {
        "type": "Feature",
        "id": "0a86f4a2-3a56-4a2c-a55e-2f6a7e1c0c31",
        "geometry": {"type": "Polygon", "coordinates": SQUARE},
        "properties": properties,
    }


READ = """
    def found = []
    def head = script.openText(%s).withCloseable { r -> script.readFeatures(r) { found << it } }
    [found.size(), script.imageInfo(head)]
"""


@pytest.mark.parametrize("script", ["import_detections", "run_starbridge"])
@pytest.mark.parametrize(
    ("document", "count"),
    [
        ({"type": "FeatureCollection", "features": [feature(), feature()]}, 2),
        ([feature(), feature(), feature()], 3),
        (feature(), 1),
        ({"type": "Polygon", "coordinates": SQUARE}, 1),
        ({"type": "FeatureCollection", "features": []}, 0),
        ({}, 0),
        (feature(childObjects=[feature(childObjects=[feature(), feature()]), feature()]), 5),
        (feature(objectType="root", childObjects=[feature(), feature()]), 2),
    ],
)
@pytest.mark.parametrize("zipped", [False, True])
def test_every_kind_of_geojson_is_read(
    groovy: Groovy, tmp_path: Path, script: str, document: Any, count: int, zipped: bool
) -> None:
    text = json.dumps(document).encode()
    # what is in the file decides, not its name
    (tmp_path / "a.geojson").write_bytes(gzip.compress(text) if zipped else text)

    assert groovy.ask(script, READ % quoted(tmp_path / "a.geojson")) == [count, {}]


def test_objects_below_others_come_after_them_and_hold_none(groovy: Groovy, tmp_path: Path) -> None:
    cells = [feature(name="b", objectType="cell"), feature(name="c", objectType="cell")]
    document = {
        "type": "Feature",
        "geometry": {},
        "properties": {
            "objectType": "root",
            "childObjects": [feature(name="a", childObjects=cells), feature(name="d")],
        },
    }
    (tmp_path / "a.geojson").write_text(json.dumps(document))

    read = groovy.ask(
        "import_detections",
        "def found = []\n"
        f"script.openText({quoted(tmp_path / 'a.geojson')})"
        ".withCloseable { r -> script.readFeatures(r) { found << it.get('properties') } }\n"
        "found.collect { [it.get('name').getAsString(), it.has('childObjects')] }",
    )

    assert read == [["a", False], ["b", False], ["c", False], ["d", False]]


def test_a_child_that_is_no_feature_is_refused(groovy: Groovy, tmp_path: Path) -> None:
    (tmp_path / "a.geojson").write_text(json.dumps(feature(childObjects=[7])))

    groovy.refusal("import_detections", READ % quoted(tmp_path / "a.geojson"))


def test_what_starbridge_says_of_the_image_is_read(
    groovy: Groovy, square: Any, tmp_path: Path
) -> None:
    square.write(tmp_path / "a.geojson.gz")

    read = groovy.ask("import_detections", READ % quoted(tmp_path / "a.geojson.gz"))

    assert read == [1, {"name": "square", "width": 12, "height": 10}]


@pytest.mark.parametrize("text", ["", "{", "nonsense", '{"features": 3}', '{"features": [1]}'])
def test_what_is_no_geojson_is_refused(groovy: Groovy, tmp_path: Path, text: str) -> None:
    (tmp_path / "a.geojson").write_text(text)

    groovy.refusal("import_detections", READ % quoted(tmp_path / "a.geojson"))


MAP = "new java.awt.geom.AffineTransform(%s)"
STAY = MAP % ""


def prepared(groovy: Groovy, given: dict[str, Any], arguments: str) -> Any:
    parsed = (
        f"com.google.gson.JsonParser.parseString({quoted(json.dumps(given))}).getAsJsonObject()"
    )
    return groovy.ask("run_starbridge", f"script.prepareFeature({parsed}, {arguments})")


@pytest.mark.parametrize(
    ("given", "written"),
    [
        ({"a": None, "b": 1.5, "c": "NaN"}, {"a": "NaN", "b": 1.5, "c": "NaN"}),
        (
            [{"name": "a", "value": None}, {"name": "b", "value": 1.5}],
            [{"name": "a", "value": "NaN"}, {"name": "b", "value": 1.5}],
        ),
        ({}, {}),
    ],
)
def test_measurements_that_are_null_become_nan(groovy: Groovy, given: Any, written: Any) -> None:
    unmoved = f"'', {MAP % '1, 0, 0, 1, 0, 0'}, null"
    prepared_feature = prepared(groovy, feature(measurements=given), unmoved)

    assert prepared_feature["properties"]["measurements"] == written


def test_features_are_moved_to_their_place(groovy: Groovy) -> None:
    given = {
        **feature(objectType="cell"),
        "nucleusGeometry": {"type": "Polygon", "coordinates": SQUARE},
    }

    moved = prepared(groovy, given, f"'', {MAP % '1, 0, 0, 1, 100.5, 200'}, [3, 4]")

    expected = [[[x + 100.5, y + 200.0] for x, y in ring] for ring in SQUARE]
    for name in ("geometry", "nucleusGeometry"):
        assert moved[name]["coordinates"] == expected
        assert moved[name]["plane"] == {"c": -1, "z": 3, "t": 4}
    assert moved["id"] == given["id"]


def test_features_of_several_parts_are_moved(groovy: Groovy) -> None:
    given = feature()
    given["geometry"] = {"type": "MultiPolygon", "coordinates": [SQUARE, SQUARE]}

    moved = prepared(groovy, given, f"'', {MAP % '1, 0, 0, 1, 1, 0'}, null")

    assert moved["geometry"]["coordinates"][1][0][1] == [3.0, 0.0]
    assert "plane" not in moved["geometry"]


def test_features_become_what_is_wanted(groovy: Groovy) -> None:
    given = feature(objectType="detection", classification={"name": "Neuron"})

    cell = prepared(groovy, given, f"'cell', {STAY}, null")

    assert cell["properties"] == {"objectType": "cell", "classification": "Neuron"}
    assert cell["nucleusGeometry"] == cell["geometry"] == given["geometry"]
    bare = {"geometry": given["geometry"], "properties": None}
    plain = prepared(groovy, bare, f"'', {STAY}, null")
    assert (plain["type"], plain["properties"]) == ("Feature", {})


def test_a_class_with_its_colour_stays(groovy: Groovy) -> None:
    shown = {"name": "Neuron", "color": [1, 2, 3]}

    kept = prepared(groovy, feature(classification=shown), f"'annotation', {STAY}, null")

    assert kept["properties"] == {"objectType": "annotation", "classification": shown}


@pytest.mark.parametrize(
    ("given", "has"),
    [
        (feature(), True),
        ({"geometry": None}, False),
        ({}, False),
        ({"geometry": {"type": "Polygon", "coordinates": []}}, False),
    ],
)
def test_features_without_outline_are_reported(groovy: Groovy, given: Any, has: bool) -> None:
    parsed = (
        f"com.google.gson.JsonParser.parseString({quoted(json.dumps(given))}).getAsJsonObject()"
    )

    assert groovy.ask("import_detections", f"script.hasGeometry({parsed})") is has


def test_the_file_of_an_image_is_found_in_a_results_folder(groovy: Groovy, tmp_path: Path) -> None:
    (tmp_path / "geojson").mkdir()
    names = groovy.ask(
        "import_detections",
        "script.candidateNames('My section', ['/data/it\\'s s1.ome.tif', ''])",
    )
    assert names == ["My section", "it's s1", "it's s1.ome.tif"]

    def call(source: Path | str) -> str:
        return f"script.findGeojson({quoted(str(source))}, {quoted(names)}).name"

    message = groovy.refusal("import_detections", call(tmp_path))
    assert message == f"{tmp_path} holds no geojson/My section.geojson for this image."
    (tmp_path / "geojson" / "it's s1.geojson.gz").touch()
    assert groovy.ask("import_detections", call(tmp_path)) == "it's s1.geojson.gz"
    file = tmp_path / "geojson" / "it's s1.geojson.gz"
    assert groovy.ask("import_detections", call(file)) == "it's s1.geojson.gz"
    assert "does not exist" in groovy.refusal("import_detections", call(tmp_path / "none"))
    assert "Which file?" in groovy.refusal("import_detections", call(""))


def test_an_image_name_does_not_lead_out_of_the_folder(groovy: Groovy, tmp_path: Path) -> None:
    (tmp_path / "results" / "geojson").mkdir(parents=True)
    (tmp_path / "secret.geojson").touch()

    call = f"script.findGeojson({quoted(str(tmp_path / 'results'))}, ['../../secret'])"

    assert "holds no geojson" in groovy.refusal("import_detections", call)


@pytest.mark.parametrize(
    ("image", "message"),
    [
        ({"name": "a", "width": 512, "height": 400}, ""),
        ({"name": "A", "width": None, "height": None}, ""),
        ({}, ""),
        (
            {"name": "a", "width": 400, "height": 512},
            "an image of 400 x 512 pixels, and this one has 512 x 400",
        ),
        ({"name": "b", "width": 512, "height": 400}, "it was made from the image b."),
    ],
)
def test_a_file_of_another_image_is_reported(groovy: Groovy, image: Any, message: str) -> None:
    misfit = groovy.ask(
        "import_detections", f"script.imageMismatch({quoted(image)}, ['a'], 512, 400)"
    )

    assert message in misfit
    assert bool(message) == bool(misfit)


def test_objects_outside_the_image_are_reported(groovy: Groovy) -> None:
    objects = """
        [[5, 5], [510, 398], [512, 5], [-9, -1], [5, -4]].collect { x, y ->
            def roi = new Expando(
                getBoundsX: { x }, getBoundsY: { y }, getBoundsWidth: { 10 }, getBoundsHeight: { 4 }
            )
            new Expando(getROI: { roi })
        }
    """
    call = f"script.objectsMismatch({objects}, 512, 400)"

    assert groovy.ask("import_detections", call) == "2 of its objects lie outside the image."


@pytest.mark.parametrize("name", ["import_detections", "run_starbridge"])
def test_what_was_imported_is_remembered(groovy: Groovy, name: str) -> None:
    steps = """
        def data = new Expando()
        def object = { id -> new Expando(getID: { id }) }
        def seen = [script.importedIds(data)]
        script.recordImported(data, ['a', 'b'].collect(object), ['a', 'b', 'other'])
        seen << script.importedIds(data)
        script.recordImported(data, ['c'].collect(object), ['b', 'c', 'other'])
        seen << script.importedIds(data)
    """

    assert groovy.ask(name, steps) == [[], ["a", "b"], ["b", "c"]]


# ---- run_starbridge -----------------------------------------------------------------------------

WORDS = {
    "command": "starbridge", "model": "demo", "channel": "", "probability": "", "overlap": "",
    "percentiles": "", "pixelSize": "", "outline": "star",
}  # fmt: skip


def test_each_argument_is_a_word_of_its_own(groovy: Groovy) -> None:
    settings = {
        **WORDS, "model": "my model; rm -rf $HOME", "channel": "-DAPI, x",
        "percentiles": "0.2 99.8", "probability": "0.5", "overlap": "0.3", "pixelSize": "0.25",
    }  # fmt: skip

    words = groovy.ask(
        "run_starbridge", f"script.segmentCommand({quoted(settings)}, ['/a b/c.tif'], '/out put')"
    )

    assert words == [
        "starbridge", "segment", "/a b/c.tif", "--out", "/out put",
        "--model", "my model; rm -rf $HOME", "--outline", "star", "--format", "geojson",
        "--channel=-DAPI, x", "--prob=0.5", "--nms=0.3", "--pixel-size=0.25",
        "--percentiles", "0.2", "99.8",
    ]  # fmt: skip


def test_starbridge_takes_the_words(groovy: Groovy, tmp_path: Path) -> None:
    from typer.testing import CliRunner

    from bridge.cli import app

    settings = {**WORDS, "percentiles": "0.2,99.8", "probability": "0.5", "channel": "0"}
    call = f"script.segmentCommand({quoted(settings)}, [{quoted(str(tmp_path / 'no.tif'))}], 'out')"
    words = groovy.ask("run_starbridge", call)

    done = CliRunner().invoke(app, words[1:])

    # understood, and stopped by the missing image only
    assert "No such option" not in done.output
    assert "Usage" not in done.output


@pytest.mark.parametrize(
    ("bounds", "expected"),
    [
        ((10.4, 20.6, 5.2, 5.2), [0, 0, 48, 58]),
        ((400, 300, 50, 60), [368, 268, 114, 124]),
        ((500, 390, 50, 50), [468, 358, 44, 42]),
    ],
)
def test_regions_are_whole_pixels_in_the_image(
    groovy: Groovy, bounds: tuple[float, ...], expected: list[int]
) -> None:
    numbers = ", ".join(map(str, bounds))

    assert groovy.ask("run_starbridge", f"script.regionBox({numbers}, 32, 512, 400)") == expected


def test_an_annotation_outside_the_image_is_reported(groovy: Groovy) -> None:
    message = groovy.refusal("run_starbridge", "script.regionBox(900, 900, 5, 5, 0, 512, 400)")

    assert message == "An annotation lies outside the image: delete or move it."


@pytest.mark.parametrize(
    ("name", "arguments", "handed"),
    [
        ("it's é.ome.tif", [], True),
        ("a.TIFF", ["--series", "0"], True),
        ("a.tif", ["--classname", "x", "--series", "2"], False),
        ("a.tif", ["--classname", "x", "--series=0"], True),
        ("a.tif", ["--rotate", "ROTATE_90"], False),
        ("a.tif", ["--dims", "XYCZT"], False),
        ("a.tif", ["-s", "1"], False),
        ("a.czi", [], False),
        ("none.tif", [], False),
    ],
)
def test_a_local_file_is_handed_over(
    groovy: Groovy, tmp_path: Path, name: str, arguments: list[str], handed: bool
) -> None:
    if name != "none.tif":
        (tmp_path / name).touch()
    uri = quoted((tmp_path / name).as_uri())

    call = f"script.localImage(new URI({uri}), {quoted(arguments)})?.path"

    assert groovy.ask("run_starbridge", call) == (str(tmp_path / name) if handed else None)


def test_an_image_on_a_server_is_not_handed_over(groovy: Groovy) -> None:
    for uri in ("https://example.org/a.tif", "omero:1"):
        assert groovy.ask("run_starbridge", f"script.localImage(new URI('{uri}'), [])") is None


def command(folder: Path, code: str) -> str:
    """A command that a person could have installed."""
    if os.name == "nt":
        pytest.skip("a script needs an .exe there")
    file = folder / "it's starbridge"
    file.write_text(f"#!{sys.executable}\nimport sys, time\n{code}\n", "utf-8")
    file.chmod(file.stat().st_mode | stat.S_IXUSR)
    return quoted([str(file), "a b", "$HOME"])


def test_what_a_command_says_is_passed_on(groovy: Groovy, tmp_path: Path) -> None:
    words = command(tmp_path, "print(sys.argv[1:]); print('µ', file=sys.stderr)")

    said = groovy.ask(
        "run_starbridge", f"def said = []; script.runCommand({words}) {{ said << it }}; said"
    )

    assert sorted(said) == ["['a b', '$HOME']", "µ"]


def test_why_a_command_failed_is_reported(groovy: Groovy, tmp_path: Path) -> None:
    failing = "print('1/1 failed: /a.tif: is no TIFF; open another')\nprint('starbridge: 0 done')"
    words = command(tmp_path, f"{failing}; sys.exit(1)")
    message = groovy.refusal("run_starbridge", f"script.runCommand({words}) {{ }}")
    assert message == "starbridge failed: /a.tif: is no TIFF; open another"

    silent = command(tmp_path, "sys.exit(3)")
    message = groovy.refusal("run_starbridge", f"script.runCommand({silent}) {{ }}")
    assert message == "starbridge failed: it ended with status 3 and no output."

    message = groovy.refusal("run_starbridge", "script.runCommand(['/no/such/command']) { }")
    assert message.startswith("The command /no/such/command cannot be started")
    assert "set command to starbridge's command with its folder" in message


def test_a_command_ends_with_the_script(groovy: Groovy, tmp_path: Path) -> None:
    words = command(tmp_path, "print('started', flush=True)\ntime.sleep(3600)")
    stopped = f"""
        def me = Thread.currentThread()
        try {{
            script.runCommand({words}) {{ me.interrupt() }}
        }} catch (InterruptedException stopped) {{
            def patience = {PATIENCE:.0f}, left = ProcessHandle.current().children().toList()
            left.each {{ it.onExit().get(patience, java.util.concurrent.TimeUnit.SECONDS) }}
            return true
        }}
    """

    assert groovy.ask("run_starbridge", stopped) is True


# ---- export_annotations -------------------------------------------------------------------------


@pytest.mark.parametrize(
    "kind",
    [
        "Tumor: a/b", None, "[x]", "Cyst (old)", "..", "../../etc", " Zelle µ 核. ", '<">|?*\n',
        "x" * 300, "😀" * 300, "x" * 99 + " .x", "12 Objects", "１ object", "",
    ],
)  # fmt: skip
@pytest.mark.parametrize("name", ["s1", "plate (A1) [2]"])
def test_regions_are_called_as_pull_calls_them(groovy: Groovy, name: str, kind: str | None) -> None:
    written = groovy.ask(
        "export_annotations", f"script.cropName({quoted(name)}, {quoted(kind)}, 12)"
    )

    assert written == crop_name(name, kind, 12)


def test_classes_that_are_called_like_a_kind_of_roi_are_written_as_pull_writes_them(
    groovy: Groovy,
) -> None:
    kinds = [kind.capitalize() for kind in sorted(ROI_KINDS)]
    call = f"{quoted(kinds)}.collect {{ script.classText(it) }}"

    assert groovy.ask("export_annotations", call) == [class_text(kind) for kind in kinds]


def test_files_of_an_earlier_export_are_reported(groovy: Groovy, tmp_path: Path) -> None:
    new = ["s [1] (a)_001.tif", "s [1] (a)_002.tif", "s [1] (b [c])_003.tif"]
    old = ["s (1) [a] 001.tif"]
    of_others = ["s (a)_001.tif", "s [1]0 (a)_001.tif", "s [1] [2] (a)_001.tif", "s [1].tif"]
    for name in new + old + of_others:
        (tmp_path / name).touch()

    call = f"script.findStaleRegions({quoted(tmp_path)}, 's (1)', [{quoted(new[0])}] as Set)"

    assert groovy.ask("export_annotations", call) == old + new[1:]
