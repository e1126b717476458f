"""``starbridge classes``: from some classed objects to all others."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import shapely
import tifffile

from bridge import Detections, ImageInfo
from tests.classify.objects.networks import use_tiny_networks
from tests.cli.conftest import Command

pytest.importorskip("sklearn")
pytest.importorskip("jinja2")

SIDE = 60


def _write(folder: Path, name: str, seed: int, classed: Path | None, objects: Path) -> None:
    """Write an image of nine squares, every other one bright, and their objects."""
    rng = np.random.default_rng(seed)
    plane = rng.normal(100, 5, (SIDE, SIDE))
    boxes = []
    for number in range(9):
        x, y = 20 * (number % 3) + 4, 20 * (number // 3) + 4
        plane[y : y + 12, x : x + 12] += 200 + 300 * (number % 2)
        boxes.append(shapely.box(x, y, x + 12, y + 12))
    for place in (folder, objects, classed or objects):
        place.mkdir(exist_ok=True)
    tifffile.imwrite(folder / f"{name}.tif", plane.astype(np.uint16))
    info = ImageInfo(name=name, width=SIDE, height=SIDE)
    found = Detections.from_polygons(boxes, image=info)
    found.write(objects / f"{name}.geojson")
    if classed is not None:
        names = ["dim", "bright", None] * 3
        names = [("bright" if n % 2 else "dim") if c else None for n, c in enumerate(names)]
        Detections(found.objects.assign(**{"class": names}), info).write(
            classed / f"{name}.geojson"
        )


@pytest.fixture
def study(tmp_path: Path) -> Path:
    """Four images with objects; in three of them somebody classed two thirds of the objects."""
    for seed, name in enumerate("abcd"):
        classed = tmp_path / "classed" if name != "d" else None
        _write(tmp_path / "images", name, seed, classed, tmp_path / "objects")
    return tmp_path


@pytest.mark.slow
def test_from_some_clicks_to_every_object(starbridge: Command, study: Path) -> None:
    images, out = study / "images", study / "out"
    train = ("classes", "train", study / "classed", "--images", images, "--model", "logistic")
    code, printed, told = starbridge(*train, "--out", study / "c", "--json")

    assert code == 0, told
    report = json.loads(printed)
    assert report["classes"] == {"bright": 9, "dim": 9}
    assert report["balanced_accuracy"] == 1.0
    assert (study / "c_report" / "report.html").is_file()
    assert not [*(study / "c").glob("*.pkl"), *(study / "c").glob("*.joblib")]

    code, printed, told = starbridge(
        *("classes", "apply", study / "c", images, study / "objects", "--out", out),
        *("--format", "csv", "--format", "rois", "--unsure", 0.6, "--json"),
    )

    assert code == 0, told
    outcomes = json.loads(printed)["outcomes"]
    assert [outcome["classes"] for outcome in outcomes] == [{"bright": 4, "dim": 5}] * 4
    table = pd.read_csv(out / "predictions.csv")
    assert table["label"].tolist() == (["dim", "bright"] * 5)[:9] * 4
    assert Detections.read(out / "roi" / "d_rois.zip").objects["class"].notna().all()

    counted = study / "counts.xlsx"
    code, _, told = starbridge("aggregate", out, "--out", counted, "--pattern", "{organoid}")
    assert code == 0, told
    assert "36 objects" in told


@pytest.fixture
def tiny(monkeypatch: pytest.MonkeyPatch) -> None:
    use_tiny_networks(monkeypatch, epochs=3)


@pytest.mark.slow
@pytest.mark.usefixtures("tiny")
def test_a_network_on_crops_is_trained_and_applied(starbridge: Command, study: Path) -> None:
    images, out = study / "images", study / "out"
    train = ("classes", "train", study / "classed", "--images", images, "--model", "cnn")
    code, printed, told = starbridge(*train, "--out", study / "c", "--json")
    assert code == 0, told
    assert json.loads(printed)["model"] == "cnn"
    assert "tensorboard --logdir" in told
    assert [*(study / "c_logs").glob("*/events.out.tfevents.*")]
    files = {path.name for path in (study / "c_report").iterdir()}
    assert "report.html" in files
    assert "importance.csv" not in files

    apply = ("classes", "apply", study / "c", images)
    code, printed, told = starbridge(*apply, study / "objects", "--out", out, "--json")
    assert code == 0, told
    assert pd.read_csv(out / "predictions.csv")["label"].notna().sum() == 36

    code, _, told = starbridge(*apply, "--crops", "--out", study / "crops")
    assert code == 0, told
    assert pd.read_csv(study / "crops" / "predictions.csv")["label"].notna().sum() == 4


def test_a_training_that_is_stopped_says_what_is_kept(
    starbridge: Command, study: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stop(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    # as Ctrl-C while the network learns
    monkeypatch.setattr("bridge.classify.objects.validation.fit_network", stop)
    pytest.importorskip("tensorflow")
    train = ("classes", "train", study / "classed", "--images", study / "images")
    code, _, told = starbridge(*train, "--model", "cnn", "--out", study / "c")
    assert code != 0
    assert f"stopped: {study / 'c'} was not written, and only the curves in" in told
    assert not (study / "c").exists()


def test_a_classifier_that_is_there_is_not_replaced(starbridge: Command, study: Path) -> None:
    (study / "c").mkdir()
    train = ("classes", "train", study / "classed", "--images", study / "images")
    code, _, told = starbridge(*train, "--out", study / "c")
    assert code == 2
    assert "is there already" in told


def test_what_cannot_be_read_is_told_and_the_rest_is_learned(
    starbridge: Command, study: Path
) -> None:
    (study / "classed" / "a.geojson").write_text("{")
    train = ("classes", "train", study / "classed", "--images", study / "images", "--no-report")
    code, printed, told = starbridge(*train, "--model", "logistic", "--out", study / "c", "--json")

    assert code == 1
    assert "a.geojson" in told
    assert len(json.loads(printed)["left_out"]) == 1
    assert (study / "c" / "classes.json").is_file()


@pytest.mark.parametrize(
    ("given", "problem"),
    [
        (["images"], "is given alone"),
        (["images", "nowhere"], "is not there"),
        (["images", "objects", "--unsure", "2"], "is no probability"),
        (["images", "objects", "--objects", "objects"], "is for --crops"),
    ],
)
def test_apply_says_what_is_missing(
    starbridge: Command, study: Path, given: list[str], problem: str
) -> None:
    words = [study / word if word.isalpha() else word for word in given]
    code, _, told = starbridge("classes", "apply", study / "c", *words, "--out", study / "out")
    assert code == 2
    assert problem in told


def test_train_says_what_is_missing(starbridge: Command, study: Path) -> None:
    for words, problem in [
        ((study / "objects", "--images", study / "images"), "has no object with a class"),
        ((study / "objects",), "has no crops with a class"),
        ((study / "classed", "--images", study / "images", "--ring", "-1"), "is not a width"),
    ]:
        code, _, told = starbridge("classes", "train", *words, "--out", study / "c")
        assert code == 2
        assert problem in told
