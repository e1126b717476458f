"""Many images through one model into one folder: resumable, and safe against being stopped.

The folder follows haug2's conventions (``lbl/NAME_labels.tif``, ``lbl/NAME_labels.h5``,
``roi/NAME_rois.zip``) and adds ``geojson/``, ``tables/``, ``preview/`` and the record ``run.json``.
"""

from __future__ import annotations

import hashlib
import json
import platform
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any, Literal

import bridge
from bridge.batch.listener import Listener, Outcome
from bridge.batch.run_folder import put_in_place, run_folder
from bridge.batch.task import Result, Task
from bridge.batch.workers.base import Workers
from bridge.batch.workers.here import Here
from bridge.detections import Outline
from bridge.errors import BadInputError, StarbridgeError
from bridge.files.atomic import write_bytes, write_error
from bridge.formats.layout import DEFAULT_FORMATS, RECORD, by_rank, places
from bridge.images import image_name
from bridge.images.locations import Location, identity
from bridge.model.folder import recipe_json
from bridge.segment.segmenter import Segmenter
from bridge.segment.tiles import MEMORY

Existing = Literal["check", "keep", "overwrite"]
"""What to do with an image whose outputs are there.

``check`` skips it when they were made from the same file with the same settings and otherwise
refuses to touch them; ``keep`` skips it in any case; ``overwrite`` makes them anew.
"""


@dataclass(frozen=True)
class Settings:
    """Everything beside model and image that decides the outputs.

    Attributes:
        formats: keys of :func:`bridge.formats.layout.places`.
        outline: ``star`` or ``traced``.
        axes, pixel_size: as in :meth:`bridge.segment.segmenter.Segmenter.segment`.
        tiles, memory: as there; not part of what "the same settings" means.
        existing: what to do with outputs that are there.
    """

    formats: tuple[str, ...] = DEFAULT_FORMATS
    outline: Outline = "star"
    axes: str | None = None
    pixel_size: float | None = None
    tiles: int | tuple[int, int] | None = None
    memory: float = MEMORY
    existing: Existing = "check"

    def __post_init__(self) -> None:
        unknown = [f for f in self.formats if f not in places()]
        if unknown or not self.formats:
            raise BadInputError(
                "formats",
                f"{unknown[0]!r} is not one of them" if unknown else "none was given",
                f"choose from {', '.join(places())}",
            )


def segment_files(
    images: Sequence[Location],
    out: Path,
    segmenter: Segmenter,
    settings: Settings,
    listener: Listener | None = None,
    workers: Workers | None = None,
) -> list[Outcome]:
    """Segment images into one folder.

    An image that fails is recorded, and the rest goes on. The files of an image appear in the
    folder all at once when the last of them is written, and ``run.json`` is brought up to date
    then, so that a run that was stopped, even killed, is taken up by the same call.

    Args:
        images: files and OME-Zarr folders, here or at URLs; one that is named twice counts once.
        out: the output folder; created where missing.
        segmenter: the model; its network is loaded only where there is something to do.
        settings: formats and the like.
        listener: is told of the progress.
        workers: who does the work; this process, one image after another, when ``None``.

    Returns:
        An outcome an image, in order.

    Raises:
        StarbridgeError: what concerns all images: the model cannot be loaded, the output folder
            cannot be written, its ``run.json`` is damaged, the cluster is gone.
    """
    return _Batch(images, out, segmenter, settings, listener, workers or Here()).run()


