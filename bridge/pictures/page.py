"""A self-contained HTML page of interactive figures, tables and text.

Figures are plotly's, and plotly.js is embedded once. The page's content security policy forbids
every connection, so that it works, and tells nobody, without a network. Texts that come from files
are escaped: here in headings, tables and text; in a figure the caller passes them through
:func:`plot_text`, because plotly reads ``<b>`` and the like in labels.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from bridge.errors import MissingPartError
from bridge.files.atomic import write_bytes

if TYPE_CHECKING:
    from plotly.graph_objects import Figure

INK, GRID, FONT = "#222222", "#e4e4e4", "system-ui, 'Segoe UI', Helvetica, Arial, sans-serif"

_CONFIG = {
    "displaylogo": False,
    "responsive": True,
    # All of the buttons by name: plotly.js's own choice has one that sends the data to its maker.
    "modeBarButtons": [["toImage", "zoom2d", "pan2d", "zoomIn2d", "zoomOut2d", "resetScale2d"]],
    "toImageButtonOptions": {"format": "svg"},
}
_POLICY = (
    "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; "
    "img-src data: blob:; form-action 'none'; base-uri 'none'"
)
_STYLE = """
body { margin: 0 auto; max-width: 1160px; padding: 2.5rem 1.5rem; color: #222; background: #fff;
  font: 15px/1.5 system-ui, "Segoe UI", Helvetica, Arial, sans-serif; }
