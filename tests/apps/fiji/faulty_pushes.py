"""Push in processes that are disturbed at a chosen step of their work in the review folder.

A step is a call that changes the folder: a file opened for writing, a rename, a link, a deletion, a
new folder. Python reports each by an audit event just before it happens
(https://docs.python.org/3/library/audit_events.html), and the fault strikes there: exactly, in any
run, and without waiting.

The program reads requests as lines of JSON on stdin, and carries each out in a process that it
forks; so it holds no thread of a test run and no Java, and libraries are loaded once.
"""

from __future__ import annotations

import errno
import importlib
import json
import os
import signal
import socket
import sys
import tempfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np

from bridge import Detections, ImageInfo
from bridge.apps.fiji.pull_job import FijiPullJob
from bridge.apps.fiji.review_files import pull_files, push_files
from bridge.batch.runner import run_batch
from bridge.errors import BadInputError
from bridge.images import Image, from_array
from bridge.review import Pushed, compare
from bridge.review.pull_job import Choice

CHANGES = ("os.rename", "os.link", "os.remove", "os.rmdir", "os.mkdir")
NEEDS_SPACE = ("open", "os.rename", "os.link", "os.mkdir")


def objects(version: int, name: str = "s") -> Detections:
    """Two segmentations of one image; the ids of each are always the same.

    Eight squares; the second moves them by a pixel, misses the last one, and finds one more.
    """
    labels = np.zeros((60, 80), np.uint16)
    numbers = {1: range(8), 2: (*range(7), 9)}[version]
    for number in numbers:
        y, x = 3 + number // 4 * 18, 3 + number % 4 * 19 + version
        labels[y : y + 12, x : x + 12] = number + 1
    found = Detections.from_labels(labels, image=ImageInfo(name=name))
    frame = found.objects
    frame["class"] = ["a" if label % 2 else "b" for label in frame["label"]]
    frame.index = [f"00000000-0000-4000-8000-{version:04d}{n:08d}" for n in frame["label"]]
    return Detections(frame, found.image)


def image(name: str = "s") -> Image:
    """Return the image of both segmentations."""
    pixels = np.arange(2 * 60 * 80, dtype=np.uint16).reshape(2, 60, 80)
    return from_array(pixels, axes="CYX", channels=("DAPI", "488"), pixel_size=0.5, name=name)


def edits(folder: Path, name: str = "s") -> dict[str, int]:
    """Count the reviewer's edits since the last push, as a pull does."""
    return counted(*pull_files(folder, name))


def counted(base: Pushed, reviewed: Detections) -> dict[str, int]:
    """Count the reviewer's edits by their kind."""
    return {what: n for what, n in compare(base, reviewed).counts().items() if n}


class Steps:
    """Counts the steps of this process in some folders, and lets a fault strike at one of them.

    Args:
        folders: where steps count.
        strike: called just before step ``at``; ``None`` counts only.
        at: from 1.
        reads: whether opening a file to read it is a step, too.
        lasting: whether it strikes at all later steps as well.
        events: the kinds of steps that count.
    """

    def __init__(
        self,
        folders: list[str],
        strike: Callable[[], object],
        at: int,
        *,
        reads: bool = False,
        lasting: bool = False,
        events: tuple[str, ...] = ("open", *CHANGES),
    ) -> None:
        self.count = 0
        self._folders, self._strike, self._at = folders, strike, at
        self._reads, self._lasting, self._events = reads, lasting, events
        self._is_on = True
        sys.addaudithook(self._hear)

    def end(self) -> None:
        """Count no more."""
        self._is_on = False

    def _hear(self, event: str, args: tuple[Any, ...]) -> None:
        if not self._is_on or event not in self._events or not self._is_step(event, args):
            return
        self.count += 1
        if self.count == self._at or (self._lasting and self.count > self._at > 0):
            self._is_on = False
            try:
                self._strike()
            finally:
                self._is_on = True

    def _is_step(self, event: str, args: tuple[Any, ...]) -> bool:
        if event == "open":
            flags = args[2] or 0
            is_write = flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT)
            return (self._reads or bool(is_write)) and self._is_inside(args[0], -1)
        if event not in CHANGES:
            return False
        is_inside = self._is_inside(args[0], args[-1])
        return is_inside and not (event == "os.mkdir" and Path(args[0]).is_dir())

    def _is_inside(self, path: Any, descriptor: int) -> bool:
        if not isinstance(path, (str, os.PathLike)):
            return False
        if descriptor >= 0:  # an absolute path stays as it is
            with suppress(OSError):
                path = Path(f"/proc/self/fd/{descriptor}").readlink() / path
        text = os.fspath(path)
        return any(text.startswith(folder) for folder in self._folders)


