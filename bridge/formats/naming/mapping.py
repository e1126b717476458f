"""Look up further columns by a field: the genotype of a clone."""

from __future__ import annotations

import csv
import io
import re
from codecs import BOM_UTF16_BE, BOM_UTF16_LE
from collections.abc import Mapping
from dataclasses import dataclass
from os import PathLike
from pathlib import Path

import pandas as pd

from bridge.errors import BadInputError, MissingPartError
from bridge.formats import existing_file
from bridge.formats.naming.patterns import field_title


@dataclass(frozen=True)
class FieldMap:
    """A table of further columns by the values of a field.

    Attributes:
        source: the file, or another word for the table's origin.
        field: the field, in small letters (``clone``).
        titles: titles of the further columns (``Genotype``).
        rows: texts of these columns by the value of the field.

    >>> genotypes = FieldMap("genotypes.csv", "clone", ("Genotype",), {"Pa": ("WT",)})
    >>> genotypes.look_up("Pa"), genotypes.look_up("Pb")
    (('WT',), ('',))
    """

    source: str
    field: str
    titles: tuple[str, ...]
    rows: Mapping[str, tuple[str, ...]]

    def look_up(self, value: str) -> tuple[str, ...]:
        """Return the texts of a value; empty ones where the table does not have it."""
        return self.rows.get(value, ("",) * len(self.titles))


def parse_map(text: str) -> tuple[str, Path]:
    """Split the text of the option ``--map`` into field and file.

    Raises:
        BadInputError: a text without field, ``=`` or file.

    >>> parse_map("clone=genotypes.csv")[0]
    'clone'
    """
    name, sign, file = text.partition("=")
    if not sign or not name.strip() or not file.strip():
        raise BadInputError("--map", f"{text!r} is no field and file", "give clone=genotypes.csv")
    return name.strip().lower(), Path(file.strip())


def read_map(field: str, path: str | PathLike[str]) -> FieldMap:
    r"""Read a table with a column of the field's name, in upper or lower case, and further ones.

    Args:
        field: the field (``clone``).
        path: CSV or TSV with commas, semicolons or tabs, in UTF-8, UTF-16 or Windows-1252; or
            XLSX, of which the first sheet is read.

    Raises:
        BadInputError: no such file or column, no further column, or a value with two meanings.
        MissingPartError: an XLSX, and openpyxl is not installed.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     file = Path(folder) / "genotypes.csv"
    ...     _ = file.write_text("Clone,Genotype\nPa,WT\nPb,KO\n")
    ...     read_map("clone", file).look_up("Pb")
    ('KO',)
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
        value, texts = cells[keys[0]], tuple(cells[n] for n in others)
        if value and rows.setdefault(value, texts) != texts:
            raise BadInputError(
                file,
                f"says two things of {value}: {', '.join(rows[value])} and {', '.join(texts)}",
                "keep one of the two lines",
            )
    return FieldMap(str(file), field.lower(), titles, rows)


def _text(file: Path) -> list[list[str]]:
    data = file.read_bytes()
    encoding = "utf-16" if data.startswith((BOM_UTF16_LE, BOM_UTF16_BE)) else "utf-8-sig"
    try:
        text = data.decode(encoding)
    except UnicodeDecodeError:
        text = data.decode("cp1252", errors="replace")
    if "\0" in text:
        raise BadInputError(file, "is not a table, but a binary file", "save it as CSV or XLSX")
    sep = re.match(r"\"?sep=(.)\"?\s*\n", text, re.IGNORECASE)
    text = text[sep.end() :] if sep else text
    delimiter = sep[1] if sep else max(",;\t", key=text.partition("\n")[0].count)
    try:
        lines = list(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True))
    except csv.Error as error:
        raise BadInputError(file, f"is not a table ({error})", "save it as CSV") from error
    return [line for line in lines if any(cell.strip() for cell in line)]


def _xlsx(file: Path) -> list[list[str]]:
    try:
        sheet = pd.read_excel(file, header=None, dtype=str, na_filter=False, engine="openpyxl")
    except ImportError as error:
        raise MissingPartError("study", "read Excel files", "openpyxl") from error
    except Exception as error:  # openpyxl raises whatever zip and XML raise
        raise BadInputError(
            file, f"is not an Excel file ({error})", "save it as XLSX or CSV"
        ) from error
    lines: list[list[str]] = sheet.to_numpy().tolist()
    return [line for line in lines if any(cell.strip() for cell in line)]
