"""Strokes of ilastik's projects that train a pixel classifier: their image and their class."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import h5py
import numpy as np
import pytest

from bridge.apps.pixel_training import PixelTraining
from bridge.errors import BadInputError
from tests.classify.pixels.scenes import blobs, selection
from tests.formats.ilastik.projects import write_project

pytest.importorskip("sklearn")

DARK, BRIGHT = (0, 0), (14, 14)
"""First row and column of a dark and of a bright part of the image."""


def project(folder: Path, name: str = "p.ilp", classes: Sequence[str] = ("dark", "bright")) -> Path:
    """Write a project with a stroke of class 1 on the dark, and of class 2 on the bright."""
    stroke = np.ones((4, 4, 1), np.uint8)
    blocks = [
        (f"[{y}:{y + 4},{x}:{x + 4},0:1]", stroke * number, None)
        for number, (y, x) in enumerate((DARK, BRIGHT), 1)
    ]
    return write_project(
        folder / name,
        lanes=[("a.h5/volume/raw", "yx", (40, 44))],
        classes=classes,
        blocks={0: blocks},
    )


@pytest.fixture
def image(tmp_path: Path) -> Path:
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["volume/raw"] = blobs((40, 44))
        file["volume/other"] = 1000 - blobs((40, 44))
    return tmp_path / "a.h5#volume/raw"


def bright_class(image: Path, labels: Sequence[Path], *classes: str) -> tuple[str, list[str]]:
    """Train, and return the class of a bright pixel and what was said."""
    said: list[str] = []
    training = PixelTraining(
        images=[image], labels=labels, classes=classes, selection=selection(), trees=5,
        axes="YX", note=said.append,
    )  # fmt: skip
    classifier = training.run()
    pixels = blobs((40, 44))[None, ..., None].astype(np.float32)
    number = int(classifier.predict(pixels)[:, 0, 16, 16].argmax())
    return classifier.class_names[number], said


def test_strokes_keep_their_class_in_any_order_of_classes(tmp_path: Path, image: Path) -> None:
    labels = [project(tmp_path)]
    assert bright_class(image, labels) == ("bright", [])
    assert bright_class(image, labels, "dark", "bright") == ("bright", [])
    assert bright_class(image, labels, "Bright", "Dark") == ("Bright", [])
    found, said = bright_class(image, labels, "bright", "third", "dark")
    assert found == "bright"
    assert said == ["the class 'third' has no strokes: no pixel will be of it"]


def test_other_names_are_taken_in_order_and_that_is_said(tmp_path: Path, image: Path) -> None:
    labels = [project(tmp_path)]
    found, said = bright_class(image, labels, "background", "nucleus")
    assert found == "nucleus"
    assert said == [
        f"{labels[0]}: its classes are taken in order: dark as background, bright as nucleus"
    ]
    assert bright_class(image, labels, "dark", "nucleus")[0] == "nucleus"


def test_names_of_which_some_are_known_are_refused(tmp_path: Path, image: Path) -> None:
    labels = [project(tmp_path)]
    with pytest.raises(
        BadInputError, match="strokes of dark, bright, and the classes are nucleus, d"
    ):
        bright_class(image, labels, "nucleus", "dark")


def test_a_second_project_has_its_own_order(tmp_path: Path, image: Path) -> None:
    empty = write_project(tmp_path / "first.ilp", classes=("bright", "dark"))
    labels = [empty, project(tmp_path)]
    assert bright_class(image, labels)[0] == "bright"


def test_strokes_of_another_dataset_are_not_taken(tmp_path: Path, image: Path) -> None:
    other = Path(str(image).replace("raw", "other"))
    with pytest.raises(BadInputError, match="has no strokes in any of the images"):
        bright_class(other, [project(tmp_path)])
