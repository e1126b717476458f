"""A new segmentation is taken in an open QuPath as `starbridge qupath push` would push it."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import shapely
import tifffile
from numpy.typing import NDArray

from bridge import Detections, Segmenter
from bridge.apps.qupath.backup import Backup, push_name
from bridge.apps.qupath.counting import status as summarise
from bridge.apps.qupath.project_files import read_project
from bridge.apps.qupath.session import QuPath as Session
from bridge.apps.qupath.sync import PushSettings, pull, push
from bridge.review import Pushed
from tests.apps.qupath.conftest import nuclei, section
from tests.groovy.conftest import SCRIPTS, QuPath

__all__ = ["section"]

pytestmark = pytest.mark.qupath

FORCED = PushSettings(force=True, conflict_class="look")
FIRST = nuclei(60)
SECOND = nuclei(60, shift=2.0, seed=5)

REVIEW = """
import qupath.lib.objects.PathObjects
import qupath.lib.objects.classes.PathClass
import qupath.lib.regions.ImagePlane
import qupath.lib.roi.ROIs
import qupath.lib.scripting.QP

// a reviewer's edits, none of them saved, and then other scripts
def hierarchy = QP.getCurrentImageData().getHierarchy()
def nuclei = hierarchy.getDetectionObjects().sort { it.getID().toString() }
hierarchy.removeObjects(nuclei[0..2], true)
nuclei[3].setPathClass(PathClass.fromString('Tumor: Positive'))
nuclei[4].setName('mitosis')
nuclei[5].setLocked(true)
def plane = ImagePlane.getDefaultPlane()
def drawn = ROIs.createEllipseROI(370.5, 200.25, 11, 9, plane)
hierarchy.addObject(PathObjects.createDetectionObject(drawn))
hierarchy.addObject(PathObjects.createAnnotationObject(
    ROIs.createPointsROI([10.5, 20.5] as double[], [30.5, 40.5] as double[], plane)))
def region = PathObjects.createAnnotationObject(ROIs.createRectangleROI(0, 0, 200, 100, plane))
hierarchy.insertPathObject(region, true)
hierarchy.fireHierarchyChangedEvent(this)
if (args.length == 0)
    QP.getProjectEntry().saveImageData(QP.getCurrentImageData())
