"""What was counted before, so that only new and changed tables are read again.

The same file remembers the workbook that was written, so that one which a person has worked in
since is not replaced.
"""

from __future__ import annotations

import hashlib
import json
import logging
import time
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from bridge import __version__
from bridge.aggregate.sections import Reading, SectionCounts
from bridge.files.atomic import write_bytes

log = logging.getLogger(__name__)

_FORMAT, _VERSION = "starbridge counts", 1
_SECONDS = 5.0


class CountRecord:
    """A JSON file of the counts of each table that was read.

    A table counts as known as long as its path, size and time of change are the same, it is read
    in the same way by the same version, and so is the label image that it was compared with.

    Args:
        path: the file; ``None`` remembers nothing. A damaged one is left out of account.
        reading: how tables are read.
    """

    def __init__(self, path: Path | None, reading: Reading) -> None:
        self._path = path
        how = json.dumps([__version__, reading.decisive()], sort_keys=True)
        self._reading = hashlib.sha256(how.encode()).hexdigest()
        self._content = _earlier(path)
        self._tables: dict[str, Any] = self._content["tables"]
        self._saved = time.monotonic()
        self._changed = False

    def known(self, table: Path, labels: Path | None) -> list[SectionCounts] | None:
        """The counts of a table, where it and its label image are as they were."""
        entry = self._tables.get(str(table.resolve()))
        if not isinstance(entry, dict) or entry.get("reading") != self._reading:
            return None
        if entry.get("files") != _identities(table, labels):
            return None
        try:
            return [_section(table, section) for section in entry["sections"]]
        except (KeyError, TypeError, ValueError, AttributeError):
            return None

    def remember(self, table: Path, labels: Path | None, sections: Sequence[SectionCounts]) -> None:
        """Note the counts of a table; written every few seconds, so that a stopped run goes on."""
        described = [asdict(section) for section in sections]
        for section in described:
            del section["table"]
        self._tables[str(table.resolve())] = {
            "reading": self._reading,
            "files": _identities(table, labels),
            "sections": described,
        }
        self._changed = True
        if time.monotonic() - self._saved > _SECONDS:
            self.save()

    def save(self) -> None:
        """Write the file, complete or not at all.

        Raises:
            BadInputError: it cannot be written.
        """
        if self._path is not None and self._changed:
            _write(self._path, self._content)
        self._saved = time.monotonic()
        self._changed = False


def remember_workbook(record: Path, workbook: Path) -> None:
    """Note in a record how a workbook was written.

    Raises:
        BadInputError: the record cannot be written.
    """
    content = _earlier(record)
    content["workbook"] = [workbook.name, hashlib.sha256(workbook.read_bytes()).hexdigest()]
    _write(record, content)


def is_as_written(record: Path, workbook: Path) -> bool:
    """Whether a workbook is, byte by byte, the one that a record remembers."""
    known = _earlier(record).get("workbook")
    digest = hashlib.sha256(workbook.read_bytes()).hexdigest()
    return isinstance(known, list) and known == [workbook.name, digest]


def _write(path: Path, content: dict[str, Any]) -> None:
    text = json.dumps(content, ensure_ascii=False, separators=(",", ":"))
    write_bytes(path, text.encode(errors="surrogateescape"))


def _earlier(path: Path | None) -> dict[str, Any]:
    """The content of a record; without tables where there is none or a damaged one."""
    empty = {
        "format": _FORMAT,
        "version": _VERSION,
        "starbridge": __version__,
        "tables": {},
    }
    if path is None or not path.exists():
        return empty
    try:
        content = json.loads(path.read_bytes())
        if content["format"] == _FORMAT and content["version"] == _VERSION:
            return {**content, "starbridge": __version__, "tables": dict(content["tables"])}
        problem = "is of another kind or version"
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        problem = "is damaged"
    log.warning("%s: %s; all tables are read again", path, problem)
    return empty


def _identities(*files: Path | None) -> list[Any]:
    identities: list[Any] = []
    for file in files:
        if file is None:
            identities.append(None)
            continue
        status = file.stat()
        identities.append([str(file.resolve()), status.st_size, status.st_mtime_ns])
    return identities


def _section(table: Path, said: dict[str, Any]) -> SectionCounts:
    counts = {str(name): int(count) for name, count in said["counts"].items()}
    if any(count < 0 for count in counts.values()):
        raise ValueError
    return SectionCounts(
        table=str(table),
        section=str(said["section"]),
        counts=counts,
        kind=str(said["kind"]),
        image=str(said["image"]),
        left_out=int(said["left_out"]),
        notes=tuple(str(note) for note in said["notes"]),
    )
