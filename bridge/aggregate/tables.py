"""Read the classes from tables of objects as ilastik, QuPath, Fiji and starbridge write them."""

from __future__ import annotations

import io
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, cast

from bridge.aggregate.hdf5_tables import HDF5_ENDINGS, is_hdf5, may_hold_table, open_table
from bridge.aggregate.layouts import Layout, layout_of
from bridge.aggregate.slices import columns_of_slices, keep_layout_slices
from bridge.aggregate.tally import MOST_VALUES, Tally, TooManyValuesError, tally_csv
from bridge.aggregate.unquoted_classes import WholeRows, may_be_cut, read_whole_rows, rows_if_cut
from bridge.errors import BadInputError
from bridge.formats import existing_file
from bridge.formats.combined_tables import frame_of
from bridge.formats.delimited_text import (
    RaggedError,
    open_text,
    read_header_line,
    split_header,
    translated_errors,
)
from bridge.formats.naming import natural_key
from bridge.formats.spreadsheet_text import unguard_bytes, unguard_text
from bridge.formats.text_cells import read_cells

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

TABLE_ENDINGS = (".csv", ".tsv", ".txt", ".csv.gz", ".tsv.gz", ".parquet", *HDF5_ENDINGS)
OBJECT_ENDINGS = (".geojson", ".geojson.gz")
_NOT_OBJECTS = ("_changes.csv", "_conflicts.csv", "_classes.csv")
_COMMON = ("predictions.csv",)
"""Tables beside those of the images, with the objects of all of them."""
_FOLDERS = ("tables", "geojson")

_CLASS_COLUMNS = {"Predicted Class", "class", "Classification"}


def find_tables(paths: Iterable[str | PathLike[str]]) -> list[Path]:
    """Find the tables of files and folders.

    Args:
        paths: files, taken as they are, in their order; folders, searched for tables directly
            inside, or else in their folder ``tables``, as ``starbridge segment`` writes them; a
            folder without any is searched for GeoJSON in the same way.

    Returns:
        Files, each once; those of a folder in natural order, without hidden ones, without
        ``…_changes.csv``, ``…_conflicts.csv`` and ``…_classes.csv``, which hold no objects,
        ``predictions.csv``, which holds those of all images, and HDF5 files that have no table,
        such as label images.

    Raises:
        BadInputError: for a path that does not exist or a folder without tables.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     for name in ("s10.csv", "s2.csv", "s2_changes.csv", "s2.tif"):
    ...         (Path(folder) / name).touch()
    ...     [path.name for path in find_tables([folder])]
    ['s2.csv', 's10.csv']
    """
    found: list[Path] = []
    for path in map(Path, paths):
        try:
            if not path.exists():
                raise BadInputError(path, "does not exist", "check the spelling and the folder")
            found += _inside(path) if path.is_dir() else [path]
        except OSError as error:
            raise BadInputError(
                path,
                f"cannot be read ({error.strerror or error})",
                "check that you may open it and that the disk is connected",
            ) from error
    once: dict[Path, Path] = {}
    for path in found:
        once.setdefault(path.resolve(), path)
    return list(once.values())


def _inside(folder: Path) -> list[Path]:
    for endings in (TABLE_ENDINGS, OBJECT_ENDINGS):
        for place in (folder, *(folder / name for name in _FOLDERS)):
            files = [
                path
                for path in (place.iterdir() if place.is_dir() else ())
                if path.name.lower().endswith(endings)
                and not path.name.lower().endswith(_NOT_OBJECTS)
                and path.name.lower() not in _COMMON
                and not path.name.startswith(".")
                and path.is_file()
                and (not is_hdf5(path) or may_hold_table(path))
            ]
            if files:
                return sorted(files, key=lambda path: natural_key(path.name))
    is_passed_over = any(is_hdf5(path) for path in folder.iterdir())
    raise BadInputError(
        folder,
        f"is a folder without tables{' (its HDF5 files hold none)' if is_passed_over else ''}",
        f"give a folder with files that end in {', '.join((*TABLE_ENDINGS, *OBJECT_ENDINGS))}",
    )


