"""The scripts in QuPath's window, where Edit › Undo takes a segmentation back in one step."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

from bridge.apps.qupath.session import QuPath as Session
from bridge.apps.qupath.sync import pull
from tests.groovy.conftest import SCRIPTS, QuPath
from tests.groovy.test_open_image_in_qupath import project, results, section, session, starbridge
from tests.waiting import PATIENCE

__all__ = ["project", "results", "section", "session"]

pytestmark = pytest.mark.qupath

IN_WINDOW = """
import com.google.gson.Gson
import java.util.concurrent.Callable
import java.util.concurrent.FutureTask
import javafx.application.Platform
import javafx.scene.control.DialogPane
import javafx.stage.Window
import qupath.lib.gui.QuPathGUI

def gui = QuPathGUI.getInstance()
File folder = new File(System.getProperty('starbridge.test'))
def found = [:]
def inWindow = { Closure work ->
    def task = new FutureTask(work as Callable)
    Platform.runLater(task)
    return task.get()
}
def waitFor = { Closure condition -> while (!inWindow(condition)) Thread.sleep(50) }
// what a message says; it is closed as a user closes it
def message = {
    def panes = {
        def roots = Window.getWindows().collect { it.getScene()?.getRoot() }
        return roots.findAll { it instanceof DialogPane }
    }
    waitFor { panes().size() == 1 }
    return inWindow {
        def pane = panes()[0]
        String text = pane.getHeaderText() + '\\n' + pane.getContentText()
        pane.getScene().getWindow().hide()
        text
    }
}
Thread.start {
    try {
        waitFor { gui.getImageData() != null }
        def data = gui.getImageData()
        def hierarchy = data.getHierarchy()
        def undo = gui.getUndoRedoManager()
        def shown = { object -> object.getID().toString() + object.getROI().getGeometry() }
        def seen = { hierarchy.getAllObjects(false).collect(shown).sort() }
        def run = { name -> gui.runScript(new File(folder, name + '.groovy'), null); message() }

        def nuclei = hierarchy.getDetectionObjects().sort { it.getID().toString() }
        inWindow { hierarchy.removeObjects(nuclei[0..1], true) }
        def reviewed = seen()
        found.before = run('what_have_i_changed')
        found.taken = run('take_new_segmentation')
        def taken = seen()
        found.undone = inWindow { undo.undoOnce() }
        found.undoneIsReviewed = seen() == reviewed
        found.afterUndo = run('what_have_i_changed')
        found.redone = inWindow { undo.redoOnce() }
        found.redoneIsTaken = seen() == taken
        found.afterRedo = run('what_have_i_changed')
        inWindow { undo.undoOnce() }
        gui.getProject().getEntry(data).saveImageData(data)
    } catch (Throwable error) {
        found.error = error.toString()
    }
    new File(folder, 'found.json').setText(new Gson().toJson(found), 'UTF-8')
    Runtime.getRuntime().halt(0)
}
"""


def test_a_segmentation_is_taken_undone_and_redone(
    qupath: QuPath, session: Session, project: Path, results: Path, tmp_path: Path
) -> None:
    if not os.environ.get("DISPLAY") and os.name == "posix":
        pytest.skip("needs a screen: set DISPLAY, to that of an Xvfb for instance")
    for name in ("take_new_segmentation", "what_have_i_changed"):
        text = (SCRIPTS / f"{name}.groovy").read_text("utf-8")
        text = text.replace("command: 'starbridge'", f"command: '{starbridge()}'")
        text = text.replace("detections: ''", f"detections: '{results}'")
        (tmp_path / f"{name}.groovy").write_text(text, "utf-8")
    script = tmp_path / "in window.groovy"
    script.write_text(IN_WINDOW, "utf-8")
    options = [
        f"-Djava.util.prefs.userRoot={qupath.folder}",
        f"'-Dqupath.startup.script={script}'",
        f"-Dstarbridge.test={tmp_path}",
    ]

    subprocess.run(
        [
            *qupath.command,
            *("-q", "-p", str(project / "project.qpproj"), "-i", "my section µ.tif"),
        ],
        timeout=PATIENCE,
        check=False,
        capture_output=True,
        env={**os.environ, "JAVA_TOOL_OPTIONS": " ".join(options)},
    )

    found: dict[str, Any] = json.loads((tmp_path / "found.json").read_text("utf-8"))
    assert "error" not in found
    assert "since the last push: 2 deleted" in found["before"]
    assert "58 written; 58 replaced or removed; reviewed: 2 deleted" in found["taken"]
    assert found["undone"]
    assert found["undoneIsReviewed"]
    assert found["afterUndo"] == found["before"]
    assert found["redone"]
    assert found["redoneIsTaken"]
    assert "58 in push 2 " in found["afterRedo"]
    assert "since the first push: 2 deleted" in found["afterRedo"]
    (saved,) = pull(session, project)
    assert saved.changes is not None
    assert saved.changes.counts()["deleted"] == 2
    assert saved.changes.counts()["untouched"] == 58
