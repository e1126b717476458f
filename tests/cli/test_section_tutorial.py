"""The tutorial of sections and cell types does what its page says, command by command."""

from __future__ import annotations

import json
import os
import re
from collections import Counter
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import tifffile

from bridge.apps.ilastik.finding import find_ilastik
from bridge.classify.objects.classifier import load_object_classifier
from bridge.demo.section_tutorial import SLICES, section_names
from bridge.formats.ilastik.object_labels import read_object_labels
from bridge.formats.ilastik.project import read_project
from tools.page_commands import DOCS, read_commands, run_command

pytest.importorskip("sklearn")
pytest.importorskip("xlsxwriter")
pytest.importorskip("openpyxl")
pytestmark = pytest.mark.slow

PAGE = "section-tutorial.md"
COMMANDS = read_commands(PAGE)
IN_ILASTIK = [line for line in COMMANDS if "# needs" in line]
CLASSES = ["Astrocyte", "Neuron", "Progenitor", "Unstained", "Dead"]
LIVING = CLASSES[:-1]
ALL = {name: f"Proportion of {name}" for name in CLASSES}
WITHOUT_DEAD = {name: f"Proportion of {name} without dead" for name in LIVING}
ORGANOID = ["Clone", "Genotype", "Organoid"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which everything was run that does not need ilastik."""
    place = tmp_path_factory.mktemp("sections")
    for line in COMMANDS:
        if line not in IN_ILASTIK:
            run_command(place, line)
    return place


def sheet(folder: Path, workbook: str, title: str) -> pd.DataFrame:
    return pd.read_excel(folder / workbook, sheet_name=title, keep_default_na=False)


def points_of(path: Path) -> dict[str, int]:
    features = json.loads(path.read_text())["features"]
    return {
        each["properties"]["classification"]["name"]: len(each["geometry"]["coordinates"])
        for each in features
    }


def test_the_clicks_are_on_the_crops_that_are_chosen(folder: Path) -> None:
    clicked = {path.stem for path in (folder / "study/clicks").iterdir()}
    cropped = {path.stem for path in (folder / "selection/crops/images").glob("*.tif")}

    assert clicked == cropped
    genotypes = Counter(dict(section_names())[name] for name in clicked)
    assert genotypes == {"WT": 3, "KO": 3}


def test_nuclei_of_a_crop_have_the_numbers_of_their_section(folder: Path) -> None:
    for path in sorted((folder / "selection/crops/masks").glob("*_mask.tif")):
        name = path.name.removesuffix("_mask.tif")
        whole = tifffile.imread(folder / "results/lbl" / f"{name}_labels.tif")
        side = whole.shape[0] // 2
        assert np.array_equal(tifffile.imread(path), whole[side:, :side])


def test_clicks_on_crops_class_the_nuclei_of_the_sections(folder: Path) -> None:
    """Every nucleus that was learned lies in the crop, and has in the truth the clicked class."""
    classifier = load_object_classifier(folder / "classifier")
    points: Counter[str] = Counter()
    for path in (folder / "study/clicks").iterdir():
        points.update(points_of(path))
    assert sum(classifier.counts) >= 0.98 * points.total()
    assert (classifier.dead, classifier.unstained) == (("Dead",), ("Unstained",))

    learned = pd.read_csv(folder / "classifier_report/examples.csv")
    truth = true_classes(folder).set_index("id")["true"]
    assert (truth[learned["object"]].to_numpy() == learned["class"].to_numpy()).mean() >= 0.98


def true_classes(folder: Path) -> pd.DataFrame:
    """Return UUID, found and true class of each nucleus that is one of the truth."""
    parts = []
    for path in sorted((folder / "classed/tables").glob("*.csv")):
        found = pd.read_csv(path)
        labels = tifffile.imread(folder / "results/lbl" / f"{path.stem}_labels.tif")
        masks = tifffile.imread(folder / "study/truth/masks" / f"{path.stem}.tif")
        table = pd.read_csv(folder / "study/truth/tables" / f"{path.stem}_table.csv")
        pairs = pd.DataFrame({"label": labels.ravel(), "true": masks.ravel()}).query("label > 0")
        most = pairs.groupby("label")["true"].agg(lambda values: values.mode().iloc[0])
        names = dict(zip(table["label"], table["class"], strict=True))
        true = most.map(names).reindex(found["label"]).to_numpy()
        parts.append(found[["id", "class"]].assign(true=true))
    return pd.concat(parts).dropna(subset=["true"])


def test_nearly_all_nuclei_get_their_true_class(folder: Path) -> None:
    table = true_classes(folder)
    right = table["class"] == table["true"]

    assert len(table) > 2600
    (said,) = re.findall(r"(\d+) % of all nuclei have their true", page_text())
    assert 100 * right.mean() == pytest.approx(int(said), abs=1)
    assert (right.groupby(table["true"]).mean() > 0.9).all()


def test_proportions_of_organoids_are_those_of_the_truth(folder: Path) -> None:
    """Within two percentage points and a half of each organoid, with and without dead cells."""
    found, true = (
        sheet(folder, name, "curated").set_index(ORGANOID) for name in ("study.xlsx", "truth.xlsx")
    )

    assert list(found.index) == list(true.index)
    assert len(found) == 6
    for title in (*ALL.values(), *WITHOUT_DEAD.values()):
        assert (found[title] - true[title]).abs().max() < 0.025, title


def test_the_page_shows_the_means_of_the_genotypes(folder: Path) -> None:
    rows = re.findall(r"^\| (WT|KO) \| (\w+) \| (.*) \|$", page_text(), re.MULTILINE)
    assert len(rows) == 2 * len(CLASSES)
    means = {
        name: sheet(folder, f"{name}.xlsx", "by condition").set_index(
            ["Genotype", "Class", "Cells"]
        )["mean"]
        for name in ("study", "truth")
    }
    for genotype, name, cells in rows:
        shown = [float(cell) if cell.strip() else None for cell in cells.split("|")]
        kinds = ["all", "all", "without dead", "without dead"]
        for value, cells_of, workbook in zip(shown, kinds, ("study", "truth") * 2, strict=True):
            key = (genotype, name, cells_of)
            if value is None:
                assert name == "Dead"
                assert key not in means[workbook].index
            else:
                assert 100 * means[workbook][key] == pytest.approx(value, abs=0.6)
    difference = (means["study"] - means["truth"]).abs()
    assert difference.max() < 0.012


def test_the_genotypes_differ_as_they_were_made_to(folder: Path) -> None:
    means = sheet(folder, "study.xlsx", "by condition")
    living = means[means["Cells"] == "without dead"]
    keys = zip(living["Class"], living["Genotype"], strict=True)
    mean = dict(zip(keys, living["mean"], strict=True))
    assert mean["Progenitor", "KO"] > mean["Progenitor", "WT"] + 0.1
    assert mean["Neuron", "KO"] < mean["Neuron", "WT"] - 0.1


def test_the_workbook_sums_slices_and_takes_the_dead_out(folder: Path) -> None:
    slices, organoids = (sheet(folder, "study.xlsx", title) for title in ("slices", "organoids"))

    assert len(slices) == len(section_names())
    summed = slices.groupby(ORGANOID, sort=False)[CLASSES].sum()
    by_organoid = organoids.set_index(ORGANOID)
    assert summed.loc[by_organoid.index].equals(by_organoid[CLASSES])
    assert (by_organoid[CLASSES].sum(axis=1) == by_organoid["Total"]).all()
    living = by_organoid[LIVING].sum(axis=1)
    for name in LIVING:
        expected = by_organoid[name] / living
        np.testing.assert_allclose(by_organoid[WITHOUT_DEAD[name]], expected)
    assert "Proportion of Dead without dead" not in organoids
    titles = list(organoids)
    first = titles.index("Astrocyte")
    assert titles[first : first + len(CLASSES)] == CLASSES
    counted = sum(len(pd.read_csv(p)) for p in (folder / "classed/tables").glob("*.csv"))
    assert slices["Total"].sum() == counted


def test_an_organoid_of_one_slice_is_excluded_with_the_reason(folder: Path) -> None:
    excluded = sheet(folder, "study.xlsx", "excluded")

    assert excluded["What"].tolist() == ["organoid", "organoid"]
    assert set(excluded["Reason"]) == {f"has 1 of at least {SLICES} slices"}
    assert set(sheet(folder, "study.xlsx", "curated")["Slices"]) == {SLICES}


def test_the_workbook_says_which_cells_are_dead_and_unstained(folder: Path) -> None:
    parameters = sheet(folder, "study.xlsx", "parameters").set_index("Parameter")["Value"]
    assert (parameters["Dead cells"], parameters["Unstained cells"]) == ("Dead", "Unstained")


def test_the_project_for_ilastik_has_every_click_as_a_label(folder: Path) -> None:
    project = read_project(folder / "sections.ilp")

    clicks: Counter[str] = Counter()
    for path in (folder / "study/clicks").iterdir():
        clicks.update(points_of(path))
    labelled: Counter[str] = Counter()
    for lane in read_object_labels(project):
        for classes in lane.values():
            labelled.update(project.classes[number - 1] for number in classes[classes > 0])
    assert project.classes == ("Progenitor", "Neuron", "Astrocyte", "Unstained", "Dead")
    assert labelled.keys() == clicks.keys()
    assert labelled.total() >= 0.98 * clicks.total()
    assert len(project.lanes) == 6


def test_labels_in_ilastik_teach_the_built_in_classifier(folder: Path) -> None:
    ours, theirs = (
        load_object_classifier(folder / name) for name in ("classifier", "from_ilastik")
    )
    assert dict(zip(ours.classes, ours.counts, strict=True)) == dict(
        zip(theirs.classes, theirs.counts, strict=True)
    )
    assert theirs.balanced_accuracy is not None
    assert theirs.balanced_accuracy > 0.9


@pytest.mark.ilastik
def test_ilastik_finds_about_the_same_proportions(folder: Path) -> None:
    if not os.environ.get("ILASTIK") or find_ilastik() is None:
        pytest.skip("needs a real ilastik: set ILASTIK to its folder or program")
    for line in IN_ILASTIK:
        run_command(folder, line)

    found, true = (
        sheet(folder, name, "curated").set_index(ORGANOID)
        for name in ("ilastik.xlsx", "truth.xlsx")
    )
    for title in WITHOUT_DEAD.values():
        assert (found[title] - true[title]).abs().max() < 0.15, title


def page_text() -> str:
    return (DOCS / PAGE).read_text(encoding="utf-8")
