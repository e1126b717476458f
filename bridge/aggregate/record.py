"""Remember how a workbook was written, so that one a user has worked in since is not replaced."""

from __future__ import annotations

import hashlib
import json
from dataclasses import fields, replace
from pathlib import Path

import pandas as pd

from bridge.aggregate.counting import ITEMS
from bridge.aggregate.study import DATE, Study
from bridge.batch.job import Json
from bridge.batch.record import read_record
from bridge.errors import BadInputError
from bridge.files.atomic import write_bytes

WORKBOOK = "workbook"


def written_workbook(record: Path) -> Json:
    """Return what a record of counts says of its workbook; ``None`` where it says nothing.

    Raises:
        BadInputError: the record is damaged.
    """
    if not record.exists():
        return None
    return read_record(record.parent, record.name, ITEMS).get(WORKBOOK)


def study_digest(study: Study) -> str:
    """Return a hash (hexadecimal) of everything that is written of a study, but for its date."""
    parameters = study.parameters[study.parameters["Parameter"] != DATE]
    undated = replace(study, parameters=parameters)
    values = (getattr(undated, field.name) for field in fields(undated))
    parts = [value.to_csv() if isinstance(value, pd.DataFrame) else repr(value) for value in values]
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()


def describe_workbook(workbook: Path, study: str) -> Json:
    """Return what a record remembers of a workbook that was just written.

    Args:
        workbook: the file.
        study: hash of all that it was written from, see :func:`study_digest`.
    """
    return {"file": workbook.name, "sha256": _digest(workbook), "study": study}


def is_as_written(known: Json, workbook: Path) -> bool:
    """Return whether a workbook is, byte by byte, the one that a record remembers."""
    return (
        isinstance(known, dict)
        and known.get("file") == workbook.name
        and known.get("sha256") == _digest(workbook)
    )


def save_workbook(record: Path, known: Json) -> None:
    """Add to a record how its workbook was written.

    Raises:
        BadInputError: the record cannot be written.
    """
    content = read_record(record.parent, record.name, ITEMS)
    text = json.dumps({**content, WORKBOOK: known}, indent=1, ensure_ascii=False)
    write_bytes(record, text.encode(errors="backslashreplace"))


def _digest(path: Path) -> str:
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError as error:
        raise BadInputError(
            path, f"cannot be read: {error.strerror}", "check its permissions"
        ) from error
