"""Draw Excel's own charts of a study, which refer to the cells of its sheets.

Names from files stand in charts by reference only: XlsxWriter takes a text that begins with ``=``
for a formula.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from bridge.aggregate.sheets import Sheet
from bridge.aggregate.study import ALL, WITHOUT_DEAD, Study

if TYPE_CHECKING:
    from xlsxwriter import Workbook

CHARTS = "charts"
"""Title of the sheet of charts."""

MOST_ORGANOIDS = 60
"""In one chart; more are drawn in several, cut where the condition changes if that is near."""

MOST_CHARTS = 20
"""Of organoids, for all cells; as many again without dead."""
MOST_CLASSES = 255
"""Series that a chart of Excel may have."""

Cells = list[Any]
"""A cell or range as XlsxWriter takes it: sheet, first row, first column[, last row, column]."""

_GREY, _LIGHT = "#595959", "#E0E0E0"
_ROW = 20
"""Height of a row in screen pixels, as of all that follows."""
_PAGE, _GAP = 1500, 24
_NARROWEST, _WIDEST = 600, 3000
_CHARACTER = 6.5


@dataclass(frozen=True)
class _Chart:
    """A chart and its size in screen pixels."""

    chart: Any
    width: int
    height: int


@dataclass(frozen=True)
class _Series:
    """A class in a chart.

    Attributes:
        name: of the class.
        name_cell: where it stands.
        color: ``#rrggbb``.
        rows: first and last row of its cells, in the sheet.
        values: title of the column of its values.
        error: title of the column of its error bars, or ``""``.
    """

    name: str
    name_cell: Cells
    color: str
    rows: tuple[int, int]
    values: str
    error: str = ""


def add_charts(workbook: Workbook, study: Study, sheets: Mapping[str, Sheet], rows: int) -> None:
    """Add the sheet of charts to a workbook.

    Proportions of the classes by condition, stacked and side by side with their standard errors,
    and stacked by organoid; each for all cells and, where classes are dead, without dead.

    Args:
        workbook: an XlsxWriter workbook.
        study: what it shows.
        sheets: its sheets by title, as written from row 1 on, with the header in row 0.
        rows: that a sheet holds below the header; organoids beyond are not drawn.
    """
    worksheet = workbook.add_worksheet(CHARTS)
    worksheet.hide_gridlines(2)
    worksheet.set_tab_color("#4472C4")
    worksheet.set_portrait()
    worksheet.fit_to_pages(1, 0)
    organoids = sheets["curated"] if len(study.curated) else sheets["organoids"]
    lines = _notes(study, organoids, rows)
    for row, line in enumerate(lines):
        worksheet.write_string(row, 0, line, workbook.add_format({"font_color": _GREY}))
    if len(study.classes) > MOST_CLASSES:
        return
    left, top, height = 0, (len(lines) + 1) * _ROW, 0
    charts = [
        *_by_condition(workbook, study, sheets["by condition"]),
        *_by_organoid(workbook, study, organoids, rows),
    ]
    for drawn in charts:
        if left and left + drawn.width > _PAGE:
            left, top, height = 0, top + height + _GAP, 0
        offset = {"x_offset": left, "y_offset": top % _ROW}
        worksheet.insert_chart(top // _ROW, 0, drawn.chart, offset)
        left, height = left + drawn.width + _GAP, max(height, drawn.height)


def _notes(study: Study, organoids: Sheet, rows: int) -> list[str]:
    if len(study.classes) > MOST_CLASSES:
        return [f"No charts: Excel's charts hold at most {MOST_CLASSES} classes."]
    if organoids.frame.empty:
        return ["No charts: nothing was counted."]
    lines = [
        f"The charts show the cells of the sheets “{organoids.title}” and “by condition”. "
        "Filter or edit rows there, and the charts follow."
    ]
    if study.curated.empty:
        lines.append("No organoid has enough slices: the charts show all organoids.")
    _, last = _parts(study, organoids, rows)[-1]
    if last < len(organoids.frame):
        lines.append(f"Of {len(organoids.frame):,} organoids the first {last:,} are drawn.")
    return lines


def _by_condition(workbook: Workbook, study: Study, sheet: Sheet) -> Iterator[_Chart]:
    fields = study.condition_fields
    axis = [sheet.title, 0, 0] if len(fields) == 1 else "Condition"
    for error, words in (("", "mean proportions"), ("sem", "mean ± SEM of organoids")):
        for cells in (ALL, WITHOUT_DEAD):
            if series := list(_class_means(study, sheet, cells, error)):
                title = f"By condition: {words}, {_words(cells)}"
                yield _column_chart(workbook, sheet, series, title=title, axis=axis)


def _class_means(study: Study, sheet: Sheet, cells: str, error: str) -> Iterator[_Series]:
    frame = sheet.frame
    column = frame.columns.get_loc("Class")
    for name in study.proportion_columns(without_dead=cells == WITHOUT_DEAD):
        found = ((frame["Cells"] == cells) & (frame["Class"] == name)).to_numpy().nonzero()[0] + 1
        if len(found):
            rows = int(found[0]), int(found[-1])
            name_cell = [sheet.title, rows[0], column]
            yield _Series(name, name_cell, _color(study, name), rows, "mean", error)


def _by_organoid(workbook: Workbook, study: Study, sheet: Sheet, rows: int) -> Iterator[_Chart]:
    n = len(sheet.frame)
    for first, last in _parts(study, sheet, rows):
        which = "" if (first, last) == (1, n) else f" {first:,} to {last:,} of {n:,}"
        for cells in (ALL, WITHOUT_DEAD):
            columns = study.proportion_columns(without_dead=cells == WITHOUT_DEAD)
            series = [
                _Series(
                    name,
                    [sheet.title, 0, sheet.frame.columns.get_loc(name)],
                    _color(study, name),
                    (first, last),
                    column,
                )
                for name, column in columns.items()
            ]
            if series:
                title = f"By organoid{which}: proportions, {_words(cells)}"
                yield _column_chart(workbook, sheet, series, title=title, axis="Organoid")


def _parts(study: Study, sheet: Sheet, rows: int) -> list[tuple[int, int]]:
    """Return the first and last row of each chart of organoids, as many as are drawn."""
    fields = list(study.condition_fields)
    keys = list(sheet.frame[fields].itertuples(index=False, name=None))
    n = min(len(sheet.frame), rows)
    found: list[tuple[int, int]] = []
    first = 0
    while first < n and len(found) < MOST_CHARTS:
        end = min(first + MOST_ORGANOIDS, n)
        near = range(first + MOST_ORGANOIDS // 2, end + 1)
        if end < n and (changes := [row for row in near if keys[row] != keys[row - 1]]):
            end = changes[-1]
        found.append((first + 1, end))
        first = end
    return found


def _column_chart(
    workbook: Workbook, sheet: Sheet, series: list[_Series], *, title: str, axis: Cells | str
) -> _Chart:
    """Draw a chart of proportions: stacked, or side by side where there are error bars."""
    from xlsxwriter.utility import quote_sheetname, xl_range_abs

    stacked = not series[0].error
    places = {str(name): place for place, name in enumerate(sheet.frame.columns)}
    chart = workbook.add_chart({"type": "column", "subtype": "stacked" if stacked else None})
    for one in series:
        first, last = one.rows
        error = {}
        if one.error:
            column = places[one.error]
            cells = f"={quote_sheetname(sheet.title)}!{xl_range_abs(first, column, last, column)}"
            ends = {"plus_values": cells, "minus_values": cells}
            line = {"color": _GREY, "width": 0.75}
            error = {"y_error_bars": {"type": "custom", **ends, "line": line}}
        label, values = places[sheet.label], places[one.values]
        chart.add_series(
            {
                "name": one.name_cell,
                "categories": [sheet.title, first, label, last, label],
                "values": [sheet.title, first, values, last, values],
                "fill": {"color": one.color},
                "border": {"color": "#FFFFFF", "width": 0.5},
                "gap": 40,
                **error,
            }
        )
    first, last = series[0].rows
    labels = [str(text) for text in sheet.frame[sheet.label].iloc[first - 1 : last]]
    longest = max(map(len, labels))
    column_width = 26 if stacked else 12 * len(series) + 16
    beside = 110 + _CHARACTER * min(max(len(one.name) for one in series), 30)
    width = round(min(max(beside + column_width * len(labels), _NARROWEST), _WIDEST))
    upright = longest * _CHARACTER > (width - beside) / len(labels)
    height = 360 + round(_CHARACTER * min(longest, 40) if upright else 0)
    font = {"color": _GREY, "size": 9}
    chart.set_title({"name": title, "name_font": {"size": 12, "bold": False}, "overlay": False})
    chart.set_x_axis(
        {
            "name": axis,
            "name_font": {**font, "bold": False},
            "num_font": {**font, "rotation": -90} if upright else font,
            "text_axis": True,
            "interval_unit": 1,
            "line": {"none": True},
            "major_tick_mark": "none",
        }
    )
    chart.set_y_axis(
        {
            "name": "Proportion of cells",
            "name_font": {**font, "bold": False},
            "num_font": font,
            "num_format": "0%",
            "min": 0,
            "max": 1 if stacked else None,
            "line": {"none": True},
            "major_gridlines": {"visible": True, "line": {"color": _LIGHT, "width": 0.75}},
        }
    )
    chart.set_legend({"position": "right", "font": font})
    chart.set_size({"width": width, "height": height})
    return _Chart(chart, width, height)


def _color(study: Study, name: str) -> str:
    return "#" + bytes(study.colors[name]).hex()


def _words(cells: str) -> str:
    return f"{cells} cells" if cells == ALL else cells
