"""Interrupted writes to a project are understood, and undone without a trace."""

from __future__ import annotations

import errno
import os
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from bridge import Detections
from bridge.apps.qupath.backup import Backup, push_name
from bridge.apps.qupath.errors import QuPathError
from bridge.apps.qupath.project_files import read_project
from bridge.errors import BadInputError
from bridge.review import Pushed
from tests.apps.qupath.test_project_files import entry, write_project

START, END = b"\xac\xed\x00\x05", b"t\x00\x03EOF"  # of a file that QuPath saved as a whole
OLD, NEW, THEIRS = START + b"old" + END, START + b"new" + END, START + b"a reviewer's" + END


def pushed_objects(count: int) -> Pushed:
    return Pushed.of(Detections.from_labels(np.arange(count)[None] + 1))


def size(pushed: Pushed | None) -> int | None:
    return None if pushed is None else len(pushed.detections)


@pytest.fixture
def backup(tmp_path: Path) -> Backup:
    """Of an image to which one object was pushed."""
    project = read_project(write_project(tmp_path / "p", entry(1, "a.tif", "file:/a.tif")))
    backup = Backup(project, project.images[0])
    backup.image.data.mkdir(parents=True)
    backup.begin(pushed_objects(1), backup.state())
    save(backup, OLD)
    backup.finish()
    return backup


def save(backup: Backup, data: bytes) -> None:
    """What QuPath does in the end."""
    backup.image.objects_file.write_bytes(data)


def qupaths_copy(backup: Backup) -> Path:
    return backup.image.data / "data.qpdata.bkp"


def stop_in_the_middle_of_saving(backup: Backup) -> None:
    """QuPath moves the old file away, writes the new one, and removes the old one at the end."""
    backup.image.objects_file.replace(qupaths_copy(backup))
    save(backup, b"ne")


