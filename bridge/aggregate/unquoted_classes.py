"""Read ilastik's tables whose class names hold commas.

ilastik joins the cells of a row with commas and quotes none (ilastik/utility/exportFile.py): a
class ``dead, small`` makes two cells of one in each of its rows, and two titles of ``Probability of
dead, small``. Rows and titles are put together again by what is known of such a table: every column
but ``User Label`` and ``Predicted Class`` holds numbers, and the predicted class is one of those
that have a column of probabilities. Where that leaves more than one way, the table is refused.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import BinaryIO

from bridge.errors import BadInputError
from bridge.formats.delimited_text import decoded, open_text, read_header_line

PREDICTED, USER = "Predicted Class", "User Label"
LABEL = "labelimage_oid"
_PROBABILITY = "Probability of "
_NO_CLASS = ("", "0", "none", "nan")
_MOST_CONTINUED = 8
"""Titles behind the last probability that may belong to its class name."""


@dataclass(frozen=True)
class WholeRows:
    """The rows of a table, put together again.

    Attributes:
        titles: of the columns.
        rows: as many texts each.
    """

    titles: list[str]
    rows: list[list[str]]


def may_be_cut(titles: Sequence[str], line: str, delimiter: str) -> bool:
    """Tell whether a table may hold class names that were cut at their commas.

    Args:
        titles: of the columns, as they stand in the file.
        line: the line of titles; a program that quotes one cell quotes all that need it.
        delimiter: between the columns.
    """
    return delimiter == "," and '"' not in line and {PREDICTED, LABEL} <= set(titles)


def rows_if_cut(file: Path, titles: Sequence[str], delimiter: str) -> WholeRows | None:
    """Return the rows of a table in whose first row words stand where numbers should.

    Where every row is cut, rows and titles may be equally many.

    Returns:
        The rows, put together again; ``None`` for a table that is whole.

    Raises:
        BadInputError: words stand among probabilities, and no way to put the rows together fits.
    """
    with open_text(file) as stream:
        read_header_line(file, stream)
        row = next(iter(_rows(stream, delimiter)), [])
    words = [
        title
        for title, cell in zip(titles, row, strict=False)
        if title not in (PREDICTED, USER) and not _is_number(cell)
    ]
    if not words:
        return None
    try:
        return read_whole_rows(file, delimiter)
    except BadInputError:
        if any(title.startswith(_PROBABILITY) for title in words):
            raise
        return None  # somebody added a column of texts


def read_whole_rows(file: Path, delimiter: str) -> WholeRows:
    """Read a table of ilastik, putting class names together that were cut at their commas.

    Raises:
        BadInputError: there is no way to do so, or more than one.
    """
    with open_text(file) as stream:
        header = read_header_line(file, stream).split(delimiter)
        rows = list(_rows(stream, delimiter))
    found = [
        WholeRows(titles, whole)
        for titles in _possible_titles(header, delimiter)
        if (whole := _whole_rows(titles, rows, delimiter)) is not None
    ]
    if len(found) == 1:
        return found[0]
    raise BadInputError(
        file,
        "has class names with commas, which ilastik does not quote, so that its columns cannot be "
        "told apart",
        "export it as HDF5, or rename the classes in ilastik",
    )


def _rows(stream: BinaryIO, delimiter: str) -> Iterator[list[str]]:
    for line in stream:
        if text := decoded(line.rstrip(b"\r\n")):
            yield text.split(delimiter)


def _possible_titles(header: Sequence[str], delimiter: str) -> Iterator[list[str]]:
    """Yield the ways to put the titles of probabilities together, the shortest names first."""
    places = [n for n, title in enumerate(header) if title.strip().startswith(_PROBABILITY)]
    if not places:
        yield [title.strip() for title in header]
        return
    first, last = places[0], places[-1]
    for end in islice(range(last + 1, len(header) + 1), _MOST_CONTINUED):
        ends = [*places[1:], end]
        names = [delimiter.join(header[a:b]) for a, b in zip(places, ends, strict=True)]
        yield [title.strip() for title in (*header[:first], *names, *header[end:])]


def _whole_rows(
    titles: list[str], rows: Sequence[Sequence[str]], delimiter: str
) -> list[list[str]] | None:
    """Return all rows with as many cells as there are titles; ``None`` where one does not fit."""
    places = [n for n, title in enumerate(titles) if title in (USER, PREDICTED)]
    if not places or places != list(range(places[0], places[0] + len(places))):
        return None
    if [titles[n] for n in places].count(PREDICTED) != 1:
        return None
    classes = {
        title.removeprefix(_PROBABILITY) for title in titles if title.startswith(_PROBABILITY)
    }
    texts = [titles[n] for n in places]
    whole = []
    for row in rows:
        stop = places[0] + len(places) + len(row) - len(titles)
        cells = _texts_of(row[places[0] : stop], texts, classes, delimiter)
        others = [*row[: places[0]], *row[stop:]]
        if stop <= places[0] or cells is None or not all(map(_is_number, others)):
            return None
        whole.append([*row[: places[0]], *cells, *row[stop:]])
    return whole


def _texts_of(
    parts: Sequence[str], titles: Sequence[str], classes: set[str], delimiter: str
) -> list[str] | None:
    """Divide parts into the predicted class and a person's; ``None`` without a single way."""
    if len(titles) == 1:
        ways = [[delimiter.join(parts)]]
    else:
        ways = [
            [delimiter.join(parts[:cut]), delimiter.join(parts[cut:])]
            for cut in range(1, len(parts))
        ]

    def fits(way: Sequence[str]) -> bool:
        cells = {title: text.strip() for title, text in zip(titles, way, strict=True)}
        user = cells.get(USER, "")
        if not classes:  # no probabilities were exported
            return user.lower() in _NO_CLASS or len(parts) == len(titles)
        is_known = user.lower() in _NO_CLASS or _is_number(user) or user in classes
        return cells[PREDICTED] in classes and is_known

    fitting = [way for way in ways if fits(way)]
    return fitting[0] if len(fitting) == 1 else None


def _is_number(text: str) -> bool:
    if not text.strip():
        return True
    with suppress(ValueError):
        float(text)
        return True
    return False
