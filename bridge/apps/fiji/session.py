"""A session with Fiji or ImageJ, which runs in a worker process."""

from __future__ import annotations

import json
import tempfile
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, replace
from importlib.util import find_spec
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from bridge.apps.fiji.arguments import as_options, read_macro
from bridge.apps.fiji.errors import FijiEndedError, FijiError, FijiTimeoutError, MacroError
from bridge.apps.fiji.planning import plan
from bridge.apps.fiji.results import About, MacroResult, OpenImage, Shown
from bridge.apps.fiji.script_parameters import Value, bind, parameters
from bridge.apps.fiji.worker.macros import STOPPED
from bridge.apps.session import AppSession
from bridge.errors import BadInputError, MissingPartError, StarbridgeError
from bridge.java.jars import Progress
from bridge.java.memory import heap_option
from bridge.java.process import RefusedError

if TYPE_CHECKING:
    import pandas as pd

    from bridge.detections import Detections
    from bridge.images import Image
    from bridge.review import Pushed

_WORKER = "bridge.apps.fiji.worker"
_GRACE = 30.0  # seconds after a macro's own time-out before its process is ended
_LACKING = {
    "stardist": "the StarDist plugin",
    "csbdeep": "the CSBDeep plugin",
    "bioformats": "Bio-Formats",
}


