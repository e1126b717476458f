"""The pages name every command and option, say what is there, and agree with each other."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import typer

from bridge.cli import app
from tools.commands_page import find_commands, option_names

ROOT = Path(__file__).parents[1]
REFERENCE = "commands.md"
PAGES = {
    path.name if path.parent.name == "docs" else str(path.relative_to(ROOT)): path
    for path in [
        ROOT / "README.md",
        ROOT / "CONTRIBUTING.md",
        *sorted((ROOT / "docs").glob("*.md")),
    ]
}
COMMANDS = dict(find_commands(typer.main.get_command(app)))


def text_of(page: str) -> str:
    return PAGES[page].read_text(encoding="utf-8")


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_is_shown_on_a_page_beside_the_reference(name: str) -> None:
    # "starbridge fiji push" may be said as "`starbridge fiji pull`, `push`"
    *group, last = name.split()
    spoken = re.compile(rf"{re.escape(name)}\b|{re.escape(' '.join(group))} [^\n]*`{last}`")

    assert [page for page in PAGES if page != REFERENCE and spoken.search(text_of(page))]


@pytest.mark.parametrize(("name", "command"), COMMANDS.items(), ids=list(COMMANDS))
def test_every_option_is_in_the_reference(name: str, command: Any) -> None:
    _, found, section = text_of(REFERENCE).partition(f"## `{name}`\n")
    section = section.partition("\n## ")[0]

    assert found
    assert [option for option in option_names(command) if f"`{option}`" not in section] == []


@pytest.mark.parametrize("page", PAGES)
def test_links_lead_somewhere(page: str) -> None:
    links = re.findall(r"\]\(([^)#\s]+)[^)]*\)", text_of(page))
    inside = [link for link in links if not re.match(r"[a-z]+:", link)]

    assert [link for link in inside if not (PAGES[page].parent / link).exists()] == []


def test_every_page_is_in_the_list_of_pages() -> None:
    named = set(re.findall(r"\]\((?:docs/)?([\w-]+\.md)\)", text_of("README.md")))
    pages = {path.name for path in (ROOT / "docs").glob("*.md")}

    assert pages - named == set()


def test_documented_options_exist() -> None:
    """A command line that a page shows has only options that the command has."""
    known = {f"starbridge {name.removeprefix('starbridge ')}": c for name, c in COMMANDS.items()}
    wrong = []
    for page in PAGES:
        for line in re.findall(r"^starbridge [^\n]*(?:\\\n[^\n]*)*", text_of(page), re.MULTILINE):
            fitting = [n for n in known if line.startswith(f"{n} ")]
            name = max(fitting, key=len, default=None)
            if name is None:
                continue
            options = {o for p in known[name].params for o in [*p.opts, *p.secondary_opts]}
            said = re.findall(r"(?<=\s)--?[a-z][\w-]*", line.partition("#")[0])
            wrong += [f"{page}: {name} {it}" for it in said if it not in options | {"--help"}]

    assert wrong == []
