"""``starbridge train``: from reviews to a model that is better, or is said not to be."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import roifile

from bridge import Detections, ImageInfo, Segmenter
from bridge.apps.fiji.review_files import push_files
from bridge.apps.fiji.review_layout import ReviewFiles
from bridge.apps.model_training import train
from bridge.cli.exporting import export_trained
from bridge.examples.simulator import simulate_nuclei
from bridge.images import from_array
from bridge.training.learning.architecture import Architecture
from bridge.training.learning.settings import TrainingSettings
from tests.cli.conftest import Command
from tests.training.folders import picture, save, squares

pytestmark = [pytest.mark.model, pytest.mark.slow]

SMALL = ("--new", "--filters", "4", "--depth", "2", "--grid", "2")
SHORT = ("--steps", "2", "--patch", "32", "--batch-size", "2")
FILES = {
    "README.md", "card.html", "config.json", "recipe.json", "thresholds.json", "training.json",
    "weights_best.h5",
}  # fmt: skip


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two images with masks."""
    folder = tmp_path_factory.mktemp("dataset")
    for name, seed in (("a", 1), ("b", 3)):
        image, labels = simulate_nuclei((96, 112), seed=seed)
        save(folder / "images" / f"{name}.tif", image)
        save(folder / "masks" / f"{name}.tif", labels.astype(np.uint16))
    return folder


