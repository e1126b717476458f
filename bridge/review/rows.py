"""Concatenate tables of objects, and write values into their columns."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from bridge.detections import FIELDS, GEOMETRIES


def concat_tables(tables: Sequence[gpd.GeoDataFrame]) -> gpd.GeoDataFrame:
    """Concatenate tables of objects, keeping every column of every table.

    A measurement that a table lacks is NaN in its rows, a text ``None``. Where a column holds
    numbers in one table and text in another, its numbers become text.
    """
    # The columns of an empty table have no meaningful types.
    filled = [table for table in tables if len(table)] or list(tables[:1])
    names = dict.fromkeys(name for table in [*filled, *tables] for name in table.columns)
    index = pd.Index([i for table in filled for i in table.index], name="id", dtype=object)
    columns = {name: _column(name, filled, tables) for name in names}
    return gpd.GeoDataFrame(columns, geometry="geometry", index=index)


def set_values(
    table: gpd.GeoDataFrame, column: str, rows: NDArray[np.intp], values: pd.Series[Any]
) -> None:
    """Write values into some rows of a column, which is added or widened where needed.

    Args:
        table: changed in place.
        column: which column.
        rows: positions in ``table``.
        values: as many values as rows, with the type of their own table.
    """
    if not len(rows):
        return
    numeric = is_number(values)
    if column not in table.columns:
        empty = np.full(len(table), np.nan) if numeric else np.full(len(table), None, object)
        table[column] = empty
    old = table[column]
    if is_number(old) and numeric:
        given = numbers(values)
        changed = numbers(old).astype(np.result_type(numbers(old), given))
        changed[rows] = given
    else:
        changed = texts(old) if column not in GEOMETRIES else old.to_numpy(object).copy()
        changed[rows] = values.to_numpy(object) if column in GEOMETRIES else texts(values)
    if column in GEOMETRIES:
        table[column] = gpd.GeoSeries(list(changed), index=table.index)
    else:
        table[column] = pd.Series(changed, index=table.index, dtype=changed.dtype)


def is_number(column: pd.Series[Any]) -> bool:
    """Return True for a column of numbers: a measurement, not metadata."""
    return bool(pd.api.types.is_numeric_dtype(column))


def numbers(column: pd.Series[Any]) -> NDArray[Any]:
    """Return a numeric column as an array; pandas' missing value becomes NaN."""
    if isinstance(column.dtype, np.dtype):
        return column.to_numpy()
    return column.to_numpy(np.float64, na_value=np.nan)


def texts(column: pd.Series[Any]) -> NDArray[np.object_]:
    """Return a column as texts, ``None`` where missing; numbers as Python prints them."""
    values = column.to_numpy(object, copy=True)
    values[pd.isna(values)] = None
    if is_number(column):
        values[:] = [None if v is None else str(v) for v in values]
    return values


def _column(
    name: str, tables: Sequence[gpd.GeoDataFrame], all_tables: Sequence[gpd.GeoDataFrame]
) -> Any:
    if name in GEOMETRIES:
        outlines = [
            outline
            for table in tables
            for outline in (table[name] if name in table.columns else [None] * len(table))
        ]
        found = np.empty(len(outlines), object)
        found[:] = outlines
        return found
    present = [
        table[name]
        for table in tables
        if name in table.columns and (is_number(table[name]) or table[name].notna().any())
    ]
    present = present or [table[name] for table in all_tables if name in table.columns]
    numeric = bool(present) and all(is_number(column) for column in present)
    parts = []
    for table in tables:
        if name not in table.columns:
            parts.append(np.full(len(table), np.nan if numeric else None))
        elif numeric:
            known = is_number(table[name])
            parts.append(numbers(table[name]) if known else np.full(len(table), np.nan))
        else:
            parts.append(texts(table[name]))
    if not numeric:
        return np.concatenate([part.astype(object) for part in parts])
    if name not in FIELDS and len({part.dtype for part in parts}) > 1:
        parts = [part.astype(np.float64) for part in parts]
    return np.concatenate(parts)
