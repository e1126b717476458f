"""``starbridge convert``: objects, or an image, from one format to another."""

from __future__ import annotations

import inspect
from pathlib import Path
from typing import Annotated, Any

import typer

from bridge.cli.options import CHANNEL_HELP, Formats, split_words
from bridge.errors import BadInputError


def convert(
    source: Annotated[
        Path,
        typer.Argument(
            help="Label TIFF, HDF5 or OME-Zarr, RoiSet.zip, .roi, GeoJSON, CSV or Parquet; or an "
            "image (FILE#2 or FILE#NAME for one of several in a file).",
            show_default=False,
        ),
    ],
    target: Annotated[
        Path,
        typer.Argument(
            help="File to write, whose ending says the format (.ome.tif or .ome.zarr of an image); "
            "with --format, a folder.",
            show_default=False,
        ),
    ],
    formats: Formats = None,
    image: Annotated[
        Path | None,
        typer.Option(help="The image the objects belong to, for its size and pixel size."),
    ] = None,
    axes: Annotated[
        str | None,
        typer.Option(
            help="Axes of a label stack (ZYX, TYX, TZYX) or image, where the file does not say."
        ),
    ] = None,
    channel: Annotated[
        str | None,
        typer.Option(
            help=f"Channels of an image to write, with commas, in this order: {CHANNEL_HELP}. An "
            "image of one channel is taken for a label image without it. [default: all]",
            show_default=False,
        ),
    ] = None,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace files that are there.")
    ] = False,
) -> None:
    """Turn objects from one format into another: labels, ROIs, GeoJSON, tables; or images.

    With --format, TARGET is a folder, laid out as starbridge segment lays out its results. A
    microscope's own file, and any image of several channels, becomes an OME-TIFF or OME-Zarr.
    """
    from bridge.formats import format_of, write_all
    from bridge.formats.layout import FORMATS, spec_of
    from bridge.formats.pairing import name_of_objects
    from bridge.images import image_name, open_image
    from bridge.images.conversion import convert_image, is_image

    if channel is not None or (not formats and is_image(source, target, axes=axes)):
        convert_image(source, target, channels=split_words(channel), axes=axes, overwrite=overwrite)
        typer.echo(f"{target}: image")
        return
    if formats:
        name = name_of_objects(source) if image is None else image_name(image)
        targets = [target / FORMATS[key].place.format(name=name) for key in dict.fromkeys(formats)]
    else:
        targets = [target]
    needs_size = any(spec_of(path).needs_size for path in targets)
    for path in targets:
        if path.exists() and not overwrite:
            raise BadInputError(path, "is there already", "give --overwrite to replace it")
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
    if needs_size and not detections.image.width:
        raise BadInputError(source, "the size of the image is not known", "give --image")
    write_all(detections, targets)
    for path in targets:
        typer.echo(f"{path}: {len(detections)} objects")
