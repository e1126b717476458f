"""``starbridge qupath restore``: damaged files of objects from the copies that pushes keep."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from bridge.cli.output import note, note_waiting
from bridge.cli.qupath.options import PROJECT_HELP
from bridge.errors import StarbridgeError


def restore(
    project: Annotated[Path, typer.Argument(help=PROJECT_HELP, show_default=False)],
    images: Annotated[
        list[str] | None,
        typer.Argument(
            help="Names or numbers of images. [default: all that are damaged]", show_default=False
        ),
    ] = None,
    force: Annotated[
        bool, typer.Option("--force", help="Restore although a QuPath is running.")
    ] = False,
) -> None:
    """Restore damaged objects from the newest good copy; the damaged file is kept.

    Every push keeps a copy of an image's objects as they were before it, five in all. What was
    edited after the copy was saved is not in it.
    """
    from bridge.apps.qupath.backup import Backup, writing_into
    from bridge.apps.qupath.project_files import read_project
    from bridge.apps.qupath.running import refuse_running

    if not force:
        refuse_running("restored")
    folder = read_project(project).folder
    failed = False
    with writing_into(folder, doing=f"restore in {folder}", on_wait=note_waiting):
        files = read_project(project)
        for image in files.select(images):
            try:
                copy = Backup(files, image).restore()
            except StarbridgeError as error:  # the other images are still restored
                note(str(error))
                failed = True
                continue
            if copy is not None:
                typer.echo(f"{image.name}: restored as of {copy.time:%Y-%m-%d %H:%M UTC}")
            elif images:
                typer.echo(f"{image.name}: is whole, and left as it is")
    if failed:
        raise typer.Exit(1)
