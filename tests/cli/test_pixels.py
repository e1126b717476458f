"""``starbridge pixels train`` and ``apply``, as a person types them."""

from __future__ import annotations

import json
import threading
from pathlib import Path

import h5py
import numpy as np
import pytest
import tifffile

from bridge.apps.pixel_training import changes_of
from tests.classify.pixels.scenes import blobs, strokes_on
from tests.cli.conftest import Command

pytest.importorskip("sklearn")


@pytest.fixture
def study(tmp_path: Path) -> Path:
    """A folder with two images and sparse labels of the first."""
    (tmp_path / "labels").mkdir()
    pixels = blobs((60, 64))
    tifffile.imwrite(tmp_path / "a.tif", pixels)
    tifffile.imwrite(tmp_path / "b.tif", blobs((60, 64), seed=1))
    tifffile.imwrite(tmp_path / "labels/a.tif", strokes_on(pixels).plane())
    return tmp_path


def train(starbridge: Command, study: Path, *more: object) -> tuple[int, str, str]:
    return starbridge(
        "pixels", "train", study / "a.tif", "--labels", study / "labels", "--classes",
        "background,nucleus", "--trees", 10, "--features", "fast", "--out", study / "c", *more,
    )  # fmt: skip


def test_strokes_become_a_classifier_and_it_probabilities(starbridge: Command, study: Path) -> None:
    code, out, err = train(starbridge, study, "--json")
    assert code == 0, err
    said = json.loads(out)
    assert said["classes"] == ["background", "nucleus"]
    assert said["out_of_bag_error"] < 0.2
    assert "of the labelled pixels wrong (out of bag)" in err

    code, out, err = starbridge(
        "pixels", "apply", study / "c", study / "b.tif", "--out", study / "o", "--export",
        "probabilities", "--export", "segmentation", "--dtype", "uint8",
    )  # fmt: skip
    assert code == 0, err
    with h5py.File(study / "o/b_Probabilities.h5") as file:
        found = file["exported_data"][()]
    assert found.dtype == np.uint8
    assert found.shape == (60, 64, 2)
    assert (study / "o/b_Simple Segmentation.h5").exists()
    assert (study / "o/preview/b.png").exists()

    code, _, err = starbridge(
        "pixels", "apply", study / "c", study / "b.tif", "--out", study / "o", "--export",
        "probabilities", "--export", "segmentation", "--dtype", "uint8",
    )  # fmt: skip
    assert "all 1 were done before" in err


def test_a_preview_shows_a_map_of_each_class(starbridge: Command, study: Path) -> None:
    code, _, err = train(starbridge, study, "--preview", study / "b.tif")
    assert code == 0, err
    page = (study / "c_preview.html").read_text("utf-8")
    assert page.count("<img") == 3
    assert "nucleus" in page
    assert 'http-equiv="refresh"' not in page


def test_strokes_of_a_project_of_ilastik_are_taken(
    starbridge: Command, shared: Path, tmp_path: Path
) -> None:
    data = shared / "ilastik"
    code, out, err = starbridge(
        "pixels", "train", data / "train.tif", "--labels", data / "pixels2d.ilp", "--out",
        tmp_path / "c", "--trees", 20, "--json",
    )  # fmt: skip
    assert code == 0, err
    said = json.loads(out)
    assert said["classes"] == ["background", "nucleus"]
    assert said["features"] == 49
    assert said["out_of_bag_error"] < 0.05


def test_a_classifier_that_is_there_is_kept(starbridge: Command, study: Path) -> None:
    train(starbridge, study)
    before = (study / "c/votes.npy").read_bytes()
    code, _, err = train(starbridge, study, "--seed", 5)
    assert code == 2
    assert "is there already" in err
    assert (study / "c/votes.npy").read_bytes() == before
    assert train(starbridge, study, "--seed", 5, "--overwrite")[0] == 0
    assert (study / "c/votes.npy").read_bytes() != before


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        (("--labels", "none", "--classes", "a,b"), "none: is not there"),
        (("--labels", "labels"), "--classes: are not given"),
        (("--labels", "labels", "--classes", "a"), "the classes: are only a"),
        (("--labels", "labels", "--classes", "a,b", "--watch"), "give --preview"),
        (("--labels", "labels", "--classes", "a,b", "--channel", "GFP"), "no channel"),
        (("--labels", "labels", "--classes", "a,b", "--trees", "0"), "0 is no number of trees"),
        (("--labels", "labels", "--classes", "a,b", "--trees", "99999"), "at most 10,000"),
        (("--labels", "labels", "--classes", "a,b", "--seed", "-1"), "-1 is no seed"),
    ],
)
def test_what_cannot_be_trained_is_one_line(
    starbridge: Command,
    study: Path,
    monkeypatch: pytest.MonkeyPatch,
    arguments: tuple[str, ...],
    problem: str,
) -> None:
    monkeypatch.chdir(study)
    code, _, err = starbridge("pixels", "train", "a.tif", "--out", "c", *arguments)
    assert code == 2
    assert problem in err
    assert not (study / "c").exists()


def test_an_image_without_strokes_is_left_out_and_named(starbridge: Command, study: Path) -> None:
    code, _, err = starbridge(
        "pixels", "train", study / "a.tif", study / "b.tif", "--labels", study / "labels",
        "--classes", "background,nucleus", "--trees", 5, "--out", study / "c",
    )  # fmt: skip
    assert code == 0, err
    assert "b.tif: has no strokes in what was given, and is left out" in err


def test_an_image_that_does_not_fit_stops_no_other(starbridge: Command, study: Path) -> None:
    train(starbridge, study)
    tifffile.imwrite(study / "eight.tif", np.zeros((60, 64), np.uint8))
    code, _, err = starbridge(
        "pixels", "apply", study / "c", study / "eight.tif", study / "b.tif", "--out", study / "o"
    )
    assert code == 1
    assert "holds uint8, but the classifier was trained on uint16" in err
    assert "1 done, 1 failed" in err
    assert not (study / "o/eight_Probabilities.h5").exists()


def test_changed_strokes_are_noticed(study: Path) -> None:
    changes = changes_of([study / "labels"], poll=0.01)
    timer = threading.Timer(0.1, (study / "labels/b.tif").write_bytes, [b"new"])
    timer.start()
    next(changes)
    assert (study / "labels/b.tif").exists()
    timer.join()


def test_files_deep_in_a_project_of_qupath_are_watched(tmp_path: Path) -> None:
    (tmp_path / "data/1").mkdir(parents=True)
    (tmp_path / "project.qpproj").write_text("{}")
    changes = changes_of([tmp_path], poll=0.01)
    (tmp_path / "data/1/data.qpdata").write_bytes(b"new")  # before the first look
    next(changes)


def test_what_training_writes_is_no_change_of_strokes(tmp_path: Path) -> None:
    changes = changes_of([tmp_path], poll=0.01, without=[tmp_path / "c", tmp_path / "c.html"])
    (tmp_path / "c").mkdir()
    (tmp_path / "c/votes.npy").write_bytes(b"new")
    (tmp_path / "c.html").write_bytes(b"new")
    (tmp_path / "a.tif").write_bytes(b"new")
    next(changes)
    timer = threading.Timer(0.1, (tmp_path / "a.tif").write_bytes, [b"newer"])
    (tmp_path / "c/votes.npy").write_bytes(b"newer")
    timer.start()
    next(changes)
    assert (tmp_path / "a.tif").read_bytes() == b"newer"
    timer.join()
