"""How the command speaks: results on stdout, everything else on stderr."""

from __future__ import annotations

import json
import sys
from typing import Any

import typer


def note(line: str) -> None:
    """Say something to the person in front of the screen."""
    print(f"starbridge: {line}", file=sys.stderr)  # noqa: T201 - the command speaks to a person


def print_json(value: Any) -> None:
    """Print a result for programs."""
    typer.echo(json.dumps(value, indent=1, ensure_ascii=True))
