"""Many images through one model into one folder: resumable, and safe against being stopped.

The folder follows haug2's conventions (``lbl/NAME_labels.tif``, ``lbl/NAME_labels.h5``,
``roi/NAME_rois.zip``) and adds ``geojson/``, ``tables/``, ``preview/`` and the record ``run.json``.
"""

from __future__ import annotations

import hashlib
import json
import logging
import platform
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any, Literal

import bridge
from bridge.atomic import write_bytes, write_error
from bridge.backends import Engine
from bridge.detections import Detections, Outline
from bridge.errors import BadInputError, StarbridgeError
from bridge.formats import format_of
from bridge.images import Image, image_name, open_image
from bridge.model import recipe_json
from bridge.segment import Segmenter

log = logging.getLogger(__name__)

FORMATS = {
    "labels": "lbl/{name}_labels.tif",
    "hdf5": "lbl/{name}_labels.h5",
    "rois": "roi/{name}_rois.zip",
    "geojson": "geojson/{name}.geojson",
    "csv": "tables/{name}.csv",
    "parquet": "tables/{name}.parquet",
    "preview": "preview/{name}.png",
}
"""What can be written, and where in the output folder."""

DEFAULT_FORMATS = ("labels", "hdf5", "rois", "geojson", "csv", "preview")

RECORD = "run.json"

_KEEP_EVERYTHING = ("parquet", "geojson", "rois", "csv")

Existing = Literal["check", "keep", "overwrite"]
"""What to do with an image whose outputs are there.

``check`` skips it when they were made from the same file with the same settings and otherwise
refuses to touch them; ``keep`` skips it in any case; ``overwrite`` makes them anew.
"""


@dataclass(frozen=True)
class Settings:
    """Everything beside model and image that decides the outputs.

    Attributes:
        formats: keys of :data:`FORMATS`.
        outline: ``star`` or ``traced``.
        axes, pixel_size: as in :meth:`bridge.segment.Segmenter.segment`.
        tiles: as there; not part of what "the same settings" means.
        existing: what to do with outputs that are there.
    """

    formats: tuple[str, ...] = DEFAULT_FORMATS
    outline: Outline = "star"
    axes: str | None = None
    pixel_size: float | None = None
    tiles: int | tuple[int, int] | None = None
    existing: Existing = "check"

    def __post_init__(self) -> None:
        unknown = [f for f in self.formats if f not in FORMATS]
        if unknown or not self.formats:
            raise BadInputError(
                "formats",
                f"{unknown[0]!r} is not one of them" if unknown else "none was given",
                f"choose from {', '.join(FORMATS)}",
            )


@dataclass(frozen=True)
class Outcome:
    """What became of one image.

    Attributes:
        name: base name of its outputs.
        source: the image file.
        status: ``done``, ``skipped`` (was done before) or ``failed``.
        objects: number of objects, where done or skipped.
        seconds: time taken.
        outputs: paths relative to the output folder, by format.
        error: the one line that says why it failed.
    """

    name: str
    source: str
    status: Literal["done", "skipped", "failed"]
    objects: int | None = None
    seconds: float = 0.0
    outputs: dict[str, str] = field(default_factory=dict)
    error: str | None = None


class Listener:
    """What a batch tells about its progress; the base class keeps silent."""

    def image_started(self, number: int, total: int, path: Path) -> None:
        """Image ``number`` (from 1) of ``total`` begins."""

    def tile_done(self, done: int, total: int) -> None:
        """So many tiles of the current image are done."""

    def image_finished(self, outcome: Outcome) -> None:
        """The current image is over."""


def segment_files(
    images: Sequence[Path],
    out: Path,
    segmenter: Segmenter,
    settings: Settings,
    listener: Listener | None = None,
) -> list[Outcome]:
    """Segment image after image into one folder.

    An image that fails is recorded, and the rest goes on. ``run.json`` is brought up to date after
    each image, so that a run that was stopped, even killed, is taken up by the same call.

    Args:
        images: files and OME-Zarr folders.
        out: the output folder; created where missing.
        segmenter: the model; its network is loaded only where there is something to do.
        settings: formats and the like.
        listener: is told of the progress.

    Returns:
        An outcome an image, in order.

    Raises:
        StarbridgeError: what concerns all images: the model cannot be loaded, the output folder
            cannot be written, its ``run.json`` is damaged.
    """
    listener = listener or Listener()
    record = _Record(out, segmenter, settings)
    clashes = _clashes(images)
    outcomes = []
    for number, path in enumerate(images, start=1):
        listener.image_started(number, len(images), path)
        outcome = _attempt(path, record, segmenter, settings, listener, clashes.get(path))
        if path not in clashes:
            record.end(path, outcome)
        listener.image_finished(outcome)
        outcomes.append(outcome)
    return outcomes


