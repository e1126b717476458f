"""Further columns of a study, looked up by a field: the genotype of a clone."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Mapping
from dataclasses import dataclass
from os import PathLike
from pathlib import Path

from bridge.aggregate.names import field_title
from bridge.errors import BadInputError, MissingPartError
from bridge.formats import existing_file


@dataclass(frozen=True)
class FieldMap:
    """What a table says of the values of a field.

    Attributes:
        source: the file, or a word for where it is from.
        field: the field, in small letters (``clone``).
        titles: titles of the further columns (``Genotype``).
        rows: texts of these columns by the value of the field.
    """

    source: str
    field: str
    titles: tuple[str, ...]
    rows: Mapping[str, tuple[str, ...]]

    def look_up(self, value: str) -> tuple[str, ...]:
        """What is said of a value; empty texts where nothing is."""
        return self.rows.get(value, ("",) * len(self.titles))


def parse_map(text: str) -> tuple[str, Path]:
    """Understand ``clone=genotypes.csv``.

    Raises:
        BadInputError: no such thing.
    """
    name, sign, file = text.partition("=")
    if not sign or not name.strip() or not file.strip():
        raise BadInputError("--map", f"{text!r} is no field and file", "give clone=genotypes.csv")
    return name.strip().lower(), Path(file.strip())


def read_map(field: str, path: str | PathLike[str]) -> FieldMap:
    """Read a table with a column of the field's name, in any case, and further columns.

    Args:
        field: the field (``clone``).
        path: CSV or TSV with commas, semicolons or tabs, in UTF-8, UTF-16 or Windows-1252; or
            XLSX, of which the first sheet is read.

    Raises:
        BadInputError: no such file or column, no further column, or a value with two meanings.
        MissingPartError: an XLSX, and openpyxl is not installed.
    """
    file = existing_file(path)
    lines = _xlsx(file) if file.name.lower().endswith((".xlsx", ".xlsm")) else _text(file)
    header = [field_title(cell.strip()) for cell in lines[0]] if lines else []
    keys = [n for n, title in enumerate(header) if title.lower() == field_title(field).lower()]
    if len(keys) != 1:
        listed = ", ".join(title for title in header if title)
        raise BadInputError(
            file,
            f"has {len(keys) or 'no'} column{'s' * bool(keys)} {field_title(field)!r}",
            f"its first line must name one; it has {listed}",
        )
    others = [n for n, title in enumerate(header) if title and n != keys[0]]
    titles = tuple(header[n] for n in others)
    if not titles:
        raise BadInputError(file, f"has nothing beside {header[keys[0]]}", "add a column")
    if len({title.lower() for title in titles}) < len(titles):
        raise BadInputError(file, "has two columns of one name", "rename one of them")
    rows: dict[str, tuple[str, ...]] = {}
    for line in lines[1:]:
        cells = [cell.strip() for cell in line] + [""] * len(header)
        value, said = cells[keys[0]], tuple(cells[n] for n in others)
        if value and rows.setdefault(value, said) != said:
            raise BadInputError(
                file,
                f"says two things of {value}: {', '.join(rows[value])} and {', '.join(said)}",
                "keep one of the two lines",
            )
    return FieldMap(str(file), field.lower(), titles, rows)


def _text(file: Path) -> list[list[str]]:
    data = file.read_bytes()
    try:
        if data.startswith((b"\xff\xfe", b"\xfe\xff")):
            text = data.decode("utf-16")
        else:
            text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = data.decode("cp1252", errors="replace")
    if "\0" in text:
        raise BadInputError(file, "is not a table, but a binary file", "save it as CSV or XLSX")
    told = re.match(r"\"?sep=(.)\"?\s*\n", text, re.IGNORECASE)
    text = text[told.end() :] if told else text
    first = text.partition("\n")[0]
    delimiter = told[1] if told else max(",;\t", key=first.count)
    try:
        lines = list(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter))
    except csv.Error as error:
        raise BadInputError(file, f"is not a table ({error})", "save it as CSV") from error
    return [line for line in lines if any(cell.strip() for cell in line)]


def _xlsx(file: Path) -> list[list[str]]:
    try:
        import openpyxl
    except ImportError as error:
        raise MissingPartError("study", "read Excel files", "openpyxl") from error
    try:
        book = openpyxl.load_workbook(file, read_only=True, data_only=True)
        sheet = book.worksheets[0]
        lines = [[_cell(value) for value in row] for row in sheet.iter_rows(values_only=True)]
        book.close()
    except Exception as error:  # openpyxl raises whatever zip and XML raise
        raise BadInputError(
            file, f"is not an Excel file ({error})", "save it as XLSX or CSV"
        ) from error
    return [line for line in lines if any(cell.strip() for cell in line)]


def _cell(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value)
