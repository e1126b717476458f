"""Faults at every step of a push and a pull: no edit is lost, and the same command goes on.

Steps are the operations by which starbridge changes files in the project, and the moments before
and after QuPath saves. A test of each kind of fault goes through all of them.
"""

from __future__ import annotations

import errno
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile

from bridge import Detections
from bridge.apps.qupath.backup import Backup
from bridge.apps.qupath.errors import QuPathError
from bridge.apps.qupath.project_files import read_project
from bridge.apps.qupath.session import QuPath
from bridge.apps.qupath.sync import PushOutcome, PushSettings, Review, pull, push
from bridge.errors import BadInputError
from bridge.review import compare
from tests.apps.qupath.conftest import nuclei

pytestmark = pytest.mark.qupath

ALL = PushSettings(force=True)
ROOT = Path(__file__).parents[3]

Step = Callable[[str], None]


class Killed(BaseException):
    """In place of SIGKILL: from here on, nothing of the push does anything."""


class Faults:
    """Calls a function at each step of starbridge in a folder."""

    def __init__(self) -> None:
        self._folder: str | None = None
        self._at_step: Step = lambda what: None
        self.steps: list[str] = []
        sys.addaudithook(self._audit)  # stays as long as the process

    @contextmanager
    def at_each_step(self, folder: Path, at_step: Step) -> Iterator[None]:
        self._folder, self._at_step, self.steps = str(folder), at_step, []
        try:
            yield
        finally:
            self._folder = None

    def step(self, what: str) -> None:
        """Take a step, in which no other one is taken."""
        if self._folder is None:
            return
        self.steps.append(what)
        folder, self._folder = self._folder, None
        try:
            self._at_step(what)
        finally:
            self._folder = folder

    def _audit(self, event: str, arguments: tuple[Any, ...]) -> None:
        if self._folder is None or event not in _CHANGES:
            return
        if event == "open" and not arguments[2] & (os.O_WRONLY | os.O_RDWR | os.O_CREAT):
            return
        if str(arguments[0]).startswith(self._folder):
            self.step(f"{event} {Path(str(arguments[0])).name}")


_CHANGES = {"open", "os.rename", "os.remove", "os.mkdir", "os.link"}
FAULTS = Faults()


@pytest.fixture(autouse=True)
def steps_of_qupath(monkeypatch: pytest.MonkeyPatch) -> None:
    usual = QuPath.write

    def write(self: QuPath, *arguments: Any, **options: Any) -> str:
        FAULTS.step("before QuPath saves")
        saved = usual(self, *arguments, **options)
        FAULTS.step("after QuPath saved")
        return saved

    monkeypatch.setattr(QuPath, "write", write)


# What is pushed and what a reviewer does

FIRST, SECOND = nuclei(40), nuclei(40, shift=1.0, seed=2)
DELETED, RECLASSIFIED = FIRST.ids[:4], FIRST.ids[4:10]
EDITED_MEANWHILE = FIRST.ids[20:23]


def review(there: Detections) -> Detections:
    frame = there.objects.drop(index=DELETED)
    frame.loc[RECLASSIFIED, "class"] = "dead"
    return Detections(frame, there.image)


def save(qupath: QuPath, project: Path, change: Callable[[Detections], Detections]) -> None:
    """Save an image's objects as a reviewer does, in a QuPath that knows nothing of starbridge."""
    image = read_project(project).images[0]
    qupath.open(project)
    before = qupath.read(image.id)
    after = change(before.detections)
    same = set(compare(before.detections, after).untouched)
    add = after.objects[~after.objects.index.isin(list(same))]
    qupath.write(
        image.id,
        add=Detections(add, after.image),
        parents=[None] * len(add),
        remove=[identity for identity in before.detections.ids if identity not in same],
    )


