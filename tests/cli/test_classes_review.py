"""``starbridge classes review``: rounds of classing in Fiji, on simulated organoids."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import roifile
import tifffile

from bridge import Detections
from bridge.apps.fiji.review_files import pull_files
from bridge.apps.fiji.review_layout import ReviewFiles
from bridge.examples.organoids import PITCH, simulate_organoids
from bridge.review.classes import TO_CHECK
from tests.classify.objects.networks import use_tiny_networks
from tests.cli.conftest import Command

pytest.importorskip("sklearn")
pytest.importorskip("jinja2")

CLASSES = {"Cyst": 1.0, "Dead": 1.0, "Solid": 1.0}
Truth = dict[str, tuple[str, ...]]


@pytest.fixture
def organoids(starbridge: Command, tmp_path: Path) -> tuple[Path, Truth]:
    """Two images in a review folder, no object classed, and the true class of each object."""
    truth: Truth = {}
    for seed, name in enumerate("ab"):
        found = simulate_organoids((3 * PITCH, 4 * PITCH), seed=seed, classes=CLASSES)
        tifffile.imwrite(tmp_path / f"{name}.tif", found.image, imagej=True)
        Detections.from_labels(found.labels).write(tmp_path / f"{name}.geojson")
        truth[name] = found.classes
        push = ("fiji", "push", tmp_path / f"{name}.tif", "-d", tmp_path / f"{name}.geojson")
        assert starbridge(*push, "--out", tmp_path / "review")[0] == 0
    return tmp_path / "review", truth


def classes_in(folder: Path, name: str) -> list[str | None]:
    return list(pull_files(folder, name)[1].objects["class"])


def class_in_fiji(folder: Path, truth: Truth, which: dict[str, list[int]]) -> None:
    """Give ROIs their true class, as a reviewer does it in the ROI Manager."""
    for name, rows in which.items():
        path = ReviewFiles.of(folder, name).rois
        rois: Any = roifile.ImagejRoi.fromfile(path)
        for row in rows:
            rois[row].name = f"{row + 1:04d}-{truth[name][row]}"
        path.unlink()
        roifile.roiwrite(path, rois)


def test_rounds_of_review_and_training(
    starbridge: Command, tmp_path: Path, organoids: tuple[Path, Truth]
) -> None:
    review, truth = organoids
    first = {name: list(range(8)) for name in truth}
    class_in_fiji(review, truth, first)
    decided = {name: set(rows) for name, rows in first.items()}
    train = ("classes", "train", review, "--model", "logistic", "--no-report", "--out")

    for number in range(2):
        model = tmp_path / f"model{number}"
        assert starbridge(*train, model)[0] == 0
        code, printed, told = starbridge("classes", "review", model, review, "--count", 2, "--json")
        assert code == 0, told
        outcomes = json.loads(printed)
        assert [outcome["to_check"] for outcome in outcomes] == [1, 1]
        assert [outcome["decided"] for outcome in outcomes] == [len(d) for d in decided.values()]
        for name, rows in decided.items():
            found = classes_in(review, name)
            assert all(found[row] == truth[name][row] for row in rows)
            asked = [row for row, known in enumerate(found) if known == TO_CHECK]
            assert len(asked) == 1
            assert not rows & set(asked)
            class_in_fiji(review, truth, {name: asked})
            rows.update(asked)

    code, printed, _ = starbridge("classes", "review", model, review, "--count", 0)
    assert code == 0
    assert printed.splitlines()[0] == ("a: 2 objects classed, 0 to check, 10 decided by reviewers")


def test_a_network_on_crops_proposes_classes(
    starbridge: Command,
    tmp_path: Path,
    organoids: tuple[Path, Truth],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    use_tiny_networks(monkeypatch, epochs=3)
    review, truth = organoids
    class_in_fiji(review, truth, {name: list(range(8)) for name in truth})
    train = ("classes", "train", review, "--model", "cnn", "--no-report", "--out")
    code, _, told = starbridge(*train, tmp_path / "model")
    assert code == 0, told
    review_again = ("classes", "review", tmp_path / "model", review, "--count", 2, "--json")
    code, printed, told = starbridge(*review_again)
    assert code == 0, told
    assert [outcome["to_check"] for outcome in json.loads(printed)] == [1, 1]
    for name, known in truth.items():
        found = classes_in(review, name)
        assert found[:8] == list(known[:8])
        assert set(found) <= {*known, TO_CHECK}


def test_what_is_no_review_is_told(
    starbridge: Command, tmp_path: Path, organoids: tuple[Path, Truth]
) -> None:
    review, truth = organoids
    class_in_fiji(review, truth, {name: list(range(8)) for name in truth})
    model = tmp_path / "model"
    starbridge("classes", "train", review, "--model", "logistic", "--no-report", "--out", model)

    for place, message in ((tmp_path / "nowhere", "is not there"), (tmp_path, "is no review")):
        code, _, told = starbridge("classes", "review", model, place)
        assert code == 2
        assert message in told
    code, _, told = starbridge("classes", "review", tmp_path, review)
    assert code == 2
    code, _, told = starbridge("classes", "review", model, review, "--channel", "")
    assert code == 2
    assert "--channel: is empty" in told
