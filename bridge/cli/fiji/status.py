"""``starbridge fiji status``: what reviewers did."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from bridge.cli.output import note, print_json
from bridge.errors import StarbridgeError


def status(
    review: Annotated[Path, typer.Argument(help="Review folder.", show_default=False)],
    name: Annotated[
        str | None, typer.Argument(help="Name of one image in it.", show_default=False)
    ] = None,
    rois: Annotated[
        Path | None,
        typer.Option(
            help="RoiSet.zip of what the reviewer has open in Fiji, in place of the one in the "
            "folder; needs NAME."
        ),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Say for each image what was pushed and what its reviewer did since. Nothing is written."""
    from bridge.apps.fiji.review_files import reviewed_names
    from bridge.apps.fiji.review_status import read_status

    if rois is not None and name is None:
        raise typer.BadParameter("give the name of the image, too", param_hint="--rois")
    found, failed = [], False
    for image in [name] if name else reviewed_names(review):
        try:
            found.append(read_status(review, image, rois=rois))
        except StarbridgeError as error:
            failed = True
            note(str(error))
    if as_json:
        print_json([one.to_json() for one in found])
    else:
        for one in found:
            typer.echo(one)
            for line in one.notes:
                typer.echo(f"{one.image}: {line}")
    if failed:
        raise typer.Exit(1)
