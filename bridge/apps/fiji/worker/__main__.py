"""Start ImageJ and answer requests; arguments are a folder and a :class:`Start` as JSON."""

from __future__ import annotations

import contextlib
import json
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from bridge.apps.fiji.worker import images, measuring, tables
from bridge.apps.fiji.worker.macros import MacroFailedError, MacroTimeoutError, run_macro
from bridge.apps.fiji.worker.nested import NestedFailures
from bridge.apps.fiji.worker.roi_sets import compile_roi_sets
from bridge.apps.fiji.worker.rois import Rois
from bridge.apps.fiji.worker.starting import Start, Started, start
from bridge.java.answering import Answers, Request, requests


class Worker:
    """The requests to ImageJ, a method each.

    Args:
        started: ImageJ.
        folder: the session's folder.
        window: True where ImageJ has its window.
    """

    def __init__(self, started: Started, folder: Path, *, window: bool) -> None:
        self._started = started
        self._window = window
        gateway = started.imagej2
        self._nested = NestedFailures(None if gateway is None else gateway.context())
        self._rois = Rois(compile_roi_sets(folder / "classes"), window=window)

    def run_macro(self, request: Request) -> dict[str, Any]:
        """Run a macro; return its value, table, images and ROIs."""
        before = {image["id"] for image in images.open_images()}
        value = run_macro(
            request["text"],
            request["argument"],
            request["timeout"],
            window=self._window,
            nested=self._nested,
        )
        table = tables.columns(tables.results())
        image = _current()
        rois = self._rois.save(image, request["rois"])
        return {
            "value": value,
            "table": table,
            "images": [image for image in images.open_images() if image["id"] not in before],
            "rois": {**rois, "image": None if image is None else images.describe(image)},
        }

    def images(self, _request: Request) -> dict[str, Any]:
        """List the open images."""
        return {"images": images.open_images()}

    def show(self, request: Request) -> dict[str, Any]:
        """Open an image from a TIFF."""
        return images.describe(images.show(request["path"], request["known"]))

    def save_image(self, request: Request) -> dict[str, Any]:
        """Save an image as a TIFF."""
        image = images.find(request["image"])
        images.save(image, request["path"])
        return {**images.describe(image), "names": images.channel_names(image)}

    def put_rois(self, request: Request) -> dict[str, Any]:
        """Replace the ROIs of an image."""
        image = images.find(request["image"])
        return {"count": self._rois.put(image, request["path"], request["groups"])}

    def save_rois(self, request: Request) -> dict[str, Any]:
        """Save the ROIs of an image."""
        image = images.find(request["image"])
        return {**images.describe(image), **self._rois.save(image, request["path"])}

    def measure(self, request: Request) -> dict[str, Any]:
        """Measure the ROIs of an image."""
        image = images.find(request["image"])
        saved = self._rois.save(image, request["rois"])
        rois = self._rois.of(image)
        return {**saved, **measuring.measure(image, rois, request["channels"], request["table"])}

    def channels(self, request: Request) -> dict[str, Any]:
        """Describe an image and name its channels."""
        image = images.find(request["image"])
        return {**images.describe(image), "names": images.channel_names(image)}

    def screenshot(self, request: Request) -> dict[str, Any]:
        """Save a picture of the screen."""
        from jpype import JClass

        robot = JClass("java.awt.Robot")()
        robot.waitForIdle()
        size = JClass("java.awt.Toolkit").getDefaultToolkit().getScreenSize()
        picture = robot.createScreenCapture(JClass("java.awt.Rectangle")(size))
        JClass("javax.imageio.ImageIO").write(
            picture, "png", JClass("java.io.File")(request["path"])
        )
        return {}

    def clear(self, _request: Request) -> dict[str, Any]:
        """Close every image and empty the table and the ROI Manager."""
        self._rois.clear()
        images.close_all()
        tables.clear()
        return {}

    def about(self, _request: Request) -> dict[str, Any]:
        """Return the versions of ImageJ and Java, and which plugins are there."""
        from jpype import JClass

        return {
            "version": self._started.version,
            "java": str(JClass("java.lang.System").getProperty("java.version")),
            "heap": int(JClass("java.lang.Runtime").getRuntime().maxMemory()),
            "stardist": _has("de.csbdresden.stardist.StarDist2D"),
            "csbdeep": _has("de.csbdresden.csbdeep.commands.GenericNetwork"),
            "bioformats": _has("loci.plugins.LociImporter"),
        }


def _current() -> Any | None:
    try:
        return images.find(None)
    except images.NoImageError:
        return None


def _has(name: str) -> bool:
    from jpype import JClass

    try:
        JClass("java.lang.Class").forName(name, False, JClass("ij.IJ").getClassLoader())
    except Exception:  # ClassNotFoundException, or a class of its own that it lacks
        return False
    return True


def _refusal(error: Exception) -> dict[str, Any]:
    """Return an error as an answer."""
    if isinstance(error, MacroFailedError):
        return {"error": "macro", "message": str(error), "line": error.line}
    if isinstance(error, MacroTimeoutError):
        return {"error": "timeout", "message": str(error), "stopped": error.stopped}
    if isinstance(error, images.NoImageError):
        return {"error": "image", "message": str(error)}
    name = type(error).__name__
    if "OutOfMemoryError" in name:
        return {"error": "memory", "message": "Java ran out of memory"}
    text = str(getattr(error, "message", lambda: error)() if hasattr(error, "message") else error)
    return {"error": "java", "message": f"{name}: {text}"[:1000]}


def main() -> None:
    """Start ImageJ, then answer requests until the session ends."""
    folder, how = Path(sys.argv[1]), Start(**json.loads(sys.argv[2]))
    answers = Answers(folder)
    try:
        with contextlib.redirect_stdout(sys.stderr):
            started = start(how, folder)
        worker = Worker(started, folder, window=how.window)
        answers.ready(worker.about({}))
    except Exception as error:
        answers.ready(_refusal(error))
        return
    for request in requests():
        act: Callable[[Request], dict[str, Any]] = getattr(worker, request["do"])
        try:
            answer = act(request)
        except Exception as error:
            answer = _refusal(error)
        sys.stdout.flush()
        answers.give(request["number"], answer)


if __name__ == "__main__":
    main()
    os._exit(0)  # Java's threads would keep the process
