"""Write a page of the selection: the intensities of all images by condition."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from bridge.pictures.page import INK, Section, empty_figure, plot_text, spread_points, write_page
from bridge.select.conditions import NO_CONDITION
from bridge.select.files import ASKED

if TYPE_CHECKING:
    from plotly.graph_objects import Figure

_POINT, _BOX = "#5b7f9f", "rgba(91, 127, 159, 0.13)"
# Okabe and Ito's colours, which colour-blind people tell apart.
_CHOSEN = ("#0072b2", "#e69f00", "#d55e00", "#009e73", "#cc79a7")
_SYMBOLS = ("triangle-down", "diamond", "triangle-up", "square", "circle")
_SPREAD = 0.3  # of the points around the middle of their condition, conditions being 1 apart


def write_selection_page(frame: pd.DataFrame, chosen: pd.DataFrame, path: Path) -> None:
    """Write an interactive page: a plot of all images, and the chosen ones.

    Args:
        frame: a row an image and channel, columns as :data:`bridge.select.files.COLUMNS` and
            ``condition``.
        chosen: the result of :func:`bridge.select.choose`.
        path: the ``.html`` file.

    Raises:
        MissingPartError: plotly is not installed.
        BadInputError: the file cannot be written.
    """
    channels = ", ".join(dict.fromkeys(frame["channel"].astype(str)))
    asked = list(dict.fromkeys(frame[ASKED]))
    which = ["channel"] if len(asked) > 1 else []
    columns = [*which, "condition", "level", "quantile", "target", "mean", "nuclei", "name"]
    sections = [
        *(
            Section(
                f"Images by condition: {channel}" if which else "Images by condition",
                selection_figure(frame[frame[ASKED] == channel], chosen[chosen[ASKED] == channel]),
                note="A point is an image: the mean over its nuclei of their mean intensity. The "
                "box holds the middle half of a condition's images, the line is their median.",
            )
            for channel in asked
        ),
        Section("Chosen images", chosen[columns], formats={"quantile": "g"}),
        Section(
            "All images",
            frame[[*which, "condition", "name", "nuclei", "mean", "median", "pixel_mean"]],
            note="mean, median: over the nuclei, of the mean intensity of each. "
            "pixel_mean: over all their pixels.",
        ),
    ]
    each = frame.drop_duplicates("image")
    images, nuclei = len(each), int(each["nuclei"].sum())
    write_page(
        path,
        f"Intensity of {channels}",
        sections,
        subtitle=f"{images:,} images, {nuclei:,} nuclei, {chosen['name'].nunique()} images chosen",
    )


def selection_figure(frame: pd.DataFrame, chosen: pd.DataFrame) -> Figure:
    """Draw a box plot of the images by condition, every image a point, the chosen ones marked.

    Args:
        frame: a row an image: ``image`` (its file), ``mean``, ``nuclei``, ``condition``.
        chosen: of these, with ``level`` and ``target``.

    Raises:
        MissingPartError: plotly is not installed.
    """
    figure = empty_figure(height=520)
    shown = frame[frame["mean"].notna()]
    conditions = list(dict.fromkeys(shown["condition"]))
    # Images without a condition come last: nothing is chosen of them.
    conditions.sort(key=lambda condition: condition == NO_CONDITION)
    x = shown["condition"].map({name: x for x, name in enumerate(conditions)}).astype(float)
    for of_it in shown.groupby("condition").indices.values():
        x.iloc[of_it] += spread_points(shown["mean"].to_numpy(float)[of_it], _SPREAD)
    for number, condition in enumerate(conditions):
        of_it = shown[shown["condition"] == condition]
        figure.add_box(
            x=[number] * len(of_it),
            y=of_it["mean"],
            boxpoints=False,
            width=0.75,
            line={"color": _POINT, "width": 1.2},
            fillcolor=_BOX,
            hoverinfo="skip",
            showlegend=False,
        )
    figure.add_scatter(
        x=x,
        y=shown["mean"],
        mode="markers",
        name="image",
        marker={"color": _POINT, "size": 7, "opacity": 0.75},
        customdata=_hover(shown),
        hovertemplate=_TEMPLATE,
    )
    levels = list(dict.fromkeys(chosen["level"]))
    at = dict(zip(shown["image"], x, strict=True))
    for number, level in enumerate(levels):
        of_it = chosen[chosen["level"] == level]
        figure.add_scatter(
            x=[at[image] for image in of_it["image"]],
            y=of_it["mean"],
            mode="markers",
            name=f"chosen: {plot_text(level)}",
            marker={
                "color": _CHOSEN[number % len(_CHOSEN)],
                "symbol": _SYMBOLS[number % len(_SYMBOLS)],
                "size": 14,
                "line": {"color": INK, "width": 1.2},
            },
            customdata=_hover(of_it),
            hovertemplate=_TEMPLATE,
        )
    figure.update_xaxes(
        tickmode="array",
        tickvals=list(range(len(conditions))),
        ticktext=[plot_text(condition) for condition in conditions],
        range=[-0.6, len(conditions) - 0.4],
    )
    figure.update_yaxes(title="mean intensity over the nuclei")
    figure.update_layout(legend={"orientation": "h", "y": 1.02, "yanchor": "bottom", "x": 0})
    return figure


_TEMPLATE = (
    "<b>%{customdata[0]}</b><br>%{customdata[1]}<br>"
    "%{y:.4g} over %{customdata[2]:,} nuclei<extra></extra>"
)


def _hover(frame: pd.DataFrame) -> list[list[object]]:
    return [
        [plot_text(Path(image).name), plot_text(condition), int(nuclei)]
        for image, condition, nuclei in zip(
            frame["image"], frame["condition"], frame["nuclei"], strict=True
        )
    ]