class Fiji(AppSession):
    """A running Fiji or ImageJ, used in a ``with``.

    It starts the Fiji that is given, named in ``FIJI_APP`` or found in one of the usual places,
    else the ImageJ that starbridge downloads; :attr:`about` says which, and what it lacks.

    Args:
        app: folder of a Fiji, a Maven endpoint such as ``sc.fiji:fiji``, ``"embedded"`` for
            starbridge's own ImageJ, or ``None``.
        mode: ``headless``, or ``gui`` with ImageJ's window and ROI Manager.
        heap: maximal memory for Java (``"4g"``); half of the machine's where ``None``.
        timeout: seconds that a request may take; macros have their own limit.
        start_timeout: seconds that it may start without progress, downloads apart.
        on_print: called with each line that ImageJ prints.
        on_download: called with file name, bytes downloaded and bytes in all.

    Raises:
        FijiError: it cannot start.
        BadInputError: ``app`` is no Fiji, or ``heap`` no amount of memory.
        MissingPartError: the part ``fiji`` is not installed.

    >>> with Fiji() as fiji:  # doctest: +SKIP
    ...     fiji.run_macro("my_macro.ijm", sigma=2).table
    """

    _error, _ended, _timed_out = FijiError, FijiEndedError, FijiTimeoutError

    def __init__(
        self,
        app: str | PathLike[str] | None = None,
        *,
        mode: Literal["headless", "gui"] = "headless",
        heap: str | None = None,
        timeout: float | None = 600,
        start_timeout: float = 180,
        on_print: Callable[[str], None] | None = None,
        on_download: Progress = lambda *_: None,
    ) -> None:
        if mode not in ("headless", "gui"):
            raise BadInputError("mode", f"{mode!r} is unknown", 'give "headless" or "gui"')
        heap_option(heap)  # Checked before anything is searched or downloaded.
        if find_spec("jpype") is None:
            raise MissingPartError("fiji", "run ImageJ", "jpype1")
        self.mode = mode
        self._timeout = timeout
        self._heap = heap
        self._on_print = on_print
        self._printed: list[str] = []
        self._printing = threading.Lock()
        self._pushed: dict[int, Pushed] = {}
        name, how = plan(app, window=mode == "gui", heap=heap, progress=on_download)
        started = self._start(
            name,
            _WORKER,
            [json.dumps(asdict(how))],
            timeout=start_timeout,
            on_output=self._on_output,
        )
        self.about = About(
            name=name,
            version=started["version"],
            java=started["java"],
            heap=started["heap"],
            lacks=tuple(words for key, words in _LACKING.items() if not started[key]),
        )

    def __repr__(self) -> str:
        return f"<Fiji: {self.about}>"

    def run_macro(
        self,
        macro: str | PathLike[str],
        values: Mapping[str, Value] | None = None,
        /,
        *,
        argument: str | None = None,
        timeout: float | None = 3600,
        fresh: bool = False,
        **more: Value,
    ) -> MacroResult:
        """Run a macro to its end.

        A command of ImageJ2 that a macro calls with ``run`` (StarDist is one) can fail without an
        error: the macro has to check for its result.

        Args:
            macro: a file (a path, or a text of one line that ends with ``.ijm`` or ``.txt``), or
                the macro itself.
            values: the macro's ``#@`` script parameters by name.
            argument: result of ``getArgument()``. A macro without script parameters gets
                ``values`` as ``key=value key=[a value]``, as ImageJ's ``run`` does.
            timeout: seconds that it may take; no limit where ``None``.
            fresh: first close all images and empty the Results table and the ROI Manager, so that
                the result holds nothing of an earlier macro.
            more: further values, whose names differ from the arguments above.

        Raises:
            MacroError: it did not reach its end; has the line and ImageJ's message.
            FijiTimeoutError: it took too long and was stopped.
            FijiEndedError: Java crashed, or was killed.
            BadInputError: no such file, or a value that does not fit its parameter.
        """
        values = {**(values or {}), **more}
        name, text = read_macro(macro)
        if values and not parameters(text, source=name):
            if argument is not None:
                raise BadInputError(
                    name, "has no script parameters", "give an argument, or values, not both"
                )
            argument, values = as_options(values), {}
        text = bind(text, values, source=name)
        if fresh:
            self.clear()
        with self._printing:
            self._printed.clear()
        with self._temporary(".zip") as [path]:
            answer = self._ask(
                name,
                {
                    "do": "run_macro",
                    "text": text,
                    "argument": argument or "",
                    "timeout": timeout,
                    "rois": str(path),
                },
                timeout=None if timeout is None else timeout + _GRACE,
            )
            saved = path.read_bytes()
        with self._printing:
            lines = list(self._printed)
        return MacroResult(
            value=answer["value"],
            printed="".join(f"{line}\n" for line in lines),
            table=_frame(answer["table"]),
            images=tuple(OpenImage.from_answer(image) for image in answer["images"]),
            read_rois=lambda: _rois_in(saved, answer["rois"]),
        )

    def images(self) -> tuple[OpenImage, ...]:
        """List the open images, in the order in which they were opened."""
        answer = self._request("listing images", {"do": "images"})
        return tuple(OpenImage.from_answer(image) for image in answer["images"])

    def image(self, which: OpenImage | int | str | None = None) -> Image:
        """Read an open image with its pixels.

        Args:
            which: the image, its number or title; the active image where ``None``.

        Returns:
            The image, in memory. A colour image has channels R, G and B.

        Raises:
            FijiError: it is not open.
        """
        import numpy as np

        from bridge.images import from_array, open_image

        with self._temporary(".tif") as [path]:
            answer = self._request(
                "reading an image",
                {"do": "save_image", "image": _number(which), "path": str(path)},
            )
            with open_image(path) as saved:
                planes = [
                    saved.plane(channel, z=z, t=t)
                    for t, z in saved.planes()
                    for channel in range(len(saved.channels))
                ]
                sizes = [saved.size(axis) for axis in "TZC"]
                array = np.stack(planes).reshape(*sizes, saved.height, saved.width)
                pixel_size = saved.pixel_size
        names = answer["names"] if len(answer["names"]) == sizes[2] else ()
        return from_array(
            array,
            axes="TZCYX",
            pixel_size=pixel_size,
            channels=tuple(names),
            name=str(answer["title"]),
        )

    def push(
        self,
        image: Image | str | PathLike[str] | OpenImage | None,
        detections: Detections,
        *,
        conflict_class: str | None = None,
    ) -> Shown:
        """Show objects over an image, for review.

        With a window they go to the ROI Manager, else into the image's overlay. They are named by
        label and class, coloured by class, in their plane, and carry their UUID, probability and
        measurements. Each class is a ROI group: a reviewer changes the class of an object by its
        group.

        Objects that were pushed over this image before are merged with the new ones; no edit of
        the reviewer is lost (see :func:`bridge.review.merge`).

        Args:
            image: an image or its file, which is opened in ImageJ; or one that is open there
                (``None``: the active image).
            detections: the objects.
            conflict_class: as in :func:`bridge.review.merge`.

        Raises:
            FijiError: the image is not open.
            BadInputError: the image cannot be read, or is too large for ImageJ.
        """
        from bridge.apps.fiji.merging import first_push, merge_review
        from bridge.formats.imagej_rois import class_groups

        shown = self._show(image)
        merged = None
        if base := self._pushed.get(shown.id):
            merged = merge_review(base, self.pull(shown), detections, conflict_class=conflict_class)
        pushed = first_push(detections) if merged is None else merged.pushed
        detections = pushed.shown
        groups = class_groups(detections.objects["class"])
        with self._temporary(".zip") as [path]:
            detections.write(path, groups=True)
            answer = self._request(
                "showing ROIs",
                {"do": "put_rois", "image": shown.id, "path": str(path), "groups": list(groups)},
            )
        self._pushed[shown.id] = pushed
        return Shown(image=shown, count=answer["count"], merged=merged)

    def pull(self, image: OpenImage | int | str | None = None) -> Detections:
        """Read the objects as the reviewer left them.

        Added objects have a new UUID, a renamed one has its name in ``name``, and one that got
        another group, or a name with another class, has that class.

        Args:
            image: the image they belong to; the active image where ``None``.

        Raises:
            FijiError: the image is not open.
        """
        from bridge.apps.fiji.restore_ids import restore_ids

        with self._temporary(".zip") as [path]:
            answer = self._request(
                "reading ROIs", {"do": "save_rois", "image": _number(image), "path": str(path)}
            )
            found, _ = _read_rois(path, answer, answer)
        base = self._pushed.get(answer["id"])
        known = found
        if base is not None:
            known = base.shown
            found = restore_ids(found, known)
        info, outline = known.image, known.outline
        info = replace(
            info,
            name=info.name or answer["title"],
            width=answer["width"],
            height=answer["height"],
            size_z=answer["slices"],
            size_t=answer["frames"],
        )
        return replace(found, image=info, outline=outline)

    def measure(
        self,
        image: OpenImage | int | str | None = None,
        *,
        channels: Sequence[int | str] | None = None,
    ) -> pd.DataFrame:
        """Measure the ROIs of an image with ImageJ's own measurements.

        Args:
            image: the image; the active image where ``None``.
            channels: by name or number from 0; all where ``None``.

        Returns:
            A row a ROI, indexed by UUID, with ``label``, ``name`` and ``class``; ImageJ's columns
            of shape (``Area``, ``X``, ``Y``, ``Perim.``, ``Feret`` …) with their unit, in µm where
            the image has a pixel size; for each channel ``Mean``, ``Min``, ``Max`` … with its
            name. ``X`` and ``Y`` are the centroid in corner-origin coordinates.

        Raises:
            FijiError: the image is not open.
            BadInputError: a channel that the image does not have.
        """
        import numpy as np

        from bridge.apps.fiji.measurements import as_frame, channel_numbers
        from bridge.apps.fiji.restore_ids import restore_ids

        listed = self._request("measuring", {"do": "channels", "image": _number(image)})
        numbers = channel_numbers(channels, listed["names"], str(listed["title"]))
        with self._temporary(".zip", ".npy") as [rois, table]:
            answer = self._request(
                "measuring",
                {
                    "do": "measure",
                    "image": listed["id"],
                    "channels": numbers,
                    "rois": str(rois),
                    "table": str(table),
                },
            )
            # ImageJ measures lines and points, too, which are no objects.
            objects, rows = _read_rois(rois, answer, listed)
            if base := self._pushed.get(listed["id"]):
                objects = restore_ids(objects, base.detections)
            values = np.load(table, allow_pickle=False)[rows]
        return as_frame(objects, values, answer["columns"], listed["names"], listed["unit"])

    def screenshot(self, path: str | PathLike[str]) -> Path:
        """Save a PNG of the whole screen; needs the window.

        Raises:
            FijiError: there is no window.
        """
        if self.mode != "gui":
            raise FijiError('a screenshot needs the window; start with mode="gui"')
        target = Path(path).resolve()
        self._request("taking a screenshot", {"do": "screenshot", "path": str(target)})
        return target

    def clear(self) -> None:
        """Close all images, empty the Results table and the ROI Manager; nothing is saved."""
        self._pushed.clear()
        self._request("clearing", {"do": "clear"})

    def _show(self, image: Image | str | PathLike[str] | OpenImage | None) -> OpenImage:
        from bridge.images import Image, open_image
        from bridge.images.hyperstack import write_hyperstack

        if isinstance(image, OpenImage) or image is None:
            answer = self._request("finding the image", {"do": "channels", "image": _number(image)})
            return OpenImage.from_answer(answer)
        if not isinstance(image, Image):
            with open_image(image) as opened:
                return self._show(opened)
        size = image.pixel_size
        known = {
            "title": image.name,
            "pixel_size": [size.x, size.y, size.z] if size else None,
            "channels": list(image.channels),
        }
        with self._temporary(".tif") as [path]:
            write_hyperstack(image, path)
            answer = self._request(
                "opening an image", {"do": "show", "path": str(path), "known": known}
            )
        return OpenImage.from_answer(answer)

    def _last_printed(self) -> str:
        with self._printing:
            return next((line for line in reversed(self._printed) if line.strip()), "")

    def _on_output(self, line: str) -> None:
        with self._printing:
            self._printed.append(line)
        if self._on_print is not None:
            self._on_print(line)

    def _request(self, what: str, request: dict[str, Any]) -> dict[str, Any]:
        return self._ask(what, request, timeout=self._timeout)

    def _refusal(self, what: str, error: RefusedError) -> StarbridgeError:
        answer = error.answer
        kind = answer["error"]
        if kind == "timeout":
            if answer["stopped"]:
                return FijiTimeoutError(f"{what} {answer['message']} and was stopped")
            # The macro would go on while the next one runs.
            self._worker.kill()
            return FijiTimeoutError(
                f"{what} {answer['message']} and could not be stopped, so {self._name} was "
                "ended; start a new session"
            )
        memory = f"Java ran out of memory; start with a larger heap than {self._heap or 'this'}"
        memory += ' (heap="8g")'
        if kind == "macro":
            text = memory if "out of memory" in str(error).lower() else str(error)
            # whoever hears what is printed has heard it
            if text == STOPPED and self._on_print is None and (last := self._last_printed()):
                text += f"; its last output: {last}"
            return MacroError(what, answer["line"], text)
        return FijiError(f"{what}: {memory if kind == 'memory' else error}")

    def _explain(self, message: str) -> str:
        if "Failed to create a JVM" in message:
            return f"{message}; it may be damaged or of another processor: download Fiji again"
        if "HTTPSConnectionPool" in message or "Failed to resolve" in message:
            return (
                "pyimagej wants to download what this Fiji lacks (imglib2-imglyb, or Java), and "
                "there is no network; connect once"
            )
        if "heap" in message.lower() and ("reserve" in message or "size" in message):
            return f"{message}; give a smaller heap"
        if "HeadlessException" in message or "X11" in message or "DISPLAY" in message:
            return (
                "there is no screen to show a window on; use mode headless, or start it under Xvfb"
            )
        return message


