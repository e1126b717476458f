"""A QuPath session: QuPath in a worker process, with one project open."""

from __future__ import annotations

import errno
import importlib.util
import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bridge.apps.finding import QuPathApp, find_qupath
from bridge.apps.qupath.backup import holds_something_else
from bridge.apps.qupath.errors import (
    SAVED_MEANWHILE,
    QuPathEndedError,
    QuPathError,
    QuPathTimeoutError,
)
from bridge.apps.session import AppSession
from bridge.errors import BadInputError, MissingPartError, StarbridgeError
from bridge.images.info import ImageInfo, PixelSize
from bridge.java.memory import heap_option, initial_heap_option
from bridge.java.process import RefusedError

if TYPE_CHECKING:
    from geopandas import GeoDataFrame

    from bridge.apps.qupath.cores import Core
    from bridge.detections import Detections

_WORKER = "bridge.apps.qupath.worker"

_OPTIONS = (
    # Nobody waits for a pause here; parallel collectors take memory and both cores of a laptop.
    "-XX:+UseSerialGC",
    # The objects of an image stay until it is saved, so copying them between pools is wasted.
    "-Xmn256m",
    "-XX:MaxTenuringThreshold=0",
    # Python's collector requests a full collection of Java each time.
    "-XX:+DisableExplicitGC",
)


@dataclass(frozen=True)
class Objects:
    """The objects of an image in a project.

    Attributes:
        detections: those that enclose an area.
        parents: UUID of the object that each lies in; ``None`` for the image itself.
        skipped: number of all other objects (points, lines, TMA cores, empty ones), which a push
            leaves alone.
        markers: points and lines, as :func:`bridge.formats.markers.make_markers` makes the table;
            ``None`` stands for none.
        cores: the cores of a tissue microarray.
        push: name of the push that they come from; ``None`` where they say none.
    """

    detections: Detections
    parents: tuple[str | None, ...]
    skipped: int
    markers: GeoDataFrame | None = None
    cores: tuple[Core, ...] = ()
    push: str | None = None


def load_objects(folder: Path, about: Mapping[str, Any], *, name: str = "") -> Objects:
    """Read the objects that QuPath packed into a folder.

    Args:
        folder: holds the packed objects.
        about: what QuPath says of the image: ``width``, ``height``, ``size_z``, ``size_t``,
            ``pixel_size`` ([x, y] in µm), ``channels``, each ``None`` where it is not known;
            ``skipped`` and ``push``, as in :class:`Objects`.
        name: name of the image in the result.
    """
    from bridge.apps.qupath.cores import unpack_cores
    from bridge.apps.qupath.nesting import name_annotations_around
    from bridge.apps.qupath.packing import Packed, unpack, unpack_markers, unpacked_ids

    size = about["pixel_size"]
    info = ImageInfo(
        name=name,
        width=about["width"],
        height=about["height"],
        size_z=about["size_z"] or 1,
        size_t=about["size_t"] or 1,
        pixel_size=None if size is None else PixelSize(size[1], size[0]),
        channels=tuple(about["channels"] or ()),
    )
    packed = Packed.load(folder)
    detections, parents = unpack(packed, info)
    markers, around = unpack_markers(packed)
    cores = unpack_cores(packed, unpacked_ids(packed), markers.index.tolist())
    return Objects(
        detections,
        tuple(parents),
        about["skipped"],
        name_annotations_around(markers, around, detections, parents),
        cores,
        about["push"],
    )


def check_qupath(app: str | PathLike[str] | None = None) -> QuPathApp:
    """Find a QuPath, without starting it.

    Args:
        app: QuPath's folder; the one in ``PAQUO_QUPATH_DIR`` or a usual place where ``None``.

    Raises:
        QuPathError: there is none.
        MissingPartError: the part ``qupath`` is not installed.
    """
    if importlib.util.find_spec("paquo") is None:
        raise MissingPartError("qupath", "write QuPath projects", "paquo")
    found = find_qupath(app)
    if found is None:
        raise QuPathError(
            "QuPath was not found in PAQUO_QUPATH_DIR or the usual places; install it from "
            "https://qupath.github.io, or set PAQUO_QUPATH_DIR to its folder"
        )
    return found