@dataclass(frozen=True)
class Columns:
    """The counted columns of a table.

    Attributes:
        layout: the columns by their role.
        texts: titles of the columns of text that ``tally`` has counted, in its order.
        tally: their counted values.
        notes: remarks for the user.
    """

    layout: Layout
    texts: tuple[str, ...]
    tally: Tally
    notes: tuple[str, ...] = ()


def read_columns(
    path: str | PathLike[str], *, class_column: str | None = None, fields: Sequence[str] = ()
) -> Columns:
    """Read the columns of a table that are needed to count its objects.

    CSV with commas, semicolons or tabs, in UTF-8, UTF-16 or Windows-1252, with or without byte
    order mark, gzipped or not; Parquet; HDF5 as ilastik exports it.

    Args:
        path: the table.
        class_column: as in :func:`bridge.aggregate.layouts.layout_of`.
        fields: as in :func:`bridge.aggregate.layouts.layout_of`.

    Raises:
        BadInputError: no such file, no table, damaged, no column of classes, rows that are not as
            long as the header, quotes that are not closed, NUL bytes.
    """
    file = existing_file(path)
    with translated_errors(file):
        try:
            if is_hdf5(file):
                return _read_hdf5(file, class_column, fields)
            if file.name.lower().endswith(".parquet"):
                return _read_parquet(file, class_column, fields)
            return _read_text(file, class_column, fields)
        except TooManyValuesError as error:
            raise BadInputError(
                file,
                f"has more than {MOST_VALUES} different classes, or classes and images",
                "say which column holds the classes with --class-column, or split the table",
            ) from error


def read_frame(
    path: str | PathLike[str], *, class_column: str | None = None, fields: Sequence[str] = ()
) -> tuple[pd.DataFrame, Layout]:
    """Read all columns of a table of text or Parquet, and their roles.

    Args:
        path: the table.
        class_column: as in :func:`read_columns`.
        fields: as in :func:`read_columns`.

    Raises:
        BadInputError: as :func:`read_columns`.
    """
    import pandas as pd

    file = existing_file(path)
    wanted = {class_column} if class_column else _CLASS_COLUMNS
    if file.name.lower().endswith(".parquet"):
        with translated_errors(file):
            frame = pd.read_parquet(file)
        return frame, layout_of(file, [str(title) for title in frame.columns], class_column, fields)
    with open_text(file) as stream:
        line = read_header_line(file, stream)
    delimiter, header = split_header(line, wanted)
    is_of_ilastik = may_be_cut(header, line, delimiter)
    whole = rows_if_cut(file, header, delimiter) if is_of_ilastik else None
    if whole is None:
        try:
            cells = read_cells(file, wanted)
        except BadInputError as error:
            if not (is_of_ilastik and isinstance(error.__cause__, RaggedError)):
                raise
            whole = read_whole_rows(file, delimiter)
        else:
            layout = layout_of(file, list(cells.columns), class_column, fields)
            return frame_of(cells, _texts_of(layout)), layout
    layout = layout_of(file, whole.titles, class_column, fields)
    frame = pd.DataFrame(whole.rows, columns=whole.titles)
    for title in set(whole.titles) - {*_texts_of(layout)}:
        frame[title] = pd.to_numeric(frame[title], errors="coerce")  # empty cells
    return frame, layout


def _texts_of(layout: Layout) -> tuple[str, ...]:
    wanted = (
        layout.classes,
        layout.user_label,
        layout.object_type,
        layout.geometry_type,
        layout.image,
        *layout.fields.values(),
    )
    return tuple(dict.fromkeys(title for title in wanted if title is not None))


