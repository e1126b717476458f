"""QuPath in a process of its own, with one project open."""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from bridge.apps.finding import QuPathApp, find_qupath
from bridge.apps.qupath.errors import QuPathEndedError, QuPathError, QuPathTimeoutError
from bridge.errors import BadInputError, MissingPartError
from bridge.images.info import ImageInfo, PixelSize
from bridge.java.memory import heap_option, initial_heap_option
from bridge.java.process import (
    RefusedError,
    WorkerEndedError,
    WorkerProcess,
    WorkerTimeoutError,
)

if TYPE_CHECKING:
    from bridge.detections import Detections

_WORKER = "bridge.apps.qupath.worker"

_OPTIONS = (
    # pauses matter to nobody here; parallel collectors take memory and both cores of a laptop
    "-XX:+UseSerialGC",
    # objects of an image stay until it is saved: they are not copied from place to place
    "-Xmn256m",
    "-XX:MaxTenuringThreshold=0",
    # Python's collector asks Java for a full collection each time
    "-XX:+DisableExplicitGC",
)


@dataclass(frozen=True)
class Objects:
    """The objects of an image in a project.

    Attributes:
        detections: those that enclose an area.
        parents: for each, the UUID of the object that it lies in; ``None`` for the image itself.
        skipped: how many enclose none (points, lines) or are TMA cores; they are never touched.
    """

    detections: Detections
    parents: tuple[str | None, ...]
    skipped: int