class _Batch:
    """One run: decides what is to be done, hands it out and puts in place what comes back.

    This is the one who writes into the output folder, whoever does the work.
    """

    def __init__(
        self,
        images: Sequence[Location],
        out: Path,
        segmenter: Segmenter,
        settings: Settings,
        listener: Listener | None,
        workers: Workers,
    ) -> None:
        self._images = list(dict.fromkeys(images))
        self._out = out
        self._segmenter = segmenter
        self._settings = settings
        self._listener = listener or Listener()
        self._workers = workers
        self._clashes = _clashes(self._images)
        self._tasks: dict[int, Task] = {}
        self._outcomes: dict[int, Outcome] = {}

    def run(self) -> list[Outcome]:
        self._record = _Record(self._out, self._segmenter, self._settings, self._workers)
        with (
            run_folder(self._out) as folder,
            closing(self._workers.run(self._plan(), self._segmenter, folder, self)) as results,
        ):
            for result in results:
                self._finish(result.number, self._put_in_place(self._tasks[result.number], result))
        return [self._outcomes[number] for number in sorted(self._outcomes)]

    def started(self, number: int) -> None:
        """Somebody works on an image."""
        self._listener.image_started(number, len(self._images), self._images[number - 1])

    def tile_done(self, number: int, done: int, total: int) -> None:
        """So many tiles of an image are done."""
        self._listener.tile_done(self._images[number - 1], done, total)

    def remark(self, line: str) -> None:
        """Something a person wants to know."""
        self._listener.remark(line)

    def _plan(self) -> Iterator[Task]:
        """What is to be done; what need not or cannot be done is over at once."""
        for number, image in enumerate(self._images, start=1):
            planned = self._task(number, image)
            if isinstance(planned, Task):
                self._tasks[number] = planned
                yield planned
            else:
                self.started(number)
                self._finish(number, planned)

    def _task(self, number: int, image: Location) -> Task | Outcome:
        name = image_name(image)
        settings = self._settings
        outputs = _outputs(name, settings)
        task = Task(
            number,
            image,
            name,
            outputs,
            settings.outline,
            settings.axes,
            settings.pixel_size,
            settings.tiles,
            settings.memory,
        )
        try:
            if image in self._clashes:
                problem = self._clashes[image]
                raise BadInputError(image, problem, "segment them into different --out folders")
            missing = _missing(image, name, self._record, settings)
            if missing is None:
                return task
            if not missing:
                objects = self._record.objects(name)
                return Outcome(name, str(image), "skipped", objects, 0.0, outputs)
            source = _convertible(name, self._out)
        except StarbridgeError as error:
            return Outcome(name, str(image), "failed", error=str(error))
        if source is None:
            return task
        return replace(task, made_before=source, outputs={k: outputs[k] for k in missing})

    def _put_in_place(self, task: Task, result: Result) -> Outcome:
        name, source = task.name, str(task.image)
        if result.folder is None:
            return Outcome(name, source, "failed", seconds=result.seconds, error=result.error)
        self._record.begin(task, result)
        try:
            put_in_place(result.folder, task.outputs.values(), self._out)
        except StarbridgeError as error:
            return Outcome(name, source, "failed", seconds=result.seconds, error=str(error))
        outputs = _outputs(name, self._settings)
        return Outcome(name, source, "done", result.objects, result.seconds, outputs)

    def _finish(self, number: int, outcome: Outcome) -> None:
        image = self._images[number - 1]
        if image not in self._clashes:
            self._record.end(image, outcome)
        self._outcomes[number] = outcome
        self._listener.image_finished(outcome)


def _outputs(name: str, settings: Settings) -> dict[str, str]:
    return {kind: places()[kind].format(name=name) for kind in settings.formats}


def _clashes(images: Sequence[Location]) -> dict[Location, str]:
    """Images whose outputs would have the same names as another one's, and what to say of it."""
    by_name: dict[str, list[Location]] = {}
    for path in images:
        by_name.setdefault(image_name(path).casefold(), []).append(path)
    problems = {}
    for paths in by_name.values():
        for path in paths:
            others = [str(p) for p in paths if p != path]
            if others:
                problems[path] = (
                    f"has the same name as {others[0]}, so that one would overwrite the other"
                )
    return problems


def _missing(path: Location, name: str, record: _Record, settings: Settings) -> list[str] | None:
    """Formats of an image that are not there yet; ``None``: it must be segmented.

    Raises:
        BadInputError: outputs are there that were not made by these settings from this image.
    """
    if settings.existing == "overwrite":
        return None
    outputs = _outputs(name, settings)
    missing = [kind for kind, relative in outputs.items() if not (record.out / relative).exists()]
    known = record.known(name)
    same = record.is_current(path, known)
    if len(missing) == len(outputs) and not same:
        return None
    if _is_incomplete(known):
        return None  # our own leftovers
    if not (same or settings.existing == "keep"):
        there = next(relative for kind, relative in outputs.items() if kind not in missing)
        raise BadInputError(
            record.out / there,
            "is there already, made from another image or with other settings",
            "choose another --out, or --overwrite to replace it, or --resume to keep it",
        )
    return missing


def _is_incomplete(known: dict[str, Any]) -> bool:
    return known.get("status") == "started" or bool(known.get("incomplete"))


def _convertible(name: str, out: Path) -> Path | None:
    """A file from which new formats can be written, so that all keep the same UUIDs.

    Returns:
        ``None`` where nothing of the image is there, so that it must be segmented.

    Raises:
        BadInputError: what is there does not have the outlines.
    """
    present = {
        kind: path
        for kind, relative in places().items()
        if (path := out / relative.format(name=name)).exists()
    }
    for spec in by_rank():
        if spec.key in present and not spec.needs_size:
            return present[spec.key].resolve()
    if not present:
        return None
    raise BadInputError(
        next(iter(present.values())),
        "is there already, and its outlines cannot be had from it to write the other formats",
        "choose another --out, or --overwrite to replace it",
    )


