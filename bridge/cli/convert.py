"""``starbridge convert``: objects from one format to another."""

from __future__ import annotations

import inspect
from pathlib import Path
from typing import Annotated, Any

import typer

from bridge.errors import BadInputError


def convert(
    source: Annotated[
        Path,
        typer.Argument(
            help="Label TIFF, HDF5, RoiSet.zip, .roi, GeoJSON, CSV or Parquet.", show_default=False
        ),
    ],
    target: Annotated[
        Path, typer.Argument(help="File to write; its ending says the format.", show_default=False)
    ],
    image: Annotated[
        Path | None,
        typer.Option(help="The image the objects belong to, for its size and pixel size."),
    ] = None,
    axes: Annotated[
        str | None,
        typer.Option(help="Axes of a label stack (ZYX, TYX, TZYX), where the file does not say."),
    ] = None,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace the file if it is there.")
    ] = False,
) -> None:
    """Turn objects from one format into another: labels, ROIs, GeoJSON, tables."""
    from bridge.formats import format_of
    from bridge.images import open_image

    format_of(target)  # an unknown ending is said before anything is read
    if target.exists() and not overwrite:
        raise BadInputError(target, "is there already", "give --overwrite to replace it")
    reader = format_of(source).read
    options: dict[str, Any] = {}
    if image is not None:
        with open_image(image) as opened:
            options["image"] = opened.info
    if axes is not None:
        if "axes" not in inspect.signature(reader).parameters:
            raise BadInputError(source, "is no label image and takes no --axes", "leave it out")
        options["axes"] = axes.upper()
    detections = reader(source, **options)
    detections.write(target)
    typer.echo(f"{target}: {len(detections)} objects")
