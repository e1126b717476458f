"""Write a self-contained HTML page of figures, pictures, tables and text.

Interactive figures are plotly's, and plotly.js is embedded once where there are any. The page's
content security policy forbids every connection, so that it works without a network and reports to
nobody. Texts from files are escaped: by the template in headings, tables, captions and text; in a
figure of plotly the caller passes them through :func:`plot_text`, because plotly reads ``<b>`` and
the like in labels.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from bridge.errors import MissingPartError
from bridge.files.atomic import write_bytes

if TYPE_CHECKING:
    from jinja2 import Environment
    from plotly.graph_objects import Figure

INK, GRID, FONT = "#222222", "#e4e4e4", "system-ui, 'Segoe UI', Helvetica, Arial, sans-serif"

_CONFIG = {
    "displaylogo": False,
    "responsive": True,
    # All of the buttons by name: plotly.js's own choice has one that sends the data to its maker.
    "modeBarButtons": [["toImage", "zoom2d", "pan2d", "zoomIn2d", "zoomOut2d", "resetScale2d"]],
    "toImageButtonOptions": {"format": "svg"},
}


@dataclass(frozen=True)
class Drawing:
    """A figure as SVG.

    Attributes:
        svg: an ``<svg>`` element of our own making: it is not escaped.
    """

    svg: str


@dataclass(frozen=True)
class Code:
    """Text as a program has it, such as commands.

    Attributes:
        text: its lines.
    """

    text: str


@dataclass(frozen=True)
class Gallery:
    """Pictures beside each other.

    Attributes:
        pictures: (caption, PNG) of each.
        legend: (text, colour as ``#rrggbb``) of what is drawn in them.
    """

    pictures: Sequence[tuple[str, bytes]]
    legend: Sequence[tuple[str, str]] = ()


@dataclass(frozen=True)
class Section:
    """A part of a page.

    Attributes:
        heading: its title.
        body: a figure; several figures by the name of a choice, of which one is seen at a time
            (sections with the same choices switch together); a table, which is sorted by a click
            on a title; a drawing; pictures; commands; or plain text.
        note: a sentence under the heading, or ``""``.
        formats: of a table: column -> format specification of its numbers, such as ``.1%``;
            else whole numbers are shown as they are and others with four digits. NaN is empty.
    """

    heading: str
    body: Figure | Mapping[str, Figure] | pd.DataFrame | Drawing | Gallery | Code | str
    note: str = ""
    formats: Mapping[str, str] = field(default_factory=dict)


def write_page(
    path: Path,
    title: str,
    sections: Sequence[Section],
    *,
    subtitle: str = "",
    refresh: int | None = None,
) -> None:
    """Write a page; the same sections give the same bytes.

    Args:
        path: the ``.html`` file, written completely or not at all.
        title: of the page and of the browser's tab.
        sections: its parts, in order.
        subtitle: a line under the title: date, numbers.
        refresh: seconds after which a browser loads the page again, for one that changes.

    Raises:
        BadInputError: the file cannot be written.
        MissingPartError: jinja2, or plotly for its figures, is not installed.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     write_page(Path(folder) / "a.html", "A study", [Section("Notes", "A < B")])
    ...     "A &lt; B" in (Path(folder) / "a.html").read_text("utf-8")
    True
    """
    try:
        environment = template_environment()
        plotly = _plotly() if any(map(_is_plotly, sections)) else ""
    except ImportError as error:
        raise _missing(error) from error
    page = environment.get_template("page.html").render(
        title=title,
        subtitle=subtitle,
        refresh=refresh,
        plotly=plotly,
        sections=[
            _template_section(section, f"figure-{number}")
            for number, section in enumerate(sections, 1)
        ],
    )
    # A file name with bytes that are no text is shown with question marks.
    write_bytes(path, page.encode("utf-8", "replace"))


def template_environment() -> Environment:
    """Return the environment of the pages' templates, which escapes what it fills in.

    Raises:
        ImportError: jinja2 is not installed.
    """
    from jinja2 import Environment, PackageLoader

    return Environment(
        loader=PackageLoader("bridge.pictures"),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )


def empty_figure(*, height: int) -> Figure:
    """Return an empty figure in the style of the pages.

    Args:
        height: in screen pixels; the width follows the page.

    Raises:
        MissingPartError: plotly is not installed.
    """
    try:
        from plotly.graph_objects import Figure
    except ImportError as error:
        raise _missing(error) from error
    figure = Figure()
    figure.update_layout(
        template="none",
        height=height,
        margin={"l": 70, "r": 20, "t": 40, "b": 60},
        font={"family": FONT, "size": 13, "color": INK},
        hoverlabel={"font": {"family": FONT, "size": 13}, "align": "left"},
    )
    return style_axes(figure)


def style_axes(figure: Figure) -> Figure:
    """Give all axes of a figure the style of the pages (light grid, no zero line), and return it.

    Call it again where subplots were made after :func:`empty_figure`.
    """
    figure.update_xaxes(automargin=True, showgrid=False, zeroline=False, linecolor="#888888")
    figure.update_yaxes(automargin=True, gridcolor=GRID, zeroline=False, rangemode="tozero")
    return figure


def spread_points(values: NDArray[np.float64], width: float) -> NDArray[np.float64]:
    """Return horizontal offsets of points that keep neighbours in value apart.

    Args:
        values: vertical positions of the points.
        width: largest distance to either side.

    >>> spread_points(np.array([1.0, 1.1, 1.2]), 0.2).round(2)
    array([-0.2 ,  0.05, -0.11])
    """
    golden = 0.618_033_988_75  # consecutive multiples lie as far apart as they can
    ranks = np.argsort(np.argsort(values, kind="stable"), kind="stable")
    if len(values) < 2:
        return np.zeros(len(values))
    return ((ranks * golden % 1 - 0.5) * 2 * width).astype(np.float64)


def plot_text(text: object) -> str:
    """Escape a text from a file for a figure: a name, label, category or ``customdata``.

    Plotly reads tags and entities in them.

    >>> plot_text("Pa <b>")
    'Pa &lt;b&gt;'
    """
    plain = str(text).encode("utf-8", "replace").decode()
    return escape(plain, quote=False)


def _is_plotly(section: Section) -> bool:
    return not isinstance(section.body, str | pd.DataFrame | Drawing | Gallery | Code)


def _plotly() -> str:
    from plotly.offline import get_plotlyjs

    text: str = get_plotlyjs()
    return text


def _template_section(section: Section, name: str) -> dict[str, Any]:
    """Return the variables of a section in ``templates/page.html``."""
    body = section.body
    shown: dict[str, Any] = {"heading": section.heading, "note": section.note, "text": None}
    if isinstance(body, Drawing):
        return {**shown, "svg": body.svg}
    if isinstance(body, Code):
        return {**shown, "code": body.text}
    if isinstance(body, Gallery):
        pictures = [
            {"caption": caption, "data": b64encode(png).decode()} for caption, png in body.pictures
        ]
        return {**shown, "pictures": pictures, "legend": list(body.legend)}
    if isinstance(body, str):
        return {**shown, "text": body}
    if isinstance(body, pd.DataFrame):
        return {**shown, "table": _template_table(body, section.formats)}
    if isinstance(body, Mapping):
        figures = [
            {"choice": choice, "html": _figure_html(figure, f"{name}-{place}")}
            for place, (choice, figure) in enumerate(body.items(), 1)
        ]
    else:
        figures = [{"choice": None, "html": _figure_html(body, name)}]
    return {**shown, "figures": figures}


def _figure_html(figure: Figure, name: str) -> str:
    html: str = figure.to_html(
        full_html=False, include_plotlyjs=False, include_mathjax=False, div_id=name, config=_CONFIG
    )
    return html


def _template_table(frame: pd.DataFrame, formats: Mapping[str, str]) -> dict[str, Any]:
    numbers = [
        pd.api.types.is_numeric_dtype(dtype) and not pd.api.types.is_bool_dtype(dtype)
        for dtype in frame.dtypes
    ]
    titles = [str(title) for title in frame.columns]
    heads = [
        {"title": title, "number": number} for title, number in zip(titles, numbers, strict=True)
    ]
    specs = [formats.get(title, "") for title in titles]
    rows = (
        [_template_cell(*cell) for cell in zip(row, numbers, specs, strict=True)]
        for row in frame.itertuples(index=False, name=None)
    )
    return {"heads": heads, "rows": rows}


def table_cells(
    frame: pd.DataFrame, formats: Mapping[str, str]
) -> tuple[list[tuple[str, bool]], list[list[str]]]:
    """Return the texts of a table as a page shows them.

    Args:
        frame: the table.
        formats: as in :class:`Section`.

    Returns:
        The title of each column and whether it holds numbers, and the texts of each row.

    >>> table_cells(pd.DataFrame({"n": [0.25], "name": ["a"]}), {"n": ".1%"})
    ([('n', True), ('name', False)], [['25.0%', 'a']])
    """
    table = _template_table(frame, formats)
    heads = [(head["title"], head["number"]) for head in table["heads"]]
    return heads, [[cell["text"] for cell in row] for row in table["rows"]]


def _template_cell(value: Any, number: bool, spec: str) -> dict[str, Any]:
    """Return the text of a cell, and the number that it is sorted by."""
    if pd.isna(value):
        return {"text": "", "value": None}
    if not number:
        return {"text": str(value), "value": None}
    spec = spec or (".4g" if isinstance(value, float) else "d")
    return {"text": f"{value:{spec}}", "value": value}


def _missing(error: ImportError) -> MissingPartError:
    package = (error.name or "plotly").partition(".")[0]
    return MissingPartError("study", "write a page", package)
