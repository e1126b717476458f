"""What an organoid or a condition is called in a chart."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd


def naming_fields(
    frame: pd.DataFrame, fields: Sequence[str], extra: Sequence[str] = ()
) -> tuple[str, ...]:
    """The fields that tell the rows apart: those that differ between rows.

    Args:
        frame: a row an organoid or condition.
        fields: titles of its identifying columns.
        extra: titles of further columns, needed only where the fields alone do not tell all rows
            apart.

    Returns:
        The titles; the last of the fields where nothing differs.
    """
    naming = _varying(frame, fields)
    if naming and frame.duplicated(naming).any():
        naming += _varying(frame, extra)
    return tuple(naming or fields[-1:])


def row_labels(frame: pd.DataFrame, fields: Sequence[str]) -> list[str]:
    """A label a row: the texts of some fields; ``all`` where there are none.

    Args:
        frame: a row an organoid or condition.
        fields: titles of the columns, see :func:`naming_fields`.
    """
    if not fields:
        return ["all"] * len(frame)
    texts = frame[list(fields)].astype(object).fillna("").astype(str)
    return [" · ".join(text or "–" for text in row) for row in texts.itertuples(False, None)]


def _varying(frame: pd.DataFrame, fields: Sequence[str]) -> list[str]:
    return [field for field in fields if frame[field].nunique(dropna=False) > 1]