args.each { script ->
    def words = new File(script + '.arguments').readLines() as String[]
    def binding = new Binding([args: words])
    new GroovyShell(getClass().getClassLoader(), binding).evaluate(new File(script))
}
"""


def starbridge() -> str:
    command = shutil.which("starbridge", path=str(Path(sys.executable).parent))
    if command is None:
        pytest.skip("starbridge is not installed beside this Python")
    return command


@pytest.fixture(scope="module")
def session() -> Iterator[Session]:
    """QuPath as the command uses it."""
    pytest.importorskip("paquo", reason='needs the qupath part: pip install "starbridge[qupath]"')
    with Session() as started:
        yield started


@pytest.fixture
def project(session: Session, section: Path, tmp_path: Path) -> Path:
    """A project into whose only image nuclei were pushed."""
    (outcome,) = push(session, tmp_path / "project", [(section, FIRST)], FORCED)
    assert outcome.error is None
    return tmp_path / "project"


@pytest.fixture
def results(tmp_path: Path) -> Path:
    """A better segmentation."""
    SECOND.write(tmp_path / "better" / "geojson" / "my section µ.geojson")
    return tmp_path / "better"


def review(qupath: QuPath, project: Path, *scripts: str, settings: list[str]) -> str:
    """Edit the image in QuPath, and run scripts on the edits."""
    script = project.parent / "review.groovy"
    script.write_text(REVIEW, "utf-8")
    copies = []
    for name in scripts:
        copy = project.parent / f"{name}.groovy"
        shutil.copy(SCRIPTS / copy.name, copy)
        words = settings if name == "take_new_segmentation" else settings[:1]
        Path(f"{copy}.arguments").write_text("\n".join(words), "utf-8")
        copies.append(str(copy))
    done = qupath.script(
        script,
        *("-p", str(project / "project.qpproj"), "-i", "my section µ.tif"),
        settings=copies,
    )
    assert done.status == 0, done.output
    return done.output


def record_of(project: Path) -> Pushed:
    files = read_project(project)
    found = Backup(files, files.images[0]).pushed()
    assert found is not None
    return found


def by_place(detections: Detections) -> Any:
    """Objects without the UUIDs that each QuPath gives those that are drawn in it."""
    frame = detections.objects.reset_index(drop=True)
    bounds = frame.geometry.bounds.round(1)
    order = np.lexsort((bounds["minx"], bounds["miny"], frame["object_type"]))
    return frame.iloc[order].reset_index(drop=True)


def test_the_image_is_as_the_command_would_have_left_it(
    qupath: QuPath, session: Session, project: Path, results: Path, section: Path
) -> None:
    other = project.with_name("other")
    shutil.copytree(project, other)
    settings = [f"command={starbridge()}", f"detections={results}", "conflicts=look"]

    said = review(
        qupath, project, "what_have_i_changed", "take_new_segmentation", settings=settings
    )
    review(qupath, other, settings=[])
    better = Detections.read(results / "geojson" / "my section µ.geojson")
    (pushed,) = push(session, other, [(section, better)], FORCED)

    edits = "2 added, 3 deleted, 1 reclassified, 1 renamed, 1 locked"
    assert f"since the last push: {edits}" in said
    assert f"my section µ.tif: {pushed.added} written; {pushed.removed} replaced or removed" in said
    (taken,), (expected,) = pull(session, project), pull(session, other)
    mine, theirs = by_place(taken.detections), by_place(expected.detections)
    columns = [c for c in mine.columns if c != "geometry"]
    pd.testing.assert_frame_equal(mine[columns], theirs[columns])
    assert shapely.hausdorff_distance(mine.geometry, theirs.geometry).max() < 0.01
    known = set(FIRST.ids) | set(SECOND.ids)
    assert known & set(taken.detections.ids) == known & set(expected.detections.ids)
    parents = [(review.detections.ids, review.parents) for review in (taken, expected)]
    nested = [{i for i, p in zip(*one, strict=True) if p is not None} & known for one in parents]
    assert nested[0] == nested[1] != set()
    assert taken.changes is not None
    assert taken.changes.counts()["untouched"] == len(taken.changes.base)
    same = ["pushed", "added", "deleted", "reclassified", "other edits", "conflicts"]
    tables = [summarise([one])[same].to_numpy().tolist() for one in (taken, expected)]
    assert tables[0] == tables[1]

    a, b = record_of(project), record_of(other)
    assert len(a.times) == len(b.times) == 2
    assert (
        a.detections.objects.index.isin(known).sum() == b.detections.objects.index.isin(known).sum()
    )
    for name in ("found_as", "set_aside", "settled", "marks"):
        assert getattr(a, name) == getattr(b, name)
    assert sorted(a.deleted.ids) == sorted(b.deleted.ids)
    assert {i: d for i, d in a.decided.items() if i in known} == {
        i: d for i, d in b.decided.items() if i in known
    }


def test_taking_the_same_again_writes_no_object(
    qupath: QuPath, session: Session, project: Path, results: Path
) -> None:
    settings = [f"command={starbridge()}", f"detections={results}"]
    review(qupath, project, "take_new_segmentation", settings=settings)
    (before,) = pull(session, project)

    done = qupath.script(
        SCRIPTS / "take_new_segmentation.groovy",
        *("-p", str(project / "project.qpproj"), "-i", "my section µ.tif", "-s"),
        settings=settings,
    )

    assert done.status == 0, done.output
    assert "my section µ.tif: 0 written; 0 replaced or removed" in done.output
    (after,) = pull(session, project)
    assert after.detections.ids == before.detections.ids
    assert after.detections.objects.geometry.geom_equals(before.detections.objects.geometry).all()


UNDONE = """
import qupath.lib.scripting.QP

