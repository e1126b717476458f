"""Save and load the record of a push: what the next review is compared with, in one file.

A zip of two GeoParquet tables (the objects as they were pushed and the deleted ones, exact, with
all columns) and ``record.json``: the version, what reviewers decided, and the history.
"""

from __future__ import annotations

import json
import tempfile
import zipfile
import zlib
from os import PathLike
from pathlib import Path
from typing import Any

import pandas as pd

from bridge import __version__
from bridge.detections import Detections, is_uuid
from bridge.errors import BadInputError
from bridge.files.atomic import writing
from bridge.formats import existing_file
from bridge.review.pushed import CONFLICT_COLUMNS, HISTORY_COLUMNS, Pushed

ENDING = ".starbridge-review"
"""Ending that a record's name should have."""
VERSION = 2

_ABSENT_IN_1: dict[str, Any] = {
    **{key: [] for key in ("regions", "conflicts", "history", "times")},
    **{key: {} for key in ("layers", "settled", "marks")},
}

_FORMAT = "starbridge review record"
_NOTE, _OBJECTS, _DELETED = "record.json", "objects.parquet", "deleted.parquet"
_ZIP_TIME = (1980, 1, 1, 0, 0, 0)
_REMEDY = (
    "restore it from a backup; without it the objects can still be read, "
    "but a review cannot be merged"
)


def save_push_record(path: str | PathLike[str], pushed: Pushed | Detections) -> None:
    """Store what is pushed beside a project or review folder, without loss.

    Equal objects give equal files.

    Args:
        path: should end in :data:`ENDING`.
        pushed: ``merged.pushed``, or the objects of a first push.

    Raises:
        BadInputError: an id that is no UUID (formats would replace it); cannot be written.

    >>> import numpy as np
    >>> objects = Detections.from_labels(np.eye(2, dtype=int))
    >>> path = Path(tempfile.mkdtemp(), f"section{ENDING}")
    >>> save_push_record(path, objects)
    >>> load_push_record(path).detections.ids == objects.ids
    True
    """
    pushed = Pushed.of(pushed)
    for identity in pushed.detections.ids:
        if not is_uuid(identity) or identity != identity.lower():
            raise BadInputError(
                path,
                f"cannot store the object {identity!r}: its id is no UUID in small letters",
                "give the objects the ids that Detections makes",
            )
    note = {
        "format": _FORMAT,
        "version": VERSION,
        "starbridge": __version__,
        "decided": {i: sorted(names) for i, names in sorted(pushed.decided.items())},
        "found_as": dict(sorted(pushed.found_as.items())),
        "set_aside": sorted(pushed.set_aside),
        "regions": sorted(pushed.regions),
        "layers": dict(sorted(pushed.layers.items())),
        "conflicts": _rows(pushed.conflicts, CONFLICT_COLUMNS),
        "settled": dict(sorted(pushed.settled.items())),
        "marks": dict(sorted(pushed.marks.items())),
        "history": _rows(pushed.history, HISTORY_COLUMNS),
        "times": list(pushed.times),
    }
    with (
        tempfile.TemporaryDirectory(prefix="starbridge-") as folder,
        writing(path) as part,
        zipfile.ZipFile(part, "w") as archive,
    ):
        text = json.dumps(note, ensure_ascii=False, indent=1)
        archive.writestr(_entry(_NOTE, zipfile.ZIP_DEFLATED), text)
        for name, table in ((_OBJECTS, pushed.detections), (_DELETED, pushed.deleted)):
            table.write(Path(folder, name))
            archive.writestr(_entry(name, zipfile.ZIP_STORED), Path(folder, name).read_bytes())


