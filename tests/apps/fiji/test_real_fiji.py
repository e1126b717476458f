"""A real Fiji, started by pyimagej. Needs ``FIJI_APP``, its folder."""

from __future__ import annotations

import os
from collections.abc import Iterator

import numpy as np
import pytest

from bridge import Detections
from bridge.apps.fiji import Fiji, FijiTimeoutError, MacroError
from bridge.images import from_array
from bridge.review import compare

pytestmark = [
    pytest.mark.fiji_app,
    pytest.mark.skipif(not os.environ.get("FIJI_APP"), reason="needs a Fiji: set FIJI_APP"),
]


@pytest.fixture(scope="module")
def fiji() -> Iterator[Fiji]:
    with Fiji(os.environ["FIJI_APP"]) as session:
        yield session


def test_it_says_what_it_is(fiji: Fiji) -> None:
    assert fiji.about.name.startswith(("Fiji", "ImageJ2"))
    assert fiji.about.version.startswith("1.")


def test_macros_run_as_in_the_embedded_imagej(fiji: Fiji) -> None:
    result = fiji.run_macro("#@ String text\nprint(text);\nreturn text;", text="a 'b' \"c\" µ")

    assert result.value == "a 'b' \"c\" µ"
    assert "a 'b' \"c\" µ" in result.printed
    with pytest.raises(MacroError) as caught:
        fiji.run_macro("x = 1;\ny = foo(2);")
    assert caught.value.line == 2
    with pytest.raises(MacroError, match="wants a window"):
        fiji.run_macro("waitForUser('look');", timeout=60)
    with pytest.raises(FijiTimeoutError):
        fiji.run_macro("while (true) wait(1);", timeout=2)
    assert fiji.run_macro("return 'alive';").value == "alive"


def test_objects_go_and_come_back(fiji: Fiji) -> None:
    labels = np.zeros((60, 80), np.uint16)
    labels[5:20, 5:20], labels[30:45, 40:60] = 1, 2
    objects = Detections.from_labels(labels)

    shown = fiji.push(from_array(labels * 9, pixel_size=0.5, name="labels"), objects)

    assert compare(objects, fiji.pull(shown.image)).counts()["untouched"] == 2
    table = fiji.measure(shown.image)
    assert table["Area µm²"].tolist() == [225 * 0.25, 300 * 0.25]
    assert table["C1: Mean"].tolist() == [9, 18]
    fiji.clear()
    assert fiji.images() == ()
