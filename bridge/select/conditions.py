"""Find the condition of an image from its file's name."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pandas as pd

from bridge.errors import BadInputError
from bridge.formats.naming import FieldMap, NamePattern, base_name
from bridge.select.choosing import OWN_COLUMNS

NO_CONDITION = "(no condition)"
"""Condition of images whose names do not fit the pattern, or that a map lacks."""

ALL_IMAGES = "all images"
"""Condition where no field makes one."""


def add_fields(
    frame: pd.DataFrame,
    pattern: NamePattern | str,
    by: Sequence[str] = (),
    maps: Sequence[FieldMap] = (),
) -> pd.DataFrame:
    """Add columns of the fields in the names of images.

    Args:
        frame: a row an image, with a column ``name``.
        pattern: of the names, see :class:`bridge.formats.naming.NamePattern`.
        by: the fields that make a condition; none: all images are one condition.
        maps: further fields, looked up by one of the pattern, such as the genotype of a clone; see
            :func:`bridge.formats.naming.read_map`.

    Returns:
        The frame with a column a field (in small letters), ``None`` where the name does not fit or
        a map lacks its value, and a column ``condition``: the values of ``by``, or
        :data:`NO_CONDITION`.

    Raises:
        BadInputError: an unknown field of ``by`` or of a map, or a field with the name of a column
            or of one that :func:`bridge.select.choose` adds.

    >>> frame = pd.DataFrame({"name": ["Pa_J70_s1", "test"]})
    >>> add_fields(frame, "{clone}_{day}_{slice}", by=["clone", "day"])["condition"].tolist()
    ['Pa, J70', '(no condition)']
    """
    parsed = NamePattern.parse(pattern) if isinstance(pattern, str) else pattern
    mapped = [title.lower() for table in maps for title in table.titles]
    fields = [*parsed.fields, *mapped]
    for field in [*by, *(table.field for table in maps)]:
        if field not in (fields if field in by else parsed.fields):
            raise BadInputError(
                parsed.text, f"has no field {field!r}", f"choose from {', '.join(fields)}"
            )
    taken = {*map(str, frame.columns), *OWN_COLUMNS, "condition"}
    for field in fields:
        if field in taken:
            raise BadInputError(
                parsed.text, f"has a field {field!r}, which is a column already", "rename it"
            )
        taken.add(field)
    rows = [_fields(base_name(name), parsed, maps) for name in frame["name"]]
    columns: dict[str, list[Any]] = {field: [row.get(field) for row in rows] for field in fields}
    columns["condition"] = [_condition(row, by) for row in rows]
    return pd.concat([frame, pd.DataFrame(columns, index=frame.index, dtype=object)], axis=1)


def _fields(name: str, pattern: NamePattern, maps: Sequence[FieldMap]) -> dict[str, str]:
    """Return the fields of an image and of the maps; empty where its name does not fit."""
    found = pattern.match(name)
    if found is None:
        return {}
    for table in maps:
        if found[table.field] in table.rows:
            texts = table.rows[found[table.field]]
            found |= dict(zip((t.lower() for t in table.titles), texts, strict=True))
    return found


def _condition(row: dict[str, str], by: Sequence[str]) -> str:
    if not by:
        return ALL_IMAGES
    if any(field not in row for field in by):
        return NO_CONDITION
    return ", ".join(row[field] or "(empty)" for field in by)
