"""The settings of our own macros, read and filled in without running them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.model.macro_settings import lines_of_names, macro_settings, with_defaults

MACRO = """// @java.io.Serializable (value="(default)", persist=false) sigma
// @java.io.Serializable (value="(default)", persist=false) model
// a.ijm: works.
while (nextPass()) {
	model = textSetting(model, "Model (a folder, or demo)", "demo");
	sigma = numberSetting(sigma, "Sigma (px)", 1.5, 0, 1/0);
	again = truthSetting(again, "Again", false);
	x = 3;
}
// @java.io.Serializable (persist=false) too_late
"""


def test_names_are_those_at_the_top() -> None:
    assert lines_of_names(MACRO) == {"sigma": 1, "model": 2}
    assert lines_of_names("print(1);") == {}


def test_settings_are_the_statements_that_read_them() -> None:
    model, sigma, again = macro_settings(MACRO)

    assert (model.name, model.kind, model.default) == ("model", "text", "demo")
    assert model.label == "Model (a folder, or demo)"
    assert (sigma.minimum, sigma.maximum) == (0, None)
    assert again.default == "false"


@given(st.text(st.characters(codec="utf-8")), st.floats(-1e300, 1e300), st.booleans())
def test_other_defaults_come_back_as_they_are(text: str, number: float, truth: bool) -> None:
    changed = with_defaults(MACRO, {"model": text, "sigma": number, "again": truth})

    model, sigma, again = macro_settings(changed)
    assert model.default == text
    assert float(sigma.default) == number
    assert again.default == str(truth).lower()
    back = with_defaults(changed, {"model": "demo", "sigma": 1.5, "again": False})
    assert back == MACRO


def test_a_setting_that_is_not_there_cannot_be_filled_in() -> None:
    with pytest.raises(KeyError, match="nothing"):
        with_defaults(MACRO, {"nothing": 1})
