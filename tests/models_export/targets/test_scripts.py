"""The macro and the QuPath script: every setting inside, nothing that breaks out of its quotes."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from bridge.java import JarMissingError
from bridge.java.home import find_java
from bridge.java.jars import fetch_jar
from bridge.model.folder import ModelFolder, open_model
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
    (tmp_path / "demo.ijm").write_text(macro_script(model, tmp_path / "demo.tf1.12.zip"), "utf-8")
    text = (tmp_path / "demo.ijm").read_text("utf-8")
    for line in (
        'percentileLow = "0.2";',
        'percentileHigh = "99.8";',
        'probability = "0.51";',
        'overlap = "0.25";',
        "channel = 3;",
        "pixelSize = 0.33;",
        f'modelFile = "{tmp_path}/demo.tf1.12.zip";',
    ):
        assert line in text
    # Anything else fails silently without a window.
    assert "'outputType':'Label Image'" in text
    assert "Both" not in text
    assert "$" not in text


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
    (tmp_path / "demo.ijm").write_text(macro_script(plain, tmp_path / "demo.zip"), "utf-8")
    assert "pixelSize = 0.0;" in (tmp_path / "demo.ijm").read_text("utf-8")
    assert 'channelName = "DAPI";' in (tmp_path / "demo.ijm").read_text("utf-8")


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
    macro = macro_script(several, Path("demo.zip"))
    plugin_does_it = normalize == "joint"  # Fiji's plugin has no other way
    assert f"'normalizeInput':'{str(plugin_does_it).lower()}'" in macro
    assert ("normalizePlane(" in macro) == (not plugin_does_it)


@pytest.mark.parametrize("normalize", ["joint", "channels"])
def test_for_one_channel_the_plugin_normalises(
    model: ModelFolder, normalize: Normalization
) -> None:
    macro = macro_script(
        replace(model, recipe=replace(model.recipe, normalize=normalize)), Path("demo.zip")
    )

    assert "'normalizeInput':'true'" in macro
    assert "normalizePlane" not in macro


def test_several_channels_are_all_taken(model: ModelFolder, tmp_path: Path) -> None:
    config = {**model.config, "n_channel_in": 3}
    several = replace(model, config=config, recipe=replace(model.recipe, channel=(2, 0, 1)))
    (tmp_path / "demo.groovy").write_text(groovy_script(several, tmp_path / "demo.pb"), "utf-8")
    assert ".channels(2, 0, 1)" in (tmp_path / "demo.groovy").read_text("utf-8")
    unnamed = replace(several, recipe=replace(model.recipe, channel=0))
    (tmp_path / "demo.groovy").write_text(groovy_script(unnamed, tmp_path / "demo.pb"), "utf-8")
    assert ".channels(0, 1, 2)" in (tmp_path / "demo.groovy").read_text("utf-8")
    (tmp_path / "demo.ijm").write_text(macro_script(several, tmp_path / "demo.zip"), "utf-8")
    assert "channel = 0;" in (tmp_path / "demo.ijm").read_text("utf-8")
    assert 'inputs = newArray("3", "1", "2");' in (tmp_path / "demo.ijm").read_text("utf-8")
    named = replace(several, recipe=replace(model.recipe, channel=("DAPI", 0, "GFP")))
    assert 'inputs = newArray("DAPI", "1", "GFP");' in macro_script(named, tmp_path / "demo.zip")
    assert 'inputs = newArray("1", "2", "3");' in macro_script(unnamed, tmp_path / "demo.zip")


@pytest.mark.parametrize(
    "name", ["it's", 'a"b', "back\\slash", "${1+1}", "[x]", "Größe µm", "new\nline"]
)
def test_a_path_stays_inside_its_quotes(model: ModelFolder, tmp_path: Path, name: str) -> None:
    model_file = Path("/models") / name / "demo.zip"
    (tmp_path / "demo.ijm").write_text(macro_script(model, model_file), "utf-8")
    macro = (tmp_path / "demo.ijm").read_text("utf-8")
    quoted = re.search(r"^modelFile = (\".*\");$", macro, re.MULTILINE)
    assert quoted is not None
    plain = quoted[1][1:-1].replace("\\\\", "\0").replace('\\"', '"').replace("\\n", "\n")
    assert plain.replace("\0", "\\") == str(model_file)
    (tmp_path / "demo.groovy").write_text(groovy_script(model, model_file), "utf-8")
    groovy = (tmp_path / "demo.groovy").read_text("utf-8")
    quoted = re.search(r"^def modelFile = new File\('(.*)'\)$", groovy, re.MULTILINE)
    assert quoted is not None
    assert not re.search(r"(?<!\\)(?:\\\\)*'", quoted[1])


IMAGEJ = """
import sys
import jpype

