"""Names and classes of labels, from a table."""

from __future__ import annotations

from dataclasses import dataclass
from os import PathLike
from pathlib import Path

import pandas as pd

from bridge.errors import BadInputError
from bridge.formats.spreadsheet_text import unguard_text

_LABEL = ("label", "object id", "labelimage_oid")
_NAME = ("name",)
_CLASS = ("class", "classification", "predicted class")
_LARGEST = 2**28  # bytes of a table
_LARGEST_LABEL = 2**63


@dataclass(frozen=True)
class LabelName:
    """Name and class of a label; ``None`` where the table has none."""

    name: str | None
    class_name: str | None


def read_label_names(path: str | PathLike[str]) -> dict[int, LabelName]:
    r"""Read a CSV table with the columns ``label``, and ``name``, ``class`` or both.

    Titles count in any case; ilastik's ``labelimage_oid`` and ``Predicted Class`` count, too.

    Args:
        path: the file, in UTF-8.

    Raises:
        BadInputError: it cannot be read, has no such columns, or a label twice or none.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     _ = Path(folder, "a.csv").write_text("Label,Class\n7,Tumor\n")
    ...     read_label_names(Path(folder, "a.csv"))
    {7: LabelName(name=None, class_name='Tumor')}
    """
    file = Path(path)
    try:
        if file.stat().st_size > _LARGEST:
            raise BadInputError(file, "is over 256 MiB", "give a table of labels")
        table = pd.read_csv(file, dtype=str, keep_default_na=False, encoding="utf-8-sig")
    except OSError as error:
        raise BadInputError(file, "cannot be read", "check the path of --names") from error
    except (ValueError, UnicodeError) as error:  # pandas' errors of parsing are ValueErrors
        raise BadInputError(file, "is no CSV table", "save it as CSV in UTF-8") from error
    titles = {str(title).strip().lower(): title for title in table.columns}

    def column(wanted: tuple[str, ...]) -> list[str] | None:
        found = next((titles[each] for each in wanted if each in titles), None)
        return None if found is None else [unguard_text(text).strip() for text in table[found]]

    labels, names, classes = column(_LABEL), column(_NAME), column(_CLASS)
    if labels is None or (names is None and classes is None):
        raise BadInputError(
            file,
            f"has the columns {', '.join(map(str, table.columns[:8]))}",
            "it needs label, and name, class or both",
        )
    empty = [""] * len(labels)
    made: dict[int, LabelName] = {}
    for row, (text, name, group) in enumerate(
        zip(labels, names or empty, classes or empty, strict=True), 2
    ):
        try:
            label = int(text)
        except ValueError:
            label = -1
        if not 0 < label < _LARGEST_LABEL or label in made:
            problem = "twice" if label in made else "which is no number from 1 on"
            raise BadInputError(
                file, f"has the label {text!r} in line {row}, {problem}", "correct the table"
            )
        made[label] = LabelName(name or None, group or None)
    return made
