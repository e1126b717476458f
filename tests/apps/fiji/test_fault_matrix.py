"""Faults at every step of a push or a pull: no edit is lost, and the same command ends well.

A cell is an operation (first push, second push, pull) and a fault. Its tries are the steps at which
the fault strikes. What comes of each is compared with a run that nobody disturbed.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pandas as pd
import pytest
import roifile

from bridge import Detections
from bridge.apps.fiji.review_files import pull_files, push_files
from bridge.apps.fiji.review_layout import ReviewFiles
from bridge.errors import BadInputError
from bridge.formats import imagej_rois
from bridge.images.hyperstack import write_hyperstack
from tests.apps.fiji.faulty_pushes import counted, edits, image, objects

pytestmark = pytest.mark.skipif(
    not sys.platform.startswith("linux"), reason="needs fork, and names of open folders in /proc"
)

Rows = list[tuple[Any, ...]]
Operation = Literal["first push", "second push", "pull"]
SAVED = {"deleted": 1, "reclassified": 1, "added": 1, "untouched": 6}
TRIES: Counter[tuple[str, str]] = Counter()


@pytest.fixture(scope="module")
def worker() -> Iterator[subprocess.Popen[str]]:
    """The program that is disturbed."""
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.apps.fiji.faulty_pushes"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=Path(__file__).parents[3],
    )
    yield process
    process.communicate()
    sys.stderr.write(f"{len(TRIES)} cells, {sum(TRIES.values())} tries: {dict(TRIES)}\n")


def carry_out(worker: subprocess.Popen[str], *requests: dict[str, Any]) -> list[dict[str, Any]]:
    assert worker.stdin is not None
    assert worker.stdout is not None
    worker.stdin.write(json.dumps(requests, default=str) + "\n")
    worker.stdin.flush()
    answer: list[dict[str, Any]] = json.loads(worker.stdout.readline())
    return answer


def save(original: Path, saved: Path, *, finished: bool = False) -> None:
    """Edit ROIs as ImageJ does: delete one, reclassify one, draw one; then rename one, too."""
    rois: Any = roifile.ImagejRoi.fromfile(original)
    rois[0].name = "0001-dead"
    if finished:
        rois[1].name = "mitosis"
    drawn = roifile.ImagejRoi.frompoints(np.array([[70, 45], [78, 45], [78, 55], [70, 55]]))
    drawn.name = "0055-0074"
    saved.unlink(missing_ok=True)
    roifile.roiwrite(saved, [*rois[:2], *rois[3:], drawn])


class Situation:
    """A review folder before an operation, and what comes of it when nobody disturbs.

    Args:
        folder: an empty folder.
        operation: what is to be disturbed.
    """

    def __init__(self, folder: Path, operation: Operation) -> None:
        self.operation = operation
        self.version = 1 if operation == "first push" else 2
        self.later = folder / "later.zip"
        self._start, self._work = folder / "start", folder / "work"
        self.foreign = folder / "foreign.zip"
        imagej_rois.write(objects(2), self.foreign)
        self._start.mkdir()
        if operation != "first push":
            push_files(image(), objects(1), self._start)
            rois = ReviewFiles.of(self._start, "s").rois
            save(rois, self.later, finished=True)
            save(rois, rois)
        self.before = self.rows(self._start) if operation != "first push" else []
        push_files(image(), objects(self.version), self.fresh())
        self.after = self.rows(self.folder)
        if operation != "first push":
            shutil.copy(self.later, ReviewFiles.of(self.fresh(), "s").rois)
            self.before_later = self.rows(self.folder)
            push_files(image(), objects(2), self.folder)
            self.after_later = self.rows(self.folder)

    @property
    def folder(self) -> Path:
        """The review folder of a try."""
        return self._work

    def fresh(self) -> Path:
        """Return the review folder as it is before the operation."""
        shutil.rmtree(self._work, ignore_errors=True)
        shutil.copytree(self._start, self._work)
        return self._work

    def request(self, **more: Any) -> dict[str, Any]:
        """Return a request to push into a fresh folder."""
        return {"folder": self.fresh(), "version": self.version, **more}

    @staticmethod
    def rows(folder: Path, name: str = "s") -> Rows:
        """Return all that a reviewer sees of the objects; drawn ones get their ids in each push."""
        return listed(pull_files(folder, name)[1])

    def ends_well(self, wanted: Rows) -> None:
        """Push again, undisturbed."""
        push_files(image(), objects(self.version), self.folder)
        base, found = pull_files(self.folder, "s")
        assert listed(found) == wanted
        assert counted(base, found) == {"untouched": len(wanted)}
        files = ReviewFiles.of(self.folder, "s")
        assert not files.next.folder.exists()
        assert not files.aside.folder.exists()
        assert not list(self.folder.rglob("*.part"))
        if self.operation != "first push":
            earlier = [*(self.folder / "earlier reviews").glob("s_rois_*.zip")]
            assert {"0001-dead"} <= {n for path in earlier for n in names(path)}


def listed(found: Detections) -> Rows:
    """Return outline, class, name and label of all objects."""
    return sorted(
        (row.geometry.normalize().wkt, *(str(row[name]) for name in ("class", "name", "label")))
        for _, row in found.objects.iterrows()
    )


def names(path: Path) -> list[str]:
    rois: Any = roifile.ImagejRoi.fromfile(path)
    return [roi.name for roi in rois]


@pytest.fixture(scope="module")
def situations(tmp_path_factory: pytest.TempPathFactory) -> dict[Operation, Situation]:
    """The operations, each in a folder of its own."""
    every: tuple[Operation, ...] = ("first push", "second push", "pull")
    return {it: Situation(tmp_path_factory.mktemp("review"), it) for it in every}


@pytest.fixture(params=["first push", "second push"])
def push(request: pytest.FixtureRequest, situations: dict[Operation, Situation]) -> Situation:
    """A push that is to be disturbed."""
    return situations[request.param]


def steps_of(worker: subprocess.Popen[str], request: dict[str, Any]) -> range:
    """Return the steps of an undisturbed operation, from 1."""
    (result,) = carry_out(worker, request)
    assert result["exit"] == 0
    assert result["error"] == ""
    assert result["steps"] > 10
    return range(1, result["steps"] + 1)


def test_a_push_that_is_killed(push: Situation, worker: subprocess.Popen[str]) -> None:
    states = set()
    for step in steps_of(worker, push.request()):
        (result,) = carry_out(worker, push.request(fault="kill", at=step))
        assert result["exit"] == -9
        TRIES[push.operation, "killed"] += 1

        states.add(state := state_of(push))
        assert state in ("before", "after")
        push.ends_well(push.after)
    assert states == {"before", "after"}


def state_of(push: Situation) -> str:
    """Read the folder as a pull does, and say which of the two states it shows."""
    files = ReviewFiles.of(push.folder, "s")
    contents = {path: path.read_bytes() for path in push.folder.rglob("*") if path.is_file()}
    if push.operation == "first push" and not files.record.exists():
        with pytest.raises(BadInputError, match="does not exist"):
            push.rows(push.folder)
        return "before"
    base, reviewed = pull_files(push.folder, "s")
    rows = listed(reviewed)
    found = {path: path.read_bytes() for path in push.folder.rglob("*") if path.is_file()}
    assert found == contents, "a pull writes into the review folder"
    if rows == push.after:
        assert counted(base, reviewed) == {"untouched": len(rows)}
        return "after"
    assert rows == push.before
    assert counted(base, reviewed) == SAVED
    return "before"


def test_a_push_that_is_killed_and_a_reviewer_who_saves_then(
    situations: dict[Operation, Situation], worker: subprocess.Popen[str]
) -> None:
    push = situations["second push"]
    for step in steps_of(worker, push.request()):
        carry_out(worker, push.request(fault="kill", at=step))
        shutil.copy(push.later, ReviewFiles.of(push.folder, "s").rois)
        TRIES[push.operation, "killed, then saved"] += 1

        assert push.rows(push.folder) in (push.before_later, push.after_later)
        push.ends_well(push.after_later)


def test_a_push_onto_a_full_disk(push: Situation, worker: subprocess.Popen[str]) -> None:
    for step in steps_of(worker, push.request(fault="disk")):
        (result,) = carry_out(worker, push.request(fault="disk full", at=step))
        assert result["exit"] == 0
        assert "the disk is full" in result["error"] or not result["error"]
        TRIES[push.operation, "disk full"] += 1

        assert state_of(push) in ("before", "after")
        push.ends_well(push.after)


@pytest.mark.parametrize("most", [0, 100, 1_000, 3_000, 10_000])
def test_a_push_that_can_write_the_beginning_of_a_file_only(
    push: Situation, worker: subprocess.Popen[str], most: int
) -> None:
    (result,) = carry_out(worker, push.request(**{"bytes a file": most}))
    assert result["exit"] == 0
    assert "the file grew over the size" in result["error"]
    TRIES[push.operation, "disk full"] += 1

    assert state_of(push) == "before"
    push.ends_well(push.after)


def test_a_reviewer_who_saves_during_the_push(
    situations: dict[Operation, Situation], worker: subprocess.Popen[str]
) -> None:
    push = situations["second push"]
    for step in steps_of(worker, push.request()):
        saved_as = ReviewFiles.of(push.folder, "s").rois
        save = {"saved": push.later, "saved as": saved_as}
        (result,) = carry_out(worker, push.request(fault="save", at=step, **save))
        assert result["exit"] == 0
        assert result["error"] == ""
        TRIES[push.operation, "saved by another"] += 1

        assert push.rows(push.folder) == push.after_later
        push.ends_well(push.after_later)


def test_a_file_of_that_name_that_appears_during_a_first_push(
    situations: dict[Operation, Situation], worker: subprocess.Popen[str]
) -> None:
    push = situations["first push"]
    content = push.foreign.read_bytes()
    for step in steps_of(worker, push.request()):
        there = ReviewFiles.of(push.folder, "s").rois
        save = {"saved": push.foreign, "saved as": there}
        (result,) = carry_out(worker, push.request(fault="save", at=step, **save))
        assert result["exit"] == 0
        TRIES[push.operation, "saved by another"] += 1

        kept = [path for path in push.folder.glob("**/*.zip") if path.read_bytes() == content]
        assert kept
        if result["error"]:
            assert "nothing says that it was pushed" in result["error"]
            there.rename(push.folder / "mine.zip")
        elif there in kept:  # saved when all was done
            assert edits(push.folder) == {"deleted": 8, "added": 8}
            continue
        elif push.rows(push.folder) == listed(objects(2)):  # saved over what had been pushed
            continue
        push.ends_well(push.after)


def test_two_pushes_at_once(push: Situation, worker: subprocess.Popen[str]) -> None:
    """A first push meets one of another image, a second push one of its own image."""
    other = "other" if push.operation == "first push" else "s"
    waited = 0
    for step in steps_of(worker, push.request()):
        first = push.request(at=step)
        second = {"folder": push.folder, "version": push.version, "name": other}
        results = carry_out(worker, first, second)
        assert [(r["exit"], r["error"]) for r in results] == [(0, ""), (0, "")]
        waited += any(note.startswith("waiting for push of s into") for note in results[1]["notes"])
        TRIES[push.operation, "two pushes at once"] += 1

        for name in {"s", other}:
            assert push.rows(push.folder, name) == push.after
            assert edits(push.folder, name) == {"untouched": len(push.after)}
    assert waited > 10


def test_pulls_during_a_push(push: Situation, worker: subprocess.Popen[str]) -> None:
    (result,) = carry_out(worker, push.request(fault="pull"))
    assert result["exit"] == 0
    TRIES[push.operation, "a pull meanwhile"] += len(result["seen"])

    seen = [json.dumps(state, sort_keys=True) for state in result["seen"]]
    order = list(dict.fromkeys(seen))
    assert order[1:] == [json.dumps({"untouched": len(push.after)})]
    if push.operation == "first push":
        assert "s.starbridge-review: does not exist" in order[0]
    else:
        assert order[0] == json.dumps(SAVED, sort_keys=True)
    assert seen == sorted(seen, key=order.index), "the state goes back"


def damaged_files(push: Situation) -> list[Path]:
    files = ReviewFiles.of(push.fresh(), "s")
    if push.operation == "first push":
        return [files.rois, files.image, files.next.rois, files.next.image, files.next.record]
    return [files.rois, files.image, files.record]


def test_a_push_into_a_folder_with_a_damaged_file(push: Situation) -> None:
    for path in damaged_files(push):
        push.fresh()
        whole = path.read_bytes() if path.exists() else b""
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(whole[: len(whole) // 2] or b"no such file")
        TRIES[push.operation, "file damaged"] += 1

        is_leftover = ".starbridge" in path.parts
        if not is_leftover:
            damaged = path.read_bytes()
            with pytest.raises(BadInputError) as refusal:
                push_files(image(), objects(push.version), push.folder)
            assert path.name in str(refusal.value)
            assert refusal.value.remedy
            assert path.read_bytes() == damaged
            if whole:
                path.write_bytes(whole)
            else:
                path.unlink()
        push.ends_well(push.after)


def test_a_record_that_is_damaged_is_restored_from_its_copy(
    situations: dict[Operation, Situation],
) -> None:
    push = situations["second push"]
    record = ReviewFiles.of(push.fresh(), "s").record
    record.write_bytes(record.read_bytes()[:1000])

    with pytest.raises(BadInputError, match="is damaged") as refusal:
        pull_files(push.folder, "s")

    copy = Path(refusal.value.remedy.removeprefix("copy ").partition(" over it")[0])
    shutil.copy(copy, record)
    assert push.rows(push.folder) == push.before
    push.ends_well(push.after)


class Pull:
    """A pull of a review, and its results.

    Args:
        situation: the review folder.
    """

    def __init__(self, situation: Situation) -> None:
        self.situation = situation
        self.out = situation.folder.parent / "out"

    def request(self, **more: Any) -> dict[str, Any]:
        """Return a request to pull a fresh folder into an empty one."""
        shutil.rmtree(self.out, ignore_errors=True)
        return {"folder": self.situation.fresh(), "out": self.out, "existing": "check", **more}

    def again(self, existing: str = "check") -> dict[str, Any]:
        """Return the same request for what is there."""
        return {"folder": self.situation.folder, "out": self.out, "existing": existing}

    def listed(self) -> dict[str, int]:
        """Count the edits in the table that was written."""
        found = pd.read_csv(self.out / "s_changes.csv")["what"].value_counts()
        return {str(what): int(n) for what, n in found.items()}


SAVED_EDITS = {"deleted": 1, "reclassified": 1, "added": 1}


@pytest.fixture
def pull(situations: dict[Operation, Situation]) -> Pull:
    """A pull that is to be disturbed."""
    return Pull(situations["pull"])


@pytest.mark.parametrize("fault", ["kill", "disk full"])
def test_a_pull_that_ends_early(pull: Pull, worker: subprocess.Popen[str], fault: str) -> None:
    counting = "none" if fault == "kill" else "disk"
    for step in steps_of(worker, pull.request(fault=counting)):
        (result,) = carry_out(worker, pull.request(fault=fault, at=step))
        assert result["exit"] == (-9 if fault == "kill" else 0)
        if result.get("error"):
            assert "the disk is full" in result["error"]
        TRIES["pull", {"kill": "killed"}.get(fault, fault)] += 1

        (result,) = carry_out(worker, pull.again())
        assert (result["exit"], result["error"]) == (0, "")
        assert pull.listed() == SAVED_EDITS
        assert pull.situation.rows(pull.situation.folder) == pull.situation.before


@pytest.mark.parametrize("fault", ["save", "push"])
def test_a_review_that_changes_during_a_pull(
    pull: Pull, worker: subprocess.Popen[str], fault: str
) -> None:
    here = pull.situation
    more = {"saved": here.later, "saved as": ReviewFiles.of(here.folder, "s").rois}
    (undisturbed,) = carry_out(worker, pull.request(fault=fault, **more))
    for step in range(1, undisturbed["steps"] + 1):
        (result,) = carry_out(worker, pull.request(fault=fault, at=step, **more))
        assert (result["exit"], result["error"]) == (0, "")
        TRIES["pull", {"save": "saved by another"}.get(fault, "a push meanwhile")] += 1

        now = SAVED_EDITS | ({"renamed": 1} if fault == "save" else {})
        assert pull.listed() in (SAVED_EDITS, now)
        (result,) = carry_out(worker, pull.again("overwrite"))
        assert (result["exit"], result["error"]) == (0, "")
        assert pull.listed() == now


def test_a_pull_of_a_damaged_file(pull: Pull, worker: subprocess.Popen[str]) -> None:
    for path in damaged_files(pull.situation):
        request = pull.request()
        whole = path.read_bytes()
        path.write_bytes(whole[: len(whole) // 2])
        (result,) = carry_out(worker, request)
        assert path.name in result["error"]
        assert not (pull.out / "s_changes.csv").exists()
        TRIES["pull", "file damaged"] += 1

        path.write_bytes(whole)
        (result,) = carry_out(worker, pull.again())
        assert (result["exit"], result["error"]) == (0, "")
        assert pull.listed() == SAVED_EDITS


def test_an_overlay_that_is_saved_from_an_earlier_push(tmp_path: Path) -> None:
    push_files(image(), objects(1), tmp_path)
    files = ReviewFiles.of(tmp_path, "s")
    rois: Any = roifile.ImagejRoi.fromfile(files.rois)
    push_files(image(), objects(2), tmp_path)

    write_hyperstack(image(), files.image, overlay=[roi.tobytes() for roi in rois[1:]])

    assert edits(tmp_path) == {"deleted": 1, "untouched": 7}
    push_files(image(), objects(2), tmp_path)
    assert edits(tmp_path) == {"untouched": 7}


def test_objects_of_two_pushes_in_one_file_are_refused(tmp_path: Path) -> None:
    push_files(image(), objects(1), tmp_path)
    files = ReviewFiles.of(tmp_path, "s")
    first: Any = roifile.ImagejRoi.fromfile(files.rois)
    push_files(image(), objects(2), tmp_path)
    second: Any = roifile.ImagejRoi.fromfile(files.rois)
    files.rois.unlink()
    roifile.roiwrite(files.rois, [*first[:3], *second[3:]])

    with pytest.raises(BadInputError, match="holds the objects of two pushes"):
        pull_files(tmp_path, "s")


def test_a_review_of_a_push_into_another_folder_is_refused(tmp_path: Path) -> None:
    push_files(image(), objects(1), tmp_path / "a")
    push_files(image(), objects(2), tmp_path / "b")
    shutil.copy(ReviewFiles.of(tmp_path / "a", "s").rois, tmp_path / "b")

    with pytest.raises(BadInputError, match="saved from a push that this folder does not know"):
        pull_files(tmp_path / "b", "s")


def test_the_same_push_again_leaves_every_byte(tmp_path: Path) -> None:
    push_files(image(), objects(1), tmp_path)
    save(rois := ReviewFiles.of(tmp_path, "s").rois, rois)
    push_files(image(), objects(2), tmp_path)
    contents = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}

    push_files(image(), objects(2), tmp_path)

    assert {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()} == contents
