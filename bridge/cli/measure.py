"""``starbridge measure``: shapes and intensities of every object as tables."""

from __future__ import annotations

import re
from dataclasses import asdict
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from bridge.cli.options import Axes, PixelSize
from bridge.cli.output import close_run, note, print_json, shown_progress
from bridge.errors import BadInputError

if TYPE_CHECKING:
    from bridge.measure.files import Measured


class TableFormat(StrEnum):
    """Choices of ``--format``."""

    csv = "csv"
    parquet = "parquet"


class Unit(StrEnum):
    """Choices of ``--unit``."""

    px = "px"
    um = "um"
    both = "both"


def measure(
    images: Annotated[
        list[Path], typer.Argument(help="Images, or folders of them.", show_default=False)
    ],
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
            help="Channels to measure, names or numbers from 0, with commas. [default: all]",
            show_default=False,
        ),
    ] = None,
    unit: Annotated[
        Unit | None,
        typer.Option(help="Unit of lengths. [default: px, and µm where the pixel size is known]"),
    ] = None,
    pixel_size: PixelSize = None,
    axes: Axes = None,
    table: Annotated[
        TableFormat, typer.Option("--format", help="Format of the tables.")
    ] = TableFormat.csv,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Make tables anew that are there already.")
    ] = False,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print what became of each image.")
    ] = False,
) -> None:
    """Measure shape and intensities of every object: a table NAME_measurements.csv an image.

    Running the same command again does only what is missing; a table that is there is kept,
    whatever it was made with, unless --overwrite is given.
    """
    from bridge.images import find_images
    from bridge.measure.files import Settings, measure_files

    width, ring_unit = _width(ring)
    chosen = [word.strip() for word in (channel or "").split(",") if word.strip()]
    if channel is not None and not chosen:
        raise BadInputError("--channel", "is empty", "give a name or a number from 0")
    units: dict[Unit | None, Literal["px", "µm", "both"] | None] = {
        None: None,
        Unit.px: "px",
        Unit.um: "µm",
        Unit.both: "both",
    }
    settings = Settings(
        ring=width,
        ring_unit=ring_unit,
        unit=units[unit],
        channels=tuple(chosen) or None,
        axes=axes,
        pixel_size=pixel_size,
        table=table.value,
        overwrite=overwrite,
    )
    if not objects.exists():
        raise BadInputError(objects, "is not there", "check the path")
    files = find_images(images)
    with shown_progress() as listener:
        outcomes = measure_files(files, [objects], out, settings, listener)
    if as_json:
        print_json([asdict(outcome) for outcome in outcomes])
    _close(outcomes, out)


def _close(outcomes: list[Measured], out: Path) -> None:
    """Say how it went, on stderr; exit status 1 where an image failed."""
    for outcome in outcomes:
        if outcome.undrawn:
            listed = ", ".join(outcome.undrawn[:5]) + (", …" if len(outcome.undrawn) > 5 else "")
            note(
                f"{outcome.name}: {len(outcome.undrawn)} objects are covered by others or lie "
                f"outside the image and have no measurements: {listed}"
            )
    close_run(outcomes, "tables", out)


def _width(text: str | None) -> tuple[float | None, Literal["px", "µm"]]:
    """Width and unit of a ring, of texts such as ``3um``, ``2.5 µm`` and ``8px``."""
    if text is None:
        return None, "µm"
    # µ is on keyboards as the micro sign and in Greek texts as the letter mu.
    match = re.fullmatch(r"(\d+\.?\d*|\.\d+)\s*(um|µm|μm|px)", text.strip().lower())
    if match is None or float(match[1]) == 0:
        raise BadInputError("--ring", f"{text!r} is not a width", "give 3um or 8px")
    return float(match[1]), "px" if match[2] == "px" else "µm"
