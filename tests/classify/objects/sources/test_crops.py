"""Classed objects from crops, sorted or named."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import tifffile

from bridge.classify.objects.classed_images import ClassedImage, measure_examples
from bridge.classify.objects.sources.crops import read_crops
from bridge.classify.objects.sources.options import ReadOptions
from bridge.errors import BadInputError
from bridge.formats.naming.crops import crop_name, image_in_name
from tests.classify.objects.images import features, write_image


def _classes(images: list[ClassedImage]) -> dict[str, list[str]]:
    return {image.name: [*image.classes.values()] for image in images}


def test_the_class_is_in_round_brackets(tmp_path: Path) -> None:
    write_image(tmp_path / "slide (Cyst)_001.tif")
    write_image(tmp_path / "slideAnnotation (Polygon) (Solid)_2.tif", 1)
    write_image(tmp_path / "slide (none)_003.tif", 2)
    notes: list[str] = []

    found = list(read_crops(tmp_path, ReadOptions(), note=notes.append))

    assert _classes(found) == {
        "slide (Cyst)_001": ["Cyst"],
        "slideAnnotation (Polygon) (Solid)_2": ["Solid"],
    }
    assert notes == [f"{tmp_path}: 1 crops have no class and are left out"]


def test_crops_sorted_into_folders_as_orgaseg_does(tmp_path: Path) -> None:
    write_image(tmp_path / "Cyst" / "slide_1.tiff")
    write_image(tmp_path / "Cyst" / "slide_10.tiff", 1)
    write_image(tmp_path / "Solid" / "slide_2.tiff", 2)

    examples = measure_examples(read_crops(tmp_path, ReadOptions()), features)

    assert examples.table["class"].tolist() == ["Cyst", "Cyst", "Solid"]
    assert examples.table["image"].tolist() == ["slide_1", "slide_10", "slide_2"]
    assert set(examples.table["group"]) == {"slide"}
    assert examples.table["Nucleus: Area px^2"].tolist() == [1600.0] * 3


def test_a_crop_counts_with_its_outline_where_it_has_one(tmp_path: Path) -> None:
    write_image(tmp_path / "crops" / "slide (Cyst)_001.tif")
    mask = np.zeros((40, 40), np.uint16)
    mask[5:15, 5:15], mask[30:33, 30:33] = 1, 2  # the neighbour's corner is in the crop, too
    (tmp_path / "masks").mkdir()
    tifffile.imwrite(tmp_path / "masks" / "slide (Cyst)_001_labels.tif", mask)

    options = ReadOptions(objects=(tmp_path / "masks",))
    examples = measure_examples(read_crops(tmp_path / "crops", options), features)

    assert examples.table["Nucleus: Area px^2"].tolist() == [100.0]


def test_the_same_crop_in_two_classes_is_refused(tmp_path: Path) -> None:
    for folder in ("Cyst", "Solid"):
        write_image(tmp_path / folder / "slide_1.tiff")
    with pytest.raises(BadInputError, match="in the classes 'Cyst' and 'Solid'"):
        measure_examples(read_crops(tmp_path, ReadOptions()), features)


def test_a_crop_under_another_name_is_refused(tmp_path: Path) -> None:
    write_image(tmp_path / "a (Cyst)_1.tif")
    write_image(tmp_path / "b (Cyst)_1.tif")
    with pytest.raises(BadInputError, match="has the same images as"):
        measure_examples(read_crops(tmp_path, ReadOptions()), features)


def test_folders_without_classes_are_refused(tmp_path: Path) -> None:
    with pytest.raises(BadInputError, match="has no crops with a class"):
        list(read_crops(tmp_path, ReadOptions()))
    write_image(tmp_path / "a.tif")
    with pytest.raises(BadInputError, match="no class in their names"):
        list(read_crops(tmp_path, ReadOptions()))


def test_chosen_classes_alone(tmp_path: Path) -> None:
    write_image(tmp_path / "a (Cyst)_1.tif")
    write_image(tmp_path / "a (Debris)_2.tif", 1)
    found = list(read_crops(tmp_path, ReadOptions(classes=("Cyst",))))
    assert [*_classes(found).values()] == [["Cyst"]]


def test_the_image_that_a_crop_was_cut_from() -> None:
    assert image_in_name(crop_name("slide (2)", "Cyst", 7)) == "slide [2]"


def test_parts_of_a_data_set_are_no_classes_and_its_test_is_not_learned(tmp_path: Path) -> None:
    write_image(tmp_path / "train" / "Cyst" / "a_1.tiff")
    write_image(tmp_path / "val" / "Solid" / "a_2.tiff", 1)
    write_image(tmp_path / "test" / "Solid" / "b_1.tiff", 2)
    notes: list[str] = []

    found = list(read_crops(tmp_path, ReadOptions(), note=notes.append))

    assert _classes(found) == {"a_1": ["Cyst"], "a_2": ["Solid"]}
    assert notes == [f"{tmp_path}: the crops in test are not learned"]


def test_a_class_is_called_as_in_the_list_unless_it_was_sorted_anew(tmp_path: Path) -> None:
    write_image(tmp_path / "train" / "a (Dead [dark])_001.tif")
    write_image(tmp_path / "train" / "Cyst" / "a (Solid)_002.tif", 1)
    (tmp_path / "crops.csv").write_text(
        "image_name,label\ncrops/train/a (Dead [dark])_001.tif,Dead (dark)\n"
        "crops/train/a (Solid)_002.tif,Solid\n"
    )

    found = list(read_crops(tmp_path, ReadOptions()))

    assert [*_classes(found).values()] == [["Dead (dark)"], ["Cyst"]]
