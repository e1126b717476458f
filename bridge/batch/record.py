"""The record of a batch: what was done, with what, so that the same command goes on.

A user reads one JSON file (``run.json``), written at the end of a run and when it is stopped.
During the run each item adds lines to a hidden journal beside it, so that even a killed run is
taken up.
"""

from __future__ import annotations

import hashlib
import json
import platform
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Any

import bridge
from bridge.batch.job import Json, Made
from bridge.batch.listener import Outcome
from bridge.errors import BadInputError
from bridge.files.atomic import write_bytes, write_error

_HEAD = "head"
_DAMAGED = "move it away and run again; with --resume, results that are there are kept"
_DIGITS = 16  # of a hash, hexadecimal


class Record:
    """The record of the runs of one job into a folder.

    Args:
        out: the output folder, which is there.
        name: file name of the record.
        items: what the record calls the items.
        head: what it says of this run.

    Raises:
        BadInputError: the record that is there is damaged, or the folder cannot be written.
    """

    def __init__(self, out: Path, name: str, items: str, head: Mapping[str, Json]) -> None:
        self._path = out / name
        self._items = items
        content = _read(self._path, items)
        self._entries: dict[str, Any] = {} if content is None else content[items]
        self._head: dict[str, Any] = {
            "starbridge": bridge.__version__,
            **head,
            "platform": platform.platform(),
            "started": _now(),
        }
        self._journal: IO[bytes] | None = None
        if content is None:
            # Folders of results are known by it, also while a first run goes on.
            self._write(self._head)
        elif _journal_path(self._path).exists():
            # A killed run left it; nothing is appended to a line cut in half.
            self._write({key: value for key, value in content.items() if key != items})
            _journal_path(self._path).unlink()

    def entry(self, name: str) -> dict[str, Any]:
        """Return what is known of an item; empty where it is unknown."""
        entry: dict[str, Any] = self._entries.get(name, {})
        return entry

    def begin(
        self, name: str, source: str, provenance: Mapping[str, Json], *, is_whole: bool = True
    ) -> None:
        """Note that the outputs of an item may be found incomplete.

        Args:
            name: of the item.
            source: its file.
            provenance: what is added to what the record says of the run.
            is_whole: all outputs are put in place. Where only missing ones are, those that are
                there stay good, also when the run is stopped in between.
        """
        for key, value in provenance.items():
            known = self._head.get(key)
            self._head[key] = {**known, **value} if isinstance(known, dict) else value
        if is_whole:
            started = {"status": "started", "source": source}
            if owned := self.entry(name).get("owned"):
                started["owned"] = owned
            self._add(name, started)

    def end(
        self, outcome: Outcome, key: Mapping[str, str] | None, made: Made | None = None
    ) -> None:
        """Note the outcome of an item.

        Args:
            outcome: the outcome.
            key: hash of each part of what decides it; ``None`` where that could not be found out.
            made: what the job returned, where it was done.

        An item that was done before keeps its entry when it is skipped, and when it fails before
        any of its outputs was touched.
        """
        known = self.entry(outcome.name)
        if outcome.status == "skipped" and known:
            return
        if outcome.status == "failed" and known.get("status") == "done":
            return
        entry: dict[str, Any] = {
            "status": "done" if outcome.status == "skipped" else outcome.status,
            "source": outcome.source,
            "finished": _now(),
        }
        if outcome.status == "done":
            entry |= {"key": key, "seconds": outcome.seconds}
        for field in ("objects", "outputs", "error", "result", "notes"):
            if (value := getattr(outcome, field)) or value == 0:
                entry[field] = value
        if made is not None:
            entry |= {k: v for k in ("left_out", "more") if (v := getattr(made, k))}
        if owned := known.get("owned") if made is None or made.owned is None else made.owned:
            entry["owned"] = owned
        if outcome.status == "failed" and is_incomplete(known):
            entry["incomplete"] = True  # what is there may be overwritten by the next run
        self._add(outcome.name, entry)

    def close(self) -> None:
        """Write the file that a user reads, where the run changed anything.

        Raises:
            BadInputError: it cannot be written.
        """
        if self._journal is not None:
            self._journal.close()
            if _journal_path(self._path).exists():  # else the folder was removed meanwhile
                self._write(self._head)
            _journal_path(self._path).unlink(missing_ok=True)
            self._journal = None

    def _add(self, name: str, entry: dict[str, Any]) -> None:
        self._entries[name] = entry
        try:
            if self._journal is None:
                self._journal = _journal_path(self._path).open("wb")
                self._journal.write(_encode({_HEAD: self._head}))
            self._journal.write(_encode({"name": name, **entry}))
            self._journal.flush()
        except OSError as error:
            raise write_error(self._path, error) from error

    def _write(self, head: Mapping[str, Json]) -> None:
        content = {**head, "finished": _now(), self._items: self._entries}
        write_bytes(self._path, _encode(content, indent=1))


