"""Start QuPath and answer requests; the argument is a folder."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from bridge.apps.qupath.worker.projects import (
    DamagedObjectsError,
    NoSuchImageError,
    Project,
    SavedMeanwhileError,
    check_itself,
    compile_packed_objects,
    version,
)
from bridge.java.answering import Answers, Request, requests


class Worker:
    """The requests to QuPath, a method each."""

    def __init__(self, on_step: Callable[[str], None]) -> None:
        on_step("compiling")
        self._packed_objects = compile_packed_objects()
        on_step("checking itself")
        check_itself(self._packed_objects)
        self._project: Project | None = None

    def open(self, request: Request) -> dict[str, Any]:
        """Open a project, or create it."""
        self._project = Project(
            Path(request["path"]),
            self._packed_objects,
            create=request["create"],
            reading=request["reading"],
        )
        return {}

    def add_image(self, request: Request) -> dict[str, Any]:
        """Add an image to the project."""
        identity = self._opened().add_image(
            request["path"], request["name"], fluorescence=request["fluorescence"]
        )
        return {"id": identity}

    def calibrate(self, request: Request) -> dict[str, Any]:
        """Set an image's pixel size and channel names."""
        size = request["pixel_size"]
        self._opened().calibrate(
            request["image"], None if size is None else (size[0], size[1]), request["channels"]
        )
        return {}

    def set_classes(self, request: Request) -> dict[str, Any]:
        """Add classes to the project."""
        self._opened().set_classes([(name, color) for name, color in request["classes"]])
        return {}

    def relink(self, request: Request) -> dict[str, Any]:
        """Set the new files of moved images."""
        self._opened().relink(request["moved"])
        return {}

    def read(self, request: Request) -> dict[str, Any]:
        """Pack the objects of an image."""
        return self._opened().read(request["image"], Path(request["folder"]))

    def write(self, request: Request) -> dict[str, Any]:
        """Remove and add objects of an image."""
        return self._opened().write(
            request["image"],
            Path(request["folder"]),
            request["remove"],
            request["parents"],
            request["reclassify"],
            push=request["push"],
            state=request["state"],
        )

    def _opened(self) -> Project:
        if self._project is None:
            raise RuntimeError("no project is open")
        return self._project


def main() -> None:
    """Start QuPath, then answer requests until the session ends."""
    answers = Answers(Path(sys.argv[1]))
    try:
        with contextlib.redirect_stdout(sys.stderr):
            started = version(answers.step)
            worker = Worker(answers.step)
        answers.ready({"version": started})
    except Exception as error:
        answers.ready({"error": "start", "message": f"{type(error).__name__}: {error}"})
        return
    for request in requests():
        act: Callable[[Request], dict[str, Any]] = getattr(worker, request["do"])
        try:
            with contextlib.redirect_stdout(sys.stderr):
                answer = act(request)
        except NoSuchImageError as error:
            answer = {"error": "image", "message": str(error)}
        except SavedMeanwhileError as error:
            answer = {"error": "saved", "message": str(error)}
        except DamagedObjectsError as error:
            answer = {"error": "damaged", "message": str(error)}
        except Exception as error:
            answer = {"error": "qupath", "message": f"{type(error).__name__}: {error}"[:1000]}
        answers.give(request["number"], answer)


if __name__ == "__main__":
    main()
    os._exit(0)  # Java's threads would keep the process
