"""Interactive pages: safe, self-contained, the same every time."""

from __future__ import annotations

import html
import json
import re
import sys
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.errors import BadInputError, MissingPartError
from bridge.pictures.page import Drawing, Gallery, Section, empty_figure, plot_text, write_page

HOSTILE = "</script><script>alert(1)</script><img src=x onerror=alert(2)>"


def written(path: Path, *sections: Section, title: str = "A page") -> str:
    """The page without plotly.js."""
    write_page(path, title, sections)
    text = path.read_text("utf-8")
    start = text.find("<script>/**")
    if start < 0:
        return text
    return text[:start] + text[text.index("</script>", start) + len("</script>") :]


def test_texts_of_files_are_escaped_everywhere(tmp_path: Path) -> None:
    figure = empty_figure(height=300)
    figure.add_bar(x=[plot_text(HOSTILE)], y=[1], name=plot_text(HOSTILE), customdata=[HOSTILE])
    table = pd.DataFrame({HOSTILE: [HOSTILE, "b"], "n": [1, 2]})

    page = written(
        tmp_path / "a.html",
        Section(HOSTILE, figure, note=HOSTILE),
        Section("choices", {HOSTILE: figure, "b": figure}),
        Section("table", table),
        Section("text", HOSTILE),
        title=HOSTILE,
    )

    assert "alert(1)" in page
    assert "<script>alert" not in page
    assert "<img" not in page
    assert page.count("<script") == page.count("</script>")


def test_a_page_reaches_no_network(tmp_path: Path) -> None:
    page = written(tmp_path / "a.html", Section("figure", empty_figure(height=300)))

    assert "default-src 'none'" in page
    assert not re.findall(r"""(?:src|href)=["']?\w+:""", page)


def test_no_button_sends_a_figure_to_anybody(tmp_path: Path) -> None:
    page = written(tmp_path / "a.html", Section("figure", empty_figure(height=300)))

    config, _ = json.JSONDecoder().raw_decode("{" + page[page.rindex('"displaylogo"') :])
    assert config["modeBarButtons"] == [
        ["toImage", "zoom2d", "pan2d", "zoomIn2d", "zoomOut2d", "resetScale2d"]
    ]


def test_plotly_is_embedded_once(tmp_path: Path) -> None:
    figure = empty_figure(height=300)

    write_page(tmp_path / "a.html", "", [Section("a", figure), Section("b", figure)])

    assert (tmp_path / "a.html").read_text("utf-8").count("* plotly.js v") == 1


def test_the_same_sections_give_the_same_bytes(tmp_path: Path) -> None:
    for name in "ab":
        figure = empty_figure(height=300)
        figure.add_scatter(x=[1, 2], y=[3, 4])
        write_page(tmp_path / name, "A page", [Section("figure", figure)])

    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


def test_numbers_of_a_table_keep_their_value_beside_what_is_shown(tmp_path: Path) -> None:
    table = pd.DataFrame({"n": [12_345], "share": [0.25], "none": [float("nan")], "day": ["070"]})

    page = written(
        tmp_path / "a.html", Section("table", table, formats={"n": ",d", "share": ".1%"})
    )

    assert '<td class="number" data-value="12345">12,345</td>' in page
    assert '<td class="number" data-value="0.25">25.0%</td>' in page
    assert "<td></td><td>070</td>" in page


def test_of_several_figures_the_first_is_seen(tmp_path: Path) -> None:
    figure = empty_figure(height=300)

    page = written(tmp_path / "a.html", Section("figure", {"all": figure, "few": figure}))

    assert '<div data-choice="all">' in page
    assert '<div data-choice="few" hidden>' in page


@given(st.text())
def test_a_text_in_a_figure_is_what_it_was(text: str) -> None:
    plain = text.encode("utf-8", "replace").decode()

    assert html.unescape(plot_text(text)) == html.unescape(html.escape(plain))
    assert "<" not in plot_text(text)


def test_a_name_of_bytes_that_are_no_text_is_shown(tmp_path: Path) -> None:
    broken = b"caf\xe9".decode("utf-8", "surrogateescape")

    page = written(tmp_path / "a.html", Section(broken, broken))

    assert "<h2>caf?</h2>" in page
    assert plot_text(broken) == "caf?"


def test_what_cannot_be_written_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")

    with pytest.raises(BadInputError, match="cannot be written"):
        write_page(tmp_path / "file" / "a.html", "", [])


def test_without_plotly_the_part_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for module in [*sys.modules]:
        if module.split(".")[0] == "plotly":
            monkeypatch.delitem(sys.modules, module)
    monkeypatch.setitem(sys.modules, "plotly", None)

    with pytest.raises(MissingPartError, match=r"starbridge\[study\]"):
        empty_figure(height=300)


def test_a_page_without_interactive_figures_needs_no_plotly(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "plotly", None)
    monkeypatch.setitem(sys.modules, "plotly.offline", None)
    drawing = Drawing('<svg xmlns="http://www.w3.org/2000/svg"></svg>')
    pictures = Gallery([(HOSTILE, b"PNG")], [("found", "#ff0000")])

    page = written(tmp_path / "a.html", Section("a", drawing), Section("b", pictures))

    assert (tmp_path / "a.html").stat().st_size < 20_000
    assert '<svg xmlns="http://www.w3.org/2000/svg"></svg>' in page
    assert 'src="data:image/png;base64,UE5H"' in page
    assert "<script>alert" not in page
    assert "<img src=x" not in page