def _rois_in(saved: bytes, answer: dict[str, Any]) -> Detections:
    """Read the objects of a RoiSet.zip in memory, as the session may have ended."""
    with tempfile.TemporaryDirectory(prefix="starbridge-") as folder:
        path = Path(folder) / "rois.zip"
        path.write_bytes(saved)
        return _read_rois(path, answer, answer.get("image"))[0]


def _read_rois(
    path: Path, answer: dict[str, Any], image: dict[str, Any] | None
) -> tuple[Detections, list[int]]:
    """Read the objects of the ROIs that the worker saved, and the row of each ROI.

    Args:
        path: the ROIs.
        answer: of the worker that saved them.
        image: as the worker describes it: its sizes say which planes ROIs lie in.
    """
    from bridge.detections import Detections
    from bridge.formats import imagej_rois
    from bridge.images.info import ImageInfo

    if not answer["count"]:
        return Detections.from_records([], []), []
    groups = {int(number): str(name) for number, name in answer["groups"].items()}
    info = None
    if image is not None:
        channels = tuple(f"C{number}" for number in range(1, image["channels"] + 1))
        info = ImageInfo(channels=channels, size_z=image["slices"], size_t=image["frames"])
    found, rows = imagej_rois.read_rows(path, image=info, groups=groups)
    return replace(found, image=replace(found.image, channels=())), rows  # these are no names


def _number(which: OpenImage | int | str | None) -> int | str | None:
    return which.id if isinstance(which, OpenImage) else which


def _frame(columns: dict[str, list[Any]]) -> pd.DataFrame | None:
    import pandas as pd

    if not columns:
        return None
    # pandas' own text type would turn empty cells into NaN.
    return pd.DataFrame(
        {
            name: pd.Series(
                values, dtype="object" if any(isinstance(v, str) for v in values) else "float64"
            )
            for name, values in columns.items()
        }
    )
