"""Crops of objects by orgaSeg's names."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import tifffile

from bridge.classify.objects.crop_files import CropSettings, crop_files
from bridge.classify.objects.sources.crops import read_crop_objects
from bridge.classify.objects.sources.options import ReadOptions
from bridge.formats import geojson
from tests.classify.objects.images import CORNERS, pixels, squares, write_image


@pytest.fixture
def place(tmp_path: Path) -> Path:
    write_image(tmp_path / "images" / "a (1).tif")
    folder = tmp_path / "objects"
    folder.mkdir()
    geojson.write(squares(["Cyst", None, "Solid", None]), folder / "a (1).geojson")
    return tmp_path


def run(place: Path) -> list[str]:
    outcomes = crop_files(
        [place / "images" / "a (1).tif"], [place / "objects"], place / "crops", CropSettings()
    )
    return [outcome.status for outcome in outcomes]


def test_each_object_is_an_image_called_by_its_number(place: Path) -> None:
    assert run(place) == ["done"]

    for label, (x, y) in enumerate(CORNERS, 1):
        crop = tifffile.imread(place / "crops" / f"a (1)_{label}.tiff")
        assert np.array_equal(crop, pixels()[y : y + 8, x : x + 8])
    listed = pd.read_csv(place / "crops" / "lists" / "a (1)_crops.csv", keep_default_na=False)
    assert listed["label"].tolist() == ["Cyst", "", "Solid", ""]
    assert list(zip(listed["left"], listed["top"], strict=True)) == [*CORNERS]


def test_a_crop_carries_its_outline_and_its_identity(place: Path) -> None:
    run(place)
    given = geojson.read(place / "objects" / "a (1).geojson")

    for label in (1, 2):
        crop, _ = read_crop_objects(place / "crops" / f"a (1)_{label}.tiff", ReadOptions())
        assert crop.ids[0] == given.ids[label - 1]
        assert crop.objects.geometry.iloc[0].area == 64


def test_the_same_again_does_nothing(place: Path) -> None:
    run(place)

    assert run(place) == ["skipped"]