class QuPath:
    """QuPath without its window, to be used in a ``with``.

    Java lives in a process of its own: if it crashes or hangs, an error is raised and this
    process goes on.

    Args:
        app: QuPath's folder; the one in ``PAQUO_QUPATH_DIR`` or a usual place where ``None``.
        heap: most memory for Java (``"4g"``); half of the machine's where ``None``.
        timeout: seconds that one step may take.
        start_timeout: seconds that it may take to start.

    Raises:
        QuPathError: there is no QuPath, or it does not start.
        MissingPartError: the part ``qupath`` is not installed.
        BadInputError: ``heap`` is no amount of memory.
    """

    def __init__(
        self,
        app: str | PathLike[str] | None = None,
        *,
        heap: str | None = None,
        timeout: float = 1800,
        start_timeout: float = 180,
    ) -> None:
        import importlib.util

        if importlib.util.find_spec("paquo") is None:
            raise MissingPartError("qupath", "write QuPath projects", "paquo")
        self.app: QuPathApp | None = find_qupath(app)
        if self.app is None:
            raise QuPathError(
                "QuPath was not found in PAQUO_QUPATH_DIR or the usual places; install it from "
                "https://qupath.github.io, or set PAQUO_QUPATH_DIR to its folder"
            )
        self._timeout = timeout
        self._project: Path | None = None
        limits = [heap_option(heap), initial_heap_option(heap, "512m")]
        trouble = f"QuPath in {self.app.path} does not start"
        try:
            self._worker = WorkerProcess(
                _WORKER,
                environment={
                    "PAQUO_QUPATH_DIR": str(self.app.path),
                    "PAQUO_JAVA_OPTS": json.dumps([*limits, *_OPTIONS]),
                },
                timeout=start_timeout,
            )
        except (RefusedError, WorkerEndedError) as error:
            raise QuPathError(f"{trouble}: {error}") from error
        except WorkerTimeoutError as error:
            raise QuPathTimeoutError(
                f"QuPath in {self.app.path} does not start: {error}"
            ) from error
        self.version = str(self._worker.started["version"])

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """End QuPath's process; everything that was written is on disk."""
        self._worker.close()

    @property
    def pid(self) -> int:
        """The number of QuPath's process."""
        return self._worker.pid

    def open(self, project: str | PathLike[str], *, create: bool = False) -> None:
        """Open a project.

        Args:
            project: its folder.
            create: make it if there is none; the folder must be empty or not there.

        Raises:
            BadInputError: there is no such project, or the folder holds something else.
        """
        folder = Path(project)
        if folder.is_file():
            folder = folder.parent
        if (
            create
            and folder.is_dir()
            and not any(folder.glob("*.qpproj"))
            and any(folder.iterdir())
        ):
            raise BadInputError(
                folder, "is no QuPath project, and not empty", "choose another folder"
            )
        self._ask(f"opening {folder}", {"do": "open", "path": str(folder), "create": create})
        self._project = folder

    def add_image(
        self,
        path: str | PathLike[str],
        *,
        name: str,
        fluorescence: bool = True,
        pixel_size: PixelSize | None = None,
        channels: Sequence[str] = (),
    ) -> str:
        """Add an image to the project.

        Args:
            path: its file.
            name: the name to show.
            fluorescence: its type, else "other".
            pixel_size: where the file does not say it to QuPath.
            channels: names, where the file does not say them to QuPath.

        Returns:
            Its number in the project.

        Raises:
            QuPathError: QuPath cannot read it.
        """
        file = Path(path).absolute()
        answer = self._ask(
            f"adding {file}",
            {"do": "add_image", "path": str(file), "name": name, "fluorescence": fluorescence},
        )
        size = None if pixel_size is None else [pixel_size.x, pixel_size.y]
        self._ask(
            f"adding {file}",
            {
                "do": "calibrate",
                "image": answer["id"],
                "pixel_size": size,
                "channels": list(channels),
            },
        )
        return str(answer["id"])

    def set_classes(self, classes: Mapping[str, str | None]) -> None:
        """Add classes to the project, and give those that it has these colours.

        Args:
            classes: name and ``#rrggbb``.
        """
        packed = [
            (name, None if color is None else int(color[1:], 16) - 2**24)
            for name, color in classes.items()
        ]
        self._ask("adding classes", {"do": "set_classes", "classes": packed})

    def relink(self, moved: Mapping[str, str]) -> None:
        """Tell images where their files are now.

        Args:
            moved: old URIs and the new ones.
        """
        self._ask("relinking images", {"do": "relink", "moved": dict(moved)})

    def read(self, image: str, *, name: str = "") -> Objects:
        """The objects of an image as they are saved in the project.

        Args:
            image: its number.
            name: what to call it.

        Raises:
            QuPathError: there is no such image.
        """
        from bridge.apps.qupath.packing import Packed, unpack

        folder = self._folder()
        try:
            answer = self._ask(
                f"reading objects of {name or image}",
                {"do": "read", "image": image, "folder": str(folder)},
            )
            size = answer["pixel_size"]
            info = ImageInfo(
                name=name,
                width=answer["width"],
                height=answer["height"],
                size_z=answer["size_z"] or 1,
                size_t=answer["size_t"] or 1,
                pixel_size=None if size is None else PixelSize(size[1], size[0]),
                channels=tuple(answer["channels"] or ()),
            )
            detections, parents = unpack(Packed.load(folder), info)
        finally:
            shutil.rmtree(folder, ignore_errors=True)
        return Objects(detections, tuple(parents), answer["skipped"])

    def write(
        self,
        image: str,
        *,
        add: Detections,
        parents: Sequence[str | None],
        remove: Sequence[str],
    ) -> None:
        """Remove and add objects of an image, and save it.

        Args:
            image: its number.
            add: objects to add.
            parents: for each, the UUID of the object to put it into; ``None`` for the image.
            remove: UUIDs of objects to remove; what lies in them stays.

        Raises:
            QuPathError: QuPath cannot save it.
        """
        from bridge.apps.qupath.packing import pack

        folder = self._folder()
        try:
            pack(add).save(folder)
            self._ask(
                f"writing objects of {image}",
                {
                    "do": "write",
                    "image": image,
                    "folder": str(folder),
                    "remove": list(remove),
                    "parents": list(parents),
                },
            )
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    def _folder(self) -> Path:
        if not self._worker.running:
            raise QuPathEndedError("QuPath has ended; start again")
        return Path(tempfile.mkdtemp(dir=self._worker.folder))

    def _ask(self, what: str, request: dict[str, Any]) -> dict[str, Any]:
        if not self._worker.running:
            raise QuPathEndedError("QuPath has ended; start again")
        try:
            return self._worker.ask(request, timeout=self._timeout)
        except RefusedError as error:
            if error.answer["error"] == "image":
                raise QuPathError(f"{what}: the project has no image {error}") from error
            raise QuPathError(f"{what}: {_explained(str(error))}") from error
        except WorkerTimeoutError as error:
            raise QuPathTimeoutError(f"{what}: QuPath gave {error} and was ended") from error
        except WorkerEndedError as error:
            raise QuPathEndedError(f"{what}: QuPath ended before it was done: {error}") from error


def _explained(said: str) -> str:
    if "OutOfMemoryError" in said:
        return "Java ran out of memory; give a larger heap"
    if "No space left" in said:
        return f"the disk is full ({os.strerror(28)}); make room and run again"
    return said
