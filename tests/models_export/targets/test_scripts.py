"""The macro and the QuPath script: every setting inside, nothing that breaks out of its quotes."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest

from bridge.model.folder import ModelFolder, open_model
from bridge.model.macro_settings import macro_settings
from bridge.model.recipe import Normalization
from models_export.targets.groovy import script as groovy_script
from models_export.targets.macro import script as macro_script


@pytest.fixture
def model() -> ModelFolder:
    opened = open_model("demo", allow_3d=True)
    recipe = replace(
        opened.recipe,
        percentiles=(0.2, 99.8),
        prob=0.51,
        nms=0.25,
        channel=2,
        pixel_size=0.33,
        classes=("it's",),
    )
    return replace(opened, recipe=recipe, config={**opened.config, "n_classes": 2})


def test_the_macro_has_the_models_settings(model: ModelFolder, tmp_path: Path) -> None:
    texts = {macro_script(model, tmp_path / f"demo.{tf}.zip") for tf in ("tf1.12", "tf1.15")}

    (text,) = texts  # whatever was exported
    values = {setting.name: setting.default for setting in macro_settings(text)}
    assert values == values | {
        "model_file": f"{tmp_path}/demo.tf1.15.zip",
        "input_channels": "3",
        "normalize_each": "true",
        "percentile_low": "0.2",
        "percentile_high": "99.8",
        "prob_threshold": "0.51",
        "nms_threshold": "0.25",
        "pixel_size": "0.33",
        "border_width": "4",
    }
    assert 'var macroName = "demo.ijm";' in text


def test_the_script_has_the_models_settings(model: ModelFolder, tmp_path: Path) -> None:
    (tmp_path / "demo.groovy").write_text(groovy_script(model, tmp_path / "demo.pb"), "utf-8")
    text = (tmp_path / "demo.groovy").read_text("utf-8")
    for line in (
        ".percentiles(0.2, 99.8)",
        ".threshold(0.51)",
        ".channels(2)",
        ".pixelSize(0.33)",
        ".perChannel(true)",
        "import qupath.lib.objects.classes.PathClass",
        "1: PathClass.fromString('it\\'s'),",
        "2: PathClass.fromString('class 2')",
        f"new File('{tmp_path}/demo.pb')",
    ):
        assert line in text
    assert "$" not in text


def test_an_unknown_pixel_size_is_left_out(model: ModelFolder, tmp_path: Path) -> None:
    plain = replace(model, recipe=replace(model.recipe, pixel_size=None, channel="DAPI"))
    (tmp_path / "demo.groovy").write_text(groovy_script(plain, tmp_path / "demo.pb"), "utf-8")
    text = (tmp_path / "demo.groovy").read_text("utf-8")
    assert "pixelSize" not in text
    assert ".channels('DAPI')" in text
    values = {s.name: s.default for s in macro_settings(macro_script(plain, tmp_path / "a.zip"))}
    assert (values["pixel_size"], values["input_channels"]) == ("0", "DAPI")


def test_in_qupath_background_means_no_class_and_the_nucleus_stays(model: ModelFolder) -> None:
    text = groovy_script(model, Path("demo.pb"))

    # QuPath takes as many classes from the tensor as are listed here, and background is the first.
    assert re.search(r"\.classifications\(\[\s+0: null,\s+1: .*,\s+2: .*\s+\]\)", text)
    assert ".keepClassifiedBackground(true)" in text
    without = replace(model, config={**model.config, "n_classes": None})
    assert "lassif" not in groovy_script(without, Path("demo.pb"))


@pytest.mark.parametrize(("normalize", "per_channel"), [("joint", "false"), ("channels", "true")])
def test_all_scripts_normalise_as_the_recipe_says(
    model: ModelFolder, normalize: Normalization, per_channel: str
) -> None:
    recipe = replace(model.recipe, normalize=normalize)
    several = replace(model, config={**model.config, "n_channel_in": 3}, recipe=recipe)

    assert f".perChannel({per_channel})" in groovy_script(several, Path("demo.pb"))
    values = {s.name: s.default for s in macro_settings(macro_script(several, Path("demo.zip")))}
    assert values["normalize_each"] == per_channel


def test_several_channels_are_all_taken(model: ModelFolder, tmp_path: Path) -> None:
    config = {**model.config, "n_channel_in": 3}
    several = replace(model, config=config, recipe=replace(model.recipe, channel=(2, 0, 1)))
    (tmp_path / "demo.groovy").write_text(groovy_script(several, tmp_path / "demo.pb"), "utf-8")
    assert ".channels(2, 0, 1)" in (tmp_path / "demo.groovy").read_text("utf-8")
    unnamed = replace(several, recipe=replace(model.recipe, channel=0))
    (tmp_path / "demo.groovy").write_text(groovy_script(unnamed, tmp_path / "demo.pb"), "utf-8")
    assert ".channels(0, 1, 2)" in (tmp_path / "demo.groovy").read_text("utf-8")
    named = replace(several, recipe=replace(model.recipe, channel=("DAPI", 0, "GFP")))
    for chosen, listed in ((several, "3,1,2"), (named, "DAPI,1,GFP"), (unnamed, "all 3")):
        settings = macro_settings(macro_script(chosen, tmp_path / "demo.zip"))
        assert {s.name: s.default for s in settings}["input_channels"] == listed


@pytest.mark.parametrize(
    "name", ["it's", 'a"b', "back\\slash", "${1+1}", "[x]", "Größe µm", "new\nline"]
)
def test_a_path_stays_inside_its_quotes(model: ModelFolder, tmp_path: Path, name: str) -> None:
    model_file = Path("/models") / name / "demo.zip"
    macro = macro_script(model, model_file)
    assert macro.isascii()  # ImageJ reads macros in the encoding of the computer
    settings = {setting.name: setting for setting in macro_settings(macro)}
    assert len(settings) == len(macro_settings(macro_script(model, Path("/models/demo.zip"))))
    assert settings["model_file"].default == str(model_file.with_name("demo.tf1.15.zip"))
    (tmp_path / "demo.groovy").write_text(groovy_script(model, model_file), "utf-8")
    groovy = (tmp_path / "demo.groovy").read_text("utf-8")
    quoted = re.search(r"^def modelFile = new File\('(.*)'\)$", groovy, re.MULTILINE)
    assert quoted is not None
    assert not re.search(r"(?<!\\)(?:\\\\)*'", quoted[1])