def files(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


def left_over(backup: Backup) -> list[str]:
    """What only an unfinished push leaves."""
    names = [path.name for path in (backup.project.folder / "starbridge").iterdir()]
    return [name for name in names if "next" in name or "pending" in name]


def test_a_finished_push_is_remembered(backup: Backup) -> None:
    assert size(backup.settle()) == size(backup.pushed()) == 1
    assert left_over(backup) == []
    assert backup.image.objects_file.read_bytes() == OLD


def test_of_an_image_without_a_push_nothing_is_known(tmp_path: Path) -> None:
    project = read_project(write_project(tmp_path / "p", entry(1, "a.tif", "file:/a.tif")))
    backup = Backup(project, project.images[0])
    before = files(tmp_path)

    assert backup.settle() is None
    assert backup.pushed() is None
    backup.undo()
    assert files(tmp_path) == before


def test_images_have_records_of_their_own(tmp_path: Path) -> None:
    project = read_project(
        write_project(tmp_path, entry(1, "a", "file:/a.tif"), entry(2, "b", "file:/b.tif"))
    )
    one, other = (Backup(project, image) for image in project.images)
    one.begin(pushed_objects(1), one.state())
    one.finish()

    assert (size(one.settle()), size(other.settle())) == (1, None)


@pytest.mark.parametrize("look", [Backup.settle, Backup.pushed])
def test_a_push_that_was_stopped_before_it_was_written_did_not_happen(
    backup: Backup, look: Callable[[Backup], Pushed | None]
) -> None:
    backup.begin(pushed_objects(2), backup.state())

    assert size(look(backup)) == 1
    assert backup.image.objects_file.read_bytes() == OLD


@pytest.mark.parametrize("look", [Backup.settle, Backup.pushed])
@pytest.mark.parametrize("data", [NEW, THEIRS])
def test_a_push_that_was_stopped_after_it_was_written_did_happen(
    backup: Backup, look: Callable[[Backup], Pushed | None], data: bytes
) -> None:
    backup.begin(pushed_objects(2), backup.state())
    save(backup, NEW)
    save(backup, data)

    assert size(look(backup)) == 2
    assert backup.image.objects_file.read_bytes() == data


def test_a_push_that_was_stopped_while_it_was_finished_did_happen(
    backup: Backup, monkeypatch: pytest.MonkeyPatch
) -> None:
    backup.begin(pushed_objects(2), backup.state())
    save(backup, NEW)
    with monkeypatch.context() as patch:
        patch.setattr(Path, "unlink", stopped)
        with pytest.raises(KeyboardInterrupt):
            backup.finish()

    assert size(backup.pushed()) == 2
    assert size(backup.settle()) == 2
    assert left_over(backup) == []


def stopped(*_: object, **__: object) -> None:
    raise KeyboardInterrupt


@pytest.mark.parametrize("steps", range(1, 8))
def test_a_push_that_was_stopped_while_it_began_did_not_happen(
    backup: Backup, monkeypatch: pytest.MonkeyPatch, steps: int
) -> None:
    count = 0
    replace = Path.replace

    def stopped_at_last(path: Path, target: Path) -> Path:
        nonlocal count
        count += 1
        if count == steps:
            raise KeyboardInterrupt
        return replace(path, target)

    with monkeypatch.context() as patch:
        patch.setattr(Path, "replace", stopped_at_last)
        try:
            backup.begin(pushed_objects(2), backup.state())
        except KeyboardInterrupt:
            assert size(backup.pushed()) == 1
            assert size(backup.settle()) == 1
        else:
            backup.undo()
            assert count < steps  # every step was tried
    assert backup.image.objects_file.read_bytes() == OLD
    backup.begin(pushed_objects(3), backup.state())
    save(backup, NEW)
    backup.finish()
    assert size(backup.settle()) == 3


def test_settling_is_done_once(backup: Backup) -> None:
    backup.begin(pushed_objects(2), backup.state())
    save(backup, NEW)
    backup.settle()
    save(backup, THEIRS)

    assert left_over(backup) == []
    assert size(backup.settle()) == 2


def test_objects_that_were_saved_in_part_are_put_aside_and_the_old_ones_are_back(
    backup: Backup,
) -> None:
    backup.begin(pushed_objects(2), backup.state())
    stop_in_the_middle_of_saving(backup)

    assert size(backup.pushed()) == 1
    assert size(backup.settle()) == 1
    assert backup.image.objects_file.read_bytes() == OLD
    assert not qupaths_copy(backup).exists()
    assert b"ne" in files(backup.project.folder).values()
    assert left_over(backup) == []


def test_objects_that_were_moved_away_and_not_saved_are_back(backup: Backup) -> None:
    backup.begin(pushed_objects(2), backup.state())
    backup.image.objects_file.replace(qupaths_copy(backup))

    assert size(backup.pushed()) == 1
    assert size(backup.settle()) == 1
    assert backup.image.objects_file.read_bytes() == OLD


def test_first_objects_that_were_saved_in_part_are_gone(tmp_path: Path) -> None:
    project = read_project(write_project(tmp_path / "p", entry(1, "a.tif", "file:/a.tif")))
    backup = Backup(project, project.images[0])
    backup.begin(pushed_objects(2), backup.state())
    backup.image.data.mkdir(parents=True)
    save(backup, b"ne")

    assert backup.pushed() is None
    assert backup.settle() is None
    assert not backup.image.objects_file.exists()


def test_a_reviewers_save_that_failed_later_is_left_to_qupath(backup: Backup) -> None:
    backup.begin(pushed_objects(2), backup.state())
    save(backup, NEW)
    save(backup, THEIRS)
    stop_in_the_middle_of_saving(backup)

    assert size(backup.pushed()) == 2
    assert size(backup.settle()) == 2
    assert backup.image.objects_file.read_bytes() == b"ne"
    assert qupaths_copy(backup).read_bytes() == THEIRS


def test_undo_brings_back_every_byte(backup: Backup) -> None:
    record = backup.record.read_bytes()
    backup.begin(pushed_objects(2), backup.state())
    save(backup, NEW)
    backup.wrote(backup.state())

    backup.undo()

    assert backup.image.objects_file.read_bytes() == OLD
    assert backup.record.read_bytes() == record
    assert left_over(backup) == []
    assert size(backup.settle()) == 1


def test_what_somebody_saved_over_a_push_stays_and_is_a_review_of_the_push_before(
    backup: Backup,
) -> None:
    earlier = backup.pushed()
    assert earlier is not None
    later = replace(pushed_objects(2), times=("May", "June"))
    backup.begin(later, backup.state())
    save(backup, NEW)
    backup.wrote(backup.state())
    save(backup, OLD + THEIRS)

    backup.undo()

    assert backup.image.objects_file.read_bytes() == OLD + THEIRS
    assert left_over(backup) == []
    assert size(backup.pushed_as(push_name(earlier))) == size(earlier) == 1
    assert size(backup.pushed_as(push_name(later))) == 2
    assert size(backup.pushed_as(None)) == 2


def test_undo_of_a_first_push_leaves_no_objects(tmp_path: Path) -> None:
    project = read_project(write_project(tmp_path / "p", entry(1, "a.tif", "file:/a.tif")))
    backup = Backup(project, project.images[0])
    backup.image.data.mkdir(parents=True)
    state = backup.state()
    backup.begin(pushed_objects(2), state)
    save(backup, NEW)
    backup.wrote(backup.state())

    backup.undo()

    assert backup.state() == state
    assert not backup.image.objects_file.exists()
    assert backup.settle() is None


def test_undo_of_a_first_push_does_not_bring_back_what_was_before_an_older_one(
    backup: Backup,
) -> None:
    backup.begin(pushed_objects(2), backup.state())
    save(backup, NEW)
    backup.finish()
    backup.image.objects_file.unlink()  # a reviewer threw the image's data away
    backup.begin(pushed_objects(3), backup.state())
    save(backup, NEW)
    backup.wrote(backup.state())

    backup.undo()

    assert not backup.image.objects_file.exists()


def test_undo_removes_the_copy_that_qupath_left(backup: Backup) -> None:
    backup.begin(pushed_objects(2), backup.state())
    stop_in_the_middle_of_saving(backup)

    backup.undo()

    assert backup.image.objects_file.read_bytes() == OLD
    assert not qupaths_copy(backup).exists()


def test_undo_brings_back_the_copy_that_a_crash_had_left_before(backup: Backup) -> None:
    save(backup, b"a crash in the middle")
    qupaths_copy(backup).write_bytes(THEIRS)  # the reviewer's work: QuPath reads this one
    backup.begin(pushed_objects(2), backup.state())
    backup.image.objects_file.replace(qupaths_copy(backup))
    save(backup, NEW)
    qupaths_copy(backup).unlink()
    backup.wrote(backup.state())

    backup.undo()

    assert backup.image.objects_file.read_bytes() == b"a crash in the middle"
    assert qupaths_copy(backup).read_bytes() == THEIRS


def test_undo_without_a_push_that_began_changes_nothing(backup: Backup) -> None:
    save(backup, THEIRS)
    before = files(backup.project.folder)

    backup.undo()

    assert files(backup.project.folder) == before


def test_undo_that_was_stopped_is_done_by_settling(
    backup: Backup, monkeypatch: pytest.MonkeyPatch
) -> None:
    backup.begin(pushed_objects(2), backup.state())
    stop_in_the_middle_of_saving(backup)
    with monkeypatch.context() as patch:
        patch.setattr(Path, "unlink", stopped)
        with pytest.raises(KeyboardInterrupt):
            backup.undo()

    assert size(backup.settle()) == 1
    assert backup.image.objects_file.read_bytes() == OLD


def test_the_project_file_is_copied_too(backup: Backup) -> None:
    copy = backup.project.folder / "starbridge" / "before" / "project.qpproj"

    assert copy.read_bytes() == backup.project.file.read_bytes()


def test_the_state_is_another_one_after_each_save(backup: Backup) -> None:
    states = [backup.state()]
    for data in (NEW, THEIRS, b""):
        save(backup, data)
        states.append(backup.state())
    backup.image.objects_file.unlink()

    assert len({*states, backup.state()}) == 5
    save(backup, OLD)
    assert backup.state() == states[0]


def test_a_push_over_a_save_that_it_has_not_read_is_refused(backup: Backup) -> None:
    state = backup.state()
    save(backup, THEIRS)
    before = files(backup.project.folder)

    with pytest.raises(QuPathError, match="a.tif: somebody saved its objects meanwhile; close"):
        backup.begin(pushed_objects(2), state)
    assert files(backup.project.folder) == before


def test_a_save_in_the_very_moment_of_copying_is_noticed(
    backup: Backup, monkeypatch: pytest.MonkeyPatch
) -> None:
    copyfile = shutil.copyfile

    def saved_meanwhile(source: Path, target: Path) -> None:
        save(backup, THEIRS)
        copyfile(source, target)

    monkeypatch.setattr(shutil, "copyfile", saved_meanwhile)
    with pytest.raises(QuPathError, match="somebody saved"):
        backup.begin(pushed_objects(2), backup.state())
    assert backup.image.objects_file.read_bytes() == THEIRS
    assert left_over(backup) == []


@pytest.mark.parametrize("note", [b"", b"{", b"[]", b'{"after": 1}', b"\xff\xfe"])
@pytest.mark.parametrize(("data", "objects"), [(OLD, 1), (NEW, 2)])
def test_a_damaged_note_is_made_up_for_by_the_copy(
    backup: Backup, note: bytes, data: bytes, objects: int
) -> None:
    backup.begin(pushed_objects(2), backup.state())
    save(backup, data)
    (backup.project.folder / "starbridge" / "1.pending.json").write_bytes(note)

    assert size(backup.pushed()) == objects
    assert size(backup.settle()) == objects
    assert backup.image.objects_file.read_bytes() == data


def test_a_damaged_record_is_said(backup: Backup) -> None:
    backup.record.write_bytes(b"PK no zip")

    for look in (backup.settle, backup.pushed):
        with pytest.raises(BadInputError, match="is damaged .*; restore it from a backup"):
            look()


def test_looking_at_what_was_pushed_writes_nothing(backup: Backup) -> None:
    for data in (OLD, NEW, b"ne"):
        save(backup, OLD)
        backup.settle()
        backup.begin(pushed_objects(2), backup.state())
        save(backup, data)
        before = files(backup.project.folder)

        backup.pushed()

        assert files(backup.project.folder) == before


def test_a_full_disk_is_said_and_nothing_is_begun(
    backup: Backup, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(source: Path, target: Path) -> None:
        Path(target).write_bytes(b"ha")
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    before = files(backup.project.folder)
    monkeypatch.setattr(shutil, "copyfile", full)

    with pytest.raises(BadInputError, match=r"1\.qpdata: cannot be written: the disk is full"):
        backup.begin(pushed_objects(2), backup.state())
    assert files(backup.project.folder) == before


def test_a_file_in_place_of_starbridges_folder_is_said(tmp_path: Path) -> None:
    project = read_project(write_project(tmp_path / "p", entry(1, "a.tif", "file:/a.tif")))
    (project.folder / "starbridge").write_bytes(b"")
    backup = Backup(project, project.images[0])

    with pytest.raises(BadInputError, match="cannot be written: a (part|file) of this"):
        backup.begin(pushed_objects(2), backup.state())


def let_others_in(folder: Path) -> None:
    folder.chmod(0o755)
    for parent in folder.parents:
        # pytest's own folders, which are for one person only
        if parent.name.startswith(("pytest-", "popen-")):
            parent.chmod(0o755)


@pytest.mark.skipif(not hasattr(os, "geteuid"), reason="Windows keeps permissions in another way")
@pytest.mark.parametrize("step", ["begin", "settle", "finish", "undo"])
def test_a_project_that_cannot_be_written_is_said_in_one_line(
    backup: Backup, tmp_path: Path, step: str
) -> None:
    let_others_in(tmp_path)
    if step != "begin":
        backup.begin(pushed_objects(2), backup.state())
        save(backup, NEW)
    folder = backup.project.folder
    places = [folder / "starbridge", folder / "starbridge" / "before", backup.image.data]
    root = os.geteuid() == 0
    before = files(folder)
    for place in places:
        place.chmod(0o555)
    try:
        if root:  # whom permissions do not stop
            os.seteuid(65534)
        with pytest.raises(BadInputError, match="cannot be written: you may not write here"):
            if step == "begin":
                backup.begin(pushed_objects(2), backup.state())
            else:
                getattr(backup, step)()
    finally:
        if root:
            os.seteuid(0)
        for place in places:
            place.chmod(0o755)
    assert files(folder) == before


@pytest.mark.skipif(not hasattr(os, "geteuid"), reason="Windows keeps permissions in another way")
def test_objects_that_cannot_be_read_are_said(backup: Backup, tmp_path: Path) -> None:
    let_others_in(tmp_path)
    backup.image.objects_file.chmod(0)
    root = os.geteuid() == 0
    try:
        if root:
            os.seteuid(65534)
        with pytest.raises(BadInputError, match=r"data\.qpdata: cannot be read \(Permission"):
            backup.state()
    finally:
        if root:
            os.seteuid(0)
