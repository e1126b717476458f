"""Read and clear the Results table."""

from __future__ import annotations

import math
from typing import Any


def results() -> Any:
    """Return the Results table."""
    from jpype import JClass

    return JClass("ij.measure.ResultsTable").getResultsTable()


def columns(table: Any) -> dict[str, list[Any]]:
    """Return a table's columns by heading: numbers (NaN as ``None``), or texts.

    Row labels come first, as ``Label``.
    """
    size = int(table.size())
    if not size:
        return {}
    found: dict[str, list[Any]] = {}
    for heading in [str(heading) for heading in table.getHeadings()]:
        if heading == "Label":
            found[heading] = [str(table.getLabel(row) or "") for row in range(size)]
            continue
        index = table.getColumnIndex(heading)
        if not table.columnExists(index):
            continue
        values = [float(v) for v in table.getColumnAsDoubles(index)]
        if any(math.isnan(v) for v in values):
            texts = [str(table.getStringValue(index, row)) for row in range(size)]
            if any(
                text not in ("NaN", "") for text, v in zip(texts, values, strict=True) if v != v
            ):
                found[heading] = texts
                continue
        found[heading] = [None if math.isnan(v) else v for v in values]
    return found


def clear() -> None:
    """Empty the Results table without asking to save it."""
    from jpype import JClass

    results().reset()
    window = JClass("ij.WindowManager").getFrame("Results")
    if window is not None:
        JClass("ij.IJ").run("Clear Results")
