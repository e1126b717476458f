"""Training pairs from an export of QuPath."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from bridge.errors import BadInputError
from bridge.training.sources import read_pairs
from tests.exports import OUTLINES, SIDE, write_export

CLASSES = ("Cyst", None, "Dead (dark)", "Long axis")


def test_images_beside_an_export_have_its_annotations(tmp_path: Path) -> None:
    write_export(tmp_path, "plate (A1)", CLASSES, image=True)

    (pair,) = read_pairs(tmp_path)

    assert pair.labels.shape == (SIDE, SIDE)
    assert pair.count == 4
    assert pair.labels[39, 39] == 0  # in the hole
    assert sorted(pair.classes.values()) == ["Cyst", "Dead (dark)", "Long axis"]
    assert [int((pair.labels == n).sum()) for n in range(1, 5)] == [o.area for o in OUTLINES]


def test_without_the_images_each_region_is_a_pair_of_its_images_group(tmp_path: Path) -> None:
    write_export(tmp_path, "plate (A1)", CLASSES)
    notes: list[str] = []

    pairs = list(read_pairs(tmp_path / "export", note=notes.append))

    assert {pair.group for pair in pairs} == {"plate (A1)"}
    assert [int((pair.labels > 0).sum()) for pair in pairs] == [o.area for o in OUTLINES]
    assert pairs[2].labels.shape == (20, 18)
    assert np.all(pairs[2].labels[6:12, 6:12] == 0)
    assert "--detections" in notes[0]


def test_annotations_without_any_image_are_refused_with_what_to_do(tmp_path: Path) -> None:
    for region in write_export(tmp_path, "a", CLASSES):
        region.unlink()

    with pytest.raises(BadInputError, match="give the folder of the images, and --detections"):
        list(read_pairs(tmp_path / "export"))
