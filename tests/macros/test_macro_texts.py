"""Rules for the texts of the macros, checked without running them."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from bridge.apps.fiji.script_parameters import parameters
from bridge.model.fiji_macro import MacroModel, render_macro
from bridge.model.macro_settings import lines_of_names, macro_settings
from bridge.model.recipe import read_recipe
from tests.macros.conftest import MACROS

FILES = sorted(MACROS.glob("*.ijm"))
FUNCTION = re.compile(r"(?:^//[^\n]*\n)*^function (\w+)\(.*?^}\n", re.MULTILINE | re.DOTALL)


def functions(path: Path) -> dict[str, str]:
    return {m.group(1): m.group(0) for m in FUNCTION.finditer(path.read_text("utf-8"))}


@pytest.mark.parametrize("path", FILES, ids=lambda p: p.name)
def test_functions_do_not_write_into_parameters(path: Path) -> None:
    # a parameter is a global variable: a function that uses its name would change it
    asked = {p.name for p in parameters(path.read_text("utf-8"), source=path)}
    for name, text in functions(path).items():
        written = set(re.findall(r"\b(\w+)\s*(?:\[[^]]*\]\s*)?[-+]?=[^=]", text))
        written |= set(re.findall(r"\w+", text[text.index("(") : text.index(")")]))
        assert not written & asked, f"{name} writes {written & asked}"


@pytest.mark.parametrize("path", FILES, ids=lambda p: p.name)
def test_a_macro_explains_itself(path: Path) -> None:
    text = path.read_text("utf-8")
    assert f"\n// {path.name}: " in text
    for word in ("// Needs ", "// Menu ", "// Macro ", "// Headless "):
        assert word in text
    assert "// Writes " in text
    assert f'var macroName = "{path.name}";' in text


@pytest.mark.parametrize("path", FILES, ids=lambda p: p.name)
def test_every_setting_is_known_to_fiji_by_a_name_that_it_cannot_mistake(path: Path) -> None:
    text = path.read_text("utf-8")
    settings = macro_settings(text)

    assert list(lines_of_names(text)) == [s.name for s in settings]
    for setting in settings:
        # Fiji and ImageJ look for the name in lower case, and for a label's first word
        assert setting.name == setting.label.split(" ")[0].lower()
        # of "label_file=a" they would take the value for a setting "file", too
        assert not any(other.name.endswith("_" + setting.name) for other in settings)


@pytest.mark.parametrize("path", FILES, ids=lambda p: p.name)
def test_a_macro_is_plain_ascii(path: Path) -> None:
    # ImageJ reads macros in the encoding of the computer
    assert path.read_bytes().isascii()


def test_the_recipe_of_haug2_is_the_published_one(shared: Path) -> None:
    config, thresholds = (
        json.loads((shared / f"haug2_{name}.json").read_text()) for name in ("config", "thresholds")
    )
    # no folder of that name is needed: what is built in goes by the name
    recipe, _ = read_recipe(Path("stardist_haug2"), "stardist_haug2", thresholds)
    haug2 = MacroModel("stardist_haug2", recipe, config["n_channel_in"], tuple(config["grid"]))

    text = (MACROS / "stardist_haug2.ijm").read_text("utf-8")

    assert render_macro(text, haug2, "") == text
