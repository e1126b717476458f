"""Write a study as an Excel workbook with native charts.

Numbers keep 16 digits, one more than Excel shows. Texts are always written as text, also where
they begin with ``=``, ``+``, ``-`` or ``@``: a file's name can never become a formula.
"""

from __future__ import annotations

import errno
import math
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from bridge.aggregate.charts import add_charts
from bridge.aggregate.sheets import Sheet, sheets_of
from bridge.aggregate.study import Study
from bridge.errors import BadInputError, MissingPartError
from bridge.files.atomic import writing

if TYPE_CHECKING:
    from xlsxwriter import Workbook
    from xlsxwriter.format import Format
    from xlsxwriter.worksheet import Worksheet

MAX_ROWS, MAX_COLUMNS, MAX_TEXT = 1_048_576, 16_384, 32_767
"""Rows (with the header) and columns of a sheet, characters of a cell; Microsoft, *Excel
specifications and limits*."""

COUNT, PROPORTION = "#,##0", "0.0%"

_WIDEST, _HEADER_WIDTH = 60, 16
"""Characters of the widest column, and those that a title alone can claim before it wraps."""
_BUTTON = 3
"""Characters of a title that the filter's button hides."""
_LINE, _MOST_LINES = 15, 25
"""Height of a line in points, and how many a row shows."""
_MANY_CELLS = 3_000_000
"""More are not kept in memory until the end; the charts then have no cached values, which Excel
and LibreOffice read from the cells when they open the workbook."""


def write_workbook(study: Study, path: Path) -> None:
    """Write a study as an Excel workbook; the same study gives the same bytes.

    Sheets: ``slices``, ``organoids``, ``curated``, ``excluded``, ``by condition``, ``parameters``,
    and ``charts``, whose charts refer to the cells of ``curated`` (``organoids`` where nothing is
    curated) and ``by condition``: they follow filters and edits there. A table of more rows than a
    sheet holds goes on in ``slices (2)`` and so on.

    Args:
        study: what to write.
        path: the ``.xlsx`` file, complete or not there at all.

    Raises:
        BadInputError: the file is open in Excel or LibreOffice, cannot be written, or the study
            has more columns than a sheet holds.
        MissingPartError: XlsxWriter is not installed.
    """
    path = Path(path)
    try:
        import xlsxwriter
    except ImportError as error:
        raise MissingPartError("study", "write Excel workbooks", "xlsxwriter") from error
    sheets = sheets_of(study)
    for sheet in sheets:
        if len(sheet.frame.columns) > MAX_COLUMNS:
            raise BadInputError(
                path,
                f"the sheet {sheet.title} would have {len(sheet.frame.columns):,} columns and "
                f"Excel's sheets hold {MAX_COLUMNS:,}",
                "merge classes",
            )
    _refuse_open(path)
    many = sum(sheet.frame.size for sheet in sheets) > _MANY_CELLS
    options = {
        "constant_memory": many,
        "in_memory": not many,
        "strings_to_formulas": False,
        "strings_to_urls": False,
        "strings_to_numbers": False,
    }
    complete = False
    try:
        with writing(path) as part:
            with xlsxwriter.Workbook(part, options) as workbook:
                _fill(workbook, study, sheets)
            complete = True
    except BadInputError as error:
        # Windows lets nobody replace a file that a program holds open.
        cause = error.__cause__
        if complete and isinstance(cause, PermissionError) and cause.errno == errno.EACCES:
            raise _is_open(path) from error
        raise


def _refuse_open(path: Path) -> None:
    """Refuse a workbook beside which Excel or LibreOffice left the mark that it is open.

    LibreOffice on Linux would go on showing the old one, and overwrite the new one when saving.
    """
    for mark in (f".~lock.{path.name}#", f"~${path.name}"):
        if path.with_name(mark).exists():
            raise _is_open(path, f"; if no program has it open, delete {mark}")


def _is_open(path: Path, otherwise: str = "") -> BadInputError:
    return BadInputError(path, "is open in another program", f"close it and run again{otherwise}")


def _fill(workbook: Workbook, study: Study, sheets: list[Sheet]) -> None:
    workbook.set_properties({"title": "Counts and proportions", "created": _date(study)})
    styles = _Styles(workbook, study)
    for sheet in sheets:
        for part in _parts(sheet):
            _write_sheet(workbook.add_worksheet(part.title), part, styles)
    add_charts(workbook, study, {sheet.title: sheet for sheet in sheets}, MAX_ROWS - 1)


def _date(study: Study) -> datetime:
    """Return the study's own date, so that writing it again gives the same file."""
    values = dict(zip(study.parameters["Parameter"], study.parameters["Value"], strict=True))
    try:
        date = datetime.fromisoformat(str(values.get("Date")))
    except ValueError:
        return datetime(2000, 1, 1, tzinfo=UTC)
    return date.astimezone(UTC)


def _parts(sheet: Sheet) -> Iterator[Sheet]:
    rows = MAX_ROWS - 1
    for number, start in enumerate(range(0, max(len(sheet.frame), 1), rows), 1):
        title = sheet.title if number == 1 else f"{sheet.title} ({number})"
        yield replace(sheet, title=title, frame=sheet.frame.iloc[start : start + rows])