// what Edit > Undo does: QuPath puts the objects as they were before the last event in their place
def hierarchy = QP.getCurrentImageData().getHierarchy()
def states = []
def keep = {
    def bytes = new ByteArrayOutputStream()
    new ObjectOutputStream(bytes).withCloseable { it.writeObject(hierarchy) }
    states << bytes.toByteArray()
}
keep()
hierarchy.addListener({ event -> if (!event.isChanging()) keep() }
    as qupath.lib.objects.hierarchy.events.PathObjectHierarchyListener)
def binding = new Binding([args: args.drop(1) as String[]])
new GroovyShell(getClass().getClassLoader(), binding).evaluate(new File(args[0]))
println("events ${states.size() - 1}")
def before = new ObjectInputStream(new ByteArrayInputStream(states[0])).readObject()
hierarchy.setHierarchy(before)
QP.getProjectEntry().saveImageData(QP.getCurrentImageData())
"""


def test_it_is_one_step_and_undoing_it_leads_back_to_the_review(
    qupath: QuPath, session: Session, project: Path, results: Path, section: Path
) -> None:
    review(qupath, project, settings=[])
    (before,) = pull(session, project)
    script = project.parent / "undo.groovy"
    script.write_text(UNDONE, "utf-8")
    take = str(SCRIPTS / "take_new_segmentation.groovy")
    settings = [take, f"command={starbridge()}", f"detections={results}"]

    done = qupath.script(
        script,
        *("-p", str(project / "project.qpproj"), "-i", "my section µ.tif"),
        settings=settings,
    )

    assert done.status == 0, done.output
    assert "events 1\n" in done.output.replace("\r", "")
    (after,) = pull(session, project)
    assert sorted(after.detections.ids) == sorted(before.detections.ids)
    assert after.changes is not None
    assert before.changes is not None
    assert after.changes.counts() == before.changes.counts()
    assert after.changes.push == before.changes.push
    assert push_name(record_of(project)).startswith("2 ")

    (outcome,) = push(session, project, [(section, SECOND)], FORCED)
    assert outcome.merged is not None
    # the push that was undone knows all edits, and they are still there
    known, edits = outcome.merged.pushed.history, before.changes.all_edits
    assert known[["what", "id"]].equals(edits[["what", "id"]])
    (pushed,) = pull(session, project)
    assert pushed.changes is not None
    assert pushed.changes.push[0] == 3
    assert pushed.changes.counts()["untouched"] == len(pushed.changes.base)


@pytest.mark.model
def test_without_detections_the_open_image_is_segmented(
    qupath: QuPath,
    session: Session,
    demo_segmenter: Segmenter,
    real_image: tuple[NDArray[Any], NDArray[Any]],
    tmp_path: Path,
) -> None:
    path = tmp_path / "nuclei.tif"
    tifffile.imwrite(path, real_image[0], resolution=(1, 1), resolutionunit=1)
    by_hand = Detections.from_labels(real_image[1])
    (outcome,) = push(session, tmp_path / "project", [(path, by_hand)], FORCED)
    assert outcome.error is None
    expected = demo_segmenter.segment(real_image[0])

    done = qupath.script(
        SCRIPTS / "take_new_segmentation.groovy",
        *("-p", str(tmp_path / "project" / "project.qpproj"), "-i", "nuclei.tif"),
        settings=[f"command={starbridge()}"],
    )

    assert done.status == 0, done.output
    (after,) = pull(session, tmp_path / "project")
    assert len(after.detections) == len(expected)
    assert sorted(after.detections.objects.area) == pytest.approx(
        sorted(expected.objects.area), rel=0.01
    )


def test_a_command_that_fails_changes_nothing(
    qupath: QuPath, session: Session, project: Path, tmp_path: Path
) -> None:
    (tmp_path / "empty").mkdir()
    (before,) = pull(session, project)

    done = qupath.script(
        SCRIPTS / "take_new_segmentation.groovy",
        *("-p", str(project / "project.qpproj"), "-i", "my section µ.tif"),
        settings=[f"command={starbridge()}", f"detections={tmp_path / 'empty'}"],
    )

    assert done.status == 1
    assert "starbridge failed: " in done.output
    assert "has no objects in" in done.output
    (after,) = pull(session, project)
    assert after.detections.ids == before.detections.ids
    assert len(record_of(project).times) == 1


BETWEEN = """
import subprocess, sys, threading
from pathlib import Path