def _attempt(
    path: Path,
    record: _Record,
    segmenter: Segmenter,
    settings: Settings,
    listener: Listener,
    clash: str | None,
) -> Outcome:
    """One image, whatever becomes of it."""
    began = time.monotonic()
    name = image_name(path)
    try:
        if clash:
            raise BadInputError(path, clash, "segment them into different --out folders")
        outcome = _skipped(path, name, record, settings)
    except StarbridgeError as error:
        return _failure(path, name, str(error), began)
    if outcome is not None:
        return outcome
    record.begin(path, name, segmenter.engine)
    try:
        return _segment_one(path, name, record, segmenter, settings, listener, began)
    except StarbridgeError as error:
        return _failure(path, name, str(error), began)
    except MemoryError:
        full = BadInputError(path, "does not fit into memory", "use more --tiles")
        return _failure(path, name, str(full), began)
    except Exception as error:  # a defect of ours must not cost the other images either
        log.debug("%s", path, exc_info=True)
        defect = BadInputError(
            path,
            f"could not be segmented ({type(error).__name__}: {error})",
            "please report this, with what --verbose prints",
        )
        return _failure(path, name, str(defect), began)


def _failure(path: Path, name: str, error: str, began: float) -> Outcome:
    seconds = round(time.monotonic() - began, 3)
    return Outcome(name, str(path), "failed", seconds=seconds, error=error)


def _segment_one(
    path: Path,
    name: str,
    record: _Record,
    segmenter: Segmenter,
    settings: Settings,
    listener: Listener,
    began: float,
) -> Outcome:
    outputs = {kind: FORMATS[kind].format(name=name) for kind in settings.formats}
    with open_image(path, axes=settings.axes, pixel_size=settings.pixel_size) as image:
        detections = segmenter.segment(
            image, tiles=settings.tiles, outline=settings.outline, progress=listener.tile_done
        )
        for kind, relative in outputs.items():
            if kind == "preview":
                _write_preview(detections, image, segmenter, record.out / relative)
            else:
                detections.write(record.out / relative)
    seconds = round(time.monotonic() - began, 3)
    return Outcome(name, str(path), "done", len(detections), seconds, outputs)


def _write_preview(detections: Detections, image: Image, segmenter: Segmenter, path: Path) -> None:
    """Preview of the plane with the most objects."""
    from bridge.preview import write_preview

    planes = detections.objects.groupby(["t", "z"]).size()
    t, z = planes.idxmax() if len(planes) else (0, 0)
    plane = image.plane(segmenter.channels(image)[0], z=int(z), t=int(t))
    write_preview(detections, plane, path, z=int(z), t=int(t))


def _clashes(images: Sequence[Path]) -> dict[Path, str]:
    """Images whose outputs would have the same names as another one's, and what to say of it."""
    by_name: dict[str, list[Path]] = {}
    for path in dict.fromkeys(images):
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


def _skipped(path: Path, name: str, record: _Record, settings: Settings) -> Outcome | None:
    """The outcome of an image that need not be segmented again; ``None`` for one that must be.

    Raises:
        BadInputError: outputs are there that were not made by these settings from this image.
    """
    if settings.existing == "overwrite":
        return None
    outputs = {kind: FORMATS[kind].format(name=name) for kind in settings.formats}
    missing = [kind for kind, relative in outputs.items() if not (record.out / relative).exists()]
    known = record.images.get(name)
    known = known if isinstance(known, dict) else {}
    same = record.is_current(path, known)
    if len(missing) == len(outputs) and not same:
        return None
    if known.get("status") in ("started", "failed"):
        return None  # our own leftovers
    if not (same or settings.existing == "keep"):
        there = next(relative for kind, relative in outputs.items() if kind not in missing)
        raise BadInputError(
            record.out / there,
            "is there already, made from another image or with other settings",
            "choose another --out, or --overwrite to replace it, or --resume to keep it",
        )
    if missing:
        return _completed(path, name, missing, record, settings)
    return Outcome(name, str(path), "skipped", known.get("objects"), 0.0, outputs)


