"""``starbridge qupath images``: images and classes of a project."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from bridge.cli.output import print_json
from bridge.cli.qupath.options import PROJECT_HELP


def list_images(
    project: Annotated[Path, typer.Argument(help=PROJECT_HELP, show_default=False)],
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """List a project's images and classes; needs no QuPath."""
    from bridge.apps.qupath.project_files import read_project

    files = read_project(project)
    if as_json:
        print_json(
            {
                "version": files.version,
                "images": [
                    {
                        "id": image.id,
                        "name": image.name,
                        "files": [str(path) for path in image.paths],
                        "series": image.transform.series,
                        "shown": list(image.transform.steps),
                        "missing": [str(path) for path in image.missing],
                        "thumbnail": None if image.thumbnail is None else str(image.thumbnail),
                        "last_change": None
                        if image.last_change is None
                        else image.last_change.isoformat(),
                    }
                    for image in files.images
                ],
                "classes": {known.name: known.color for known in files.classes},
            }
        )
        return
    for image in files.images:
        lost = f"  (not there: {image.missing[0]})" if image.missing else ""
        turned = image.transform.problem or ", ".join(image.transform.steps)
        series = image.transform.series
        shows = f"  ({image.shows})" if turned or series not in (None, "0") else ""
        typer.echo(f"{image.id:>4}  {image.name}{shows}{lost}")
    if files.classes:
        typer.echo("classes: " + ", ".join(known.name for known in files.classes))
