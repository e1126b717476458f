"""Write docs/commands.md, the page of all commands and options, from the commands themselves.

Run ``python -m tools.commands_page`` after a change of a command's help; ``--check`` writes
nothing and exits with status 1 if the page is stale.
"""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import typer

ROOT = Path(__file__).parents[1]
COMMAND = "python -m tools.commands_page"
HEAD = f"""\
# All commands and options
`starbridge COMMAND --help` says the same. `{COMMAND}` writes this page.
"""


def find_commands(command: Any, name: str = "starbridge") -> Iterator[tuple[str, Any]]:
    """Yield every command with its full name, and what groups hold.

    Args:
        command: a command or group, as typer makes it for click.
        name: the command's full name.

    >>> from bridge.cli import app
    >>> names = [name for name, _ in find_commands(typer.main.get_command(app))]
    >>> "starbridge segment" in names and "starbridge fiji push" in names
    True
    """
    is_group = hasattr(command, "commands")
    # A group that does something by itself is a command too.
    if not is_group or command.invoke_without_command:
        yield name, command
    if not is_group:
        return
    for key, part in command.commands.items():
        if not part.hidden:
            yield from find_commands(part, f"{name} {key}")


def option_names(command: Any) -> list[str]:
    """Return the long names of a command's options, such as ``--out``, without ``--help``."""
    return [
        max(parameter.opts, key=len)
        for parameter in command.params
        if parameter.param_type_name == "option"
        and parameter.name != "help"
        and not parameter.hidden
    ]


def write_command(name: str, command: Any) -> str:
    """Write the section of a command in Markdown."""
    lines = [f"## `{name}`", *_flow(command.help or "")]
    rows = [row for parameter in command.params if (row := _row(parameter))]
    if rows:
        lines += ["", "| option | what it does | default |", "|---|---|---|", *rows]
    return "\n".join(lines)


def _flow(text: str) -> Iterator[str]:
    """Yield the paragraphs of a help text, each on a line of its own."""
    for number, paragraph in enumerate(re.split(r"\n\s*\n", text.replace("\b\n", "").strip())):
        yield from [""] * (number > 0)
        yield " ".join(paragraph.split())


def _row(parameter: Any) -> str:
    if getattr(parameter, "hidden", False) or parameter.name == "help":
        return ""
    if parameter.param_type_name == "argument":
        name = f"`{parameter.name.upper()}`"
    else:
        name = ", ".join(f"`{option}`" for option in [*parameter.opts, *parameter.secondary_opts])
    about = " ".join((parameter.help or "").split()).replace("|", "\\|")
    default = "needed" if parameter.required else _default(parameter)
    return f"| {name} | {about} | {default} |"


def _default(parameter: Any) -> str:
    value = parameter.default
    if value is None or value is False or value in ((), [], "") or callable(value):
        return ""
    if isinstance(value, (list, tuple)):
        return " ".join(map(str, value))
    return "on" if value is True else str(getattr(value, "value", value))


def write_page() -> str:
    """Write the page in Markdown."""
    from bridge.cli import app

    commands = find_commands(typer.main.get_command(app))
    return "\n".join([HEAD, "\n\n".join(write_command(*command) for command in commands)]) + "\n"


def main(arguments: Sequence[str] | None = None, root: Path = ROOT) -> int:
    """Write the page, or check it; return the exit status."""
    parser = argparse.ArgumentParser(prog=COMMAND, description=__doc__.split("\n")[0])
    parser.add_argument("--check", action="store_true", help="write nothing; fail if it is stale")
    check = parser.parse_args(arguments).check
    path = root / "docs" / "commands.md"
    new = write_page()
    if path.exists() and path.read_text(encoding="utf-8") == new:
        return 0
    if check:
        print(f"docs/commands.md: is stale; run {COMMAND}", file=sys.stderr)
        return 1
    path.write_text(new, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
