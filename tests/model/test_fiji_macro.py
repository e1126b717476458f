"""The one macro for Fiji's plugin, and the recipes that are filled in."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.errors import BadInputError
from bridge.model.export_settings import ExportSettings
from bridge.model.fiji_macro import MacroModel, list_channels, read_macro, render_macro
from bridge.model.macro_settings import macro_settings
from bridge.model.recipe import Recipe

SETTINGS = {"prob": 0.6, "nms": 0.3, "percentiles": [1, 99]}


def defaults(text: str) -> dict[str, str]:
    return {setting.name: setting.default for setting in macro_settings(text)}


def test_only_names_and_defaults_differ_between_models() -> None:
    text = read_macro()
    recipe = Recipe((2, 98), 0.7, 0.2, channel=("DAPI", 1), pixel_size=0.33, normalize="joint")

    made = render_macro(text, MacroModel("my_model", recipe, 2, (4, 4)), "/data/my_model.zip")

    settings = defaults(made)
    assert settings.keys() == defaults(text).keys()
    assert settings == settings | {
        "model_file": "/data/my_model.zip",
        "input_channels": "DAPI,2",
        "normalize_each": "false",
        "percentile_low": "2.0",
        "percentile_high": "98.0",
        "prob_threshold": "0.7",
        "nms_threshold": "0.2",
        "pixel_size": "0.33",
        "border_width": "8",
    }
    statements = re.compile(r"^\t\w+ = \w+Setting\(.*$", re.MULTILINE)
    renamed = text.replace("stardist_haug2", "my_model").replace("stardist haug2", "my model")
    assert statements.sub("", made) == statements.sub("", renamed)


def test_a_folder_with_the_name_of_the_macro_stays_in_the_path() -> None:
    path = "/data/stardist_haug2/demo.tf1.15.zip"

    assert (
        defaults(render_macro(read_macro(), MacroModel("demo", Recipe()), path))["model_file"]
        == path
    )


@given(st.floats(0, 1), st.floats(0, 1), st.floats(0, 49), st.floats(50, 100), st.floats(1e-3, 1e3))
def test_numbers_keep_all_their_digits(
    prob: float, nms: float, low: float, high: float, size: float
) -> None:
    model = MacroModel("demo", Recipe((low, high), prob, nms, pixel_size=size))

    found = defaults(render_macro(read_macro(), model, ""))

    names = ("percentile_low", "percentile_high", "prob_threshold", "nms_threshold", "pixel_size")
    assert [float(found[name]) for name in names] == [low, high, prob, nms, size]


@pytest.mark.parametrize(
    ("channel", "count", "listed"),
    [
        (0, 1, "1"),
        ("DAPI", 1, "DAPI"),
        ("1", 1, "2"),  # a number is a number, also as text
        (0, 3, "all 3"),
        ((2, 0), 2, "3,1"),
        (("GFP, weak",), 1, "GFP, weak;"),
        (("GFP, weak", 0), 2, "GFP, weak;1"),
        ("DAPI; new", 1, "DAPI"),
    ],
)
def test_channels_are_counted_from_1(channel: Any, count: int, listed: str) -> None:
    assert list_channels(Recipe(channel=channel), count) == listed


def test_an_export_gives_what_its_macro_needs() -> None:
    settings = ExportSettings(
        {"n_dim": 2, "n_rays": 32, "n_channel_in": 3, "grid": [2, 4]},
        {**SETTINGS, "channel": [0, 1, 2]},
    )

    model = MacroModel.from_export("demo", settings, Path("demo.zip"))

    recipe = Recipe((1, 99), 0.6, 0.3, channel=(0, 1, 2))
    assert model == MacroModel("demo", recipe, 3, (2, 4))


@pytest.mark.parametrize(
    ("settings", "problem"),
    [
        (ExportSettings(None, SETTINGS), "does not hold the model's config.json"),
        (ExportSettings({}, {"prob": 0.5, "nms": 0.4}), "does not hold the model's percentiles"),
        (ExportSettings({"n_dim": 3, "n_rays": 32}, SETTINGS), "is a 3D model"),
        (
            ExportSettings({"n_dim": 2, "n_rays": 32}, {**SETTINGS, "colour": 1}),
            "unknown setting 'colour'",
        ),
        (
            ExportSettings({"n_dim": 2, "n_rays": 32}, {**SETTINGS, "prob": 2}),
            "prob: 2 is no threshold",
        ),
        (
            ExportSettings({"n_dim": 2, "n_rays": 32}, {**SETTINGS, "prob": "x"}),
            "a value of the wrong kind",
        ),
    ],
)
def test_an_export_that_lacks_something_is_named(settings: ExportSettings, problem: str) -> None:
    with pytest.raises(BadInputError, match=f"^demo.zip: .*{problem}"):
        MacroModel.from_export("demo", settings, Path("demo.zip"))
