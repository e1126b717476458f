"""A review of classes of 3D nuclei: asked once each, classed in one slice, pulled whole."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import roifile
from numpy.typing import NDArray

from bridge import Detections
from bridge.apps.class_examples import read_classed_images
from bridge.apps.class_review import ClassReviewOutcome, ClassReviewSettings, review_classes
from bridge.apps.fiji.pull_job import FijiPullJob
from bridge.apps.fiji.review_files import pull_files, push_files
from bridge.apps.fiji.review_layout import ReviewFiles
from bridge.batch.runner import run_batch
from bridge.images import Image, open_image
from bridge.objects3d import ObjectRows
from bridge.review.classes import TO_CHECK
from bridge.review.pull_job import Choice
from tests.classify.objects.volumes import with_classes, write_volume

CLASSES = ("bright", "dim")


def predict(objects: Detections, image: Image) -> NDArray[np.float64]:
    """Return probabilities of which each nucleus has its own in all slices."""
    assert image.size("Z") > 1
    rows = ObjectRows.of(objects)
    dim = 0.3 + 0.6 * objects.objects["label"].to_numpy()[rows.largest][rows.owner] / 100
    return np.stack([1 - dim, dim], axis=1)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A review of a volume whose nuclei have no class yet."""
    path, nuclei = write_volume(tmp_path / "images", "v", seed=1)
    with open_image(path) as image:
        push_files(image, with_classes(nuclei, {}), tmp_path / "review")
    return tmp_path / "review"


def class_slice(folder: Path, identity: str, name: str) -> None:
    """Class a ROI as a reviewer does it in the ROI Manager, and save."""
    path = ReviewFiles.of(folder, "v").rois
    rois: Any = roifile.ImagejRoi.fromfile(path)
    ids = pull_files(folder, "v")[1].ids
    roi = rois[ids.index(identity)]
    roi.name = f"{roi.name.split('-')[0]}-{name}"
    path.unlink()
    roifile.roiwrite(path, rois)


def test_from_a_question_to_the_class_of_all_slices(folder: Path, tmp_path: Path) -> None:
    (outcome,) = review_classes(folder, CLASSES, predict, ClassReviewSettings(count=2))

    asked = pull_files(folder, "v")[1].objects
    nuclei = asked["object"].nunique()
    assert outcome == ClassReviewOutcome(image="v", objects=nuclei, to_check=2, decided=0)
    (first, _) = asked.index[asked["class"] == TO_CHECK]
    nucleus = asked.index[asked["object"] == asked.loc[first, "object"]]
    assert len(nucleus) > 2
    class_slice(folder, nucleus[-1], "dividing")

    notes: list[str] = []
    (examples,) = read_classed_images([folder], note=notes.append)
    assert [*examples.classes.values()] == ["dividing"]
    left = f"v: {nuclei - 2} classes were pushed and not changed; --accepted takes them too"
    assert notes == [left]

    job = FijiPullJob(folder, Choice(formats=("geojson",)))
    run_batch(job, ["v"], tmp_path / "pulled")
    pulled = Detections.read(tmp_path / "pulled" / "v.geojson").objects
    assert set(pulled.loc[nucleus, "class"]) == {"dividing"}

    (outcome,) = review_classes(folder, CLASSES, predict, ClassReviewSettings(count=2))
    assert outcome == ClassReviewOutcome(image="v", objects=nuclei - 1, to_check=2, decided=1)
    again = pull_files(folder, "v")[1].objects
    assert set(again.loc[nucleus, "class"]) == {"dividing"}
