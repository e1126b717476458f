"""Run a job of a batch: progress, results, exit status."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from pathlib import Path

    from bridge.batch.job import Job

Item = TypeVar("Item")


def run_job(
    job: Job[Item],
    items: Sequence[Item],
    out: Path,
    *,
    overwrite: bool,
    resume: bool,
    jobs: str,
    scheduler: str | None,
    as_json: bool,
    what: str = "results",
) -> None:
    """Work on items, show progress, and say how it went.

    Args:
        job: what is done.
        items: the files.
        out: the folder of results.
        overwrite: as ``--overwrite``.
        resume: as ``--resume``.
        jobs: as ``--jobs``.
        scheduler: as ``--scheduler``.
        as_json: print the record and the outcomes.
        what: what is written, for the last line.

    Raises:
        typer.Exit: an item could not be worked on.
    """
    from bridge.batch.record import read_record
    from bridge.batch.runner import run_batch
    from bridge.batch.workers.select import choose_workers
    from bridge.cli.options import chosen_existing
    from bridge.cli.output import close_run, print_json, shown_progress

    existing = chosen_existing(overwrite, resume)
    workers = choose_workers(jobs, scheduler)
    with shown_progress() as listener:
        outcomes = run_batch(job, items, out, existing=existing, listener=listener, workers=workers)
    if as_json:
        record = read_record(out, job.record, job.items)
        print_json({**record, "outcomes": [outcome.to_json() for outcome in outcomes]})
    close_run(outcomes, what, out)
