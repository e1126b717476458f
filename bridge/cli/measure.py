"""``starbridge measure``: shapes and intensities of every object as tables."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated, Literal

import typer

from bridge.cli.options import (
    CHANNEL_HELP,
    IMAGES_HELP,
    TABLE_FORMATS,
    AsJson,
    Axes,
    Jobs,
    Overwrite,
    PixelSize,
    Resume,
    Scheduler,
    ZStep,
    chosen_existing,
    format_option,
    split_words,
)
from bridge.cli.output import close_run, note, print_json, shown_progress
from bridge.errors import BadInputError

OBJECT_FORMATS = ("labels", "rois", "geojson", "zarr")
"""Formats of objects that are written beside the tables."""


class Unit(StrEnum):
    """Choices of ``--unit``."""

    px = "px"
    um = "um"
    both = "both"


def measure(
    images: Annotated[list[Path], typer.Argument(help=IMAGES_HELP, show_default=False)],
    objects: Annotated[
        Path,
        typer.Argument(
            help="Their objects: a label image, RoiSet.zip, GeoJSON or table for one image, or a "
            "folder of them, such as segment's results.",
            show_default=False,
        ),
    ],
    out: Annotated[
        Path, typer.Option("--out", "-o", help="Folder for the tables.", show_default=False)
    ],
    ring: Annotated[
        str | None,
        typer.Option(
            help="Width of a ring around each nucleus to measure too: 3um, or 8px.",
            show_default=False,
        ),
    ] = None,
    channel: Annotated[
        str | None,
        typer.Option(
            help=f"Channels to measure, with commas: {CHANNEL_HELP}. [default: all]",
            show_default=False,
        ),
    ] = None,
    unit: Annotated[
        Unit | None,
        typer.Option(help="Unit of lengths. [default: px, and µm where the pixel size is known]"),
    ] = None,
    pixel_size: PixelSize = None,
    z_step: ZStep = None,
    axes: Axes = None,
    volumes: Annotated[
        bool | None,
        typer.Option(
            "--volumes/--slices",
            help="Stacks: a row for each 3D nucleus, or for each of its slices. "
            "[default: 3D nuclei where the objects have the column 'object']",
            show_default=False,
        ),
    ] = None,
    formats: Annotated[
        list[str] | None, format_option(lambda: (*TABLE_FORMATS, *OBJECT_FORMATS))
    ] = None,
    combined: Annotated[
        Path | None,
        typer.Option(
            help="Write the objects of all images into this CSV file too (Raw_data_….csv).",
            show_default=False,
        ),
    ] = None,
    pattern: Annotated[
        str | None,
        typer.Option(
            help="How the images are called, for the columns of --combined: fields in braces. "
            "[default: {clone}_{diff}_{day}_{immuno}_{objective}_{imaging}_{organoid}_{slice}]",
            show_default=False,
        ),
    ] = None,
    overwrite: Overwrite = False,
    resume: Resume = False,
    jobs: Jobs = "1",
    scheduler: Scheduler = None,
    as_json: AsJson = False,
) -> None:
    """Measure shape and intensities of every object: a table NAME_measurements.csv an image.

    Running the same command again does only what is missing or has changed.
    """
    from bridge.batch.workers.select import choose_workers
    from bridge.formats.combined_tables import check_name
    from bridge.formats.naming import PUBLISHED_PATTERN, NamePattern
    from bridge.images import find_images
    from bridge.measure.combined import write_measurements
    from bridge.measure.files import Settings, note_on_pixel_sizes
    from bridge.volumes.measuring.job import measure_files, note_on_volumes

    existing = chosen_existing(overwrite, resume)
    workers = choose_workers(jobs, scheduler)

    width, ring_unit = _width(ring)
    chosen = split_words(channel)
    if channel is not None and not chosen:
        raise BadInputError("--channel", "is empty", "give a name or a number from 0")
    units: dict[Unit | None, Literal["px", "µm", "both"] | None] = {
        None: None,
        Unit.px: "px",
        Unit.um: "µm",
        Unit.both: "both",
    }
    asked = tuple(dict.fromkeys(formats or ()))
    settings = Settings(
        ring=width,
        ring_unit=ring_unit,
        unit=units[unit],
        channels=chosen or None,
        axes=axes,
        pixel_size=pixel_size,
        tables=tuple(key for key in asked if key in TABLE_FORMATS) or ("csv",),
        z_step=z_step,
        objects=tuple(key for key in asked if key in OBJECT_FORMATS),
    )
    if not objects.exists():
        raise BadInputError(objects, "is not there", "check the path")
    names = NamePattern.parse(pattern or PUBLISHED_PATTERN)
    if combined is not None:
        check_name(combined)
    files = find_images(images)
    with shown_progress() as listener:
        outcomes = measure_files(
            files,
            [objects],
            out,
            settings,
            volumes=volumes,
            existing=existing,
            listener=listener,
            workers=workers,
        )
    if combined is not None:
        write_measurements(combined, outcomes, out, names, overwrite=overwrite)
        note(f"the objects of all images are in {combined}")
    if as_json:
        print_json([outcome.to_json() for outcome in outcomes])
    for line in (note_on_volumes(outcomes), note_on_pixel_sizes(outcomes)):
        if line:
            note(line)
    close_run(outcomes, "tables", out)


def _width(text: str | None) -> tuple[float | None, Literal["px", "µm"]]:
    """Return width and unit of a ring from texts such as ``3um``, ``2.5 µm`` and ``8px``."""
    if text is None:
        return None, "µm"
    from bridge.images.lengths import Length

    found = Length.parse(text, "--ring", "not a width", "3um or 8px")
    return found.value, found.unit
