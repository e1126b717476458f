"""``starbridge pixels apply``: probabilities, classes and uncertainties of images."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from bridge.cli.options import (
    CHANNEL_HELP,
    IMAGES_HELP,
    AsJson,
    Axes,
    Jobs,
    Overwrite,
    PixelSize,
    Resume,
    Scheduler,
    chosen_existing,
    split_words,
)
from bridge.cli.output import close_run, print_json, shown_progress


class ExportKind(StrEnum):
    """Choices of ``--export``."""

    probabilities = "probabilities"
    segmentation = "segmentation"
    uncertainty = "uncertainty"


class FormatKind(StrEnum):
    """Choices of ``--format``."""

    hdf5 = "hdf5"
    tiff = "tiff"
    ome_zarr = "ome-zarr"


class ValueKind(StrEnum):
    """Choices of ``--dtype``."""

    float32 = "float32"
    uint8 = "uint8"
    uint16 = "uint16"


class IntensityKind(StrEnum):
    """Choices of ``--intensities``."""

    check = "check"
    as_is = "as-is"
    normalize = "normalize"


def apply(
    classifier: Annotated[
        Path,
        typer.Argument(
            help="Folder of starbridge pixels train, or a project of ilastik (.ilp) that was saved "
            "with a trained classifier.",
            show_default=False,
        ),
    ],
    images: Annotated[
        list[str],
        typer.Argument(help=f"{IMAGES_HELP} Also by URL (s3://bucket/folder).", show_default=False),
    ],
    out: Annotated[
        Path, typer.Option("--out", "-o", help="Folder for the results.", show_default=False)
    ],
    exports: Annotated[
        list[ExportKind] | None,
        typer.Option(
            "--export",
            help="What to write: the probability of each class, the most likely class (from 1), "
            "or 1 minus the difference of the two largest probabilities; several times. "
            "[default: probabilities]",
            show_default=False,
        ),
    ] = None,
    file_format: Annotated[
        FormatKind, typer.Option("--format", help="Format of the files.")
    ] = FormatKind.hdf5,
    dtype: Annotated[
        ValueKind,
        typer.Option(help="Type of probabilities: 0 to 1, 0 to 255, or 0 to 65535."),
    ] = ValueKind.float32,
    preview: Annotated[
        bool, typer.Option("--preview/--no-preview", help="Draw the classes over each image.")
    ] = True,
    channel: Annotated[
        str | None,
        typer.Option(
            help=f"Channels, in the order of training, with commas: {CHANNEL_HELP}. [default: all]",
            show_default=False,
        ),
    ] = None,
    intensities: Annotated[
        IntensityKind,
        typer.Option(
            help="Refuse images of another type of values than in training, take the values as "
            "they are, or bring their range to that of training."
        ),
    ] = IntensityKind.check,
    pixel_size: PixelSize = None,
    axes: Axes = None,
    memory: Annotated[
        float, typer.Option(help="GiB for the tiles at work, beside the planes of the image.")
    ] = 1.0,
    tile: Annotated[
        int | None,
        typer.Option(help="Side of the tiles in pixels. [default: as memory asks for]"),
    ] = None,
    overwrite: Overwrite = False,
    resume: Resume = False,
    jobs: Jobs = "1",
    scheduler: Scheduler = None,
    as_json: AsJson = False,
) -> None:
    """Classify the pixels of images as ilastik does, without ilastik.

    Running the same command again does only what is missing or has changed.
    """
    from bridge.batch.record import read_record
    from bridge.batch.workers.select import choose_workers
    from bridge.classify.pixels.applying import RECORD, Settings, apply_to_files
    from bridge.errors import BadInputError
    from bridge.images import find_images

    existing = chosen_existing(overwrite, resume)
    words = split_words(channel)
    if channel is not None and not words:
        raise BadInputError("--channel", "is empty", "give a name or a number from 0")
    chosen = exports or [ExportKind.probabilities]
    settings = Settings(
        exports=tuple(dict.fromkeys(export.value for export in chosen)),
        file_format=file_format.value,
        dtype=dtype.value,
        preview=preview,
        intensities=intensities.value,
        channels=tuple(int(word) if word.isdecimal() else word for word in words) or None,
        axes=axes,
        pixel_size=pixel_size,
        memory=memory,
        tile=tile,
    )
    workers = choose_workers(jobs, scheduler)
    found = find_images(images)
    with shown_progress() as listener:
        outcomes = apply_to_files(
            found,
            out,
            classifier,
            settings,
            existing=existing,
            listener=listener,
            workers=workers,
        )
    if as_json:
        record = read_record(out, RECORD)
        print_json({**record, "outcomes": [outcome.to_json() for outcome in outcomes]})
    close_run(outcomes, "results", out)
