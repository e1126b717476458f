"""Write a study as an interactive HTML page."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from bridge.aggregate.provenance import notes_of
from bridge.aggregate.sheets import conditions_by_class, naming_fields, row_labels
from bridge.aggregate.study import ALL, SLICES, TOTAL, WITHOUT_DEAD, Study
from bridge.pictures.page import (
    INK,
    Section,
    empty_figure,
    plot_text,
    spread_points,
    style_axes,
    write_page,
)

if TYPE_CHECKING:
    from plotly.graph_objects import Figure

_ABOVE = {
    "orientation": "h",
    "traceorder": "normal",
    "x": 0,
    "xanchor": "left",
    "y": 1.02,
    "yanchor": "bottom",
}
"""Place of a legend that is seen without scrolling also beside a wide figure."""

Floats = NDArray[np.float64]
Whole = NDArray[np.int64]

_HEIGHT = 430
_PANEL_HEIGHT, _PANELS = 300, 3
"""Height of a class's dot plot in screen pixels, and how many stand side by side."""
_BAR = 15
"""Least width of an organoid's bar, in screen pixels; beyond, the figure scrolls."""
_LEVEL = 15
"""Up to so many organoids have their names written level."""
_LONGEST = 32
"""Characters of a class's name over its dot plot."""
_SPREAD = 0.22
"""How far the points of a condition are spread to either side; conditions are 1 apart."""


def write_report(study: Study, path: Path) -> None:
    """Write a study as a self-contained HTML page that needs no network.

    It has the notes; stacked proportions of the classes by condition and by organoid, and a dot
    plot of each class (a point an organoid, mean ± standard error of the mean), each for all cells
    and, where classes are dead, without dead; tables of conditions, of organoids and of excluded
    sections; the parameters. Figures show the curated organoids, or all where none is curated.

    Args:
        study: what to write.
        path: the ``.html`` file, complete or not there at all.

    Raises:
        BadInputError: the file cannot be written.
        MissingPartError: plotly is not installed.
    """
    path = Path(path)
    title = f"{path.stem}: counts and proportions"
    write_page(path, title, _sections(study), subtitle=_summary(study))


def _summary(study: Study) -> str:
    values = dict(zip(study.parameters["Parameter"], study.parameters["Value"], strict=True))
    numbers = (
        f"{_number(len(study.slices), 'table')}, {_number(len(study.organoids), 'organoid')} "
        f"({len(study.curated):,} curated), {_number(int(study.slices[TOTAL].sum()), 'object')}"
    )
    return ". ".join(filter(None, (str(values.get("Date", "")), numbers)))


def _number(n: int, what: str) -> str:
    return f"{n:,} {what}" + ("" if n == 1 else "s")


def _sections(study: Study) -> list[Section]:
    organoids = study.curated if len(study.curated) else study.organoids
    kinds = {"All cells": False, "Without dead": True} if study.dead else {"All cells": False}
    sections = []
    if notes := notes_of(study):
        sections.append(Section("Notes", "\n".join(notes)))
    if len(study.conditions):
        sections.append(
            Section(
                "By condition",
                {choice: _by_condition(study, dead) for choice, dead in kinds.items()},
                note="Mean proportions of the organoids of each condition.",
            )
        )
    if len(organoids):
        sections += [
            Section(
                "By organoid",
                {choice: _by_organoid(study, organoids, dead) for choice, dead in kinds.items()},
                note="" if len(study.curated) else "No organoid has enough slices: all are shown.",
            ),
            Section(
                "By class",
                {choice: _by_class(study, organoids, dead) for choice, dead in kinds.items()},
                note="A point is an organoid; the bar is the mean ± SEM of the condition. "
                "Mind the scales: each class has its own.",
            ),
        ]
    return [
        *sections,
        _table("Conditions", conditions_by_class(study)),
        _table("Organoids", study.organoids),
        _table("Excluded", study.excluded),
        _table("Parameters", study.parameters),
    ]