class QuPath(AppSession):
    """QuPath without its window, used in a ``with``; everything that is written is on disk.

    Java lives in a process of its own: if it crashes or hangs, an error is raised and this
    process goes on::

        with QuPath() as qupath:
            reviews = pull(qupath, "my project")

    Args:
        app: QuPath's folder; the one in ``PAQUO_QUPATH_DIR`` or a usual place where ``None``.
        heap: maximal memory for Java (``"4g"``); half of the machine's where ``None``.
        timeout: seconds that one step may take.
        start_timeout: seconds that it may start without progress; on a machine with much else to
            do it is waited for as long as it moves.

    Raises:
        QuPathError: there is no QuPath, or it does not start.
        MissingPartError: the part ``qupath`` is not installed.
        BadInputError: ``heap`` is no amount of memory.
    """

    _error, _ended, _timed_out = QuPathError, QuPathEndedError, QuPathTimeoutError

    def __init__(
        self,
        app: str | PathLike[str] | None = None,
        *,
        heap: str | None = None,
        timeout: float = 1800,
        start_timeout: float = 180,
    ) -> None:
        self.app: QuPathApp = check_qupath(app)
        self._timeout = timeout
        self._start_timeout = start_timeout
        self._limits = [heap_option(heap), initial_heap_option(heap, "512m")]
        self._project: tuple[Path, bool] | None = None
        self._start_qupath()

    def _start_qupath(self) -> None:
        started = self._start(
            f"QuPath in {self.app.path}",
            _WORKER,
            environment={
                "PAQUO_QUPATH_DIR": str(self.app.path),
                "PAQUO_JAVA_OPTS": json.dumps([*self._limits, *_OPTIONS]),
            },
            timeout=self._start_timeout,
        )
        self.version = str(started["version"])

    def restart(self) -> None:
        """Start QuPath again after it has ended, and open the project that was open.

        Raises:
            QuPathError: QuPath does not start, or cannot open the project.
        """
        self.close()
        self._start_qupath()
        if self._project is not None:
            folder, reading = self._project
            self.open(folder, reading=reading)

    def open(
        self, project: str | PathLike[str], *, create: bool = False, reading: bool = False
    ) -> None:
        """Open a project.

        Args:
            project: its folder.
            create: create it if there is none; the folder must be empty or not there.
            reading: only :meth:`read` will be called. Then one image of a kind that QuPath does not
                know does not keep it from reading the others.

        Raises:
            BadInputError: there is no such project, or the folder holds something else.
        """
        folder = Path(project)
        if folder.is_file():
            folder = folder.parent
        if create and holds_something_else(folder):
            raise BadInputError(
                folder, "is no QuPath project, and not empty", "choose another folder"
            )
        self._request(
            f"opening {folder}",
            {"do": "open", "path": str(folder), "create": create, "reading": reading},
        )
        self._project = (folder, reading)

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
            name: its name in QuPath.
            fluorescence: type of the image, else "other".
            pixel_size: replaces the one that QuPath reads.
            channels: names that replace those that QuPath reads.

        Returns:
            The image's number in the project.

        Raises:
            QuPathError: QuPath cannot read it.
        """
        file = Path(path).absolute()
        answer = self._request(
            f"adding {file}",
            {"do": "add_image", "path": str(file), "name": name, "fluorescence": fluorescence},
        )
        size = None if pixel_size is None else [pixel_size.x, pixel_size.y]
        self._request(
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
        """Add classes to the project, or change their colours.

        Args:
            classes: ``#rrggbb`` by name.
        """
        packed = [
            (name, None if color is None else int(color[1:], 16) - 2**24)
            for name, color in classes.items()
        ]
        self._request("adding classes", {"do": "set_classes", "classes": packed})

    def relink(self, moved: Mapping[str, str]) -> None:
        """Set the new files of moved images.

        Args:
            moved: new URI by old URI.
        """
        self._request("relinking images", {"do": "relink", "moved": dict(moved)})

    def read(self, image: str, *, name: str = "") -> Objects:
        """Read the objects of an image as they are saved in the project.

        Args:
            image: its number.
            name: name of the image in the result.

        Raises:
            QuPathError: there is no such image.
        """
        with self._temporary("") as [folder]:
            folder.mkdir()
            answer = self._request(
                f"reading objects of {name or image}",
                {"do": "read", "image": image, "folder": str(folder)},
            )
            return load_objects(folder, answer, name=name)

    def write(
        self,
        image: str,
        *,
        add: Detections,
        parents: Sequence[str | None],
        remove: Sequence[str],
        reclassify: Mapping[str, str | None] | None = None,
        push: str | None = None,
        state: str | None = None,
    ) -> str:
        """Remove and add objects of an image, and save it.

        Args:
            image: its number.
            add: objects to add.
            parents: UUID of the object to put each into; ``None`` for the image itself.
            remove: UUIDs of objects to remove; objects inside them stay.
            reclassify: class by UUID of objects that only change their class.
            push: name of the push, which is stored with the objects.
            state: :func:`bridge.apps.qupath.state.file_state` of the objects when they were read;
                ``None`` checks nothing.

        Returns:
            The state of the objects as they were saved.

        Raises:
            QuPathError: QuPath cannot save it, or the objects were saved since they were read.
        """
        from bridge.apps.qupath.packing import pack

        with self._temporary("") as [folder]:
            folder.mkdir()
            pack(add).save(folder)
            answer = self._request(
                f"writing objects of {image}",
                {
                    "do": "write",
                    "image": image,
                    "folder": str(folder),
                    "remove": list(remove),
                    "parents": list(parents),
                    "reclassify": dict(reclassify or {}),
                    "push": push,
                    "state": state,
                },
            )
        return str(answer["state"])

    def _request(self, what: str, request: dict[str, Any]) -> dict[str, Any]:
        return self._ask(what, request, timeout=self._timeout)

    def _refusal(self, what: str, error: RefusedError) -> StarbridgeError:
        if error.answer["error"] == "image":
            return QuPathError(f"{what}: the project has no image {error}")
        if error.answer["error"] == "saved":
            return QuPathError(SAVED_MEANWHILE)
        if error.answer["error"] == "damaged":
            copies = Path(str(error)).parents[2] / "starbridge" / "before"
            return BadInputError(
                str(error),
                "is damaged inside, and QuPath would show an image without objects",
                f"put an earlier copy in its place, from {copies} if there is one",
            )
        return super()._refusal(what, error)

    def _explain(self, message: str) -> str:
        if "OutOfMemoryError" in message:
            return "Java ran out of memory; give a larger heap"
        if "No space left" in message:
            return f"the disk is full ({os.strerror(errno.ENOSPC)}); make room and run again"
        return message
