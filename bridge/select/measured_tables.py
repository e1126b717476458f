"""Take intensities from tables of measurements, without reading the pixels.

Tables of ``starbridge measure`` and of the macros ``stardist_haug2`` and ``measure_rois`` are read.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from bridge.batch.record import read_record
from bridge.detections import OBJECT
from bridge.errors import BadInputError
from bridge.images.channels import NUMBERING, channel_titles
from bridge.measure.files import RECORD
from bridge.objects3d import number_owners
from bridge.select.intensities import SIZES, Intensities, intensities_of_table

if TYPE_CHECKING:
    from bridge.images import Image

_ENDINGS = ("_measurements.parquet", "_measurements.csv")
_MACRO_ENDING = "_table.csv"
_MEAN, _MACRO_MEAN = "Nucleus: {}: Mean", "{}_Mean"
_AREA, _MACRO_AREA = "Nucleus: Area px^2", "Area_px"


def find_table(folder: Path, name: str) -> Path | None:
    """Find the table of an image, if there is one.

    Args:
        folder: the folder of tables.
        name: of the image.

    Returns:
        ``NAME_measurements.parquet`` or ``.csv``, else a macro's ``NAME_table.csv``; ilastik's
        tables of that name are left alone.
    """
    for place in (folder / f"{name}{ending}" for ending in _ENDINGS):
        if place.is_file():
            return place
    place = folder / f"{name}{_MACRO_ENDING}"
    return place if place.is_file() and _MACRO_AREA in _header(place) else None


def table_intensities(path: Path, image: Image, channel: int | str) -> Intensities:
    """Summarize the table of one image; only the columns that are needed are read.

    Args:
        path: the table.
        image: the image, for the names of its channels; its pixels are not read.
        channel: name, or number from 0. Channels without a name are found in tables in which
            their names count from 0 (``C0``), too.

    Raises:
        BadInputError: a damaged table, or one in which the channel was not measured.
    """
    number = image.channel_index(channel)
    title = channel_titles(image.channels)[number]
    header = _header(path)
    if _MACRO_AREA in header:
        column, area = _MACRO_MEAN.format(image.channels[number]), _MACRO_AREA
    else:
        column = _MEAN.format(_titles_in_table(path, header, image)[number])
        area = next((name for name in header if name.startswith(SIZES)), _AREA)
    if column not in header or area not in header:
        missing = column if area in header else "Nucleus: Area"
        raise BadInputError(
            path, f"has no column {missing!r}", "measure this channel: starbridge measure"
        )
    slices = [OBJECT, "t"] if {OBJECT, "t"} <= set(header) else []
    table = _read(path, [column, area, *slices])
    owner = number_owners(table[OBJECT], table["t"])[0] if slices else None
    table = table[[column, area]].rename(columns={column: _MEAN.format(title), area: _AREA})
    try:
        return intensities_of_table(table, title, owner)
    except BadInputError as error:
        raise BadInputError(path, error.problem, error.remedy) from error


def _titles_in_table(path: Path, header: Sequence[str], image: Image) -> list[str]:
    """Return the titles of an image's channels in a table of ``starbridge measure``."""
    ways = [channel_titles(image.channels, first=first) for first in (1, 0)]
    measured = {t for titles in ways for t in titles if _MEAN.format(t) in header}
    fitting = [titles for titles in ways if measured <= set(titles)]
    if len(fitting) == 1:
        return fitting[0]
    # Of four channels without a name, only the second or third was measured: the record knows.
    return ways[1] if _has_old_record(path) else ways[0]


def _has_old_record(path: Path) -> bool:
    """Return whether a table was made by a version whose names of channels counted from 0."""
    try:
        entries = read_record(path.parent, RECORD)["images"]
    except BadInputError:
        return False
    entry: Any = entries.get(path.name.rsplit("_measurements.", 1)[0])
    key = entry.get("key") if isinstance(entry, dict) else None
    return isinstance(key, dict) and NUMBERING not in key


def _header(path: Path) -> list[str]:
    """Return the titles of a table's columns."""
    if path.name.endswith(".parquet"):
        import pyarrow.parquet as pq

        try:
            return [str(name) for name in pq.read_schema(path).names]
        except (OSError, ValueError) as error:
            raise _damaged(path, error) from error
    try:
        return [str(name) for name in pd.read_csv(path, nrows=0).columns]
    except (OSError, ValueError) as error:
        raise _damaged(path, error) from error


def _read(path: Path, columns: list[str]) -> pd.DataFrame:
    try:
        if path.name.endswith(".parquet"):
            return pd.read_parquet(path, columns=columns)
        return pd.read_csv(path, usecols=columns)
    except (OSError, ValueError) as error:
        raise _damaged(path, error) from error


def _damaged(path: Path, error: Exception) -> BadInputError:
    return BadInputError(
        path, f"cannot be read as a table ({str(error)[:120]})", "measure the image again"
    )
