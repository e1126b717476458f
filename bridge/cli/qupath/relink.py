"""``starbridge qupath relink``: where a project's images are now."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from bridge.cli.output import note, note_waiting
from bridge.cli.qupath.options import PROJECT_HELP, QUPATH_HELP


def relink(
    project: Annotated[Path, typer.Argument(help=PROJECT_HELP, show_default=False)],
    folders: Annotated[
        list[Path],
        typer.Argument(help="Folders where the images are now.", show_default=False),
    ],
    qupath: Annotated[Path | None, typer.Option(help=QUPATH_HELP)] = None,
) -> None:
    """Tell a project where its images are now."""
    from bridge.apps.qupath.backup import writing_into
    from bridge.apps.qupath.matching import find_moved
    from bridge.apps.qupath.project_files import read_project
    from bridge.apps.qupath.session import QuPath, check_qupath

    files = read_project(project)
    moved, lost = find_moved(files, folders)
    if moved:
        check_qupath(qupath)
        doing = f"relink in {files.folder}"
        with (
            writing_into(files.folder, doing=doing, on_wait=note_waiting),
            QuPath(qupath) as session,
        ):
            session.open(files.folder)
            session.relink(moved)
    typer.echo(f"{len(moved)} found, {len(lost)} not found")
    for path in lost:
        note(f"{path}: not found")
    if lost:
        raise typer.Exit(1)