def _table(heading: str, frame: pd.DataFrame) -> Section:
    if frame.empty:
        return Section(heading, "None.")
    formats = {
        str(title): ".1%" if pd.api.types.is_float_dtype(dtype) else ",d"
        for title, dtype in frame.dtypes.items()
    }
    return Section(heading, frame, formats=formats)


def _by_condition(study: Study, without_dead: bool) -> Figure:
    cells = WITHOUT_DEAD if without_dead else ALL
    figure = empty_figure(height=_HEIGHT)
    for name in study.proportion_columns(without_dead=without_dead):
        rows = study.conditions
        rows = rows[(rows["Cells"] == cells) & (rows["Class"] == name)]
        names = _labels(rows, study.condition_fields)
        hover = [
            f"<b>{label}</b><br>{plot_text(name)}: {_percent(mean)}<br>"
            f"SD {_percent(sd)}, SEM {_percent(sem)}, n = {n}"
            for label, mean, sd, sem, n in zip(
                names, rows["mean"], rows["sd"], rows["sem"], rows["n"], strict=True
            )
        ]
        figure.add_bar(x=names, y=rows["mean"], hovertext=hover, **_stacked(study, name))
    figure.update_layout(bargap=0.4)
    figure.update_xaxes(title=plot_text(", ".join(study.condition_fields)))
    return _proportions(figure)


def _by_organoid(study: Study, organoids: pd.DataFrame, without_dead: bool) -> Figure:
    conditions = _labels(organoids, study.condition_fields)
    places = list(map(_condition_order(study, organoids).index, conditions))
    organoids = organoids.iloc[np.argsort(places, kind="stable")]
    x: list[Any] = [
        _labels(organoids, study.condition_fields),
        _labels(organoids, _organoid_fields(study, organoids)),
    ]
    figure = empty_figure(height=_HEIGHT + 60)
    for name, column in study.proportion_columns(without_dead=without_dead).items():
        figure.add_bar(
            x=x,
            y=organoids[column],
            hovertext=_organoid_texts(study, organoids, name, without_dead),
            **_stacked(study, name),
        )
    figure.update_layout(bargap=0.15)
    if _BAR * len(organoids) > 900:
        figure.update_layout(width=200 + _BAR * len(organoids), autosize=False)
    _proportions(figure)
    figure.update_xaxes(type="multicategory", dividercolor="#bbbbbb", tickfont={"size": 10})
    if len(organoids) > _LEVEL:
        figure.update_xaxes(tickmode="linear", dtick=1, tickangle=-90)
    return figure


