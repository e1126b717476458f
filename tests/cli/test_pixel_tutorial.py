"""The tutorial of pixel classification does what its page says, command by command."""

from __future__ import annotations

import os
import re
from pathlib import Path

import h5py
import numpy as np
import pandas as pd
import pytest
import tifffile

from bridge.apps.ilastik.finding import find_ilastik
from bridge.formats.ilastik.project import read_project
from tools.page_commands import read_blocks, read_commands, run_command

pytest.importorskip("sklearn")

PAGE = "pixel-tutorial.md"
COMMANDS = read_commands(PAGE)
IN_FIJI = [line for line in COMMANDS if line.startswith("starbridge fiji")]
IN_ILASTIK = [line for line in COMMANDS if "# needs" in line]
EVERYWHERE = [line for line in COMMANDS if line not in (*IN_FIJI, *IN_ILASTIK)]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which everything was run that needs neither Fiji nor ilastik."""
    place = tmp_path_factory.mktemp("tutorial")
    for line in EVERYWHERE:
        printed = run_command(place, line)
        if " evaluate " in line:
            (place / f"table {EVERYWHERE.index(line)}.txt").write_text(printed)
    return place


def scores_of(text: str) -> dict[str, dict[str, float]]:
    """Return the figures of each row of a printed table, at an IoU of 0.5 where it has several."""
    lines = [re.split(r"\s{2,}", line.strip()) for line in text.splitlines()]
    (header,) = (line for line in lines if line[0] == "model" and "F1" in line)
    values: dict[str, dict[str, float]] = {}
    for line in text.splitlines():
        words = line.split()
        if len(words) == len(header) and words[0] != "model":
            row = dict(zip(header[1:], [float(w.replace(",", "")) for w in words[1:]], strict=True))
            if row.pop("IoU", 0.5) == 0.5:
                values[words[0]] = row
    return values


@pytest.fixture(scope="module")
def measured(folder: Path) -> dict[str, dict[str, float]]:
    tables = [scores_of(path.read_text()) for path in sorted(folder.glob("table *.txt"))]
    return {name: row for table in tables for name, row in table.items()}


def test_the_page_shows_what_is_printed(measured: dict[str, dict[str, float]]) -> None:
    shown: dict[str, dict[str, float]] = {}
    for block in read_blocks(PAGE):
        if block.startswith("model "):
            shown |= scores_of(block.replace("model ", "model  ", 1))

    assert shown.keys() == measured.keys()
    for name, row in shown.items():
        for key in ("F1", "precision", "recall"):
            assert measured[name][key] == pytest.approx(row[key], abs=0.02), f"{name}: {key}"


def test_more_strokes_part_nuclei_that_few_merged(measured: dict[str, dict[str, float]]) -> None:
    few, more = measured["first_objects"], measured["objects"]

    assert more["F1"] > few["F1"] + 0.1
    assert more["merged"] < few["merged"] / 3


def test_a_threshold_loses_the_faint_nuclei(measured: dict[str, dict[str, float]]) -> None:
    assert measured["otsu"]["faint"] > 5 * measured["objects"]["faint"]
    assert measured["otsu"]["F1"] < measured["first_objects"]["F1"]


def test_a_classifier_knows_the_noise_it_was_trained_with(
    measured: dict[str, dict[str, float]],
) -> None:
    clean, noisy = measured["trained_on_clean"], measured["trained_on_noisy"]

    assert clean["wrong"] > 5 * noisy["wrong"]
    assert noisy["F1"] > clean["F1"] + 0.2


def test_of_three_classes_every_nucleus_gets_its_cell(folder: Path) -> None:
    tables = sorted((folder / "results" / "tables").rglob("cells_*.csv"))

    assert len(tables) == 3
    for path in tables:
        table = pd.read_csv(path)
        assert len(table) > 200
        assert (table["Nucleus: Area px^2"] < table["Cell: Area px^2"]).all()
    with h5py.File(folder / "results/three_maps/cells_2_Simple Segmentation.h5") as file:
        classes = file["exported_data"][()].squeeze()
    truth = tifffile.imread(folder / "tutorial/cells/cells_2.tif") > 0
    nuclei = tifffile.imread(folder / "tutorial/masks/cells_2.tif") > 0
    assert np.mean(classes[truth & ~nuclei] == 3) > 0.8
    assert np.mean(classes[nuclei] == 2) > 0.9
    assert np.mean(classes[~truth] == 1) > 0.9


def test_the_project_for_ilastik_holds_the_strokes(folder: Path) -> None:
    project = read_project(folder / "results" / "nuclei.ilp")

    strokes = tifffile.imread(folder / "tutorial/refined/cells_1.tif")
    assert project.classes == ("background", "nucleus")
    assert project.label_counts == ({kind: int((strokes == kind).sum()) for kind in (1, 2)},)


@pytest.mark.imagej
@pytest.mark.network
def test_fiji_makes_the_same_label_image(folder: Path) -> None:
    pytest.importorskip("jpype")
    assert IN_FIJI
    for line in IN_FIJI:
        run_command(folder, line)

    ours, theirs = (
        tifffile.imread(folder / "results" / made / "lbl" / "cells_1_labels.tif")
        for made in ("objects", "fiji")
    )
    assert np.array_equal(ours, theirs)


@pytest.mark.ilastik
@pytest.mark.slow
def test_ilastik_and_the_built_in_classifier_agree(folder: Path) -> None:
    if not os.environ.get("ILASTIK") or find_ilastik() is None:
        pytest.skip("needs a real ilastik: set ILASTIK to its folder or program")
    for line in IN_ILASTIK:
        run_command(folder, line)

    for number in (1, 2, 3):
        maps = []
        for made in ("ilastik", "without"):
            with h5py.File(folder / "results" / made / f"cells_{number}_Probabilities.h5") as file:
                maps.append(file["exported_data"][()])
        assert np.abs(maps[0] - maps[1]).mean() < 1e-5
        assert np.mean(maps[0].argmax(-1) != maps[1].argmax(-1)) < 1e-4
