"""Write one table of the objects of many images, as haug2's notebooks keep them.

``Raw_data_….csv`` (all measured nuclei) and ``Raw_classification_….csv`` (all classified ones)
begin with the column ``Image_name`` and the fields of that name (Clone, Day, Organoid, Slice), a
row an object, the images below one another.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from bridge.errors import BadInputError
from bridge.files.atomic import writing
from bridge.files.hashing import file_hash
from bridge.formats.spreadsheet_text import guard_frame
from bridge.formats.text_cells import TextCells

IMAGE_NAME = "Image_name"
"""Title of the column that says which image a row is of."""


@dataclass(frozen=True)
class Part:
    """The rows of one table.

    Attributes:
        titles: of its columns.
        load: returns the rows, in which a column of ``titles`` may be missing.
    """

    titles: Sequence[str]
    load: Callable[[], pd.DataFrame]


def check_name(path: Path) -> None:
    """Refuse a name that is none of a CSV file, before anything is read.

    Raises:
        BadInputError: another ending than ``.csv``.
    """
    if path.suffix.lower() != ".csv":
        raise BadInputError(path, "is no name of a combined table", "let it end in .csv")


def write_combined(path: Path, parts: Sequence[Part], *, overwrite: bool = False) -> int:
    """Write tables below one another; one of them is in memory at a time.

    Columns are those of all tables, in the order in which they are met; cells that a table does not
    have are empty.

    Args:
        path: a CSV file. One that is there and holds anything else is replaced only on demand.
        parts: the tables.
        overwrite: replace a file that is there.

    Returns:
        Number of rows.

    Raises:
        BadInputError: the file cannot be written, or is there with another content.
    """
    check_name(path)
    titles = list(dict.fromkeys(title for part in parts for title in part.titles))
    rows = 0
    with writing(path) as unfinished:
        with unfinished.open("wb") as stream:
            stream.write(_csv(pd.DataFrame(columns=titles), header=True))
            for part in parts:
                frame = part.load().reindex(columns=titles)
                stream.write(_csv(frame, header=False))
                rows += len(frame)
        if not overwrite and file_hash(path) not in (None, file_hash(unfinished)):
            raise BadInputError(
                path,
                "is there already, with other rows",
                "move it away, choose another name, or --overwrite to replace it",
            )
    return rows


def frame_of(cells: TextCells, texts: Sequence[str]) -> pd.DataFrame:
    """Return the cells of a text table as columns of numbers and texts.

    Args:
        cells: the table.
        texts: columns that stay texts, though they may look like numbers.
    """
    return pd.DataFrame(
        {t: cells.texts(t) if t in texts else cells.guessed(t) for t in cells.columns}
    )


def _csv(frame: pd.DataFrame, *, header: bool) -> bytes:
    text = io.StringIO()
    guard_frame(frame).to_csv(text, index=False, header=header, lineterminator="\n")
    return text.getvalue().encode("utf-8", "surrogateescape")