def _by_class(study: Study, organoids: pd.DataFrame, without_dead: bool) -> Figure:
    columns = study.proportion_columns(without_dead=without_dead)
    conditions = _labels(organoids, study.condition_fields)
    order = _condition_order(study, organoids)
    places = np.array([order.index(label) for label in conditions])
    across = min(_PANELS, len(columns))
    down = math.ceil(len(columns) / across)
    height = _PANEL_HEIGHT * down + 70
    figure = empty_figure(height=height)
    figure.set_subplots(
        down,
        across,
        subplot_titles=[plot_text(_shortened(name)) for name in columns],
        horizontal_spacing=0.09,
        vertical_spacing=90 / height,
    )
    for number, (name, column) in enumerate(columns.items()):
        at = {"row": number // across + 1, "col": number % across + 1}
        values = organoids[column].to_numpy(float)
        offsets = np.zeros(len(values))
        for place in range(len(order)):
            offsets[places == place] = spread_points(values[places == place], _SPREAD)
        figure.add_scatter(
            x=places + offsets,
            y=values,
            mode="markers",
            marker={
                "color": _color(study, name),
                "size": 7,
                "opacity": 0.75,
                # A light colour would be lost on white.
                "line": {"color": INK, "width": 0.7},
            },
            hovertext=_organoid_texts(study, organoids, name, without_dead),
            hoverinfo="text",
            **at,
        )
        figure.add_scatter(**_means(values, places, order), **at)
    style_axes(figure)
    # Below the buttons of the figure.
    figure.update_layout(showlegend=False, margin={"t": 70})
    figure.update_xaxes(
        tickvals=list(range(len(order))), ticktext=order, range=[-0.6, len(order) - 0.4]
    )
    figure.update_yaxes(tickformat=".0%")
    return figure


def _means(values: Floats, places: Whole, order: Sequence[str]) -> dict[str, Any]:
    """Return a trace of the mean and its standard error of each condition."""
    groups = [values[(places == place) & ~np.isnan(values)] for place in range(len(order))]
    means = [group.mean() if len(group) else math.nan for group in groups]
    errors = [
        group.std(ddof=1) / math.sqrt(len(group)) if len(group) > 1 else math.nan
        for group in groups
    ]
    hover = [
        f"<b>{label}</b><br>mean {_percent(mean)}, SEM {_percent(error)}, n = {len(group)}"
        for label, mean, error, group in zip(order, means, errors, groups, strict=True)
    ]
    return {
        "x": list(range(len(order))),
        "y": means,
        "error_y": {"array": errors, "color": INK, "thickness": 1.5, "width": 6},
        "mode": "markers",
        "marker": {"symbol": "line-ew", "size": 26, "line": {"color": INK, "width": 2}},
        "hovertext": hover,
        "hoverinfo": "text",
    }


def _proportions(figure: Figure) -> Figure:
    figure.update_layout(barmode="stack", legend=_ABOVE)
    figure.update_xaxes(type="category")
    figure.update_yaxes(tickformat=".0%", range=[0, 1], title="Proportion of cells")
    return figure


def _stacked(study: Study, name: str) -> dict[str, Any]:
    return {
        "name": plot_text(name),
        "marker": {"color": _color(study, name), "line": {"color": "white", "width": 0.5}},
        "hoverinfo": "text",
        "textposition": "none",
    }


def _organoid_fields(study: Study, organoids: pd.DataFrame) -> list[str]:
    fields = [field for field in study.fields if field not in study.summed]
    naming = naming_fields(organoids, fields, study.extra)
    return [field for field in naming if field not in study.condition_fields] or fields[-1:]


def _condition_order(study: Study, organoids: pd.DataFrame) -> list[str]:
    """Return the labels of the conditions in the order of the study, then all further ones."""
    known = study.conditions.drop_duplicates(list(study.condition_fields))
    labels = _labels(pd.concat([known, organoids]), study.condition_fields)
    return list(dict.fromkeys(labels))


def _organoid_texts(
    study: Study, organoids: pd.DataFrame, name: str, without_dead: bool
) -> list[str]:
    fields = [field for field in study.fields if field not in study.summed]
    column = study.proportion_columns(without_dead=without_dead)[name]
    dead = organoids[list(study.dead)].sum(axis=1) if without_dead else 0
    return [
        f"<b>{organoid}</b><br>{plot_text(name)}: {_percent(proportion)}<br>"
        f"{count:,} of {total:,} objects in {_number(slices, 'slice')}"
        for organoid, proportion, count, total, slices in zip(
            _labels(organoids, fields),
            organoids[column],
            organoids[name],
            organoids[TOTAL] - dead,
            organoids[SLICES],
            strict=True,
        )
    ]


def _labels(frame: pd.DataFrame, fields: Sequence[str]) -> list[str]:
    return [plot_text(label) for label in row_labels(frame, fields)]


def _shortened(text: str) -> str:
    return text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "…"


def _percent(value: float) -> str:
    return "–" if math.isnan(value) else f"{value:.1%}"


def _color(study: Study, name: str) -> str:
    return "#" + bytes(study.colors[name]).hex()
