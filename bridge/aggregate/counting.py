"""Thousands of tables, read once each."""

from __future__ import annotations

import logging
import os
import threading
import time
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor, as_completed
from contextlib import nullcontext, suppress
from dataclasses import replace
from os import PathLike
from pathlib import Path

from bridge.aggregate.identities import label_images
from bridge.aggregate.record import CountRecord
from bridge.aggregate.sections import Reading, SectionCounts, count_table, is_read_as_objects
from bridge.batch.listener import Listener, Outcome
from bridge.errors import BadInputError, StarbridgeError, internal_error
from bridge.naming import base_name

log = logging.getLogger(__name__)

_MOST_THREADS = 4


def read_counts(
    tables: Sequence[str | PathLike[str]],
    reading: Reading | None = None,
    *,
    record: str | PathLike[str] | None = None,
    listener: Listener | None = None,
) -> list[SectionCounts]:
    """Count the objects of many tables.

    Several are read at a time; only counts are kept in memory. A table that cannot be counted
    stands in the result with its problem, and the rest goes on.

    Args:
        tables: files, see :func:`bridge.aggregate.tables.find_tables`.
        reading: how to read them.
        record: a JSON file that remembers the counts; with it only new and changed tables are
            read, and a run that was stopped goes on.
        listener: is told of the progress.

    Returns:
        A section a table, or several, in the order of the tables.

    Raises:
        BadInputError: what concerns all tables: no label images, a record that cannot be written.
    """
    reading = reading or Reading()
    listener = listener or Listener()
    files = [Path(table) for table in tables]
    images = label_images(reading.labels) if reading.labels is not None else {}
    kept = CountRecord(Path(record) if record is not None else None, reading)
    found: dict[int, list[SectionCounts]] = {}
    number = 0

    def ended(place: int, outcome: Outcome) -> None:
        nonlocal number
        number += 1
        listener.image_started(number, len(files), files[place])
        listener.image_finished(outcome)

    executor = ThreadPoolExecutor(_threads())
    try:
        heavy = threading.Lock()
        waiting: dict[Future[tuple[list[SectionCounts], Outcome]], int] = {}
        for place, file in enumerate(files):
            labels = images.get(base_name(file))
            sections = _known(kept, file, labels)
            if sections is None:
                task = executor.submit(_attempt, file, reading, labels, heavy)
                waiting[task] = place
                continue
            found[place] = sections
            objects = sum(section.objects for section in sections)
            ended(place, Outcome(base_name(file), str(file), "skipped", objects))
        for task in as_completed(waiting):
            place = waiting.pop(task)
            found[place], outcome = task.result()
            if outcome.status == "done":
                with suppress(OSError):  # taken away since: then it is read again
                    kept.remember(files[place], images.get(base_name(files[place])), found[place])
            ended(place, outcome)
    finally:
        executor.shutdown(cancel_futures=True)
        kept.save()
    return [section for place in range(len(files)) for section in found[place]]


def _threads() -> int:
    count = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return max(1, min(_MOST_THREADS, count or 1))


def _known(record: CountRecord, file: Path, labels: Path | None) -> list[SectionCounts] | None:
    try:
        return record.known(file, labels)
    except OSError:
        return None  # reading it will say what is wrong


def _attempt(
    file: Path, reading: Reading, labels: Path | None, heavy: threading.Lock
) -> tuple[list[SectionCounts], Outcome]:
    """One table, whatever becomes of it."""
    began = time.monotonic()
    name = base_name(file)
    try:
        # Shapes and label images take memory: one file of them at a time.
        with heavy if labels is not None or is_read_as_objects(file) else nullcontext():
            sections = count_table(file, reading, labels)
        if reading.labels is not None and labels is None:
            sections = [_without_image(section, reading.labels) for section in sections]
        objects = sum(section.objects for section in sections)
        seconds = round(time.monotonic() - began, 3)
        return sections, Outcome(name, str(file), "done", objects, seconds)
    except StarbridgeError as error:
        problem = error
    except MemoryError:
        problem = BadInputError(file, "does not fit into memory", "export it as CSV")
    except Exception as error:  # one internal error must not stop the batch
        log.debug("%s", file, exc_info=True)
        problem = internal_error(file, "counted", error)
    seconds = round(time.monotonic() - began, 3)
    outcome = Outcome(name, str(file), "failed", seconds=seconds, error=str(problem))
    return [SectionCounts(str(file), name, problem=_reason(problem, file))], outcome


def _without_image(section: SectionCounts, folder: Path) -> SectionCounts:
    return replace(section, notes=(*section.notes, f"has no label image in {folder}"))


def _reason(error: StarbridgeError, file: Path) -> str:
    return str(error).removeprefix(f"{file}: ")
