"""One image of a batch: what is to be made of it, and the making."""

from __future__ import annotations

import logging
import shutil
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from bridge.errors import BadInputError, StarbridgeError, internal_error
from bridge.formats import format_of, write_all
from bridge.images import open_image
from bridge.segment.tiles import MEMORY

if TYPE_CHECKING:
    from bridge.detections import Detections, Outline
    from bridge.images import Image
    from bridge.images.locations import Location
    from bridge.segment.segmenter import Progress, Segmenter

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Task:
    """What is to be made of one image. It can go to another process.

    Attributes:
        number: which of the batch it is, from 1.
        image: where the image is.
        name: base name of the outputs.
        outputs: paths relative to the output folder, by format.
        outline, axes, pixel_size, tiles, memory: as in
            :meth:`bridge.segment.segmenter.Segmenter.segment`.
        made_before: objects of the image that are there already, to be written in other formats;
            ``None``: the image is segmented.
    """

    number: int
    image: Location
    name: str
    outputs: dict[str, str]
    outline: Outline = "star"
    axes: str | None = None
    pixel_size: float | None = None
    tiles: int | tuple[int, int] | None = None
    memory: float = MEMORY
    made_before: Path | None = None


@dataclass(frozen=True)
class Result:
    """What became of a task.

    Attributes:
        number: the task's.
        seconds: time taken.
        error: the one line that says why it failed; ``None`` where it did not.
        objects: number of objects.
        folder: where the outputs lie, under the same relative paths.
        engine: name of the engine; ``None`` where nothing was segmented.
        versions: of the libraries that decide the result.
    """

    number: int
    seconds: float
    error: str | None = None
    objects: int | None = None
    folder: Path | None = None
    engine: str | None = None
    versions: dict[str, str] = field(default_factory=dict)


class AbandonedError(Exception):
    """The run's folder is gone: it was stopped, and nobody waits for the results any more."""


def carry_out(task: Task, segmenter: Segmenter, folder: Path, progress: Progress) -> Result:
    """Make the outputs of one image, whatever becomes of it.

    All of them come from one piece of work, so that they agree in their UUIDs even when several
    machines work on the same image by mischance.

    Args:
        task: what to make.
        segmenter: the model and its recipe; its network is loaded where it is needed.
        folder: the run's folder; the outputs get a new folder in it.
        progress: called after each tile.

    Raises:
        StarbridgeError: the network cannot be loaded, which concerns all images.
        AbandonedError: the run's folder is gone.
    """
    began = time.monotonic()
    engine = segmenter.engine if task.made_before is None else None

    def go_on(done: int, total: int) -> None:
        if not folder.is_dir():
            raise AbandonedError(folder)
        progress(done, total)

    own: Path | None = None
    try:
        own = _own_folder(folder, task)
        objects = _make(task, segmenter, own, go_on)
    except AbandonedError:
        raise
    except StarbridgeError as error:
        return failure(task, _named_as_asked(error, own, folder.parent), began, own)
    except MemoryError:
        full = BadInputError(task.image, "does not fit into memory", "use more --tiles")
        return failure(task, full, began, own)
    except Exception as error:  # one internal error must not stop the batch
        if not folder.is_dir():
            raise AbandonedError(folder) from error
        log.debug("%s", task.image, exc_info=True)
        told = internal_error(task.image, "segmented", error)
        return failure(task, told, began, own)
    return Result(
        task.number,
        round(time.monotonic() - began, 3),
        objects=objects,
        folder=own,
        engine=engine.name if engine else None,
        versions=dict(engine.versions) if engine else {},
    )


def failure(
    task: Task, error: StarbridgeError, began: float | None = None, own: Path | None = None
) -> Result:
    """The result of a task that failed; what it left in its folder is removed.

    Args:
        task: the task.
        error: why.
        began: when, by :func:`time.monotonic`.
        own: its folder.
    """
    if own is not None:
        shutil.rmtree(own, ignore_errors=True)
    seconds = 0.0 if began is None else round(time.monotonic() - began, 3)
    return Result(task.number, seconds, error=str(error))


def _own_folder(folder: Path, task: Task) -> Path:
    try:
        return Path(tempfile.mkdtemp(prefix=f"{task.number}-", dir=folder))
    except FileNotFoundError as error:
        raise AbandonedError(folder) from error


def _make(task: Task, segmenter: Segmenter, own: Path, progress: Progress) -> int:
    with open_image(task.image, axes=task.axes, pixel_size=task.pixel_size) as image:
        if task.made_before is not None:
            read = format_of(task.made_before).read
            detections: Detections = read(task.made_before, image=image.info)
        else:
            detections = segmenter.segment(
                image,
                tiles=task.tiles,
                memory=task.memory,
                outline=task.outline,
                progress=progress,
            )
        with ThreadPoolExecutor(1) as beside:
            drawn = None
            if "preview" in task.outputs:
                place = _place(own, task.outputs["preview"])
                drawn = beside.submit(_write_preview, detections, image, segmenter, place)
            others = (_place(own, r) for k, r in task.outputs.items() if k != "preview")
            write_all(detections, others)
            if drawn:
                drawn.result()
    return len(detections)


def _place(own: Path, relative: str) -> Path:
    """Where an output is written, as long as somebody waits for it."""
    if not own.is_dir():
        raise AbandonedError(own)  # writing would make it anew
    return own / relative


def _write_preview(detections: Detections, image: Image, segmenter: Segmenter, path: Path) -> None:
    """Preview of the plane with the most objects."""
    from bridge.pictures.preview import write_preview

    planes = detections.objects.groupby(["t", "z"]).size()
    t, z = planes.idxmax() if len(planes) else (0, 0)
    plane = image.plane(segmenter.channels(image)[0], z=int(z), t=int(t))
    write_preview(detections, plane, path, z=int(z), t=int(t))


def _named_as_asked(error: StarbridgeError, own: Path | None, out: Path) -> StarbridgeError:
    """Name a file that cannot be written by the place where a person will look for it."""
    if isinstance(error, BadInputError) and own is not None:
        place = Path(error.source)
        if place.is_relative_to(own):
            return BadInputError(out / place.relative_to(own), error.problem, error.remedy)
    return error
