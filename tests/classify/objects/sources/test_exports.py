"""Classed objects from an export of QuPath."""

from __future__ import annotations

from pathlib import Path

import pytest

from bridge.apps.class_examples import read_classed_images
from bridge.classify.objects.classed_images import measure_examples
from bridge.errors import StarbridgeError
from tests.classify.objects.images import features
from tests.exports import OUTLINES, write_export


def test_a_region_counts_with_the_outline_and_the_class_of_its_annotation(tmp_path: Path) -> None:
    write_export(tmp_path, "plate (A1)", ("Cyst", None, "Dead (dark)", "Long axis"))
    notes: list[str] = []

    found = list(read_classed_images([tmp_path / "export"], note=notes.append))
    table = measure_examples(found, features).table

    assert table["class"].tolist() == ["Cyst", "Dead (dark)", "Long axis"]
    assert table["Nucleus: Area px^2"].tolist() == [OUTLINES[n].area for n in (0, 2, 3)]
    assert set(table["group"]) == {"plate (A1)"}
    assert all(image.is_crop for image in found)
    assert notes[0].endswith("1 annotations have no class and are left out")


def test_with_the_images_beside_it_organoids_are_measured_in_them(tmp_path: Path) -> None:
    write_export(tmp_path, "plate (A1)", ("Cyst", None, "Dead (dark)"), image=True)

    (found,) = read_classed_images([tmp_path])

    assert not found.is_crop
    assert found.path == tmp_path / "images" / "plate (A1).tif"
    assert [*found.classes.values()] == ["Cyst", "Dead (dark)"]
    assert len(found.detections) == 3


def test_a_region_of_no_annotated_image_is_named_and_the_others_go_on(tmp_path: Path) -> None:
    regions = write_export(tmp_path, "a", ("Cyst", "Solid"))
    regions[0].with_name("strange (Cyst)_1.tif").write_bytes(regions[0].read_bytes())
    errors: list[StarbridgeError] = []

    found = list(read_classed_images([tmp_path / "export"], on_error=errors.append))

    assert len(found) == 2
    assert len(errors) == 1
    assert "strange (Cyst)_1.tif" in str(errors[0])
    with pytest.raises(StarbridgeError, match="strange"):
        list(read_classed_images([tmp_path / "export"]))
