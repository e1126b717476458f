"""Write the objects of all counted tables into one, as haug2's ``Raw_classification_….csv``."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from bridge.aggregate.fields import StudyFields
from bridge.aggregate.hdf5_tables import is_hdf5, open_table
from bridge.aggregate.sections import Reading, SectionCounts, is_read_as_objects
from bridge.aggregate.slices import rows_of_objects
from bridge.aggregate.sorting import CountedSection, sort_sections
from bridge.aggregate.tables import read_frame
from bridge.detections import OBJECT
from bridge.formats import format_of
from bridge.formats.combined_tables import IMAGE_NAME, Part, write_combined
from bridge.formats.naming import FieldMap, NamePattern, field_title
from bridge.formats.tables import table as objects_table

if TYPE_CHECKING:
    from bridge.aggregate.layouts import Layout


def write_classifications(
    path: Path,
    counts: Iterable[SectionCounts],
    reading: Reading,
    pattern: NamePattern,
    maps: Sequence[FieldMap] = (),
    *,
    overwrite: bool = False,
) -> int:
    """Write the objects of all sections that count below one another.

    The columns are ``Image_name`` (the table's file, or the image in a table of several), the
    fields of its name, each with the further columns of its map (Genotype), and then those of the
    tables.

    Args:
        path: a CSV file.
        counts: of :func:`bridge.aggregate.counting.read_counts`.
        reading: how the tables were read.
        pattern: of the sections' names.
        maps: tables of further columns.
        overwrite: replace a file that is there.

    Returns:
        Number of rows.

    Raises:
        BadInputError: a table cannot be read any more, or the file cannot be written.
    """
    rows, _ = sort_sections(counts, StudyFields.of(pattern, maps), pattern)
    titles = [IMAGE_NAME]
    for field in pattern.fields:
        further = [title for entry in maps if entry.field == field for title in entry.titles]
        titles += [field_title(field), *further]
    by_table: dict[str, list[CountedSection]] = {}
    for row in rows:
        by_table.setdefault(row.section.table, []).append(row)
    parts = [_part(Path(table), of, titles, reading) for table, of in by_table.items()]
    return write_combined(path, parts, overwrite=overwrite)


def _part(file: Path, sections: list[CountedSection], titles: list[str], reading: Reading) -> Part:
    frame, _ = _read(file, reading)
    own = [title for title in frame.columns if title not in titles]
    return Part([*titles, *own], partial(_rows, file, sections, titles, reading))


def _rows(
    file: Path, sections: list[CountedSection], titles: list[str], reading: Reading
) -> pd.DataFrame:
    frame, layout = _read(file, reading)
    image = None if layout is None else layout.image
    images = frame[image].fillna("").astype(str).str.strip() if image else pd.Series(dtype=object)
    several = len(set(images) - {""}) > 1
    parts = []
    for row in sections:
        is_named = several or (layout is not None and layout.names_section)
        known = {IMAGE_NAME: row.section.image if is_named else file.name}
        known |= {title: row.values.get(title, "") for title in titles[1:]}
        part = frame[images == row.section.image] if several else frame
        parts.append(part.drop(columns=titles, errors="ignore").assign(**known))
    return pd.concat(parts)


def _read(file: Path, reading: Reading) -> tuple[pd.DataFrame, Layout | None]:
    """Return a row an object: one slice of each nucleus of a volume, as they are counted."""
    frame, layout = _read_rows(file, reading)
    owner, classes = (OBJECT, "class") if layout is None else (layout.owner, layout.classes)
    if owner not in frame.columns or classes not in frame.columns:
        return frame, layout
    image = None if layout is None else layout.image
    groups = [frame[title].tolist() for title in frame.columns if title in (image, "t")]
    rows, _ = rows_of_objects(frame[owner].tolist(), frame[classes].tolist(), groups)
    return frame.iloc[rows], layout


def _read_rows(file: Path, reading: Reading) -> tuple[pd.DataFrame, Layout | None]:
    if is_read_as_objects(file):
        return objects_table(format_of(file).read(file)).reset_index(), None
    if is_hdf5(file):
        with open_table(file) as content:
            blocks = [block.to_pandas() for block in content.blocks(content.titles)]
            columns = list(content.titles)
        frame = pd.concat(blocks) if blocks else pd.DataFrame(columns=columns)
        for title in frame.columns:
            if frame[title].dtype == object:
                frame[title] = [
                    value.decode(errors="replace") if isinstance(value, bytes) else value
                    for value in frame[title]
                ]
        return frame, None
    return read_frame(file, class_column=reading.class_column, fields=reading.known_fields())
