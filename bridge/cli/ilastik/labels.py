"""``starbridge ilastik labels``: brush strokes of a project as files."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from bridge.cli.ilastik.show import PROJECT_HELP
from bridge.cli.options import AsJson
from bridge.cli.output import note, print_json


def labels(
    project: Annotated[Path, typer.Argument(help=PROJECT_HELP, show_default=False)],
    out: Annotated[
        Path, typer.Option("--out", "-o", help="Folder for the files.", show_default=False)
    ],
    as_json: AsJson = False,
) -> None:
    """Write the brush strokes of a project as label images and as QuPath annotations.

    NAME_labels.tif has 0 where there is no stroke, else the class from 1; NAME.geojson an
    annotation for each stroke.
    """
    from bridge.errors import BadInputError
    from bridge.formats.ilastik.label_files import write_label_files
    from bridge.formats.ilastik.project import read_project

    read = read_project(project)
    written = write_label_files(read, out)
    if not written:
        raise BadInputError(project, "has no brush strokes", "draw some in ilastik and save it")
    records = [
        {
            "image": files.image,
            "labels": str(files.labels),
            "geojson": str(files.geojson),
            "pixels": {
                read.classes[number - 1] if number <= len(read.classes) else str(number): count
                for number, count in files.counts.items()
            },
        }
        for files in written
    ]
    if as_json:
        print_json(records)
    else:
        for record in records:
            typer.echo(f"{record['labels']}\n{record['geojson']}")
    note(f"strokes of {len(written)} of {len(read.lanes)} images; files in {out}")