def work(request: dict[str, Any], send: Callable[[str], None], wait: Callable[[], object]) -> None:
    """Carry a request out in this process, and send the result.

    Args:
        request: ``folder``; ``version`` and ``name`` of what is pushed into it, or ``out``, the
            folder that it is pulled into; ``fault`` and the step ``at`` which it strikes.
        send: sends a line.
        wait: returns when the process may go on.
    """
    folder = Path(request["folder"])
    fault, name = request.get("fault", "none"), request.get("name", "s")
    result: dict[str, Any] = {"error": "", "notes": [], "seen": []}

    def note(line: str) -> None:
        result["notes"].append(line)
        if line.startswith("waiting"):
            send("waiting")

    def save() -> None:
        """Save as ImageJ does: into the file that is there."""
        Path(request["saved as"]).write_bytes(Path(request["saved"]).read_bytes())

    def pull() -> None:
        try:
            result["seen"].append(edits(folder, name))
        except BadInputError as error:
            result["seen"].append(str(error))

    def stop_here() -> None:
        send("stopped")
        wait()

    def fill_disk() -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    strikes: dict[str, Callable[[], object]] = {
        "none": lambda: None,
        "kill": lambda: os.kill(os.getpid(), signal.SIGKILL),
        "disk": lambda: None,  # counts the steps that need space
        "disk full": fill_disk,
        "save": save,
        "pull": pull,
        "push": lambda: push_files(image(name), objects(2, name), folder),
        "stop": stop_here,
    }
    if "bytes a file" in request:
        import resource  # which Windows has not

        most = int(request["bytes a file"])
        resource.setrlimit(resource.RLIMIT_FSIZE, (most, most))
    steps = Steps(
        [str(folder), *([request["out"]] if "out" in request else [])],
        strikes[fault],
        request.get("at", 1 if fault == "pull" else 0),
        reads="out" in request and fault in ("save", "push"),
        lasting=fault in ("disk full", "pull"),
        events=NEEDS_SPACE if fault.startswith("disk") else ("open", *CHANGES),
    )
    try:
        if "out" in request:
            job = FijiPullJob(folder, Choice(("geojson", "csv")))
            out = Path(request["out"])
            done = run_batch(job, [name], out, existing=request["existing"])
            result["error"] = done[0].error or ""
        else:
            version = request["version"]
            push_files(image(name), objects(version, name), folder, on_note=note)
    except BadInputError as error:
        result["error"] = str(error)
    steps.end()
    result |= {"steps": steps.count, "modules": list(sys.modules) if fault == "none" else []}
    send(json.dumps(result))


class Child:
    """A process that carries a request out.

    Args:
        request: as in :func:`work`.
    """

    def __init__(self, request: dict[str, Any]) -> None:
        ours, theirs = socket.socketpair()
        self.process = os.fork()
        if not self.process:
            ours.close()
            status = 1
            try:
                with theirs.makefile("rw") as stream:

                    def send(line: str) -> None:
                        stream.write(line + "\n")
                        stream.flush()

                    work(request, send, stream.readline)
                status = 0
            finally:
                sys.stderr.flush()
                os._exit(status)
        theirs.close()
        self._stream = ours.makefile("rw")
        ours.close()

    def line(self) -> str:
        """Return what it sends next; ``""`` when it has ended."""
        return self._stream.readline().strip()

    def go_on(self) -> None:
        """Let it go on."""
        with suppress(BrokenPipeError):
            self._stream.write("\n")
            self._stream.flush()

    def result(self) -> dict[str, Any]:
        """Wait for its end."""
        lines = [line for line in iter(self.line, "") if line.startswith("{")]
        _, status = os.waitpid(self.process, 0)
        with suppress(BrokenPipeError):
            self._stream.close()
        found: dict[str, Any] = json.loads(lines[0]) if lines else {}
        return found | {"exit": os.waitstatus_to_exitcode(status)}


def together(first: dict[str, Any], second: dict[str, Any]) -> list[dict[str, Any]]:
    """Start a second push when the first is at a step; the first goes on when the second waits."""
    ahead = Child(first | {"fault": "stop"})
    line = ahead.line()
    if line != "stopped":  # it has ended before that step
        return [ahead.result() | json.loads(line), Child(second).result()]
    behind = Child(second)
    line = behind.line()  # it waits, or has ended
    ahead.go_on()
    results = [ahead.result(), behind.result()]
    if line.startswith("{"):
        results[1] |= json.loads(line)
    return results


def import_ahead() -> None:
    """Import what a push imports on its way, but start none of its threads in this process."""
    with tempfile.TemporaryDirectory() as folder:
        request = {"folder": folder, "version": 1, "out": f"{folder}/out", "existing": "check"}
        for step in ({**request, "out": None}, request):
            modules = Child({k: v for k, v in step.items() if v}).result()["modules"]
            for name in modules:
                with suppress(ImportError):
                    importlib.import_module(name)


def main() -> None:
    """Answer requests until stdin ends."""
    import_ahead()
    for line in sys.stdin:
        requests = json.loads(line)
        answer = together(*requests) if len(requests) > 1 else [Child(requests[0]).result()]
        sys.stdout.write(json.dumps(answer) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
