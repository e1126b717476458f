"""A damaged file of objects is never taken for an empty one, and can be restored."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from bridge import Detections
from bridge.apps.qupath.backup import KEPT, Backup
from bridge.apps.qupath.project_files import read_project
from bridge.apps.qupath.state import is_whole
from bridge.cli import app
from bridge.errors import BadInputError
from bridge.review import Pushed
from tests.apps.qupath.test_backup import END, NEW, OLD, START, pushed_objects, save, size
from tests.apps.qupath.test_project_files import entry, write_project

EDITED = START + b"a nucleus was redrawn" + END
LATEST = START + b"and another was added" + END
MOMENT = 1_700_000_000  # 14 November 2023, 22:13:20 UTC

Damage = Callable[[Path], object]
DAMAGES: dict[str, Damage] = {
    "cut off": lambda file: os.truncate(file, len(LATEST) // 2),
    "emptied": lambda file: os.truncate(file, 0),
    "filled with zeros": lambda file: file.write_bytes(bytes(len(LATEST))),
    "its last byte is missing": lambda file: os.truncate(file, len(LATEST) - 1),
    "its beginning is missing": lambda file: file.write_bytes(LATEST[4:]),
    "gone": lambda file: file.unlink(),
}


def push(backup: Backup, objects: bytes, count: int) -> None:
    backup.begin(pushed_objects(count), backup.state())
    save(backup, objects)
    backup.finish()


@pytest.fixture
def backup(tmp_path: Path) -> Backup:
    """Of an image with two pushes, the reviewer's edits between them and after them."""
    folder = write_project(tmp_path / "my project", entry(1, "a b.tif", "file:/a.tif"))
    project = read_project(folder)
    backup = Backup(project, project.images[0])
    backup.image.data.mkdir(parents=True)
    push(backup, OLD, 1)
    save(backup, EDITED)
    os.utime(backup.image.objects_file, (MOMENT, MOMENT))
    push(backup, NEW, 2)
    save(backup, LATEST)
    return backup


def damaged_files(backup: Backup) -> list[bytes]:
    folder = backup.project.folder / "starbridge" / "before"
    return [path.read_bytes() for path in sorted(folder.glob("*.damaged-*"))]


def restore(backup: Backup, *more: str) -> tuple[int, str, str]:
    arguments = ["qupath", "restore", str(backup.project.folder), *more, "--force"]
    result = CliRunner().invoke(app, arguments)
    return result.exit_code, result.stdout, result.stderr


def test_what_qupath_saved_is_whole(backup: Backup) -> None:
    assert is_whole(backup.image.objects_file)
    backup.check_objects()
    assert backup.restore() is None


@pytest.mark.parametrize("damage", DAMAGES)
def test_damage_is_refused_and_names_the_copy_and_the_command(backup: Backup, damage: str) -> None:
    file = backup.image.objects_file
    DAMAGES[damage](file)

    with pytest.raises(BadInputError) as refused:
        backup.check_objects()

    text = str(refused.value)
    assert text.startswith(f"{file}: is {'missing' if damage == 'gone' else 'damaged'}")
    assert "a good copy of 2023-11-14 22:13 UTC is kept in" in text
    assert f"starbridge qupath restore '{backup.project.folder}' 'a b.tif'" in text


@pytest.mark.parametrize("damage", DAMAGES)
def test_the_newest_copy_comes_back_with_the_record_of_its_push(
    backup: Backup, damage: str
) -> None:
    DAMAGES[damage](backup.image.objects_file)
    left = [] if damage == "gone" else [backup.image.objects_file.read_bytes()]

    status, printed, _ = restore(backup)

    assert (status, printed) == (0, "a b.tif: restored as of 2023-11-14 22:13 UTC\n")
    assert backup.image.objects_file.read_bytes() == EDITED
    assert size(backup.pushed()) == 1  # the second push is not in these objects
    assert damaged_files(backup) == left
    assert restore(backup) == (0, "", "")
    assert restore(backup, "a b.tif")[1] == "a b.tif: is whole, and left as it is\n"


def test_a_damaged_copy_is_passed_over(backup: Backup) -> None:
    push(backup, OLD, 3)
    os.truncate(backup.kept_copies()[0].objects, 5)
    os.truncate(backup.image.objects_file, 5)

    copy = backup.restore()

    assert copy is not None
    assert copy.objects.read_bytes() == backup.image.objects_file.read_bytes() == EDITED
    assert size(backup.pushed()) == 1


def test_several_pushes_are_kept_and_no_more(backup: Backup) -> None:
    for number in range(10):
        push(backup, START + b"push %d" % number + END, number + 3)

    kept = [copy.objects.read_bytes() for copy in backup.kept_copies()]

    assert kept == [START + b"push %d" % number + END for number in (8, 7, 6, 5, 4)]
    assert len(kept) == KEPT
    for copy, count in zip(backup.kept_copies(), (11, 10, 9, 8, 7), strict=True):
        assert copy.record.exists(), count


def test_a_push_that_changes_nothing_uses_up_no_copy(backup: Backup) -> None:
    before = [copy.objects.read_bytes() for copy in backup.kept_copies()]
    for _ in range(10):
        push(backup, backup.image.objects_file.read_bytes(), 2)

    after = [copy.objects.read_bytes() for copy in backup.kept_copies()]
    assert after == [LATEST, *before]


def test_a_copy_is_never_replaced_by_something_damaged(backup: Backup) -> None:
    kept = [copy.objects.read_bytes() for copy in backup.kept_copies()]
    os.truncate(backup.image.objects_file, 5)

    with pytest.raises(BadInputError):  # a push and a pull ask this first
        backup.check_objects()

    assert [copy.objects.read_bytes() for copy in backup.kept_copies()] == kept


def test_a_copy_that_qupath_reads_itself_is_no_damage(backup: Backup) -> None:
    file = backup.image.objects_file
    file.with_name(file.name + ".bkp").write_bytes(EDITED)
    os.truncate(file, 5)

    backup.check_objects()


def test_an_image_without_objects_is_no_damage(tmp_path: Path) -> None:
    project = read_project(write_project(tmp_path / "p", entry(1, "a.tif", "file:/a.tif")))
    backup = Backup(project, project.images[0])
    backup.check_objects()

    backup.image.data.mkdir(parents=True)
    nothing = Pushed.of(Detections.from_labels(np.zeros((4, 4), np.uint8)))
    backup.begin(nothing, backup.state())
    backup.finish()

    backup.check_objects()


def test_without_a_copy_the_user_is_told_so(tmp_path: Path) -> None:
    project = read_project(write_project(tmp_path / "p", entry(1, "a.tif", "file:/a.tif")))
    backup = Backup(project, project.images[0])
    backup.image.data.mkdir(parents=True)
    save(backup, b"cut")

    status, printed, said = restore(backup)

    assert (status, printed) == (1, "")
    assert "data.qpdata: is damaged" in said
    assert "no good copy of it is kept; put one of your own backups in its place" in said
    assert backup.image.objects_file.read_bytes() == b"cut"


def test_an_interrupted_push_is_undone_by_restoring(backup: Backup) -> None:
    backup.begin(pushed_objects(3), backup.state())
    save(backup, b"half")

    status, printed, _ = restore(backup)

    assert (status, printed.startswith("a b.tif: restored as of")) == (0, True)
    assert backup.image.objects_file.read_bytes() == LATEST
    assert size(backup.pushed()) == 2