class _Styles:
    """The cell formats of a workbook."""

    def __init__(self, workbook: Workbook, study: Study) -> None:
        self._workbook = workbook
        self._header: dict[str, Format] = {}
        self._colors = {name: _hex(color) for name, color in study.colors.items()}
        for without_dead in (False, True):
            for name, title in study.proportion_columns(without_dead=without_dead).items():
                self._colors[title] = self._colors[name]
        self.text: Format = workbook.add_format({"valign": "top"})
        self.wrapped: Format = workbook.add_format({"valign": "top", "text_wrap": True})
        # The indent keeps a number away from a text in the next column.
        number = {"valign": "top", "align": "right", "indent": 1}
        self.count: Format = workbook.add_format({**number, "num_format": COUNT})
        self.proportion: Format = workbook.add_format({**number, "num_format": PROPORTION})

    def header(self, title: str) -> Format:
        """Bold; columns of a class are underlined in its colour."""
        color = self._colors.get(title, "#999999")
        if color not in self._header:
            self._header[color] = self._workbook.add_format(
                {
                    "bold": True,
                    "text_wrap": True,
                    "valign": "bottom",
                    "bg_color": "#F2F2F2",
                    "bottom": 5 if title in self._colors else 1,
                    "bottom_color": color,
                }
            )
        return self._header[color]


@dataclass(frozen=True)
class _Column:
    """A column of a sheet: what is written, whether it is text, the cells' format, characters."""

    values: list[Any]
    is_text: bool
    style: Format
    width: int


def _write_sheet(worksheet: Worksheet, sheet: Sheet, styles: _Styles) -> None:
    titles = [_text(title) for title in sheet.frame.columns]
    columns = [
        _column(title, sheet.frame.iloc[:, place], styles) for place, title in enumerate(titles)
    ]
    for place, (title, column) in enumerate(zip(titles, columns, strict=True)):
        worksheet.set_column(place, place, column.width)
        worksheet.write_string(0, place, title, styles.header(title))
    # LibreOffice does not fit the height of rows to wrapped text when it opens a workbook.
    heads = zip(titles, columns, strict=True)
    in_header = (_lines(title, column.width - _BUTTON) for title, column in heads)
    worksheet.set_row(0, 4 + _LINE * max(in_header, default=1))
    # Row by row: in a large workbook the rows before are on disk already.
    for row, values in enumerate(zip(*(column.values for column in columns), strict=True), 1):
        cells = zip(values, columns, strict=True)
        lines = [_lines(v, c.width) for v, c in cells if v and c.style is styles.wrapped]
        if max(lines, default=1) > 1:
            worksheet.set_row(row, _LINE * min(max(lines), _MOST_LINES))
        for place, (column, value) in enumerate(zip(columns, values, strict=True)):
            if value is not None:
                write = worksheet.write_string if column.is_text else worksheet.write_number
                write(row, place, value, column.style)
    worksheet.freeze_panes(1, 0)
    if columns:
        worksheet.autofilter(0, 0, len(sheet.frame), len(columns) - 1)
        # Days, names of organoids: numbers that are names, without Excel's green corners.
        worksheet.ignore_errors({"number_stored_as_text": "A1:XFD1048576"})
    worksheet.set_landscape()
    worksheet.repeat_rows(0)
    worksheet.fit_to_pages(1, 0)


def _column(title: str, series: pd.Series[Any], styles: _Styles) -> _Column:
    is_text = not pd.api.types.is_numeric_dtype(series) or pd.api.types.is_bool_dtype(series)
    values: list[Any] = series.astype(object).where(series.notna(), None).tolist()
    if is_text:
        values = [None if value is None else _text(value) for value in values]
        lengths = [len(line) for value in values if value for line in value.splitlines()]
        style = styles.wrapped if max(lengths, default=0) + 2 > _WIDEST else styles.text
    elif pd.api.types.is_integer_dtype(series):
        lengths = [len(f"{value:,}") for value in values if value is not None]
        style = styles.count
    else:
        values = [value if value is not None and math.isfinite(value) else None for value in values]
        lengths, style = [len("100.0%")], styles.proportion
    # A title is written in several lines, but its words are whole.
    of_title = max([min(len(title), _HEADER_WIDTH - _BUTTON), *map(len, title.split())]) + _BUTTON
    return _Column(values, is_text, style, min(max([*lengths, of_title - 2]) + 2, _WIDEST))


def _lines(text: str, width: int) -> int:
    """Return the number of lines of a wrapped text."""
    return sum(len(textwrap.wrap(line, max(width, 1))) or 1 for line in text.splitlines()) or 1


def _text(value: object) -> str:
    # A file's name may hold bytes that are no text.
    text = str(value).encode("utf-8", "replace").decode()
    return text if len(text) <= MAX_TEXT else text[: MAX_TEXT - 1] + "…"


def _hex(color: tuple[int, int, int]) -> str:
    return "#" + bytes(color).hex()