java, jar, preferences, macro = sys.argv[1:]
jpype.startJVM(
    "-Djava.awt.headless=true", f"-Djava.util.prefs.userRoot={preferences}",
    "--enable-native-access=ALL-UNNAMED",
    jvmpath=java, classpath=[jar], convertStrings=True, ignoreUnrecognized=True,
)
jpype.JClass("ij.macro.Interpreter")().run(open(macro, encoding="utf-8").read(), "")
"""

PLUGINS = {  # without Fiji they do not exist; their arguments are printed instead
    r'run\("Command From Macro",\s*("command=.*?)\);': r"print(\1);",
    r'run\("Scale\.\.\.",\s*(.*?)\);': r"print(\1);",
    r'run\("(Duplicate|Size)\.\.\.",\s*(.*?)\);': r"print(\2);",
    r'selectImage\("Label Image"\);': "",
}


@pytest.mark.imagej
def test_imagej_runs_the_macro(model: ModelFolder, tmp_path: Path) -> None:
    pytest.importorskip("jpype")
    java = find_java()
    if java is None:
        pytest.skip("no Java")
    try:
        jar = fetch_jar("net.imagej", "ij", "1.54p")
    except JarMissingError as error:
        pytest.skip(str(error))
    folder = tmp_path / "it's [x]"
    folder.mkdir()
    (folder / "demo.zip").write_bytes(b"")
    recipe = replace(model.recipe, prob=0.4769275188446045, pixel_size=0.75)
    (tmp_path / "demo.ijm").write_text(
        macro_script(replace(model, recipe=recipe), folder / "demo.zip"), "utf-8"
    )
    text = (tmp_path / "demo.ijm").read_text("utf-8")
    for pattern, replacement in PLUGINS.items():
        text, count = re.subn(pattern, replacement, text, flags=re.DOTALL)
        assert count
    image = (
        'newImage("it\'s a [test] \\\\ of \\"x\\"", "8-bit composite-mode", 32, 32, 3, 1, 1);'
        'setVoxelSize(0.25, 0.25, 1, "micron");\n'
    )
    macro = tmp_path / "run.ijm"
    macro.write_text(image + text, "utf-8")
    arguments = [str(java), str(jar), str(tmp_path), str(macro)]
    done = subprocess.run(
        [sys.executable, "-c", IMAGEJ, *arguments],
        check=True,
        capture_output=True,
        text=True,
        encoding="utf-8",
        env={**os.environ, "PYTHONUTF8": "1"},
    )
    duplicated, scaled, called, resized = done.stdout.strip().splitlines()
    assert duplicated.endswith("channels=3")
    assert scaled.startswith("x=0.333333333 y=0.333333333 ")
    assert r"'input':'it\u0027s a \u005btest\u005d \u005c of \u0022x\u0022'" in called
    assert r"it\u0027s \u005bx\u005d/demo.zip'" in called
    assert "'probThresh':'0.4769275188446045'" in called
    assert resized == "width=32 height=32 interpolation=None"
