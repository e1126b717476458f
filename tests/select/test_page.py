"""The page on which the selection is seen."""

from __future__ import annotations

import html
import re
from pathlib import Path

import pandas as pd
import pytest

from bridge.select import choose
from bridge.select.conditions import NO_CONDITION
from bridge.select.files import ASKED
from bridge.select.page import selection_figure, write_selection_page

pytest.importorskip("plotly")


def frame() -> pd.DataFrame:
    """Five images of each of two conditions, one of none, and one without nuclei."""
    names = [f"Pa_{n}" for n in range(5)] + [f"Qb_{n}" for n in range(5)] + ["test", "empty"]
    return pd.DataFrame(
        {
            "name": names,
            ASKED: "488",
            "channel": "AF488",
            "nuclei": [*range(1000, 12_000, 1000), 0],
            "mean": [*range(10, 120, 10), None],
            "median": 1.0,
            "pixel_mean": 2.0,
            "image": [f"/data/{name}.tif" for name in names],
            "condition": ["Pa"] * 5 + ["Qb"] * 5 + [NO_CONDITION, "Pa"],
        }
    )


def chosen() -> pd.DataFrame:
    return choose(frame()[frame()["condition"] != NO_CONDITION])


def test_every_image_is_a_point_in_its_condition_that_names_its_file() -> None:
    figure = selection_figure(frame(), chosen())

    boxes = [trace for trace in figure.data if trace.type == "box"]
    points = next(trace for trace in figure.data if trace.name == "image")
    assert list(figure.layout.xaxis.ticktext) == ["Pa", "Qb", NO_CONDITION]
    assert [list(box.y) for box in boxes] == [[10, 20, 30, 40, 50], [60, 70, 80, 90, 100], [110]]
    assert [round(x) for x in points.x] == [0] * 5 + [1] * 5 + [2]
    assert list(points.y) == frame()["mean"].dropna().tolist()
    assert points.customdata[0][0] == "Pa_0.tif"
    assert points.customdata[0][2] == 1000


def test_chosen_images_are_marked_where_they_stand() -> None:
    figure = selection_figure(frame(), chosen())

    points = next(trace for trace in figure.data if trace.name == "image")
    at = {name[0]: (x, y) for name, x, y in zip(points.customdata, points.x, points.y, strict=True)}
    for level in ("low", "medium", "high"):
        marked = next(trace for trace in figure.data if trace.name == f"chosen: {level}")
        names = chosen().loc[chosen()["level"] == level, "name"]
        assert list(zip(marked.x, marked.y, strict=True)) == [at[f"{name}.tif"] for name in names]


def test_the_page_needs_no_network_and_says_what_was_chosen(tmp_path: Path) -> None:
    write_selection_page(frame(), chosen(), tmp_path / "selection.html")

    text = (tmp_path / "selection.html").read_text(encoding="utf-8")
    assert "Intensity of AF488" in text
    assert "12 images, 66,000 nuclei, 6 images chosen" in text
    assert not re.search(r"<(script|link|img)[^>]+(src|href)=", text)
    write_selection_page(frame(), chosen(), tmp_path / "again.html")
    assert (tmp_path / "again.html").read_bytes() == (tmp_path / "selection.html").read_bytes()


def test_names_cannot_become_part_of_the_page(tmp_path: Path) -> None:
    evil = "</script><script>alert(1)</script><b>"
    hostile = frame().assign(name=evil, condition=evil, channel=evil, image=f"/data/{evil[8:]}.tif")

    write_selection_page(hostile, choose(hostile), tmp_path / "selection.html")

    text = (tmp_path / "selection.html").read_text(encoding="utf-8")
    assert "<script>alert" not in text
    assert html.escape(evil) in text
    hostile = hostile.assign(image="/data/<b>.tif")
    figure = selection_figure(hostile, choose(hostile))
    points = next(trace for trace in figure.data if trace.name == "image")
    assert points.customdata[0][0] == "&lt;b&gt;.tif"  # plotly would read the tag
    assert set(figure.layout.xaxis.ticktext) == {html.escape(evil, quote=False)}


def test_nothing_to_choose_is_a_page_without_marks(tmp_path: Path) -> None:
    empty = frame().assign(mean=float("nan"), nuclei=0)

    write_selection_page(empty, choose(empty), tmp_path / "selection.html")

    assert "0 images chosen" in (tmp_path / "selection.html").read_text(encoding="utf-8")