def _group_of(layout: Layout) -> str | None:
    """Return the column by which objects are told apart: their labels begin anew in each image."""
    return layout.image if layout.ids else None


def _read_hdf5(file: Path, class_column: str | None, fields: Sequence[str]) -> Columns:
    tally = Tally()
    with open_table(file) as content:
        layout = layout_of(file, content.titles, class_column, fields)
        texts = _texts_of(layout)
        for block in content.blocks([*texts, *layout.ids]):
            tally.add_table(block, texts, layout.ids, _group_of(layout))
    return Columns(layout, texts, tally)


def _read_parquet(file: Path, class_column: str | None, fields: Sequence[str]) -> Columns:
    import pyarrow as pa
    import pyarrow.parquet as pq

    tally = Tally()
    with pq.ParquetFile(file) as content:
        layout = layout_of(file, content.schema_arrow.names, class_column, fields)
        texts = _texts_of(layout)
        wanted = list(
            dict.fromkeys(
                [*texts, *layout.ids, *columns_of_slices(layout, content.schema_arrow.names)]
            )
        )
        if layout.owner is not None:
            whole, notes = keep_layout_slices(content.read(wanted, use_threads=False), layout)
            tally.add_table(whole, texts, layout.ids, _group_of(layout))
            return Columns(layout, texts, tally, notes)
        for batch in content.iter_batches(columns=wanted, use_threads=False):
            block = pa.Table.from_batches([batch])
            tally.add_table(block, texts, layout.ids, _group_of(layout))
    return Columns(layout, texts, tally)


def _read_text(file: Path, class_column: str | None, fields: Sequence[str]) -> Columns:
    wanted = {class_column} if class_column else _CLASS_COLUMNS
    with open_text(file) as stream:
        line = read_header_line(file, stream)
        delimiter, header = split_header(line, wanted)
        is_of_ilastik = may_be_cut(header, line, delimiter)
        if is_of_ilastik and (whole := rows_if_cut(file, header, delimiter)):
            return _columns_of(file, whole, class_column, fields)
        titles = [unguard_text(title) for title in header]
        layout = layout_of(file, titles, class_column, fields)
        texts = _texts_of(layout)
        group = _group_of(layout)
        of_slices = columns_of_slices(layout, titles)
        notes: list[str] = []

        def choose(rows: pa.Table) -> pa.Table:
            places = [int(name) for name in rows.column_names]
            named = rows.rename_columns([titles[place] for place in places])
            kept, remarks = keep_layout_slices(named, layout)
            notes.extend(remarks)
            return kept.rename_columns(rows.column_names)

        try:
            tally = tally_csv(
                cast("io.BufferedReader", stream),
                fields=len(titles),
                texts=[titles.index(title) for title in texts],
                integers=[titles.index(title) for title in layout.ids],
                group=None if group is None else titles.index(group),
                delimiter=delimiter,
                more=[titles.index(title) for title in of_slices],
                choose=choose if of_slices else None,
            )
        except RaggedError as error:
            if not is_of_ilastik:
                raise
            try:
                whole = read_whole_rows(file, delimiter)
            except BadInputError:
                raise error from None
            return _columns_of(file, whole, class_column, fields)
    tally.rename_texts(unguard_bytes)
    return Columns(layout, texts, tally, tuple(notes))


def _columns_of(
    file: Path, whole: WholeRows, class_column: str | None, fields: Sequence[str]
) -> Columns:
    """Count a table whose class names ilastik has cut at their commas."""
    import pyarrow as pa

    layout = layout_of(file, whole.titles, class_column, fields)
    texts = _texts_of(layout)
    columns = dict(zip(whole.titles, zip(*whole.rows, strict=True), strict=True))
    block = pa.table({title: list(columns[title]) for title in (*texts, *layout.ids)})
    tally = Tally()
    tally.add_table(block, texts, layout.ids, _group_of(layout))
    return Columns(layout, texts, tally)