class _Record:
    """``run.json``: what was done, with what."""

    def __init__(
        self, out: Path, segmenter: Segmenter, settings: Settings, workers: Workers
    ) -> None:
        self.out = out
        self.images: dict[str, Any] = _earlier_images(out / RECORD)
        recipe = recipe_json(segmenter.recipe)
        precision = getattr(segmenter.make_engine, "precision", "f32")
        decisive = {
            "model": segmenter.model.sha256,
            "recipe": recipe,
            "outline": settings.outline,
            "axes": settings.axes,
            "pixel_size": settings.pixel_size,
        }
        if precision == "int8":  # engines of single precision find the same
            decisive["precision"] = precision
        self._settings = hashlib.sha256(json.dumps(decisive, sort_keys=True).encode()).hexdigest()
        self._head: dict[str, Any] = {
            "starbridge": bridge.__version__,
            "model": segmenter.model.to_json(),
            "recipe": recipe,
            "outline": settings.outline,
            "axes": settings.axes,
            "pixel_size": settings.pixel_size,
            "formats": list(settings.formats),
            "precision": precision,
            "versions": {
                "python": platform.python_version(),
                "numpy": version("numpy"),
            },
            "platform": platform.platform(),
            "workers": workers.description,
            "started": _now(),
        }
        self._save()

    def known(self, name: str) -> dict[str, Any]:
        """What an earlier run noted of an image."""
        known = self.images.get(name)
        return known if isinstance(known, dict) else {}

    def objects(self, name: str) -> int | None:
        """Number of objects that an earlier run found."""
        return self.known(name).get("objects")

    def begin(self, task: Task, result: Result) -> None:
        """Note that outputs of this image may be found incomplete."""
        if result.engine is not None:
            self._head["engine"] = result.engine
        self._head["versions"].update(result.versions)
        self.images[task.name] = {"status": "started", "source": str(task.image)}
        self._save()

    def end(self, path: Location, outcome: Outcome) -> None:
        """Note what became of an image."""
        if outcome.status == "skipped" and outcome.name in self.images:
            return
        known = self.known(outcome.name)
        if outcome.status == "failed" and known.get("status") == "done":
            return  # its earlier outputs are whole and stay
        entry = {
            "status": "done" if outcome.status == "skipped" else outcome.status,
            "source": str(path),
            "finished": _now(),
            **identity(path),
        }
        if outcome.status == "done":
            entry["settings"] = self._settings
            entry["seconds"] = outcome.seconds
        for key in ("objects", "outputs", "error"):
            if getattr(outcome, key):
                entry[key] = getattr(outcome, key)
        if outcome.status == "done":
            entry["objects"] = outcome.objects
        if outcome.status == "failed" and _is_incomplete(known):
            entry["incomplete"] = True  # what is there may be overwritten by the next run
        self.images[outcome.name] = entry
        self._save()

    def is_current(self, path: Location, known: dict[str, Any]) -> bool:
        """Whether outputs were made from this very file with these settings."""
        return (
            known.get("status") == "done"
            and known.get("settings") == self._settings
            and all(known.get(key) == value for key, value in identity(path).items())
        )

    def to_json(self) -> dict[str, Any]:
        """The whole record."""
        return {**self._head, "finished": _now(), "images": self.images}

    def _save(self) -> None:
        text = json.dumps(self.to_json(), indent=1, ensure_ascii=False)
        write_bytes(self.out / RECORD, text.encode(errors="surrogateescape"))


def read_record(out: Path) -> dict[str, Any]:
    """The record of the runs into a folder.

    Raises:
        BadInputError: there is none, or it is damaged.
    """
    path = out / RECORD
    try:
        content = json.loads(path.read_bytes())
    except FileNotFoundError as error:
        raise BadInputError(path, "does not exist", "give the folder of a run") from error
    except ValueError as error:
        raise BadInputError(
            path, f"is damaged ({error})", "move it away; --resume keeps the images that are done"
        ) from error
    except OSError as error:
        raise BadInputError(
            path, f"cannot be read: {error.strerror}", "check its permissions"
        ) from error
    if not isinstance(content, dict) or not isinstance(content.get("images", {}), dict):
        raise BadInputError(path, "is no record of a run", "choose another --out folder")
    return content


def _earlier_images(path: Path) -> dict[str, Any]:
    try:
        exists = path.exists()
    except OSError as error:
        raise write_error(path, error) from error
    return dict(read_record(path.parent).get("images", {})) if exists else {}


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
