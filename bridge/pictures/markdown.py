"""Write the sections of a page as Markdown, with its drawings and pictures as files beside it."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from bridge.pictures.page import Code, Drawing, Gallery, Section, table_cells


def render_markdown(
    title: str, sections: Sequence[Section], *, subtitle: str = "", assets: str = "pictures"
) -> tuple[str, dict[str, bytes]]:
    """Return the sections as Markdown.

    Args:
        title: the first heading.
        sections: the parts, without interactive figures.
        subtitle: a paragraph under the title.
        assets: folder of the pictures, beside the text.

    Returns:
        The text, and the pictures' contents by their paths.

    >>> print(render_markdown("Nuclei", [Section("Numbers", pd.DataFrame({"n": [1]}))])[0])
    # Nuclei
    <BLANKLINE>
    ## Numbers
    <BLANKLINE>
    | n |
    |---:|
    | 1 |
    <BLANKLINE>
    """
    files: dict[str, bytes] = {}
    blocks = [f"# {escape_markdown(title)}"]
    if subtitle:
        blocks.append(escape_markdown(subtitle))
    for section in sections:
        body = section.body
        if section.heading:
            blocks.append(f"## {escape_markdown(section.heading)}")
        if section.note:
            blocks.append(escape_markdown(section.note))
        if isinstance(body, pd.DataFrame):
            blocks.append(_table(body, section.formats))
        elif isinstance(body, Code):
            blocks.append("\n".join(f"    {line}" for line in body.text.splitlines()))
        elif isinstance(body, Drawing):
            path = f"{assets}/drawing-{len(files) + 1}.svg"
            files[path] = body.svg.encode()
            blocks.append(f"![{escape_markdown(section.heading or 'curves')}]({path})")
        elif isinstance(body, Gallery):
            for caption, png in body.pictures:
                path = f"{assets}/picture-{len(files) + 1}.png"
                files[path] = png
                text = escape_markdown(caption)
                blocks.append(f"![{text}]({path})\n\n{text}")
        elif isinstance(body, str):
            blocks.append(escape_markdown(body))
        else:
            raise TypeError(f"{section.heading}: interactive figures have no place in Markdown")
    return "\n\n".join(blocks) + "\n", files


def escape_markdown(text: str) -> str:
    r"""Escape what Markdown or HTML would read in a text from a file; lists of lines stay.

    >>> print(escape_markdown("a_b <script> [x](y)"))
    a\_b &lt;script&gt; \[x\](y)
    """
    text = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return re.sub(r"([\\`*_\[\]|])", r"\\\1", text)


def _table(frame: pd.DataFrame, formats: Mapping[str, str]) -> str:
    heads, rows = table_cells(frame, formats)
    lines = [
        _line([escape_markdown(title) for title, _ in heads]),
        "|" + "|".join("---:" if is_number else "---" for _, is_number in heads) + "|",
    ]
    lines += [_line([escape_markdown(text) for text in row]) for row in rows]
    return "\n".join(lines)


def _line(cells: Sequence[Any]) -> str:
    return "| " + " | ".join(" ".join(str(cell).split()) for cell in cells) + " |"
