"""A real QuPath and files without identities, as QuPath 0.2 and 0.3 saved them.

Today's files keep the identity of an object in its metadata. Under another key QuPath does not find
it, and gives each object a new one at each opening, as it does with old files.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from bridge.apps.qupath.backup import Backup
from bridge.apps.qupath.old_files import match_by_outline, qupath_version
from bridge.apps.qupath.project_files import read_project
from bridge.apps.qupath.session import QuPath
from bridge.apps.qupath.sync import PushSettings, pull, push
from tests.apps.qupath.conftest import nuclei

pytestmark = pytest.mark.qupath

ALL = PushSettings(force=True)


@pytest.fixture
def old(qupath: QuPath, section: Path, tmp_path: Path) -> Path:
    """A project whose objects have no identities, and of which nothing was pushed."""
    project = tmp_path / "project"
    (outcome,) = push(qupath, project, [(section, nuclei(30))], ALL)
    assert outcome.error is None
    (image,) = read_project(project).images
    data = image.objects_file.read_bytes()
    assert data.count(b"Object ID") == 1  # written once, then referred to
    data = data.replace(b"Object ID", b"Xbject ID")
    image.objects_file.write_bytes(
        data.replace(b'"qupathVersion":"0.6.0"', b'"qupathVersion":"0.3.2"')
    )
    for file in (project / "starbridge").rglob("*.*"):
        if file.is_file():
            file.unlink()
    return project


@pytest.fixture
def ids(qupath: QuPath, old: Path) -> Callable[[], list[str]]:
    return lambda: qupath.read("1").detections.ids


def test_the_objects_of_such_a_file_are_new_at_each_opening(
    qupath: QuPath, old: Path, ids: Callable[[], list[str]]
) -> None:
    qupath.open(old)

    assert set(ids()) & set(ids()) == set()
    assert qupath_version(read_project(old).images[0].objects_file) == (0, 3)


def test_it_is_saved_once_in_todays_form_and_then_pushed_to(
    qupath: QuPath, old: Path, section: Path, ids: Callable[[], list[str]]
) -> None:
    (image,) = read_project(old).images
    as_found = image.objects_file.read_bytes()
    (before,) = pull(qupath, old)

    (outcome,) = push(qupath, old, [(section, nuclei(60))], ALL)

    assert outcome.error is None
    assert "was saved by QuPath 0.3" in outcome.notes[0]
    assert ids() == ids()
    (after,) = pull(qupath, old)
    # What was there counts as a reviewer's: it stays, and what overlaps it is left out.
    assert len(match_by_outline(before.detections, after.detections)) == 30
    assert outcome.removed == 0
    assert outcome.added == 30
    copies = Backup(read_project(old), image).kept_copies()
    assert as_found in [copy.objects.read_bytes() for copy in copies]

    (again,) = push(qupath, old, [(section, nuclei(60))], ALL)
    assert again.notes == ()
