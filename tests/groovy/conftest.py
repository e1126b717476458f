"""Groovy without QuPath, one process a version; and a real QuPath, where there is one."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from bridge.apps.finding import QUPATH_VARIABLE, find_qupath
from bridge.java import JarMissingError
from bridge.java.home import find_java
from bridge.java.jars import fetch_jar
from bridge.java.process import RefusedError, WorkerProcess
from tests.waiting import PATIENCE

SCRIPTS = Path(__file__).parents[2] / "groovy"
NAMES = (
    "export_annotations",
    "export_review",
    "import_detections",
    "run_stardist",
    "run_starbridge",
    "take_new_segmentation",
    "what_have_i_changed",
)

# QuPath 0.4 to 0.6 bring Groovy 4 (4.0.9 to 4.0.26, which today's Java is too new for), QuPath 0.7
# brings Groovy 5.
_GROOVY_VERSIONS = ("4.0.29", "5.0.4")


class Groovy:
    """A process with Groovy in it.

    Args:
        version: Groovy's.
    """

    def __init__(self, version: str) -> None:
        java = find_java()
        if java is None:
            pytest.skip("no Java")
        try:
            jars = [
                fetch_jar("org.apache.groovy", "groovy", version),
                fetch_jar("com.google.code.gson", "gson", "2.13.1"),
                fetch_jar("net.imagej", "ij", "1.54p"),
            ]
        except JarMissingError as error:
            pytest.skip(str(error))
        self.version = version
        self.worker = WorkerProcess(
            "tests.groovy.worker", [str(java), *map(str, jars)], timeout=PATIENCE
        )

    def compile(self, name: str) -> dict[str, int]:
        """Classes of a script, and their sizes."""
        script = str(SCRIPTS / f"{name}.groovy")
        answer = self.worker.ask({"do": "compile", "script": script}, timeout=PATIENCE)
        sizes: dict[str, int] = answer["bytes"]
        return sizes

    def parse(self, source: Path) -> list[str]:
        """Classes that a source defines."""
        answer = self.worker.ask({"do": "parse", "script": str(source)}, timeout=PATIENCE)
        classes: list[str] = answer["classes"]
        return classes

    def links(self, groovy: str) -> bool:
        """Tell whether a class, compiled as QuPath's process does, has Java link its code."""
        return bool(self.worker.ask({"do": "links", "groovy": groovy}, timeout=PATIENCE)["links"])

    def ask(self, name: str, groovy: str) -> Any:
        """Value of a piece of Groovy in which `script` is the script."""
        script = str(SCRIPTS / f"{name}.groovy")
        request = {"do": "ask", "script": script, "groovy": groovy}
        return self.worker.ask(request, timeout=PATIENCE)["value"]

    def refusal(self, name: str, groovy: str) -> str:
        """What the exception says that a piece of Groovy ends with."""
        with pytest.raises(RefusedError) as caught:
            self.ask(name, groovy)
        return str(caught.value)


@pytest.fixture(scope="session", params=_GROOVY_VERSIONS)
def groovy(request: pytest.FixtureRequest) -> Iterator[Groovy]:
    """Groovy of each version that QuPath brings."""
    pytest.importorskip("jpype", reason='needs the fiji part: pip install "starbridge[fiji]"')
    started = Groovy(request.param)
    yield started
    started.worker.close()


@dataclass(frozen=True)
class Ran:
    """What `QuPath script` did.

    Attributes:
        status: its exit status.
        output: all that it said.
    """

    status: int
    output: str


@dataclass(frozen=True)
class QuPath:
    """A real QuPath, started anew for each script.

    Attributes:
        command: how it is started, without a window.
        folder: where its preferences are kept.
    """

    command: tuple[str, ...]
    folder: Path

    def script(self, script: Path, *arguments: str, settings: Sequence[str] = ()) -> Ran:
        """Run a script by `QuPath script`.

        Args:
            script: the script.
            arguments: of QuPath (`-p`, `-i`, `-s`).
            settings: each a NAME=VALUE for the script.
        """
        words = [word for setting in settings for word in ("-a", setting)]
        done = subprocess.run(
            [*self.command, "script", str(script), *arguments, *words],
            capture_output=True,
            text=True,
            encoding="utf-8",
            errors="replace",
            timeout=PATIENCE,
            check=False,
            env={**os.environ, "JAVA_TOOL_OPTIONS": f"-Djava.util.prefs.userRoot={self.folder}"},
        )
        return Ran(done.returncode, done.stdout + done.stderr)


@pytest.fixture(scope="session")
def qupath(tmp_path_factory: pytest.TempPathFactory) -> QuPath:
    """The QuPath of `PAQUO_QUPATH_DIR`, by its own launcher, else by its Java."""
    if not os.environ.get(QUPATH_VARIABLE):
        pytest.skip(f"needs a real QuPath: set {QUPATH_VARIABLE} to its folder")
    app = find_qupath()
    assert app is not None
    folder = tmp_path_factory.mktemp("preferences")
    return QuPath(launcher(app.path), folder)


def launcher(path: Path) -> tuple[str, ...]:
    """How a QuPath is started without its window."""
    for name in ("bin/QuPath", "QuPath", "Contents/MacOS/QuPath"):
        if (path / name).is_file():
            return (str(path / name),)
    consoles = sorted(path.glob("QuPath*(console).exe"))
    if consoles:
        return (str(consoles[0]),)
    for libraries, java in (("lib/app", "lib/runtime/bin/java"), ("app", "runtime/bin/java.exe")):
        if (path / java).is_file():
            jars = str(path / libraries / "*")
            return (
                str(path / java),
                "-Djava.awt.headless=true",
                f"-Djava.library.path={path / libraries}",
                "-Dqupath.prefs.name=starbridge-tests",
                "-cp",
                jars,
                "qupath.QuPath",
            )
    pytest.skip(f"{path} has neither QuPath's launcher nor a Java")