h1 { font-size: 1.7rem; font-weight: 600; margin: 0; overflow-wrap: anywhere; }
h2 { font-size: 1.15rem; font-weight: 600; margin: 2.8rem 0 .6rem; padding-top: .8rem;
  border-top: 1px solid #ddd; }
.subtitle, .note { color: #666; margin: .3rem 0 0; max-width: 75ch; white-space: pre-line; }
.choice { margin: .4rem 0; }
.choice button { font: inherit; font-size: 13px; padding: .15rem .8rem; border: 1px solid #bbb;
  background: #fff; color: #444; cursor: pointer; }
.choice button + button { border-left: 0; }
.choice button:first-child { border-radius: 4px 0 0 4px; }
.choice button:last-child { border-radius: 0 4px 4px 0; }
.choice button[aria-pressed=true] { background: #444; color: #fff; border-color: #444; }
.wide { overflow-x: auto; }
.rows { overflow: auto; max-height: 32rem; border: 1px solid #ddd; }
table { border-collapse: collapse; font-size: 13px; width: 100%; }
th, td { padding: .25rem .6rem; text-align: left; vertical-align: top; }
td { border-top: 1px solid #eee; }
th { position: sticky; top: 0; background: #f4f4f4; cursor: pointer; font-weight: 600;
  vertical-align: bottom; }
th[aria-sort=ascending]::after { content: " ▲"; font-size: 9px; }
th[aria-sort=descending]::after { content: " ▼"; font-size: 9px; }
.number { text-align: right; font-variant-numeric: tabular-nums; }
@page { size: landscape; margin: 12mm; }
@media print {
  body { max-width: none; padding: 0; font-size: 11px; }
  .choice, .modebar-container { display: none !important; }
  .rows { overflow: visible; max-height: none; border: 0; }
  table { font-size: 8px; }
  th, td { padding: .1rem .25rem; }
  th { position: static; }
  tr, .figure { break-inside: avoid; }
  h2, .note { break-after: avoid; }
}
"""
_SCRIPT = """
function show(choice) {
  document.querySelectorAll('[data-choice]').forEach(part => {
    part.hidden = part.dataset.choice !== choice;
    if (!part.hidden) part.querySelectorAll('.js-plotly-plot').forEach(Plotly.Plots.resize);
  });
  document.querySelectorAll('.choice button').forEach(button =>
    button.setAttribute('aria-pressed', button.textContent === choice));
}
document.querySelectorAll('.choice button').forEach(button =>
  button.addEventListener('click', () => show(button.textContent)));
document.querySelectorAll('th').forEach(head => head.addEventListener('click', () => {
  const body = head.closest('table').tBodies[0], column = head.cellIndex;
  const up = head.getAttribute('aria-sort') !== 'ascending';
  const order = new Intl.Collator(undefined, {numeric: true}).compare;
  const value = row => row.cells[column].dataset.value ?? row.cells[column].textContent;
  const compare = (a, b) => {
    const [left, right] = [value(a), value(b)];
    if (left === '' || right === '') return (left === '') - (right === '');
    const both = head.classList.contains('number') ? left - right : order(left, right);
    return up ? both : -both;
  };
  head.parentNode.querySelectorAll('th').forEach(other => other.removeAttribute('aria-sort'));
  head.setAttribute('aria-sort', up ? 'ascending' : 'descending');
  body.append(...Array.from(body.rows).sort(compare));
}));
"""


@dataclass(frozen=True)
class Section:
    """A part of a page.

    Attributes:
        heading: its title.
        body: a figure; several figures by the name of a choice, of which one is seen at a time
            (sections with the same choices switch together); a table, which sorts itself where a
            title is clicked; or plain text.
        note: a sentence under the heading, or ``""``.
        formats: of a table: column -> format specification of its numbers, such as ``.1%``;
            else whole numbers are shown as they are and others with four digits. NaN is empty.
    """

    heading: str
    body: Figure | Mapping[str, Figure] | pd.DataFrame | str
    note: str = ""
    formats: Mapping[str, str] = field(default_factory=dict)


def write_page(path: Path, title: str, sections: Sequence[Section], *, subtitle: str = "") -> None:
    """Write a page; the same sections give the same bytes.

    Args:
        path: the ``.html`` file, complete or not there at all.
        title: of the page and of the browser's tab.
        sections: its parts, in order.
        subtitle: a line under the title: date, numbers.

    Raises:
        BadInputError: the file cannot be written.
        MissingPartError: plotly is not installed.
    """
    try:
        from plotly.offline import get_plotlyjs
    except ImportError as error:
        raise _missing() from error
    parts = [
        "<!DOCTYPE html>",
        '<html lang="en"><head><meta charset="utf-8">',
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">',
        '<meta name="viewport" content="width=device-width, initial-scale=1">',
        f"<title>{escape(title)}</title>",
        f"<style>{_STYLE}</style>",
        f"<script>{get_plotlyjs()}</script></head><body>",
        f"<h1>{escape(title)}</h1>",
    ]
    if subtitle:
        parts.append(f'<p class="subtitle">{escape(subtitle)}</p>')
    for number, section in enumerate(sections, 1):
        parts.append(f"<section><h2>{escape(section.heading)}</h2>")
        if section.note:
            parts.append(f'<p class="note">{escape(section.note)}</p>')
        parts += [*_body(section, f"figure-{number}"), "</section>"]
    parts.append(f"<script>{_SCRIPT}</script></body></html>\n")
    # A file name with bytes that are no text is shown with question marks.
    write_bytes(path, "\n".join(parts).encode("utf-8", "replace"))


def empty_figure(*, height: int) -> Figure:
    """A figure in the style of the pages, to be filled.

    Args:
        height: in screen pixels; the width follows the page.

    Raises:
        MissingPartError: plotly is not installed.
    """
    try:
        from plotly.graph_objects import Figure
    except ImportError as error:
        raise _missing() from error
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
    """Give all axes of a figure the quiet style: light grid, no zero line. Returns the figure.

    To be called again where subplots were made after :func:`empty_figure`.
    """
    figure.update_xaxes(automargin=True, showgrid=False, zeroline=False, linecolor="#888888")
    figure.update_yaxes(automargin=True, gridcolor=GRID, zeroline=False, rangemode="tozero")
    return figure


def plot_text(text: object) -> str:
    """A text from a file, to be put into a figure: as a name, label, category or ``customdata``.

    Plotly reads tags and entities in them, which are escaped here.
    """
    plain = str(text).encode("utf-8", "replace").decode()
    return escape(plain, quote=False)


def _body(section: Section, name: str) -> list[str]:
    body = section.body
    if isinstance(body, str):
        return [f'<p class="note">{escape(body)}</p>']
    if isinstance(body, pd.DataFrame):
        return [f'<div class="rows">{_table(body, section.formats)}</div>']
    if isinstance(body, Mapping):
        buttons = "".join(
            f'<button type="button" aria-pressed="{str(place == 0).lower()}">'
            f"{escape(choice)}</button>"
            for place, choice in enumerate(body)
        )
        parts = [f'<div class="choice">{buttons}</div>'] if len(body) > 1 else []
        for place, (choice, figure) in enumerate(body.items()):
            hidden = " hidden" if place else ""
            parts.append(f'<div data-choice="{escape(choice)}"{hidden}>')
            parts += [_figure(figure, f"{name}-{place + 1}"), "</div>"]
        return parts
    return [_figure(body, name)]


def _figure(figure: Figure, name: str) -> str:
    html: str = figure.to_html(
        full_html=False, include_plotlyjs=False, include_mathjax=False, div_id=name, config=_CONFIG
    )
    return f'<div class="figure wide">{html}</div>'


def _table(frame: pd.DataFrame, formats: Mapping[str, str]) -> str:
    kinds = [
        pd.api.types.is_numeric_dtype(dtype) and not pd.api.types.is_bool_dtype(dtype)
        for dtype in frame.dtypes
    ]
    heads = "".join(
        f"<th{_NUMBER if number else ''}>{escape(str(title))}</th>"
        for title, number in zip(frame.columns, kinds, strict=True)
    )
    specs = [formats.get(str(title), "") for title in frame.columns]
    rows = (
        "".join(_cell(*cell) for cell in zip(row, kinds, specs, strict=True))
        for row in frame.itertuples(index=False, name=None)
    )
    body = "\n".join(f"<tr>{row}</tr>" for row in rows)
    return f"<table><thead><tr>{heads}</tr></thead>\n<tbody>{body}</tbody></table>"


_NUMBER = ' class="number"'


def _cell(value: Any, number: bool, spec: str) -> str:
    if pd.isna(value):
        return "<td></td>"
    if not number:
        return f"<td>{escape(str(value))}</td>"
    if not spec:
        spec = ".4g" if isinstance(value, float) else "d"
    return f'<td{_NUMBER} data-value="{value}">{value:{spec}}</td>'


def _missing() -> MissingPartError:
    return MissingPartError("study", "draw interactive plots", "plotly")
