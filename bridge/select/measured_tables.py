"""Take intensities from tables of ``starbridge measure``, without reading the pixels."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from bridge.errors import BadInputError
from bridge.measure.columns import channel_titles
from bridge.select.intensities import Intensities, intensities_of_table

if TYPE_CHECKING:
    from bridge.images import Image


def find_table(folder: Path, name: str) -> Path | None:
    """Find the table of an image, ``NAME_measurements.parquet`` or ``.csv``, if there is one."""
    places = (folder / f"{name}_measurements.{ending}" for ending in ("parquet", "csv"))
    return next((place for place in places if place.is_file()), None)


def table_intensities(path: Path, image: Image, channel: int | str) -> Intensities:
    """Summarize the table of one image; only the columns that are needed are read.

    Args:
        path: the table.
        image: the image, for the names of its channels; its pixels are not read.
        channel: name, or number from 0.

    Raises:
        BadInputError: a damaged table, or one in which the channel was not measured.
    """
    title = channel_titles(image.channels)[image.channel_index(channel)]
    wanted = f"Nucleus: {title}: Mean"
    try:
        if path.name.endswith(".parquet"):
            import pyarrow.parquet as pq

            names = [str(name) for name in pq.read_schema(path).names]
            columns = [name for name in names if _is_needed(name, wanted)]
            table = pd.read_parquet(path, columns=columns)
        else:
            table = pd.read_csv(path, usecols=lambda name: _is_needed(str(name), wanted))
    except (OSError, ValueError, pd.errors.ParserError) as error:
        raise BadInputError(
            path, f"cannot be read as a table ({str(error)[:120]})", "measure the image again"
        ) from error
    try:
        return intensities_of_table(table, title)
    except BadInputError as error:
        raise BadInputError(path, error.problem, error.remedy) from error


def _is_needed(name: str, wanted: str) -> bool:
    return name == wanted or name.startswith("Nucleus: Area ")
