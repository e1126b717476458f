"""Run a batch of volumes: progress, results, exit status."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from bridge.images.locations import Location
    from bridge.volumes.job import VolumeJob


def run_job(
    job: VolumeJob,
    found: Sequence[Location],
    out: Path,
    *,
    overwrite: bool,
    resume: bool,
    jobs: str,
    scheduler: str | None,
    as_json: bool,
) -> None:
    """Work on volumes, show progress, and say how it went.

    Args:
        job: what is done.
        found: the volumes.
        out: the folder of results.
        overwrite: as ``--overwrite``.
        resume: as ``--resume``.
        jobs: as ``--jobs``.
        scheduler: as ``--scheduler``.
        as_json: print the record and the outcomes.

    Raises:
        typer.Exit: a volume could not be worked on.
    """
    from bridge.batch.record import read_record
    from bridge.batch.workers.select import choose_workers
    from bridge.cli.options import chosen_existing
    from bridge.cli.output import close_run, print_json, shown_progress
    from bridge.volumes.job import run_volumes

    existing = chosen_existing(overwrite, resume)
    workers = choose_workers(jobs, scheduler)
    with shown_progress() as listener:
        outcomes = run_volumes(
            job, found, out, existing=existing, listener=listener, workers=workers
        )
    if as_json:
        record = read_record(out, job.record)
        print_json({**record, "outcomes": [outcome.to_json() for outcome in outcomes]})
    close_run(outcomes, "results", out)