def act():
    {act}

folder = Path({folder!r})
command = subprocess.Popen(
    [{command!r}, *sys.argv[1:]], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
)
for line in command.stdout:
    if line.strip() == "starbridge asks: save":
        act()
    print(line, end="", flush=True)
    if line.startswith("starbridge asks: "):
        answer = sys.stdin.readline()
        if not answer:
            break
        command.stdin.write(answer)
        command.stdin.flush()
command.stdin.close()
for line in command.stdout:
    print(line, end="", flush=True)
sys.exit(command.wait())
"""
"""Stands between QuPath and the command, and acts before the last step."""


def between(tmp_path: Path, act: str) -> str:
    """Return a command that does as starbridge does, and acts before QuPath saves."""
    text = BETWEEN.format(act=act, folder=str(tmp_path), command=starbridge())
    script = tmp_path / "between.py"
    script.write_text(f"#!{sys.executable}\n{text}", "utf-8")
    script.chmod(0o755)
    return str(script)


EDITING = """
import qupath.lib.scripting.QP

// a reviewer edits while starbridge works
def hierarchy = QP.getCurrentImageData().getHierarchy()
File folder = new File(args[0])
Thread.startDaemon {
    while (!new File(folder, 'edit').exists())
        Thread.sleep(20)
    hierarchy.removeObject(hierarchy.getDetectionObjects()[0], true)
    new File(folder, 'edited').text = ''
}
def binding = new Binding([args: args.drop(2) as String[]])
try {
    new GroovyShell(getClass().getClassLoader(), binding).evaluate(new File(args[1]))
} finally {
    println("left ${hierarchy.getDetectionObjects().size()}")
}
"""


def test_an_edit_that_is_made_meanwhile_is_not_overwritten(
    qupath: QuPath, session: Session, project: Path, results: Path, tmp_path: Path
) -> None:
    script = tmp_path / "editing.groovy"
    script.write_text(EDITING, "utf-8")
    act = '(folder / "edit").touch()\n    while not (folder / "edited").exists(): pass'
    settings = [f"command={between(tmp_path, act)}", f"detections={results}"]

    done = qupath.script(
        script,
        *("-p", str(project / "project.qpproj"), "-i", "my section µ.tif"),
        settings=[str(tmp_path), str(SCRIPTS / "take_new_segmentation.groovy"), *settings],
    )

    assert done.status == 1
    assert "You edited objects meanwhile: run the script again." in done.output
    assert f"left {len(FIRST) - 1}\n" in done.output.replace("\r", "")
    (after,) = pull(session, project)
    assert after.detections.ids == FIRST.ids  # as they were saved at the start
    assert len(record_of(project).times) == 1
    left = {path.name for path in (project / "starbridge").iterdir()}
    assert not [name for name in left if "next" in name or "pending" in name]


@pytest.mark.skipif(sys.platform == "win32", reason="kills as Unix does")
def test_a_qupath_that_is_killed_before_it_saves_has_lost_nothing(
    qupath: QuPath, session: Session, project: Path, results: Path, tmp_path: Path
) -> None:
    act = "import os, signal; os.kill(os.getppid(), signal.SIGKILL)"
    settings = [f"command={between(tmp_path, act)}", f"detections={results}"]

    done = qupath.script(
        SCRIPTS / "take_new_segmentation.groovy",
        *("-p", str(project / "project.qpproj"), "-i", "my section µ.tif"),
        settings=settings,
    )

    assert done.status != 0
    again = [f"command={starbridge()}", f"detections={results}"]
    said = review(qupath, project, "take_new_segmentation", settings=again)
    assert "reviewed: 2 added, 3 deleted" in said
    (after,) = pull(session, project)
    assert after.changes is not None
    assert len(record_of(project).times) == 2
    assert after.changes.all_counts()["deleted"] == 3