def load_push_record(path: str | PathLike[str]) -> Pushed:
    """Read what :func:`save_push_record` stored.

    Raises:
        BadInputError: missing, damaged, no record, or written by a newer starbridge.

    >>> load_push_record("none.starbridge-review")
    Traceback (most recent call last):
        ...
    bridge.errors.BadInputError: none.starbridge-review: does not exist; check the path
    """
    file = existing_file(path)
    with tempfile.TemporaryDirectory(prefix="starbridge-") as folder:
        try:
            with zipfile.ZipFile(file) as archive:
                if _NOTE not in archive.namelist():
                    raise _foreign(file)
                note = _checked(file, json.loads(archive.read(_NOTE)))
                for name in (_OBJECTS, _DELETED):
                    Path(folder, name).write_bytes(archive.read(name))
            tables = [Detections.read(Path(folder, name)) for name in (_OBJECTS, _DELETED)]
        except zipfile.BadZipFile as error:
            if not file.read_bytes().startswith(b"PK"):
                raise _foreign(file) from error
            raise _damaged(file, error) from error
        except (BadInputError, KeyError, ValueError, EOFError, zlib.error, OSError) as error:
            if isinstance(error, BadInputError) and error.source == str(file):
                raise
            raise _damaged(file, error) from error
    return Pushed(
        tables[0],
        {i: frozenset(names) for i, names in note["decided"].items()},
        tables[1],
        note["found_as"],
        frozenset(note["set_aside"]),
        regions=frozenset(note["regions"]),
        layers=note["layers"],
        conflicts=pd.DataFrame(note["conflicts"], columns=[*CONFLICT_COLUMNS], dtype=object),
        settled=note["settled"],
        marks=note["marks"],
        history=pd.DataFrame(note["history"], columns=[*HISTORY_COLUMNS], dtype=object),
        times=tuple(note["times"]),
    )


def _rows(table: pd.DataFrame, columns: tuple[str, ...]) -> list[list[Any]]:
    """Return the rows of a table as JSON values."""
    return [
        [None if value is None or value != value else value for value in row]
        for row in table[[*columns]].to_numpy(object).tolist()
    ]


def _entry(name: str, compression: int) -> zipfile.ZipInfo:
    entry = zipfile.ZipInfo(name, _ZIP_TIME)
    entry.compress_type = compression
    return entry


def _checked(file: Path, given: Any) -> dict[str, Any]:
    if not isinstance(given, dict) or given.get("format") != _FORMAT:
        raise _foreign(file)
    note: dict[str, Any] = given
    version = note.get("version")
    if isinstance(version, int) and version > VERSION:
        raise BadInputError(
            file,
            f"was written by a newer starbridge ({note.get('starbridge')}, record {version})",
            "update starbridge",
        )
    if version == 1:
        note = {**_ABSENT_IN_1, **note}
    decided = note.get("decided")
    sound = (
        version in (1, VERSION)
        and isinstance(decided, dict)
        and all(_are_texts(names) for names in decided.values())
        and all(_is_map_of_texts(note.get(name)) for name in ("found_as", "layers", "settled"))
        and _is_map_of_texts(note.get("marks"))
        and all(_are_texts(note.get(name)) for name in ("set_aside", "regions", "times"))
        and _are_rows(note.get("conflicts"), CONFLICT_COLUMNS)
        and _are_rows(note.get("history"), HISTORY_COLUMNS)
    )
    if not sound:
        raise _damaged(file, f"{_NOTE} is not as it was written")
    return note


def _are_texts(values: Any) -> bool:
    return isinstance(values, list) and all(isinstance(value, str) for value in values)


def _is_map_of_texts(value: Any) -> bool:
    return isinstance(value, dict) and _are_texts(list(value.values()))


def _are_rows(value: Any, columns: tuple[str, ...]) -> bool:
    return isinstance(value, list) and all(
        isinstance(row, list) and len(row) == len(columns) for row in value
    )


def _foreign(file: Path) -> BadInputError:
    return BadInputError(
        file,
        "is no record of a push that starbridge wrote",
        f"give the {ENDING} file beside the project",
    )


def _damaged(file: Path, reason: object) -> BadInputError:
    problem = reason.problem if isinstance(reason, BadInputError) else str(reason)
    return BadInputError(file, f"is damaged ({problem})", _REMEDY)
