"""Runs on many images, with a program in ilastik's place that does what the test says."""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
import tifffile

from bridge.apps.ilastik.errors import ProjectError
from bridge.apps.ilastik.finding import IlastikApp
from bridge.apps.ilastik.preparing import Settings
from bridge.apps.ilastik.run_job import run_files
from bridge.batch.workers.threads import Threads
from bridge.errors import BadInputError
from tests.apps.ilastik import stand_in
from tests.batch.outputs import Ear
from tests.waiting import wait_until

pytestmark = pytest.mark.skipif(
    sys.platform == "win32", reason="Windows does not start a script by its first line"
)

SHAPE = (30, 40)


@pytest.fixture
def project(tmp_path: Path, shared: Path) -> Path:
    """A project with a stored classifier of two classes; its own image is beside it."""
    for name in ("pixels2d.ilp", "train.tif"):
        shutil.copyfile(shared / "ilastik" / name, tmp_path / name)
    return tmp_path / "pixels2d.ilp"


@pytest.fixture
def objects(tmp_path: Path, shared: Path) -> Path:
    """A project of objects without a stored classifier; its own image is beside it."""
    for name in ("objects.ilp", "a.tif", "a_lab.h5"):
        shutil.copyfile(shared / "ilastik" / name, tmp_path / name)
    return tmp_path / "objects.ilp"


@pytest.fixture
def images(tmp_path: Path) -> list[Path]:
    folder = tmp_path / "images"
    folder.mkdir()
    for name in ("one", "two"):
        tifffile.imwrite(folder / f"{name}.tif", np.full(SHAPE, 7, np.uint16))
    return sorted(folder.iterdir())


def calls(folder: Path) -> list[dict[str, Any]]:
    path = folder / "calls"
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


def without_forest(project: Path) -> Path:
    with h5py.File(project, "r+") as file:
        del file["PixelClassification/ClassifierForests"]
    return project


