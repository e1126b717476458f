"""Print for users and programs: results on stdout, everything else on stderr."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

if TYPE_CHECKING:
    from bridge.batch.listener import Listener, Outcome


_WIDTH = 160  # columns of a table that is no terminal's


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


@contextmanager
def counted_images(doing: str = "evaluating") -> Iterator[Callable[[str], None]]:
    """Show on stderr, where that is a terminal, how many images are done.

    Args:
        doing: what is shown until the first one is.
    """
    from rich.console import Console
    from rich.markup import escape
    from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

    columns = (SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn())
    console = Console(stderr=True, highlight=False)
    shown = Progress(*columns, console=console, transient=True, disable=not sys.stderr.isatty())
    with shown:
        task = shown.add_task(doing, total=None)
        done = 0

        def count(name: str) -> None:
            nonlocal done
            done += 1
            shown.update(task, description=f"{done} images done, the last {escape(name)}")

        yield count


def print_table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print a table on stdout; the first column is text, the others are numbers."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False)
    for number, head in enumerate(heads):
        table.add_column(head, justify="right" if number else "left", overflow="fold")
    for row in rows:
        # Names come from files: what looks like rich's markup is text.
        table.add_row(*(Text(cell) for cell in row))
    console = Console(highlight=False)
    (console if console.is_terminal else Console(width=_WIDTH, highlight=False)).print(table)
