"""``starbridge pixels objects`` and ``otsu``: results like any other."""

from __future__ import annotations

import json
from pathlib import Path

import h5py
import numpy as np
import pytest
import tifffile

from bridge.detections import Detections
from tests.classify.pixels.objects.synthetic_maps import disc_map, stored_as
from tests.cli.conftest import Command

NUCLEI = disc_map((30, 30, 10), (60, 80, 12))


@pytest.fixture
def maps(tmp_path: Path) -> Path:
    """A folder with one map of two classes, as ilastik names it."""
    folder = tmp_path / "maps"
    folder.mkdir()
    tags = {"axes": [{"key": key} for key in "yxc"]}
    with h5py.File(folder / "a_Probabilities.h5", "w") as file:
        data = file.create_dataset("exported_data", data=np.stack([1 - NUCLEI, NUCLEI], -1))
        data.attrs["axistags"] = json.dumps(tags)
    return folder


def test_a_map_becomes_results_that_are_called_as_the_image(
    starbridge: Command, maps: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    code, printed, _ = starbridge(
        *("pixels", "objects", maps, "--class", 2, "--out", out, "--pixel-size", 0.5, "--json")
    )

    assert code == 0
    assert json.loads(printed)["outcomes"][0]["objects"] == 2
    labels = tifffile.imread(out / "lbl" / "a_labels.tif")
    assert np.array_equal(labels > 0, NUCLEI > 0)
    written = Detections.read(out / "geojson" / "a.geojson")
    assert written.ids == Detections.read(out / "roi" / "a_rois.zip").ids
    assert written.objects["prob"].tolist() == pytest.approx([0.75, 0.75])
    info = Detections.read(out / "lbl" / "a_labels.h5").image
    assert (info.name, info.pixel_size and info.pixel_size.x) == ("a", 0.5)
    assert (out / "preview" / "a.png").is_file()


def test_the_same_command_again_does_nothing_and_other_settings_are_refused(
    starbridge: Command, maps: Path, tmp_path: Path
) -> None:
    command = ("pixels", "objects", maps, "--class", 2, "--out", tmp_path / "out")
    starbridge(*command, "--format", "rois")
    ids = Detections.read(tmp_path / "out" / "roi" / "a_rois.zip").ids

    assert "nothing to do" in starbridge(*command, "--format", "rois")[2]
    code, _, told = starbridge(*command, "--format", "rois", "--cutoff", 0.6)
    assert code == 1
    assert "settings" in told
    assert starbridge(*command, "--format", "geojson")[0] == 0
    assert Detections.read(tmp_path / "out" / "geojson" / "a.geojson").ids == ids


def test_a_bad_map_is_named_and_the_others_go_on(
    starbridge: Command, maps: Path, tmp_path: Path
) -> None:
    tifffile.imwrite(maps / "b.tif", np.zeros((9, 9), np.float32))
    tifffile.imwrite(maps / "c.tif", NUCLEI * 300)

    code, _, told = starbridge("pixels", "objects", maps, "--class", 1, "--out", tmp_path / "out")

    assert code == 1
    assert "b.tif: holds nothing but zeros" in told
    assert "c.tif: has values from 0 to 225" in told
    assert (tmp_path / "out" / "lbl" / "a_labels.tif").is_file()


def test_a_class_must_be_chosen(starbridge: Command, maps: Path, tmp_path: Path) -> None:
    code, _, told = starbridge("pixels", "objects", maps, "--out", tmp_path / "out")

    assert code == 1
    assert "2 classes; choose one with --class: 1, 2" in told


def test_three_classes_give_nuclei_with_their_cells(starbridge: Command, tmp_path: Path) -> None:
    pytest.importorskip("skimage")
    cells = disc_map((30, 30, 18), (60, 80, 20)) / np.float32(0.75)
    nuclei = NUCLEI / np.float32(0.75)
    three = np.stack([1 - cells, nuclei, cells - nuclei])
    tifffile.imwrite(
        tmp_path / "a.tif",
        stored_as(three, "uint16"),
        imagej=True,
        metadata={"axes": "CYX", "Labels": ["background", "nucleus", "cytoplasm"]},
    )
    out = tmp_path / "out"

    chosen = ("--class", "nucleus", "--cytoplasm", "cytoplasm")
    code, _, told = starbridge("pixels", "objects", tmp_path / "a.tif", *chosen, "--out", out)

    assert (code, "2 objects" in told) == (0, True)
    found = Detections.read(out / "geojson" / "a.geojson").objects
    assert found["object_type"].tolist() == ["cell", "cell"]
    assert found.geometry.area.sum() == (cells > 0).sum()
    assert sum(nucleus.area for nucleus in found["nucleus"]) == (nuclei > 0).sum()


def test_otsu_finds_bright_nuclei_and_merges_what_touches(
    starbridge: Command, tmp_path: Path
) -> None:
    bright = disc_map((50, 30, 14), (50, 52, 14), (50, 100, 10))
    tifffile.imwrite(tmp_path / "a.tif", (100 + 1000 * bright).astype(np.uint16))
    command = ("pixels", "otsu", tmp_path / "a.tif")

    assert "3 objects" in starbridge(*command, "--out", tmp_path / "cut")[2]
    assert "2 objects" in starbridge(*command, "--cut", "none", "--out", tmp_path / "whole")[2]


def test_an_image_with_nan_has_no_threshold(starbridge: Command, tmp_path: Path) -> None:
    tifffile.imwrite(tmp_path / "a.tif", np.where(NUCLEI > 0, np.nan, NUCLEI).astype(np.float32))

    code, _, told = starbridge("pixels", "otsu", tmp_path / "a.tif", "--out", tmp_path / "out")

    assert code == 1
    assert "NaN" in told
