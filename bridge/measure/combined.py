"""Write the measurements of many images into one table, as haug2's ``Raw_data_….csv``."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import partial
from pathlib import Path, PurePath

import pandas as pd
import pyarrow.parquet as pq

from bridge.batch.listener import Outcome
from bridge.errors import BadInputError
from bridge.formats import existing_file
from bridge.formats.combined_tables import IMAGE_NAME, Part, frame_of, write_combined
from bridge.formats.naming import NamePattern, base_name, field_title
from bridge.formats.text_cells import read_cells

_AREA = "Nucleus: Area px^2"
_MEAN = re.compile(r"Nucleus: .+: Mean", re.DOTALL)
_TEXTS = ("image", "id", "class", "name")


def write_measurements(
    path: Path,
    outcomes: Sequence[Outcome],
    folder: Path,
    pattern: NamePattern,
    *,
    overwrite: bool = False,
) -> int:
    """Write the tables of a run below one another.

    The columns are those of haug2's notebook, ``Image_name`` (the image's file), the fields of its
    name, ``label``, ``area`` (px²) and ``mean_intensity-0``, ``-1``, … (the measured channels in
    their order), and then all others of the tables.

    Args:
        path: a CSV file.
        outcomes: of :func:`bridge.measure.files.measure_files`; failed ones are left out.
        folder: of the tables.
        pattern: of the images' names; an image that does not fit has empty fields.
        overwrite: replace a file that is there.

    Returns:
        Number of rows.

    Raises:
        BadInputError: no areas in px, a damaged table, or the file cannot be written.
    """
    parts = []
    for outcome in outcomes:
        if outcome.status != "failed":
            relative = outcome.outputs.get("parquet") or outcome.outputs["csv"]
            parts.append(_part(folder / relative, PurePath(outcome.source).name, pattern))
    return write_combined(path, parts, overwrite=overwrite)


def _part(table: Path, image: str, pattern: NamePattern) -> Part:
    found = pattern.match(base_name(image)) or dict.fromkeys(pattern.fields, "")
    known = {IMAGE_NAME: image} | {field_title(name): text for name, text in found.items()}
    is_parquet = table.name.endswith(".parquet")
    there = pq.read_schema(table).names if is_parquet else _read(table).columns
    own = _haug2_columns(table, list(there))
    titles = [*known, *own, *(title for title in there if title not in (*own.values(), "image"))]
    return Part(titles, partial(_rows, table, known, own))


def _haug2_columns(table: Path, titles: Sequence[str]) -> dict[str, str]:
    """Return the column of a table by the title that haug2's notebook gives it."""
    if "Nucleus: Voxels" in titles:
        raise BadInputError(
            table,
            "has 3D nuclei, which have no areas",
            "leave out --combined, or measure with --slices",
        )
    if _AREA not in titles:
        raise BadInputError(
            table, "has no areas in px", "measure with --unit px or both to combine the tables"
        )
    means = [title for title in titles if _MEAN.fullmatch(title)]
    numbered = {f"mean_intensity-{number}": title for number, title in enumerate(means)}
    return {"label": "label", "area": _AREA} | numbered


def _rows(table: Path, known: dict[str, str], own: dict[str, str]) -> pd.DataFrame:
    frame = _read(table).drop(columns="image", errors="ignore")
    renamed = frame.rename(columns={title: name for name, title in own.items()})
    return renamed.drop(columns=list(known), errors="ignore").assign(**known)


def _read(table: Path) -> pd.DataFrame:
    if table.name.endswith(".parquet"):
        return pd.read_parquet(table)
    return frame_of(read_cells(existing_file(table), {"label"}), _TEXTS)
