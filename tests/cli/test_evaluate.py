"""``starbridge evaluate``: models side by side, and reviews push by push."""

from __future__ import annotations

import csv
import json
import re
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile

from bridge.examples.simulator import simulate_nuclei
from bridge.model.folder import demo_model_folder
from tests.apps.test_review_scores import push, roi, save_rois
from tests.cli.conftest import Command


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two images with masks, of which one is far larger than a picture."""
    folder = tmp_path_factory.mktemp("dataset")
    for name, seed, side in (("a", 1, 160), ("b", 3, 420)):
        image, labels = simulate_nuclei((side, side), seed=seed)
        for kind, pixels in (("images", image), ("masks", labels.astype(np.uint16))):
            (folder / kind).mkdir(exist_ok=True)
            tifffile.imwrite(folder / kind / f"{name}.tif", pixels)
    return folder


@pytest.fixture(scope="module")
def strict(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The demo model with a high threshold."""
    folder = tmp_path_factory.mktemp("models") / "strict"
    shutil.copytree(demo_model_folder(), folder)
    (folder / "thresholds.json").write_text(json.dumps({"prob": 0.8, "nms": 0.3}))
    return folder


def test_without_data_a_model_is_compared_with_stardists_own_mask(starbridge: Command) -> None:
    code, out, _ = starbridge("evaluate", "demo", "--json")
    assert code == 0
    (model,) = json.loads(out)["models"]
    at_half = model["scores"][0]
    assert (at_half["iou"], at_half["n_true"]) == (0.5, 125)
    assert at_half["f1"] >= 0.90


def test_models_are_printed_side_by_side(starbridge: Command, dataset: Path, strict: Path) -> None:
    code, out, err = starbridge("evaluate", "demo", strict, dataset)
    assert (code, err) == (0, "")
    assert out.startswith("2 images, ")
    lines = [line.split() for line in out.splitlines()]
    assert [lines[2][1], lines[6][0]] == ["0.5", "0.9"]
    assert {"demo", "strict"} <= {line[0] for line in lines if line}


def test_tables_and_a_page_are_written(
    starbridge: Command, dataset: Path, strict: Path, tmp_path: Path
) -> None:
    out = tmp_path / "evaluation"
    code, printed, _ = starbridge("evaluate", "demo", strict, dataset, "--out", out, "--json")
    assert code == 0
    with (out / "scores.csv").open(encoding="utf-8") as stream:
        rows = list(csv.DictReader(stream))
    assert [(row["model"], row["iou"]) for row in rows[4:6]] == [("demo", "0.9"), ("strict", "0.5")]
    expected: dict[str, Any] = json.loads(printed)["models"][0]["scores"][0]
    assert float(rows[0]["f1"]) == expected["f1"]
    with (out / "images.csv").open(encoding="utf-8") as stream:
        images = list(csv.DictReader(stream))
    assert len(images) == 2 * 2 * 5
    assert sum(int(row["tp"]) for row in images[:10:5]) == expected["tp"]
    with (out / "sizes.csv").open(encoding="utf-8") as stream:
        sizes = [row for row in csv.DictReader(stream) if row["iou"] == "0.5"][:3]
    assert [row["size"] for row in sizes] == ["small", "medium", "large"]
    assert sum(int(row["n_true"]) for row in sizes) == expected["n_true"]
    page = (out / "evaluation.html").read_text("utf-8")
    assert page.count("<svg") == 1
    assert page.count("data:image/png") == 4
    assert not re.findall(r"""(?:src|href)=["']?https?:""", page)

    code, _, err = starbridge("evaluate", "demo", dataset, "--out", out)
    assert code == 2
    assert "scores.csv: is there already; give --overwrite" in err


def test_a_broken_image_is_named_and_the_others_count(
    starbridge: Command, dataset: Path, tmp_path: Path
) -> None:
    shutil.copytree(dataset, tmp_path / "set")
    (tmp_path / "set" / "images" / "c.tif").write_text("no image")
    shutil.copy(dataset / "masks" / "a.tif", tmp_path / "set" / "masks" / "c.tif")
    code, out, err = starbridge("evaluate", "demo", tmp_path / "set", "--json")
    assert code == 1
    result = json.loads(out)
    assert len(result["failed"]) == len(err.splitlines()) == 1
    assert "c.tif" in err
    assert result["models"][0]["images"] == 2


def test_what_is_no_model_or_no_data_is_refused_before_anything_is_read(
    starbridge: Command, dataset: Path, tmp_path: Path
) -> None:
    code, _, err = starbridge("evaluate", tmp_path, dataset)
    assert code == 2
    assert "config.json" in err
    code, _, err = starbridge("evaluate", "demo", tmp_path / "none")
    assert code == 2
    assert "does not exist" in err


def test_a_review_is_scored_push_by_push(starbridge: Command, tmp_path: Path) -> None:
    review, out = tmp_path / "review", tmp_path / "out"
    files = push(review)
    save_rois(files, roi(55, 40, 6), drop=2)
    push(review)
    save_rois(files, drop=1)
    code, printed, err = starbridge("evaluate", "--review", review, "--out", out, "--json")
    assert code == 0
    result = json.loads(printed)
    at_half = [row for row in result["pushes"] if row["iou"] == 0.5]
    assert [(row["push"], row["deleted"], row["added"]) for row in at_half] == [
        (1, 2, 1),
        (2, 1, 0),
    ]
    assert len(result["images"]) == 2
    assert {file.name for file in out.iterdir()} == {"pushes.csv", "reviews.csv", "review.html"}
    assert "tables and page" in err
    code, printed, _ = starbridge("evaluate", "--review", review)
    assert code == 0
    assert printed.splitlines()[0].split()[:2] == ["push", "images"]


def test_a_review_that_nobody_saved_has_no_scores(starbridge: Command, tmp_path: Path) -> None:
    push(tmp_path)
    code, out, err = starbridge("evaluate", "--review", tmp_path)
    assert (code, out) == (0, "")
    assert "not reviewed yet" in err


def test_folders_of_results_are_scored_beside_models(
    starbridge: Command, dataset: Path, tmp_path: Path
) -> None:
    found = tmp_path / "otsu"
    starbridge("pixels", "otsu", dataset / "images", "--out", found, "--format", "labels")

    code, out, _ = starbridge("evaluate", "demo", found, dataset, "--json")

    assert code == 0
    model, otsu = json.loads(out)["models"]
    assert [model["model"], otsu["model"]] == ["demo", "otsu"]
    half = otsu["scores"][0]
    assert half["n_true"] == model["scores"][0]["n_true"]
    assert half["f1"] < model["scores"][0]["f1"]
    assert 0 < half["merged"] + half["split"] + half["faint"] <= half["fn"]


def test_results_without_images_are_refused(starbridge: Command, tmp_path: Path) -> None:
    (tmp_path / "lbl").mkdir()

    code, _, err = starbridge("evaluate", tmp_path)

    assert (code, "give the images with their objects last" in err) == (2, True)