def hash_key(key: Mapping[str, Json]) -> dict[str, str]:
    """Return a short hash of each part of a key, so that a message can name what differs.

    Example:
        >>> sorted(hash_key({"model": "demo", "recipe": {"prob": 0.5}}))
        ['model', 'recipe']
    """
    return {
        part: hashlib.sha256(_encode(value, sort_keys=True)).hexdigest()[:_DIGITS]
        for part, value in key.items()
    }


def is_incomplete(entry: Mapping[str, Any]) -> bool:
    """Return whether a stopped run may have left some of an item's outputs."""
    return entry.get("status") == "started" or bool(entry.get("incomplete"))


def read_record(out: Path, name: str = "run.json", items: str = "images") -> dict[str, Any]:
    """Read the record of the runs into a folder, also of one that goes on or was killed.

    Args:
        out: the output folder.
        name: file name of the record.
        items: what it calls its items.

    Returns:
        What it says of the last run, and an entry an item under ``items``.

    Raises:
        BadInputError: there is none, or it is damaged.
    """
    path = out / name
    content = _read(path, items)
    if content is None:
        raise BadInputError(path, "does not exist", "give the folder of a run")
    return content


def _journal_path(path: Path) -> Path:
    return path.with_name(f".{path.name}.journal")


def _read(path: Path, items: str) -> dict[str, Any] | None:
    """Return the content of a record with its journal; ``None`` where there is neither."""
    try:
        content = json.loads(path.read_bytes())
    except FileNotFoundError:
        content = None
    except (ValueError, RecursionError) as error:
        raise BadInputError(path, f"is damaged ({error})", _DAMAGED) from error
    except OSError as error:
        raise BadInputError(
            path, f"cannot be read: {error.strerror}", "check its permissions"
        ) from error
    if content is not None and not (
        isinstance(content, dict) and isinstance(content.get(items), dict)
    ):
        raise BadInputError(path, "is no record of a run", "choose another --out folder")
    content = _replay(_journal_path(path), content, items)
    for name, entry in (content or {}).get(items, {}).items():
        if not _is_entry(entry):
            raise BadInputError(path, f"is damaged (entry {name!r})", _DAMAGED)
    return content


def _is_entry(entry: Any) -> bool:
    """Tell whether an entry has what the runner reads of it."""
    return (
        isinstance(entry, dict)
        and all(
            isinstance(entry.get(key, {}), dict) for key in ("outputs", "result", "more", "owned")
        )
        and all(isinstance(entry.get(key, []), list) for key in ("left_out", "notes"))
        and isinstance(entry.get("objects") or 0, int)
    )


def _replay(journal: Path, content: dict[str, Any] | None, items: str) -> dict[str, Any] | None:
    """Add the lines of a journal to a record."""
    try:
        lines = journal.read_bytes().split(b"\n")
    except FileNotFoundError:
        return content
    except OSError as error:
        raise BadInputError(
            journal, f"cannot be read: {error.strerror}", "check its permissions"
        ) from error
    content = content or {items: {}}
    for number, line in enumerate(lines[:-1], start=1):  # what follows the last is cut off
        try:
            entry = json.loads(line)
            if _HEAD in entry:
                content |= entry[_HEAD]
            else:
                content[items][entry.pop("name")] = entry
        except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
            raise BadInputError(
                journal,
                f"is damaged in line {number}",
                _DAMAGED,
            ) from error
    return content


def _encode(value: Json, *, indent: int | None = None, sort_keys: bool = False) -> bytes:
    """Return JSON and a line break; a name that is not UTF-8 becomes valid escapes."""
    text = json.dumps(value, indent=indent, sort_keys=sort_keys, ensure_ascii=False)
    return text.encode(errors="backslashreplace") + b"\n"


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