@pytest.fixture(scope="module")
def small(dataset: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model that hardly learnt anything, so that whatever follows is no worse."""
    out = tmp_path_factory.mktemp("models") / "small"
    train(
        dataset,
        out=out,
        start=None,
        architecture=Architecture(filters=4, depth=2, grid=2),
        steps=2,
        settings=TrainingSettings(patch=32, batch_size=2),
    )
    return out


def review(folder: Path, seed: int = 7) -> ReviewFiles:
    """A review in Fiji of two channels, with two finished nuclei of which one has a class."""
    image = from_array(picture(seed, (2, 48, 64)), axes="CYX", channels=("DAPI", "488"), name="a")
    push_files(image, Detections.from_labels(squares(), image=ImageInfo(name="a")), folder)
    files = ReviewFiles.of(folder, "a")
    rois: Any = roifile.ImagejRoi.fromfile(files.rois)
    region = roifile.ImagejRoi.frompoints([[0, 0], [46, 0], [46, 20], [0, 20]], name="Done")
    files.rois.unlink()
    roifile.roiwrite(files.rois, [*rois, region])
    return files


def test_a_folder_of_masks_becomes_a_model_with_its_card(
    starbridge: Command, dataset: Path, tmp_path: Path
) -> None:
    out = tmp_path / "models" / "nuclei"

    code, printed, err = starbridge("train", dataset, *SMALL, *SHORT, "--out", out)

    assert code == 0
    assert {file.name for file in out.iterdir()} >= FILES
    assert [file.name for file in out.parent.iterdir()] == ["nuclei"]
    assert Segmenter.load(out).model.grid == (2, 2)
    lines = printed.splitlines()
    assert " ".join(lines[0].split()) == "images IoU F1 before F1 after precision recall"
    assert lines[-1] == str(out)
    assert "step 2 of 2: loss" in err
    card = (out / "README.md").read_text("utf-8")
    assert "learnt from random weights" in card
    assert "starbridge train" in card
    assert str(dataset) in card


def test_a_region_that_is_finished_in_fiji_is_learnt(starbridge: Command, tmp_path: Path) -> None:
    review(tmp_path / "review")

    code, printed, _ = starbridge(
        "train", tmp_path / "review", "--inside", "Done", "--channel", "DAPI", *SMALL, *SHORT,
        "--out", tmp_path / "new", "--json",
    )  # fmt: skip

    result = json.loads(printed)
    assert code == 0
    assert (result["model"], result["is_better"], result["failed"]) == (
        str(tmp_path / "new"),
        True,
        [],
    )
    record = json.loads((tmp_path / "new" / "training.json").read_text())
    assert sum(part["objects"] for part in record["data"]) == 3
    assert {pair["source"] for pair in record["pairs"]} == {str(tmp_path / "review" / "a.tif")}


def test_a_model_that_is_not_better_lies_beside_and_nothing_is_exported(
    starbridge: Command, dataset: Path, tmp_path: Path
) -> None:
    out = tmp_path / "new"

    code, _, err = starbridge(
        "train", dataset, "--from", "demo", "--no-rehearsal", *SHORT, "--learning-rate", "1e-9",
        "--out", out, "--export", "pb",
    )  # fmt: skip

    assert code == 1
    assert not out.exists()
    beside = tmp_path / "new.not-better"
    assert {file.name for file in beside.iterdir()} >= FILES
    (line,) = (line for line in err.splitlines() if "not better than demo" in line)
    assert str(beside) in line
    assert " before and " in line
    assert "nothing was exported" in err


def test_a_training_that_was_killed_is_taken_up(
    starbridge: Command, dataset: Path, tmp_path: Path
) -> None:
    out = tmp_path / "new"
    arguments = ("train", dataset, *SMALL, *SHORT, "--steps", "4", "--out", out)
    with pytest.raises(MemoryError):
        _killed_after_two(dataset, out)

    code, _, err = starbridge(*arguments)
    assert code == 2
    assert "new.training: is there from a training that was stopped; go on with --resume" in err

    code, _, err = starbridge(*arguments, "--resume")

    assert code == 0
    assert "going on after step 2" in err
    history = json.loads((out / "training.json").read_text())["history"]
    assert [point["step"] for point in history] == [1, 2, 3, 4]
    assert not (tmp_path / "new.training").exists()


def _killed_after_two(dataset: Path, out: Path) -> None:
    """Train as the command does, until the second validation."""

    class Killing:
        def stage(self, text: str) -> None: ...

        def stepped(self, step: int, steps: int, loss: float) -> None: ...

        def validated(self, point: Any, is_best: bool) -> None:
            if point.step == 2:
                raise MemoryError

    train(
        dataset,
        out=out,
        start=None,
        architecture=Architecture(filters=4, depth=2, grid=2),
        steps=4,
        settings=TrainingSettings(patch=32, batch_size=2),
        listener=Killing(),
    )


def test_ctrl_c_keeps_the_best_so_far(
    starbridge: Command, dataset: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from bridge.training.learning.progress import TrainingProgress

    shown = TrainingProgress.validated

    def stop(self: TrainingProgress, point: Any, is_best: bool) -> None:
        shown(self, point, is_best)
        raise KeyboardInterrupt

    monkeypatch.setattr(TrainingProgress, "validated", stop)
    out = tmp_path / "new"

    code, _, err = starbridge("train", dataset, *SMALL, *SHORT, "--out", out)

    assert code == 0
    assert "Stopped by hand; the best state is of step 1." in err
    assert {file.name for file in out.iterdir()} >= FILES


def test_a_new_model_is_exported_and_verified(
    starbridge: Command, dataset: Path, tmp_path: Path
) -> None:
    out = tmp_path / "new"

    code, printed, _ = starbridge(
        "train", dataset, *SMALL, *SHORT, "--out", out, "--export", "onnx", "--json"
    )

    exported = json.loads(printed)["exported"]
    assert (code, exported["ok"]) == (0, True)
    checks = {Path(file["path"]): file["checks"] for file in exported["files"]}
    assert "passed" in checks[out / "export" / "new.onnx"][0]


def test_an_export_that_fails_is_named(
    small: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "export").write_text("in the way")

    result = export_trained(small, ["pb"], tmp_path / "export", is_printed=True)

    assert not result["ok"]
    (line,) = (line for line in capsys.readouterr().err.splitlines() if "not exported" in line)
    assert str(tmp_path / "export") in line


def test_one_broken_image_is_named_and_the_others_are_learnt(
    starbridge: Command, dataset: Path, small: Path, tmp_path: Path
) -> None:
    for kind in ("images", "masks"):
        for file in (dataset / kind).iterdir():
            save(tmp_path / "set" / kind / file.name, np.asarray(_read(file)))
    save(tmp_path / "set" / "masks" / "b.tif", np.zeros((9, 9), np.uint16))

    code, printed, err = starbridge(
        "train", tmp_path / "set", *SMALL, *SHORT, "--out", tmp_path / "new", "--json"
    )

    result = json.loads(printed)
    assert code == 1
    assert result["is_better"]
    (failed,) = result["failed"]
    assert "b.tif" in failed
    assert f"starbridge: {failed}" in err
    assert "1 could not be read" in err


def test_classes_of_a_review_are_learnt_when_asked_for(
    dataset: Path, small: Path, tmp_path: Path
) -> None:
    from dataclasses import replace

    from bridge.training.sources import read_pairs

    pairs = [replace(pair, classes={1: "glia", 2: "neuron"}) for pair in read_pairs(dataset)]
    settings = TrainingSettings(patch=32, batch_size=2)
    notes: list[str] = []

    plain = train(pairs, out=tmp_path / "plain", start=small, steps=1, settings=settings,
                  rehearsal=False, note=notes.append)  # fmt: skip
    told = train(pairs, out=tmp_path / "told", start=small, steps=1, settings=settings,
                 rehearsal=False, classes=True)  # fmt: skip

    assert "the classes glia, neuron are not learnt" in " ".join(notes)
    assert Segmenter.load(plain.path).model.n_classes == 0
    assert Segmenter.load(told.path).recipe.classes == ("glia", "neuron")


def test_old_images_are_rehearsed_and_checked(
    starbridge: Command, dataset: Path, small: Path, tmp_path: Path
) -> None:
    for seed in (12, 14):
        image, labels = simulate_nuclei((64, 64), seed=seed)
        save(tmp_path / "old" / "images" / f"{seed}.tif", image)
        save(tmp_path / "old" / "masks" / f"{seed}.tif", labels.astype(np.uint16))

    _, printed, _ = starbridge(
        "train", dataset, "--from", small, *SHORT, "--old", tmp_path / "old", "--out",
        tmp_path / "new", "--json",
    )  # fmt: skip

    names = [part["name"] for part in json.loads(printed)["comparisons"]]
    assert names[-1] == "old domain: pairs of old"


def test_an_earlier_review_is_rehearsed_as_far_as_it_was_finished(
    starbridge: Command, small: Path, tmp_path: Path
) -> None:
    review(tmp_path / "first", seed=8)
    review(tmp_path / "second")

    _, printed, _ = starbridge(
        "train", tmp_path / "second", "--old", tmp_path / "first", "--inside", "Done",
        "--channel", "DAPI", "--from", small, *SHORT, "--out", tmp_path / "new", "--json",
    )  # fmt: skip

    *_, old = json.loads(printed)["comparisons"]
    assert (old["name"], old["objects"]) == ("old domain: pairs of first", 3)


BAD = {
    "a review in which nothing is finished": (("review", "--channel", "0"), "without a finished"),
    "a class that no region has": (
        ("review", "--channel", "0", "--inside", "Fertig"),
        "without a finished",
    ),
    "a channel too many": (
        ("review", "--inside", "Done", "--channel", "0,1", "--from", "demo"),
        "has 2 channels, and demo takes 1",
    ),
    "a single object": (("single",), "there is one object in all 1 images"),
    "no such folder": (("none",), "does not exist"),
    "classes where there are none": (("single2", "--classes"), "no object has a class"),
    "a folder that is there": (("single2", "--out", "single2"), "exists already"),
    "no model": (("single2", "--from", "single2"), "config.json"),
    "an unknown target": (("single2", "--export", "tf3"), "--export: 'tf3' is unknown"),
}


@pytest.mark.parametrize("what", BAD)
def test_what_cannot_be_learnt_from_is_refused_in_one_line(
    what: str, starbridge: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    review(tmp_path / "review")
    for name, count in (("single", 1), ("single2", 2)):
        save(tmp_path / name / "images" / "a.tif", picture(1))
        save(tmp_path / name / "masks" / "a.tif", squares(count))
    arguments, reason = BAD[what]
    start = () if "--from" in arguments else SMALL
    out = () if "--out" in arguments else ("--out", "new")
    before = set(tmp_path.rglob("*"))

    code, printed, err = starbridge("train", *arguments, *start, *out)

    assert (code, printed) == (2, "")
    assert [line for line in err.splitlines() if reason in line]
    assert set(tmp_path.rglob("*")) == before


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ((), "--from: is missing"),
        (("--from", "demo", "--new"), "--from and --new: contradict each other"),
        (("--from", "demo", "--rays", "64"), "--rays: is for a new network"),
        (("--from", "demo", "--like", "fluo"), "--like: is for a new network"),
        (("--new", "--grid", "3"), "--grid: 3 is no power of 2"),
        (("--from", "demo", "--steps", "0"), "--steps: 0 is too small"),
        (("--from", "demo", "--patch", "33"), "--patch: 33 is no multiple of 16; give 48"),
    ],
)
def test_options_that_do_not_go_together_are_refused(
    options: tuple[str, ...], reason: str, starbridge: Command, dataset: Path, tmp_path: Path
) -> None:
    code, _, err = starbridge("train", dataset, *options, "--out", tmp_path / "new")

    assert code == 2
    assert reason in err.splitlines()[-1]
    assert not list(tmp_path.iterdir())


def _read(file: Path) -> Any:
    import tifffile

    return tifffile.imread(file)
