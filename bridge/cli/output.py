"""Print for users and programs: results on stdout, everything else on stderr."""

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
    """Print a line for the user on stderr."""
    print(f"starbridge: {line}", file=sys.stderr)  # noqa: T201 - for the user


def note_waiting(holder: str) -> None:
    """Say on stderr that the command waits for another one."""
    note(f"waiting for {holder}")


def print_json(value: Any) -> None:
    """Print a result for programs on stdout."""
    typer.echo(json.dumps(value, indent=1, ensure_ascii=True))


@contextmanager
def shown_progress() -> Iterator[Listener]:
    """Show progress on stderr; Ctrl-C ends the command with exit status 130."""
    from bridge.batch.progress import ConsoleProgress

    try:
        with ConsoleProgress() as listener:
            yield listener
    except KeyboardInterrupt as interruption:
        note("stopped; run the same command again to go on")
        raise typer.Exit(130) from interruption


def close_run(outcomes: Sequence[Outcome], what: str, out: Path) -> None:
    """Tell how a run went, on stderr; exit status 1 where an item failed.

    Args:
        outcomes: of all items.
        what: what was written (``"results"``).
        out: the folder.
    """
    for outcome in outcomes:
        for line in outcome.notes:
            note(f"{outcome.name}: {line}")
    counts = {s: sum(o.status == s for o in outcomes) for s in ("done", "skipped", "failed")}
    if outcomes and counts["skipped"] == len(outcomes):
        note(f"nothing to do: all {len(outcomes)} were done before; {what} in {out}")
        return
    parts = [f"{counts['done']} done"]
    if counts["skipped"]:
        parts.append(f"{counts['skipped']} were done before")
    if counts["failed"]:
        parts.append(f"{counts['failed']} failed")
    note(f"{', '.join(parts)}; {what} in {out}")
    if counts["failed"]:
        raise typer.Exit(1)
