"""Projects that are run, and projects that are not."""

from __future__ import annotations

from pathlib import Path

import h5py
import numpy as np
import pytest

from bridge.apps.ilastik.project_checks import check_project, check_training, project_notes
from bridge.errors import BadInputError
from tests.formats.ilastik.projects import write_project

STROKE = [("[0:1,0:1,0:1]", np.ones((1, 1, 1), np.uint8), "yxc")]


def test_the_export_suits_the_project(shared: Path) -> None:
    for name, key in (("pixels2d.ilp", "probabilities"), ("objects.ilp", "objects")):
        project, export = check_project(shared / "ilastik" / name)
        assert export.key == key
        check_training(project)


def test_another_workflow_is_refused(tmp_path: Path) -> None:
    path = write_project(tmp_path / "p.ilp")
    with h5py.File(path, "r+") as file:
        del file["workflowName"]
        file["workflowName"] = b"Carving"

    with pytest.raises(BadInputError, match="of ilastik's 'Carving', which starbridge does not r"):
        check_project(path)


@pytest.mark.parametrize(
    ("missing", "problem"),
    [("FeatureSelections", "has no features"), ("PixelClassification/LabelNames", "no classes")],
)
def test_a_project_that_is_not_finished_is_refused(
    tmp_path: Path, missing: str, problem: str
) -> None:
    path = write_project(tmp_path / "p.ilp")
    with h5py.File(path, "r+") as file:
        del file[missing]

    with pytest.raises(BadInputError, match=f"{problem}; .* in ilastik, and save"):
        check_project(path)


def test_a_class_without_labels_is_said(tmp_path: Path) -> None:
    (tmp_path / "a.tif").touch()
    project, _ = check_project(write_project(tmp_path / "p.ilp", blocks={0: STROKE}))

    check_training(project)

    assert [*project_notes(project)] == [
        "the class 'nucleus' has no labels, so that nothing will be of it"
    ]
