"""Sections of a page as Markdown."""

from __future__ import annotations

import pandas as pd
import pytest

from bridge.pictures.markdown import render_markdown
from bridge.pictures.page import Code, Drawing, Gallery, Section, empty_figure


def test_every_kind_of_section_has_its_markdown() -> None:
    text, files = render_markdown(
        "A | title",
        [
            Section(
                "Table", pd.DataFrame({"name": ["a|b"], "share": [0.5]}), "Note.", {"share": ".0%"}
            ),
            Section("Text", "- one\n- two"),
            Section("Code", Code("starbridge a\nstarbridge b")),
            Section("Curve", Drawing("<svg></svg>")),
            Section("", Gallery([("worst_1", b"PNG")])),
        ],
        subtitle="About.",
        assets="card",
    )
    assert (
        text
        == "\n\n".join(
            [
                r"# A \| title",
                "About.",
                "## Table",
                "Note.",
                "| name | share |\n|---|---:|\n" + r"| a\|b | 50% |",
                "## Text",
                "- one\n- two",
                "## Code",
                "    starbridge a\n    starbridge b",
                "## Curve",
                "![Curve](card/drawing-1.svg)",
                r"![worst\_1](card/picture-2.png)",
                r"worst\_1",
            ]
        )
        + "\n"
    )
    assert files == {"card/drawing-1.svg": b"<svg></svg>", "card/picture-2.png": b"PNG"}


def test_interactive_figures_have_no_place() -> None:
    with pytest.raises(TypeError, match="interactive"):
        render_markdown("a", [Section("b", empty_figure(height=300))])