def _completed(
    path: Path, name: str, missing: list[str], record: _Record, settings: Settings
) -> Outcome | None:
    """Write formats that are new from one that is there, so that all keep the same UUIDs.

    Returns:
        ``None`` where nothing is there to convert, so that the image must be segmented.
    """
    began = time.monotonic()
    outputs = {kind: FORMATS[kind].format(name=name) for kind in settings.formats}
    for kind in _KEEP_EVERYTHING:
        source = record.out / FORMATS[kind].format(name=name)
        if not source.exists():
            continue
        with open_image(path, axes=settings.axes, pixel_size=settings.pixel_size) as image:
            detections = format_of(source).read(source, image=image.info)
            for new in missing:
                if new == "preview":
                    _write_preview(detections, image, record.segmenter, record.out / outputs[new])
                else:
                    detections.write(record.out / outputs[new])
        seconds = round(time.monotonic() - began, 3)
        return Outcome(name, str(path), "done", len(detections), seconds, outputs)
    present = [kind for kind in FORMATS if (record.out / FORMATS[kind].format(name=name)).exists()]
    if not present:
        return None
    raise BadInputError(
        record.out / FORMATS[present[0]].format(name=name),
        "is there already, and its outlines cannot be had from it to write the other formats",
        "choose another --out, or --overwrite to replace it",
    )


class _Record:
    """``run.json``: what was done, with what."""

    def __init__(self, out: Path, segmenter: Segmenter, settings: Settings) -> None:
        self.out = out
        self.segmenter = segmenter
        self.images: dict[str, Any] = _earlier_images(out / RECORD)
        recipe = recipe_json(segmenter.recipe)
        decisive = {
            "model": segmenter.model.sha256,
            "recipe": recipe,
            "outline": settings.outline,
            "axes": settings.axes,
            "pixel_size": settings.pixel_size,
        }
        self._settings = hashlib.sha256(json.dumps(decisive, sort_keys=True).encode()).hexdigest()
        self._head: dict[str, Any] = {
            "starbridge": bridge.__version__,
            "model": segmenter.model.to_json(),
            "recipe": recipe,
            "outline": settings.outline,
            "axes": settings.axes,
            "pixel_size": settings.pixel_size,
            "formats": list(settings.formats),
            "versions": {
                "python": platform.python_version(),
                "numpy": version("numpy"),
            },
            "platform": platform.platform(),
            "started": _now(),
        }
        self._save()

    def begin(self, path: Path, name: str, engine: Engine) -> None:
        """Note that outputs of this image may be found incomplete."""
        self._head["engine"] = engine.name
        self._head["versions"].update(engine.versions)
        self.images[name] = {"status": "started", "source": str(path)}
        self._save()

    def end(self, path: Path, outcome: Outcome) -> None:
        """Note what became of an image."""
        if outcome.status == "skipped" and outcome.name in self.images:
            return
        known = self.images.get(outcome.name)
        if outcome.status == "failed" and isinstance(known, dict) and known.get("status") == "done":
            return  # its earlier outputs are whole and stay
        entry = {
            "status": "done" if outcome.status == "skipped" else outcome.status,
            "source": str(path),
            "finished": _now(),
            **_identity(path),
        }
        if outcome.status == "done":
            entry["settings"] = self._settings
            entry["seconds"] = outcome.seconds
        for key in ("objects", "outputs", "error"):
            if getattr(outcome, key):
                entry[key] = getattr(outcome, key)
        if outcome.status == "done":
            entry["objects"] = outcome.objects
        self.images[outcome.name] = entry
        self._save()

    def is_current(self, path: Path, known: dict[str, Any]) -> bool:
        """Whether outputs were made from this very file with these settings."""
        identity = _identity(path)
        return (
            known.get("status") == "done"
            and known.get("settings") == self._settings
            and all(known.get(key) == value for key, value in identity.items())
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


def _identity(path: Path) -> dict[str, Any]:
    """What tells whether an image file is still the same."""
    try:
        status = path.stat()
    except OSError:
        return {}
    return {"bytes": status.st_size, "modified": status.st_mtime_ns}


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