def test_all_paths_are_absolute_and_the_axes_are_given(
    tmp_path: Path, project: Path, images: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    app = stand_in.writes(tmp_path, (*SHAPE, 2))

    outcomes = run_files(
        app, Path("pixels2d.ilp"), [Path("images/one.tif")], Path("out"), Settings()
    )

    assert [o.status for o in outcomes] == ["done"]
    assert outcomes[0].outputs == {"h5": "one_Probabilities.h5"}
    assert (tmp_path / "out/one_Probabilities.h5").exists()
    (call,) = calls(tmp_path)
    assert call["argv"][:2] == ["--headless", f"--project={project}"]
    assert "--export_source=Probabilities" in call["argv"]
    assert "--input_axes=yx" in call["argv"]
    assert "--output_axis_order=yxc" in call["argv"]
    assert call["argv"][-2:] == ["--raw_data", str(images[0])]
    assert "--readonly=0" not in call["argv"]


def test_the_same_command_again_does_nothing(
    tmp_path: Path, project: Path, images: list[Path]
) -> None:
    app = stand_in.writes(tmp_path, (*SHAPE, 2))
    for expected in ("done", "skipped"):
        outcomes = run_files(app, project, images, tmp_path / "out", Settings())
        assert [o.status for o in outcomes] == [expected] * 2
    assert len(calls(tmp_path)) == 2


def test_another_project_does_not_overwrite_its_results(
    tmp_path: Path, project: Path, images: list[Path]
) -> None:
    app = stand_in.writes(tmp_path, (*SHAPE, 2))
    run_files(app, project, images, tmp_path / "out", Settings())
    with h5py.File(project, "r+") as file:
        file.attrs["changed"] = True

    outcomes = run_files(app, project, images, tmp_path / "out", Settings())
    again = run_files(app, project, images, tmp_path / "out", Settings(), existing="overwrite")

    assert "another project" in (outcomes[0].error or "")
    assert [o.status for o in again] == ["done"] * 2


def test_a_file_that_ilastik_left_behind_does_not_count(
    tmp_path: Path, project: Path, images: list[Path]
) -> None:
    said = "ValueError: something odd"
    for app in (
        stand_in.writes(tmp_path, (*SHAPE, 2), status=1, text=said),
        stand_in.writes(tmp_path, (*SHAPE, 2), value=0),
        stand_in.writes(tmp_path, (30, 41, 2)),
        stand_in.says(tmp_path, "Completed Batch Processing", 0),
    ):
        outcomes = run_files(app, project, images, tmp_path / "out", Settings())

        assert [o.status for o in outcomes] == ["failed"] * 2
        assert not list((tmp_path / "out").glob("*.h5"))
        error = outcomes[0].error or ""
        assert error.startswith(f"{images[0]}: ")
        log = tmp_path / "out/logs/one_ilastik.log"
        assert str(log) in error
        assert log.exists()
    assert not [path for path in (tmp_path / "out").iterdir() if path.name.startswith(".")]


def test_what_ilastik_says_of_an_image_stops_no_other(
    tmp_path: Path, project: Path, images: list[Path]
) -> None:
    full = "if 'one.tif' in sys.argv[-1]:\n    sys.exit('OSError: No space left on device')\n"
    app = stand_in.writes(tmp_path, (*SHAPE, 2), before=full)

    outcomes = run_files(app, project, images, tmp_path / "out", Settings())

    assert [o.status for o in outcomes] == ["failed", "done"]
    assert "the disk is full" in (outcomes[0].error or "")


def test_what_ilastik_says_of_the_project_ends_the_run(
    tmp_path: Path, project: Path, images: list[Path]
) -> None:
    app = stand_in.says(tmp_path, "Exception: Invalid option for --export_source: 'Probabilities'")

    with pytest.raises(ProjectError, match=r"pixels2d\.ilp: cannot give 'Probabilities'"):
        run_files(app, project, images, tmp_path / "out", Settings())
    assert len(calls(tmp_path)) == 1


def test_a_planted_pickle_is_found_before_ilastik_is_started(
    tmp_path: Path, project: Path, images: list[Path]
) -> None:
    with h5py.File(project, "r+") as file:
        del file["PixelClassification/Bookmarks/0000"]
        file["PixelClassification/Bookmarks/0000"] = np.void(b"cos\nsystem\n(S'id'\ntR.")
    app = stand_in.writes(tmp_path, (*SHAPE, 2))

    with pytest.raises(BadInputError, match=r"imports 'os\.system'"):
        run_files(app, project, images, tmp_path / "out", Settings())
    assert not calls(tmp_path)


def test_moved_training_images_without_a_classifier_are_told_before_a_run(
    tmp_path: Path, project: Path, images: list[Path]
) -> None:
    app = stand_in.writes(tmp_path, (*SHAPE, 2))
    (tmp_path / "train.tif").unlink()
    assert run_files(app, project, images, tmp_path / "out", Settings())[0].status == "done"
    before = len(calls(tmp_path))

    with pytest.raises(
        BadInputError, match=r"cannot be trained: .*train\.tif is not there; .*--re"
    ):
        run_files(app, project, images, tmp_path / "new", Settings(retrain=True))
    without_forest(project)
    with pytest.raises(BadInputError, match=r"has no trained classifier, and cannot be trained"):
        run_files(app, project, images, tmp_path / "new", Settings())
    assert len(calls(tmp_path)) == before


def test_a_project_without_labels_is_told_before_a_run(
    tmp_path: Path, project: Path, images: list[Path]
) -> None:
    with h5py.File(without_forest(project), "r+") as file:
        del file["PixelClassification/LabelSets"]

    with pytest.raises(BadInputError, match="nothing is labelled in it, and ilastik would write z"):
        run_files(stand_in.says(tmp_path, ""), project, images, tmp_path / "out", Settings())
    assert not calls(tmp_path)


def first_image(project: Path) -> str:
    with h5py.File(project) as file:
        return str(file["Input Data/infos/lane0000/Raw Data/filePath"][()].decode())


TRAINS = """
import shutil
if "--retrain" in sys.argv:
    shutil.copyfile(arguments["project"], folder / "seen.ilp")
    shutil.copyfile(folder / "trained.ilp", arguments["project"])
    sys.exit(0)
"""


def trainer(folder: Path, project: Path) -> IlastikApp:
    """A program that with --retrain stores the forest that it takes from a project."""
    shutil.copyfile(project, folder / "trained.ilp")
    without_forest(project)
    return stand_in.writes(folder, (*SHAPE, 2), before=TRAINS)


def test_training_changes_a_copy_once(tmp_path: Path, project: Path, images: list[Path]) -> None:
    app, ear = trainer(tmp_path, project), Ear()
    before = project.read_bytes()

    run_files(app, project, images[:1], tmp_path / "out", Settings(), listener=ear)
    outcomes = run_files(app, project, images, tmp_path / "out", Settings())

    assert [o.status for o in outcomes] == ["skipped", "done"]
    assert project.read_bytes() == before
    copy = tmp_path / "out/pixels2d_trained.ilp"
    assert [("--retrain" in call["argv"]) for call in calls(tmp_path)] == [True, False, False]
    assert f"--project={copy}" in calls(tmp_path)[1]["argv"]
    assert any("has no trained classifier; the classifier that ilast" in r for r in ear.remarks)
    assert Path(first_image(tmp_path / "seen.ilp")) == tmp_path / "train.tif"


def test_a_classifier_that_is_there_is_not_replaced_without_a_word(
    tmp_path: Path, project: Path, images: list[Path]
) -> None:
    app, out = trainer(tmp_path, project), tmp_path / "out"
    run_files(app, project, images, out, Settings())
    with h5py.File(project, "r+") as file:
        file.attrs["changed"] = True
    before = (out / "pixels2d_trained.ilp").read_bytes()

    with pytest.raises(BadInputError, match=r"pixels2d_trained\.ilp: is there already, and was n"):
        run_files(app, project, images, out, Settings())
    assert (out / "pixels2d_trained.ilp").read_bytes() == before
    again = run_files(app, project, images, out, Settings(), existing="overwrite")
    assert [o.status for o in again] == ["done"] * 2
    assert sum("--retrain" in call["argv"] for call in calls(tmp_path)) == 2


def test_training_in_place_is_asked_for(tmp_path: Path, project: Path, images: list[Path]) -> None:
    app = trainer(tmp_path, project)
    settings = Settings(retrain=True, in_place=True)

    run_files(app, project, images, tmp_path / "out", settings)

    with h5py.File(project) as file:
        assert "ClassifierForests" in file["PixelClassification"]
    assert first_image(tmp_path / "seen.ilp") == "train.tif"
    assert not list((tmp_path / "out").glob("*.ilp"))
    with pytest.raises(BadInputError, match="--in-place: says where to train; give --retrain too"):
        Settings(in_place=True)


def test_training_that_fails_leaves_the_project_as_it_was(
    tmp_path: Path, project: Path, images: list[Path]
) -> None:
    before = project.read_bytes()
    settings = Settings(retrain=True, in_place=True)

    with pytest.raises(ProjectError, match=r"pixels2d\.ilp: .*KeyError: 'x'.*pixels2d_training"):
        run_files(
            stand_in.says(tmp_path, "KeyError: 'x'"), project, images, tmp_path / "out", settings
        )
    assert project.read_bytes() == before


def test_a_time_out_is_of_one_image(tmp_path: Path, project: Path, images: list[Path]) -> None:
    app = stand_in.make(tmp_path, "import time\ntime.sleep(600)")

    outcomes = run_files(app, project, images[:1], tmp_path / "out", Settings(timeout=1))

    assert outcomes[0].status == "failed"
    assert "was not done in 1 s" in (outcomes[0].error or "")


@pytest.mark.slow
def test_ctrl_c_ends_all_that_run_at_the_same_time(
    tmp_path: Path, project: Path, images: list[Path]
) -> None:
    app = stand_in.make(tmp_path, "import time\ntime.sleep(600)")

    class Stop(Ear):
        def item_progress(self, source: object, done: int, total: int) -> None:
            del source, done, total
            wait_until(lambda: len(calls(tmp_path)) == 2, "both programs")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run_files(
            app,
            project,
            images,
            tmp_path / "out",
            Settings(),
            listener=Stop(),
            workers=Threads(2),
        )
    assert not list((tmp_path / "out").glob(".run*"))


def test_programs_at_the_same_time_share_the_cores(
    tmp_path: Path, project: Path, images: list[Path]
) -> None:
    app = stand_in.writes(tmp_path, (*SHAPE, 2))

    run_files(app, project, images, tmp_path / "out", Settings(), workers=Threads(2))

    assert all(int(call["threads"]) >= 1 for call in calls(tmp_path))


def test_other_values_than_those_trained_on_are_said(
    tmp_path: Path, project: Path, images: list[Path]
) -> None:
    tifffile.imwrite(images[0], np.full(SHAPE, 7, np.uint8))
    app = stand_in.writes(tmp_path, (*SHAPE, 2))

    eight, sixteen = run_files(app, project, images, tmp_path / "out", Settings())

    assert "are uint8, and those of the project's images uint16" in eight.notes[0]
    assert not sixteen.notes


def test_an_export_of_another_workflow_is_refused(
    tmp_path: Path, project: Path, images: list[Path]
) -> None:
    app = stand_in.says(tmp_path, "")

    with pytest.raises(BadInputError, match="gives no objects; choose --export probabilities or s"):
        run_files(app, project, images, tmp_path / "out", Settings(export="objects"))


def test_a_folder_whose_name_ilastik_would_fill_in_is_refused(
    tmp_path: Path, project: Path, images: list[Path]
) -> None:
    for name in ("{nickname}", "a*"):
        with pytest.raises(BadInputError, match="has (a brace|'\\*') in its path"):
            run_files(stand_in.says(tmp_path, ""), project, images, tmp_path / name, Settings())


HEAD = "object_id,timestep,labelimage_oid,Predicted Class"


def two_squares(folder: Path, name: str) -> None:
    folder.mkdir(exist_ok=True)
    labels = np.zeros(SHAPE, np.uint16)
    labels[3:9, 3:9], labels[20:25, 20:30] = 1, 5
    tifffile.imwrite(folder / f"{name}_labels.tif", labels)


PREDICTS = """
import h5py, numpy
place = sys.argv[-1]
file, _, dataset = place.partition(".h5/")
with h5py.File(file + ".h5") as source:
    labels = source[dataset][()]
with h5py.File(output, "w") as target:
    made = target.create_dataset("exported_data", data=(labels > 0)[..., None] * numpy.uint8(2))
    made.attrs["axistags"] = json.dumps({"axes": [{"key": a} for a in "yxc"]})
rows = [f"{n},0,{n},bright" for n in numpy.unique(labels) if n]
table = pathlib.Path(arguments["table_filename"])
table.with_name(table.stem + "_table.csv").write_text("\\n".join([HEAD, *rows]) + "\\n")
""".replace("HEAD", repr(HEAD))


def test_objects_get_their_classes_and_a_table(
    tmp_path: Path, objects: Path, images: list[Path]
) -> None:
    for name in ("one", "two"):
        two_squares(tmp_path / "lbl", name)
    tifffile.imwrite(tmp_path / "lbl/two_labels.tif", np.zeros(SHAPE, np.uint16))
    app, ear = stand_in.make(tmp_path, PREDICTS), Ear()

    one, two = run_files(
        app, objects, images, tmp_path / "out", Settings(), objects=[tmp_path / "lbl"], listener=ear
    )

    assert (one.status, one.objects) == ("done", 2)
    assert one.outputs == {"h5": "one_Object Predictions.h5", "csv": "one_table.csv"}
    (call,) = calls(tmp_path)  # ilastik fails on an image without objects, and does not see it
    assert "--input_axes=yx,yx" in call["argv"]
    assert "--label_image" in call["argv"]
    assert (two.status, two.objects) == ("done", 0)
    assert "has no objects" in two.notes[0]
    assert (tmp_path / "out/two_table.csv").read_text().count("\n") == 1


def test_a_table_that_is_missing_is_made_with_its_classes(
    tmp_path: Path, objects: Path, images: list[Path]
) -> None:
    two_squares(tmp_path / "lbl", "one")
    app, out = stand_in.make(tmp_path, PREDICTS), tmp_path / "out"
    known = (images[:1], out, Settings())
    run_files(app, objects, *known, objects=[tmp_path / "lbl"])
    (out / "one_table.csv").unlink()
    before = (out / "one_Object Predictions.h5").stat().st_mtime_ns

    (made,) = run_files(app, objects, *known, objects=[tmp_path / "lbl"])
    (again,) = run_files(app, objects, *known, objects=[tmp_path / "lbl"])

    assert (made.status, again.status) == ("done", "skipped")
    assert (out / "one_table.csv").exists()
    assert (out / "one_Object Predictions.h5").stat().st_mtime_ns > before


def test_objects_need_label_images_and_pixels_none(
    tmp_path: Path, objects: Path, project: Path, images: list[Path]
) -> None:
    app = stand_in.says(tmp_path, "")
    with pytest.raises(BadInputError, match="classifies the objects of label images; give them"):
        run_files(app, objects, images, tmp_path / "out", Settings())
    with pytest.raises(BadInputError, match="--objects: are not used for probabilities"):
        run_files(app, project, images, tmp_path / "out", Settings(), objects=[tmp_path])
    with pytest.raises(BadInputError, match="--retrain: is for pixels"):
        run_files(
            app, objects, images, tmp_path / "out", Settings(retrain=True), objects=[tmp_path]
        )


def test_the_export_of_tables_is_set_in_a_copy(
    tmp_path: Path, objects: Path, images: list[Path]
) -> None:
    with h5py.File(objects, "r+") as file:
        del file["ObjectClassification/ExportSettings"]
    before = objects.read_bytes()
    two_squares(tmp_path, "one")

    (outcome,) = run_files(
        stand_in.make(tmp_path, PREDICTS),
        objects,
        images[:1],
        tmp_path / "out",
        Settings(),
        objects=[tmp_path / "one_labels.tif"],
    )

    assert outcome.status == "done"
    assert objects.read_bytes() == before
    assert f"--project={objects}" not in calls(tmp_path)[0]["argv"]
