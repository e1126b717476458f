"""``starbridge ilastik run``, as a person types it."""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path

import numpy as np
import pytest
import tifffile

from tests.apps.ilastik import stand_in
from tests.cli.conftest import Command

pytestmark = pytest.mark.skipif(
    sys.platform == "win32", reason="Windows does not start a script by its first line"
)


@pytest.fixture
def project(tmp_path: Path, shared: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project, and an ilastik that is named in ``ILASTIK`` and writes probabilities."""
    for name in ("pixels2d.ilp", "train.tif"):
        shutil.copyfile(shared / "ilastik" / name, tmp_path / name)
    program = stand_in.writes(tmp_path, (30, 40, 2)).launcher
    monkeypatch.setenv("ILASTIK", str(program))
    (tmp_path / "images").mkdir()
    for name in ("a", "b"):
        tifffile.imwrite(tmp_path / f"images/{name}.tif", np.full((30, 40), 7, np.uint16))
    return tmp_path / "pixels2d.ilp"


def test_a_folder_of_images(starbridge: Command, project: Path, tmp_path: Path) -> None:
    words = ("ilastik", "run", project, tmp_path / "images", "--out", tmp_path / "out")

    code, printed, said = starbridge(*words, "--json", "--jobs", 2)

    assert code == 0, said
    assert [item["status"] for item in json.loads(printed)] == ["done", "done"]
    assert "2 done" in said
    assert sorted(path.name for path in (tmp_path / "out").glob("*.h5")) == [
        "a_Probabilities.h5",
        "b_Probabilities.h5",
    ]
    assert "nothing to do" in starbridge(*words)[2]


def test_one_image_that_does_not_fit_fails_alone(
    starbridge: Command, project: Path, tmp_path: Path
) -> None:
    tifffile.imwrite(tmp_path / "images/b.tif", np.zeros((3, 30, 40), np.uint16), imagej=True)

    code, _, said = starbridge(
        "ilastik", "run", project, tmp_path / "images", "--out", tmp_path / "out", "--axes", "ZYX"
    )
    assert code == 1
    assert "b.tif: is a stack of 3 slices, and the project was trained on planes" in said


def test_what_is_wrong_is_one_line(
    starbridge: Command, project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    words = (project, tmp_path / "images", "--out", tmp_path / "out")
    for more, problem in (
        (("--in-place",), "--in-place: says where to train; give --retrain too"),
        (("--timeout", "0"), "--timeout: 0 is no time; give seconds"),
        (("--app", tmp_path / "none"), "none: does not exist; give the folder of your ilastik"),
        (("--export", "objects"), "pixels2d.ilp: gives no objects"),
    ):
        code, _, said = starbridge("ilastik", "run", *words, *more)
        assert (code, said.count("\n")) == (2, 1), said
        assert problem in said
    monkeypatch.setenv("ILASTIK", str(tmp_path))
    monkeypatch.setattr("bridge.apps.ilastik.finding._launcher", lambda folder: None)
    assert "(from ILASTIK) is no ilastik" in starbridge("ilastik", "run", *words)[2]
