"""Options that several commands share."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from bridge.errors import BadInputError
from bridge.formats.layout import FORMATS, places

if TYPE_CHECKING:
    from bridge.batch.runner import Existing

MODEL_HELP = (
    "StarDist model: a folder, a zip, a bioimage.io package, an exported .zip, .pb or .onnx, a "
    "URL, a name (starbridge models lists them), or 'fluo', the built-in one."
)
"""Help of ``--model``, the same in every command."""

CHANNEL_HELP = "a number from 0, or a name (DAPI; C1, C2, … where the image has no names)"
"""Ways to choose a channel, the same in every command."""

IMAGES_HELP = (
    "Images, or folders of them; FILE#2 (from 0) or FILE#NAME for one of the images in a file."
)
"""Ways to give images, the same in every command."""

TABLE_FORMATS = ("csv", "parquet")

PixelSize = Annotated[
    float | None,
    typer.Option(help="µm per pixel of the images, where the files do not say it."),
]
Axes = Annotated[
    str | None,
    typer.Option(help="Axes of the images (CYX, ZCYX, …), where the files do not say."),
]
ZStep = Annotated[
    float | None,
    typer.Option(
        help="µm between the slices of a stack, where the files do not say it.", show_default=False
    ),
]

Voxel = Annotated[
    str | None,
    typer.Option(
        metavar="Z,Y,X",
        help="µm per voxel along z, y and x, where the files do not say it (1,0.36,0.36).",
        show_default=False,
    ),
]
VolumeAxes = Annotated[
    str | None,
    typer.Option(
        help="Axes of the volumes (ZYX, CZYX, …), where the files do not say.", show_default=False
    ),
]
TimePoint = Annotated[
    int | None,
    typer.Option("--time", help="Time point, from 0, where there are several.", show_default=False),
]
Prepared = Annotated[
    Path | None,
    typer.Option(
        "--prepared",
        metavar="V.h5",
        help="The prepared volume that the files were computed on: its µm and its image hold for "
        "them, too (ilastik does not hand them on).",
        show_default=False,
    ),
]

Overwrite = Annotated[
    bool, typer.Option("--overwrite", help="Make results anew that are there already.")
]
Resume = Annotated[
    bool,
    typer.Option(
        "--resume", help="Keep complete results that are there, whatever they were made with."
    ),
]
Jobs = Annotated[
    str, typer.Option("--jobs", "-j", help="So many files at the same time, or 'auto'.")
]
Scheduler = Annotated[
    str | None,
    typer.Option(
        help="Dask cluster to work on: tcp://HOST:8786, or the scheduler's JSON file.",
        show_default=False,
    ),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print the result of each file as JSON.")]


def chosen_existing(overwrite: bool, resume: bool) -> Existing:
    """Return what to do with results that are there.

    Raises:
        BadInputError: both options are given.

    >>> chosen_existing(False, True)
    'keep'
    """
    if overwrite and resume:
        raise BadInputError("--overwrite and --resume", "contradict each other", "give one of them")
    return "overwrite" if overwrite else "keep" if resume else "check"


def split_words(text: str | None) -> tuple[str, ...]:
    """Return the words of a list with commas, each once.

    >>> split_words("DAPI, SOX2,DAPI")
    ('DAPI', 'SOX2')
    """
    words = (word.strip() for word in (text or "").split(","))
    return tuple(dict.fromkeys(word for word in words if word))


def format_option(keys: Callable[[], Iterable[str]]) -> Any:
    """Return the option ``--format``, which is given once for each format to write.

    Args:
        keys: returns the formats to choose from; asked again when a value is checked.

    Raises:
        BadInputError: when a command is run with another format.
    """

    def check(value: str) -> str:
        if value not in keys():
            raise BadInputError(
                "--format", f"{value!r} is not one of them", f"choose from {', '.join(keys())}"
            )
        return value

    return typer.Option(
        "--format",
        "--formats",  # its name in scripts of the first users
        parser=check,
        metavar="|".join(keys()),
        help="Format to write; give it once for each.",
        show_default=False,
    )


Formats = Annotated[list[str] | None, format_option(lambda: FORMATS)]
"""Formats of objects."""

Outputs = Annotated[list[str] | None, format_option(places)]
"""Formats of objects, and the preview."""

TableFormats = Annotated[list[str] | None, format_option(lambda: TABLE_FORMATS)]
"""Formats of plain tables."""
