"""How the command speaks: results on stdout, everything else on stderr."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

if TYPE_CHECKING:
    from bridge.batch.listener import Listener, Outcome


def note(line: str) -> None:
    """Say something to the person in front of the screen."""
    print(f"starbridge: {line}", file=sys.stderr)  # noqa: T201 - the command speaks to a person


def print_json(value: Any) -> None:
    """Print a result for programs."""
    typer.echo(json.dumps(value, indent=1, ensure_ascii=True))


@contextmanager
def shown_progress() -> Iterator[Listener]:
    """Progress on stderr; Ctrl-C ends the command with exit status 130."""
    from bridge.batch.progress import ConsoleProgress

    try:
        with ConsoleProgress() as listener:
            yield listener
    except KeyboardInterrupt as interruption:
        note("stopped; run the same command again to go on")
        raise typer.Exit(130) from interruption


def close_run(outcomes: Sequence[Outcome], what: str, out: Path) -> None:
    """Say how a run went, on stderr; exit status 1 where an image failed.

    Args:
        outcomes: of all images.
        what: what was written (``"results"``).
        out: where.
    """
    counts = {s: sum(o.status == s for o in outcomes) for s in ("done", "skipped", "failed")}
    parts = [f"{counts['done']} done"]
    if counts["skipped"]:
        parts.append(f"{counts['skipped']} were done before")
    if counts["failed"]:
        parts.append(f"{counts['failed']} failed")
    note(f"{', '.join(parts)}; {what} in {out}")
    if counts["failed"]:
        raise typer.Exit(1)
