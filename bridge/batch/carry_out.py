"""Work on one item of a batch, in whatever process, with one boundary for errors."""

from __future__ import annotations

import logging
import shutil
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from bridge.batch.job import Item, Job, Made, Progress, Work
from bridge.errors import BadInputError, StarbridgeError, internal_error

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Result:
    """The result of working on one item.

    Attributes:
        number: the item's.
        seconds: time taken.
        error: the one line that says why it failed; ``None`` where it did not.
        made: what the job returned; ``None`` where it failed.
        folder: where the outputs lie, under the same relative paths.
    """

    number: int
    seconds: float
    error: str | None = None
    made: Made | None = None
    folder: Path | None = None


class AbandonedError(Exception):
    """The run's folder is gone: it was stopped, and nobody waits for the results any more."""


def carry_out(work: Work[Item], job: Job[Item], folder: Path, progress: Progress) -> Result:
    """Make the outputs of one item; whatever happens to it becomes a result.

    All of them come from one piece of work, so that they agree in their UUIDs even when several
    machines work on the same item by mischance.

    Args:
        work: the item and what to make of it.
        job: makes it.
        folder: the run's folder; the outputs get a new folder in it.
        progress: called after each step.

    Raises:
        StarbridgeError: what concerns all items: the job cannot be prepared, or one of its fatal
            errors.
        AbandonedError: the run's folder is gone.
    """
    began = time.monotonic()
    job.prepare(work)

    def go_on(done: int, total: int) -> None:
        if not folder.is_dir():
            raise AbandonedError(folder)
        progress(done, total)

    own: Path | None = None
    try:
        own = _make_folder(folder, work.number)
        made = job.run(work, own, go_on)
    except AbandonedError:
        raise
    except job.fatal:
        raise
    except StarbridgeError as error:
        return failure(work, _name_final_place(error, own, folder.parent), began, own)
    except MemoryError:
        full = BadInputError(work.source, "does not fit into memory", job.memory_remedy)
        return failure(work, full, began, own)
    except Exception as error:  # one internal error must not stop the batch
        if not folder.is_dir():
            raise AbandonedError(folder) from error
        log.debug("%s", work.source, exc_info=True)
        return failure(work, internal_error(work.source, job.participle, error), began, own)
    return Result(work.number, _seconds_since(began), made=made, folder=own)


def failure(
    work: Work[Item],
    error: StarbridgeError,
    began: float | None = None,
    own: Path | None = None,
) -> Result:
    """Return the result of an item that failed, and remove what it left in its folder.

    Args:
        work: the item.
        error: why.
        began: when, by :func:`time.monotonic`.
        own: its folder.
    """
    if own is not None:
        shutil.rmtree(own, ignore_errors=True)
    return Result(work.number, 0.0 if began is None else _seconds_since(began), error=str(error))


def _seconds_since(began: float) -> float:
    return round(time.monotonic() - began, 3)


def _make_folder(folder: Path, number: int) -> Path:
    try:
        return Path(tempfile.mkdtemp(prefix=f"{number}-", dir=folder))
    except FileNotFoundError as error:
        raise AbandonedError(folder) from error


def _name_final_place(error: StarbridgeError, own: Path | None, out: Path) -> StarbridgeError:
    """Name a file that cannot be written by the place where a user will look for it."""
    if isinstance(error, BadInputError) and own is not None:
        place = Path(error.source)
        if place.is_relative_to(own):
            return BadInputError(out / place.relative_to(own), error.problem, error.remedy)
    return error
