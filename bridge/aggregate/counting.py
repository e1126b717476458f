"""Count the objects of many tables, each read once."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from contextlib import ExitStack, nullcontext
from dataclasses import asdict, dataclass, replace
from os import PathLike
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from bridge import __version__
from bridge.aggregate.identities import label_images
from bridge.aggregate.sections import Reading, SectionCounts, count_table, is_read_as_objects
from bridge.batch.job import Job, Json, Made, Progress, Work
from bridge.batch.listener import Listener, Outcome
from bridge.batch.runner import Existing, run_batch
from bridge.batch.workers.base import Workers
from bridge.batch.workers.select import choose_workers
from bridge.errors import BadInputError
from bridge.formats.naming import base_name
from bridge.images.locations import known_identity, path_identity

_heavy = threading.Lock()

ITEMS = "tables"
"""Name of the entries in the record."""


def read_counts(
    tables: Sequence[str | PathLike[str]],
    reading: Reading | None = None,
    *,
    record: str | PathLike[str] | None = None,
    head: dict[str, Json] | None = None,
    existing: Existing = "check",
    listener: Listener | None = None,
    workers: Workers | None = None,
) -> list[SectionCounts]:
    r"""Count the objects of many tables; see :func:`bridge.batch.runner.run_batch`.

    Only counts are kept in memory. A table that cannot be counted is in the result with its
    problem, and the rest goes on.

    Args:
        tables: files, see :func:`bridge.aggregate.tables.find_tables`.
        reading: how to read them.
        record: a JSON file that remembers the counts; with it only new and changed tables are
            read, and a run that was stopped goes on.
        head: what else the record says.
        existing: what to do with tables that were counted before.
        listener: hears of the progress.
        workers: do the work; a few threads when ``None``.

    Returns:
        A section a table, or several, in the order of the tables.

    Raises:
        BadInputError: what concerns all tables: no label images, a record that is damaged or cannot
            be written.

    Example:
        >>> with TemporaryDirectory() as folder:
        ...     table = Path(folder, "Pa_s1.csv")
        ...     _ = table.write_text("label,class\n1,Neuron\n2,Neuron\n3,Dead\n")
        ...     read_counts([table])[0].counts
        {'Dead': 1, 'Neuron': 2}
    """
    reading = reading or Reading()
    workers = workers or choose_workers("auto", threads=True)
    images = label_images(reading.labels) if reading.labels is not None else {}
    items = [TableItem(path, images.get(base_name(path))) for path in map(Path, tables)]
    with ExitStack() as stack:
        path = Path(record or Path(stack.enter_context(TemporaryDirectory()), "counts.json"))
        job = CountJob(reading, path.name, head or {})
        outcomes = run_batch(
            job, items, path.parent, existing=existing, listener=listener, workers=workers
        )
    try:
        return [section for outcome in outcomes for section in _sections(outcome)]
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise BadInputError(
            path, f"is damaged ({error})", "move it away and run again; all tables are read anew"
        ) from error


@dataclass(frozen=True)
class TableItem:
    """A table to count.

    Attributes:
        path: the file.
        labels: the section's label image, which the table is compared with.
    """

    path: Path
    labels: Path | None = None


@dataclass(frozen=True)
class CountJob(Job[TableItem]):
    """The counting of tables; its results are in the record alone.

    Attributes:
        reading: how tables are read.
        record: file name of the record.
        head: what else the record says.
    """

    items = ITEMS
    participle = "counted"
    memory_remedy = "export it as CSV"
    unique_names = False

    reading: Reading
    record: str  # type: ignore[misc]  # each workbook has a record of its own
    head: dict[str, Json]

    def name(self, item: TableItem) -> str:
        """Return the path of a table: tables of one name may lie in several folders."""
        return str(item.path.resolve())

    def source(self, item: TableItem) -> Path:
        """Return the table."""
        return item.path

    def key(self, item: TableItem) -> dict[str, Json]:
        """Return everything that decides the counts.

        Raises:
            BadInputError: the table is not there.
        """
        labels = item.labels
        return {
            "file": known_identity(item.path),
            "label image": labels and path_identity(labels),
            "reading": [self.reading.decisive(), self.reading.labels is not None],
            "version": __version__,
        }

    def outputs(self, item: TableItem) -> dict[str, str]:
        """Return nothing: the record holds the result."""
        del item
        return {}

    def describe(self) -> dict[str, Json]:
        """Return how the tables are read."""
        return {**self.head, "reading": self.reading.decisive()}

    def run(self, work: Work[TableItem], folder: Path, progress: Progress) -> Made:
        """Count the objects of one table."""
        item, labels = work.item, self.reading.labels
        # Shapes and label images take memory: one file of them at a time.
        is_heavy = item.labels is not None or is_read_as_objects(item.path)
        with _heavy if is_heavy else nullcontext():
            sections = count_table(item.path, self.reading, item.labels)
        if labels is not None and item.labels is None:
            note = (
                f"has no label image in {labels}"
                if len(sections) == 1
                else "is not compared with label images: it has objects of several images"
            )
            sections = [replace(s, notes=(*s.notes, note)) for s in sections]
        plain = [asdict(section) for section in sections]
        return Made(sum(section.objects for section in sections), {"sections": plain})

    def absolute(self, item: TableItem) -> TableItem:
        """Return the table's absolute path."""
        return TableItem(item.path.absolute(), item.labels and item.labels.absolute())

    def files(self, item: TableItem) -> list[Path]:
        """Return the table and its label image."""
        return [item.path, *([item.labels] if item.labels else [])]


def _sections(outcome: Outcome) -> list[SectionCounts]:
    if outcome.status == "failed":
        problem = str(outcome.error).removeprefix(f"{outcome.source}: ")
        return [SectionCounts(outcome.source, base_name(outcome.source), problem=problem)]
    return [_section(outcome.source, plain) for plain in outcome.result["sections"]]


def _section(table: str, plain: dict[str, Any]) -> SectionCounts:
    counts = {str(name): int(count) for name, count in plain["counts"].items()}
    if any(count < 0 for count in counts.values()):
        raise ValueError(f"a negative number of objects in {table}")
    lists = {
        "notes": tuple(plain["notes"]),
        # Records of earlier versions have none.
        "fields": {name: tuple(texts) for name, texts in plain.get("fields", {}).items()},
    }
    return SectionCounts(**{**plain, "table": table, "counts": counts, **lists})