@pytest.fixture(scope="module")
def prepared(qupath: QuPath, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An image; a project with a reviewed first push; its objects with three more edits."""
    folder = tmp_path_factory.mktemp("prepared")
    image = folder / "section.tif"
    pixels = np.random.default_rng(3).integers(0, 4000, (3, 300, 400), np.uint16)
    tifffile.imwrite(image, pixels, imagej=True, metadata={"axes": "CYX"})
    project = folder / "reviewed"
    (outcome,) = push(qupath, project, [(image, FIRST)], ALL)
    assert outcome.error is None
    save(qupath, project, review)
    meanwhile = folder / "meanwhile"
    shutil.copytree(project, meanwhile)
    save(
        qupath,
        meanwhile,
        lambda there: Detections(there.objects.drop(index=EDITED_MEANWHILE), there.image),
    )
    return folder


class Case:
    """A project of its own in which a push meets a fault."""

    def __init__(self, qupath: QuPath, prepared: Path, tmp_path: Path, which: str) -> None:
        self.qupath, self.prepared, self.which = qupath, prepared, which
        self.image = prepared / "section.tif"
        self.objects = FIRST if which == "first push" else SECOND
        self.project = tmp_path / "project"

    def reset(self) -> None:
        shutil.rmtree(self.project, ignore_errors=True)
        if self.which != "first push":
            shutil.copytree(self.prepared / "reviewed", self.project)

    def push(self) -> PushOutcome:
        (outcome,) = push(self.qupath, self.project, [(self.image, self.objects)], ALL)
        return outcome

    def error_of_push(self) -> str | None:
        """Push, and return the error of the image or of the project."""
        try:
            return self.push().error
        except BadInputError as error:  # the lock could not be made
            return str(error)

    def review(self) -> Review:
        (found,) = pull(self.qupath, self.project)
        return found

    def save_meanwhile(self) -> None:
        """Put objects in place that somebody saved who had opened the image before the push."""
        target = self.project / "data" / "1" / "data.qpdata"
        if self.which != "first push":
            shutil.copyfile(self.prepared / "meanwhile" / "data" / "1" / "data.qpdata", target)

    def assert_edits(self, deleted: list[str]) -> Review:
        """Assert that all edits of the reviewers are known, and nothing else."""
        found = self.review()
        if self.which == "first push":
            assert found.changes is None or len(found.changes.all_edits) == 0
            return found
        assert found.changes is not None
        edits = found.changes.all_edits
        assert set(edits.loc[edits["what"] == "deleted", "id"]) == set(deleted)
        assert set(edits.loc[edits["what"] == "reclassified", "id"]) == set(RECLASSIFIED)
        assert set(edits["what"]) == {"deleted", "reclassified"}
        return found

    def assert_ends_well(self, deleted: list[str]) -> None:
        """Assert that the command, repeated, goes on and gives what it gives without a fault."""
        outcome = self.push()
        assert outcome.error is None, outcome.error
        found = self.assert_edits(deleted).detections
        wanted = self.objects.objects
        if self.which == "first push":
            assert sorted(found.ids) == sorted(FIRST.ids)
            return
        assert set(found.ids) == set(FIRST.ids) - set(deleted)
        assert set(found.objects.loc[RECLASSIFIED, "class"]) == {"dead"}
        for identity, place in zip(FIRST.ids, wanted.geometry, strict=True):
            if identity not in deleted:
                distance = found.objects.loc[identity, "geometry"].hausdorff_distance(place)
                assert distance < 0.01


@pytest.fixture
def case(request: pytest.FixtureRequest, qupath: QuPath, prepared: Path, tmp_path: Path) -> Case:
    made = Case(qupath, prepared, tmp_path, request.param)
    made.reset()
    return made


PUSHES = pytest.mark.parametrize("case", ["first push", "second push"], indirect=True)


def count_steps(case: Case) -> int:
    with FAULTS.at_each_step(case.project, lambda what: None):
        assert case.push().error is None
    return len(FAULTS.steps)


@PUSHES
def test_a_push_that_is_killed_at_any_step(case: Case, monkeypatch: pytest.MonkeyPatch) -> None:
    steps = count_steps(case)
    assert steps > 10
    for number in range(steps):
        case.reset()

        def kill(what: str, number: int = number) -> None:
            if len(FAULTS.steps) == number + 1:
                raise Killed

        with (
            monkeypatch.context() as patch,
            FAULTS.at_each_step(case.project, kill),
            pytest.raises(Killed),
        ):
            patch.setattr(Backup, "undo", lambda self: None)
            case.push()
        if any(case.project.glob("*.qpproj")) and read_project(case.project).images:
            case.assert_edits(DELETED)
        case.assert_ends_well(DELETED)


@PUSHES
def test_a_disk_that_is_full_from_any_step_on(case: Case) -> None:
    for number in range(count_steps(case)):
        case.reset()

        def fill(what: str, number: int = number) -> None:
            if len(FAULTS.steps) > number:
                if "QuPath" in what:
                    raise QuPathError("the disk is full")
                if what.startswith(("open", "os.mkdir")):
                    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

        with FAULTS.at_each_step(case.project, fill):
            error = case.error_of_push()
        assert error is None or "full" in error
        case.assert_ends_well(DELETED)


@pytest.mark.parametrize("case", ["second push"], indirect=True)
def test_objects_that_somebody_saves_at_any_step(case: Case) -> None:
    for number in range(count_steps(case)):
        case.reset()

        def save_now(what: str, number: int = number) -> None:
            if len(FAULTS.steps) == number + 1:
                case.save_meanwhile()

        with FAULTS.at_each_step(case.project, save_now):
            case.push()
        case.assert_edits([*DELETED, *EDITED_MEANWHILE])
        case.assert_ends_well([*DELETED, *EDITED_MEANWHILE])


@PUSHES
def test_a_pull_at_any_step_of_a_push(case: Case) -> None:
    for number in range(count_steps(case)):
        case.reset()

        def pull_now(what: str, number: int = number) -> None:
            there = any(case.project.glob("*.qpproj")) and read_project(case.project).images
            if len(FAULTS.steps) == number + 1 and there:
                case.assert_edits(DELETED)

        with FAULTS.at_each_step(case.project, pull_now):
            assert case.push().error is None
        case.assert_edits(DELETED)


@PUSHES
def test_a_record_that_is_damaged_is_refused(case: Case) -> None:
    assert case.push().error is None
    record = Backup(read_project(case.project), read_project(case.project).images[0]).record
    whole = record.read_bytes()
    for length in (0, 10, len(whole) // 2, len(whole) - 1):
        record.write_bytes(whole[:length])
        before = (case.project / "data" / "1" / "data.qpdata").read_bytes()

        assert str(record) in str(case.push().error)
        with pytest.raises(BadInputError, match=r"starbridge-review"):
            case.review()
        assert (case.project / "data" / "1" / "data.qpdata").read_bytes() == before
    record.write_bytes(whole)
    case.assert_ends_well(DELETED)


@PUSHES
def test_objects_that_are_cut_off_at_any_step(case: Case) -> None:
    """The push is refused or made; what it refuses is restored."""
    for number in range(count_steps(case)):
        case.reset()
        file = case.project / "data" / "1" / "data.qpdata"

        def cut(what: str, number: int = number) -> None:
            if len(FAULTS.steps) == number + 1 and file.exists():  # noqa: B023
                os.truncate(file, file.stat().st_size // 2)  # noqa: B023

        with FAULTS.at_each_step(case.project, cut):
            case.push()
        files = read_project(case.project)
        backup = Backup(files, files.images[0])
        if not backup.kept_copies() and file.exists():  # nothing had been pushed before
            continue
        backup.restore()
        kept = case.review()
        assert kept.changes is None or set(kept.changes.of("reclassified")) <= set(RECLASSIFIED)


@pytest.mark.parametrize("case", ["second push"], indirect=True)
def test_objects_that_are_saved_while_they_are_pulled(
    case: Case, monkeypatch: pytest.MonkeyPatch
) -> None:
    usual = QuPath.read
    readings: list[Any] = []

    def read(self: QuPath, *arguments: Any, **options: Any) -> Any:
        found = usual(self, *arguments, **options)
        if not readings:
            case.save_meanwhile()
        readings.append(found)
        return found

    with monkeypatch.context() as patch:
        patch.setattr(QuPath, "read", read)
        case.assert_edits([*DELETED, *EDITED_MEANWHILE])
    assert len(readings) == 2


@pytest.mark.parametrize("case", ["second push"], indirect=True)
def test_a_pull_changes_nothing_in_the_project(case: Case) -> None:
    """So that nothing can happen to it when the pull is killed, or the disk is full."""
    with FAULTS.at_each_step(case.project, lambda what: None):
        case.review()
    assert FAULTS.steps == []


def command(case: Case, image: Path, objects: Path) -> subprocess.Popen[str]:
    words = ["qupath", "push", case.project, image, "--detections", objects, "--force"]
    return subprocess.Popen(
        [sys.executable, "-m", "bridge.cli", *map(str, words)],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


@PUSHES
def test_two_pushes_at_once_with_new_images(case: Case, tmp_path: Path) -> None:
    images = []
    for number in range(2):
        image = tmp_path / f"new {number}.tif"
        shutil.copy(case.image, image)
        objects = tmp_path / f"new {number}.geojson"
        nuclei(10 + number, seed=number).write(objects)
        images.append((image, objects))
    running = [command(case, image, objects) for image, objects in images]
    for process in running:
        _, told = process.communicate(timeout=300)
        assert process.returncode == 0, told

    found = {r.image.name: len(r.detections) for r in pull(case.qupath, case.project)}
    there = {} if case.which == "first push" else {"section.tif": 36}
    assert found == {**there, "new 0.tif": 10, "new 1.tif": 11}
