"""Texts in tables that Excel opens: none of them may run as a formula.

Excel, LibreOffice and Google Sheets take a cell of a CSV file for a formula where it begins with
``=``, ``+``, ``-`` or ``@``, or with a tab or carriage return before one (OWASP, *CSV injection*):
a class called ``=HYPERLINK(…)`` would run on the computer of whoever opens the table. Such a text
is written with an apostrophe in front, which is taken off when the table is read here. Numbers are
no texts and stay as they are.
"""

from __future__ import annotations

import re
from typing import Any

import pandas as pd

_FORMULA = re.compile(r"'*[=+\-@\t\r]")
_GUARDED = re.compile(r"'+[=+\-@\t\r]")
_GUARDED_BYTES = re.compile(rb"'+[=+\-@\t\r]")


def guard_text(text: str) -> str:
    """Return a text that no spreadsheet takes for a formula.

    >>> guard_text("=1+1"), guard_text("DAPI")
    ("'=1+1", 'DAPI')
    """
    # Texts that look guarded already get one more apostrophe, so that each is read back as it was.
    return f"'{text}" if _FORMULA.match(text) else text


def unguard_text(text: str) -> str:
    """Return the text that :func:`guard_text` was given.

    >>> unguard_text("'=1+1"), unguard_text("'tis")
    ('=1+1', "'tis")
    """
    return text[1:] if _GUARDED.match(text) else text


def unguard_bytes(text: bytes) -> bytes:
    """Return the bytes of a text as :func:`unguard_text` does; any encoding that keeps ASCII.

    >>> unguard_bytes(b"'=A")
    b'=A'
    """
    return text[1:] if _GUARDED_BYTES.match(text) else text


def guard_frame(frame: pd.DataFrame) -> pd.DataFrame:
    r"""Return a table for CSV whose texts and titles are no formulas.

    >>> guard_frame(pd.DataFrame({"-a": ["=1"], "n": [-1.5]})).to_csv(index=False)
    "'-a,n\n'=1,-1.5\n"
    """
    guarded: pd.DataFrame = frame.rename(columns=_guarded)
    for place, (_, values) in enumerate(frame.items()):
        if not pd.api.types.is_numeric_dtype(values):
            guarded.isetitem(place, [_guarded(value) for value in values])
    return guarded


def _guarded(value: Any) -> Any:
    return guard_text(value) if isinstance(value, str) else value
