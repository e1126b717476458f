"""Run the commands of a page of the documentation, as a reader types them."""

from __future__ import annotations

import io
import os
import re
import sys
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path

from bridge.cli import main

DOCS = Path(__file__).parents[1] / "docs"


def read_blocks(page: str) -> list[str]:
    """Return the code blocks of a page.

    Args:
        page: name of a file in ``docs/``.
    """
    return _blocks(page, "")


def read_scripts(page: str) -> list[str]:
    """Return the code blocks of a page that are Python.

    Args:
        page: name of a file in ``docs/``.
    """
    return _blocks(page, "python")


def _blocks(page: str, language: str) -> list[str]:
    text = (DOCS / page).read_text(encoding="utf-8")
    blocks = re.findall(r"^```(\w*)\n(.*?)^```$", text, re.DOTALL | re.MULTILINE)
    return [block for named, block in blocks if named == language]


def read_commands(page: str) -> list[str]:
    """Return the lines of a page's code blocks that call starbridge, with their comments."""
    lines = (line for block in read_blocks(page) for line in block.splitlines())
    return [line for line in lines if line.startswith("starbridge ")]


def run_script(folder: Path, script: str) -> str:
    """Run Python in a folder, in this process; return what it prints.

    Args:
        folder: the working folder.
        script: a code block of a page.
    """
    printed, before = io.StringIO(), Path.cwd()
    os.chdir(folder)
    try:
        with redirect_stdout(printed):
            exec(compile(script, "page", "exec"), {})  # noqa: S102
    finally:
        os.chdir(before)
    return printed.getvalue()


def run_command(folder: Path, line: str) -> str:
    """Run a command line in a folder, in this process; return what it prints.

    Args:
        folder: the working folder.
        line: as on the page, without quotes; a comment at its end is left out.

    Raises:
        RuntimeError: the command failed; the text is what it said.
    """
    printed, noted = io.StringIO(), io.StringIO()
    before, arguments, code = Path.cwd(), sys.argv, None
    os.chdir(folder)
    sys.argv = line.partition(" #")[0].split()  # FILE#SERIES is no comment
    try:
        with redirect_stdout(printed), redirect_stderr(noted):
            main()
    except SystemExit as ended:
        code = ended.code
    finally:
        os.chdir(before)
        sys.argv = arguments
    if code:
        raise RuntimeError(f"{line}\n{noted.getvalue()}")
    return printed.getvalue()
