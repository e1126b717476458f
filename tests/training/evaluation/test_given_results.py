"""Folders of results are scored beside models."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from numpy.typing import NDArray

from bridge.detections import Detections
from bridge.errors import BadInputError
from bridge.images.info import ImageInfo
from bridge.model.folder import demo_model_folder
from bridge.training.evaluation.evaluating import evaluate
from bridge.training.evaluation.given_results import GivenResults, is_results
from bridge.training.pairs import TrainingPair

LABELS = np.zeros((40, 60), np.int32)
LABELS[5:15, 5:15], LABELS[20:30, 30:45] = 1, 2
PAIR = TrainingPair(name="a", image=LABELS * 100, labels=LABELS)


def results(folder: Path, name: str, labels: NDArray[Any], *places: str) -> Path:
    """Write objects in the given places of a folder."""
    for place in places:
        (folder / place).parent.mkdir(parents=True, exist_ok=True)
        info = ImageInfo(name=name)
        Detections.from_labels(labels, image=info).write(folder / place)
    return folder


@pytest.mark.parametrize(
    "place", ["lbl/a_labels.tif", "geojson/a.geojson", "a_labels.tif", "a.tif", "roi/a_rois.zip"]
)
def test_results_of_any_kind_are_found_by_the_images_name(tmp_path: Path, place: str) -> None:
    folder = results(tmp_path / "otsu", "a", LABELS, place)

    assert is_results(folder)
    evaluation = evaluate(str(folder), [PAIR])

    assert evaluation.model == "otsu"
    assert (evaluation.score().tp, evaluation.score().fp) == (2, 0)


def test_a_region_of_an_image_is_compared_with_its_part(tmp_path: Path) -> None:
    folder = results(tmp_path / "r", "a", LABELS, "lbl/a_labels.tif")
    part = LABELS[18:, 25:]
    pair = TrainingPair(name="a region 1", image=part, labels=part, group="a", frame=(18, 25))

    assert evaluate([folder], [pair])[0].score().tp == 1


def test_models_and_results_stand_side_by_side(tmp_path: Path) -> None:
    merged = (LABELS > 0).astype(np.uint16)
    folders = [
        results(tmp_path / one / "r", "a", labels, "a_labels.tif")
        for one, labels in (("right", LABELS), ("merged", merged))
    ]

    right, wrong = evaluate(folders, [PAIR])

    assert (right.model, wrong.model) == ("right/r", "merged/r")
    assert (right.mistakes().merged, wrong.mistakes().merged) == (0, 1)


def test_results_that_lack_an_image_or_fit_another_are_named(tmp_path: Path) -> None:
    folder = results(tmp_path / "r", "b", LABELS, "lbl/b_labels.tif")
    with pytest.raises(BadInputError, match=r"a: .*has no objects in .*r; expected a.geojson"):
        evaluate([folder], [PAIR])

    results(folder, "a", LABELS[:30], "lbl/a_labels.tif")
    with pytest.raises(BadInputError, match=r"60 × 30 pixels, and a has 60 × 40"):
        GivenResults(folder).find(PAIR)


def test_stacks_need_a_choice_of_slice(tmp_path: Path) -> None:
    (tmp_path / "r").mkdir()
    stack = np.stack([LABELS, LABELS]).astype(np.uint16)
    tifffile.imwrite(tmp_path / "r" / "a.tif", stack, imagej=True, metadata={"axes": "ZYX"})

    with pytest.raises(BadInputError, match="2 slices"):
        GivenResults(tmp_path / "r").find(PAIR)


def test_models_are_no_results(tmp_path: Path) -> None:
    assert not is_results(demo_model_folder())
    assert not is_results("demo")
    assert not is_results(tmp_path)
