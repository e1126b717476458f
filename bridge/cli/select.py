"""``starbridge select``: the images that span the intensities of each condition, and crops."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from enum import StrEnum
from fractions import Fraction
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from bridge.cli.options import (
    CHANNEL_HELP,
    IMAGES_HELP,
    Axes,
    Jobs,
    Overwrite,
    PixelSize,
    Resume,
    Scheduler,
    chosen_existing,
    format_option,
    split_words,
)
from bridge.cli.output import close_run, note, print_json, shown_progress
from bridge.errors import BadInputError

if TYPE_CHECKING:
    import pandas as pd

    from bridge.batch.listener import Outcome
    from bridge.select.files import CropSettings
    from bridge.select.windows import Length

_LISTED = 5

CROP_FORMATS = ("tif", "h5")


class Place(StrEnum):
    """Choices of ``--at``."""

    centre = "centre"
    top_left = "top-left"
    top_right = "top-right"
    bottom_left = "bottom-left"
    bottom_right = "bottom-right"
    densest = "densest"


class Names(StrEnum):
    """Choices of ``--names``."""

    starbridge = "starbridge"
    haug2 = "haug2"


def select(
    images: Annotated[list[Path], typer.Argument(help=IMAGES_HELP, show_default=False)],
    channel: Annotated[
        list[str],
        typer.Option(
            help=f"Channel to choose by: {CHANNEL_HELP}; several times, or with commas, to choose "
            "images for each.",
            show_default=False,
        ),
    ],
    objects: Annotated[
        list[Path] | None,
        typer.Option(
            help="Folder of their objects, such as segment's results; several times. "
            "[default: results inside and beside the images' folder]",
            show_default=False,
        ),
    ] = None,
    by: Annotated[
        list[str] | None,
        typer.Option(
            help="Field of the file names that makes a condition; several times, or with commas. "
            "[default: the mapped fields, or all images are one]",
            show_default=False,
        ),
    ] = None,
    pattern: Annotated[
        str | None,
        typer.Option(
            help="How files are called: {clone}_{day}_{slice}, or a regular expression with named "
            "groups. [default: the published one, see the manual]",
            show_default=False,
        ),
    ] = None,
    maps: Annotated[
        list[str] | None,
        typer.Option(
            "--map",
            help="Further fields from a table, such as clone=genotypes.csv; several times.",
            show_default=False,
        ),
    ] = None,
    quantiles: Annotated[
        tuple[float, float, float],
        typer.Option(help="Low, medium and high: of the images of each condition."),
    ] = (0.1, 0.5, 0.9),
    out: Annotated[Path, typer.Option("--out", "-o", help="Folder for the selection.")] = Path(
        "selection"
    ),
    crop: Annotated[
        str | None,
        typer.Option(
            help="Write crops of the chosen images and their labels: 1024, WIDTHxHEIGHT, or a "
            "fraction of each side: half, 1/3, 0.25, 50%x100%.",
            show_default=False,
        ),
    ] = None,
    at: Annotated[Place, typer.Option(help="Where in the image.")] = Place.centre,
    keep_ids: Annotated[
        bool,
        typer.Option(
            "--keep-ids", help="Nuclei in crops keep their ids in the whole image's labels."
        ),
    ] = False,
    names: Annotated[
        Names,
        typer.Option(
            help="Names of crops: images/NAME_crop and labels/NAME_crop_labels, or those of "
            "haug2's notebooks: images/NAME and masks/NAME_mask."
        ),
    ] = Names.starbridge,
    resegment: Annotated[
        str | None,
        typer.Option(
            help="Segment the crops with this model (given as in segment) as it segments the "
            "whole image.",
            show_default=False,
        ),
    ] = None,
    formats: Annotated[list[str] | None, format_option(lambda: CROP_FORMATS)] = None,
    tables: Annotated[
        Path | None,
        typer.Option(
            help="Folder of tables of 'starbridge measure', to take the intensities from.",
            show_default=False,
        ),
    ] = None,
    pixel_size: PixelSize = None,
    axes: Axes = None,
    overwrite: Overwrite = False,
    resume: Resume = False,
    jobs: Jobs = "1",
    scheduler: Scheduler = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print the chosen images as JSON.")
    ] = False,
) -> None:
    """Choose the images of low, medium and high staining of each condition, and crop them.

    An image counts by the mean intensity of a channel over its segmented nuclei; with several
    channels, images are chosen for each. Running the same command again reads only images that are
    new or have changed.
    """
    from bridge.batch.workers.select import choose_workers
    from bridge.formats.pairing import result_folders
    from bridge.images import find_images
    from bridge.select.choosing import check_quantiles, choose
    from bridge.select.conditions import NO_CONDITION
    from bridge.select.files import ASKED, Settings, crop_images, measure_images, write_table
    from bridge.select.page import write_selection_page

    existing = chosen_existing(overwrite, resume)
    workers = choose_workers(jobs, scheduler)
    check_quantiles(quantiles)
    channels = split_words(",".join(channel))
    if not channels:
        raise BadInputError("--channel", "is empty", "give a name or a number from 0")
    crops = _crops(crop, at, resegment, formats, keep_ids=keep_ids, names=names)
    for folder in [*(objects or ()), *([tables] if tables else [])]:
        if not folder.exists():
            raise BadInputError(folder, "is not there", "check the path")
    files = find_images(images)
    fields = [word.strip().lower() for given in by or () for word in given.split(",")]
    with_conditions = _conditions(pattern, fields, maps or (), files)
    settings = Settings(
        channel=channels,
        sources=tuple(objects or result_folders(files)),
        tables=tables,
        axes=axes,
        pixel_size=pixel_size,
    )
    how: Any = {"existing": existing, "workers": workers}
    with shown_progress() as listener:
        frame, outcomes = measure_images(files, out, settings, listener=listener, **how)
    frame = with_conditions(frame)
    can_be_chosen = frame[frame["condition"] != NO_CONDITION]
    chosen = choose(can_be_chosen, by=["condition", ASKED], quantiles=quantiles)
    write_table(frame, out / "intensities.csv")
    write_table(chosen, out / "selection.csv")
    cropped = []
    if crops:
        with shown_progress() as listener:
            cropped = crop_images(chosen, out, settings, crops, listener=listener, **how)
    if as_json:
        print_json(json.loads(chosen.to_json(orient="records")))
    else:
        for row in chosen.itertuples():
            which = f"{row.asked_channel}\t" if len(channels) > 1 else ""
            typer.echo(f"{which}{row.condition}\t{row.level}\t{row.mean:.6g}\t{row.image}")
    if crops and names is Names.haug2 and not keep_ids and resegment is None:
        note(
            "the crops are called as their images, but their nuclei are numbered anew: a number "
            "means another nucleus there; --keep-ids keeps the numbers"
        )
    _print_warnings(frame, chosen, cropped)
    if len(frame):
        write_selection_page(frame, chosen, out / "selection.html")
    close_run([*outcomes, *(o for o in cropped if o.status != "skipped")], "selection", out)


def _crops(
    size: str | None,
    at: Place,
    model: str | None,
    formats: list[str] | None,
    *,
    keep_ids: bool,
    names: Names,
) -> CropSettings | None:
    """Return the settings of the crops; ``None`` where none are asked for."""
    if size is None:
        other = keep_ids or names is not Names.starbridge or at is not Place.centre
        if model is not None or formats or other:
            raise BadInputError(
                "--crop", "is missing", "say how large the crops shall be: --crop 1024"
            )
        return None
    if keep_ids and model is not None:
        raise BadInputError(
            "--keep-ids and --resegment", "contradict each other", "give one of them"
        )
    from bridge.select.files import CropSettings

    settings = CropSettings(
        _crop_size(size),
        at.value,
        tuple(dict.fromkeys(formats or CROP_FORMATS)),
        keep_labels=keep_ids,
        layout=names.value,
    )
    if model is None:
        return settings
    from bridge.select.resegmenting import ModelOfRun

    segmenter = ModelOfRun(model)
    for line in segmenter.model.notes:
        note(line)
    return replace(settings, segmenter=segmenter, model=segmenter.model.sha256)


def _crop_size(text: str) -> tuple[Length, Length]:
    """Return height and width of a crop: pixels, or fractions of the image.

    Raises:
        BadInputError: no size.

    >>> _crop_size("1024x768"), _crop_size("half")
    ((768, 1024), (Fraction(1, 2), Fraction(1, 2)))
    >>> _crop_size("50%x1")
    (Fraction(1, 1), Fraction(1, 2))
    """
    words = re.split("[x×]", text.strip().lower())
    if len(words) <= 2 and all(re.fullmatch(r"[1-9]\d{0,6}", word) for word in words):
        return int(words[-1]), int(words[0])
    sides = [_fraction(word) for word in words]
    if len(sides) > 2 or not all(side is not None and 0 < side <= 1 for side in sides):
        raise BadInputError(
            "--crop",
            f"{text!r} is no size",
            "give 1024, 1024x768, or of each side half, 1/3 or 40%",
        )
    height, width = sides[-1], sides[0]
    assert height is not None  # noqa: S101 - all are
    assert width is not None  # noqa: S101
    return height, width


def _fraction(word: str) -> Fraction | None:
    if word == "half":
        return Fraction(1, 2)
    if re.fullmatch(r"\d{1,6}/[1-9]\d{0,5}|\d{0,3}\.\d{1,6}|1", word):
        return Fraction(word)
    if re.fullmatch(r"\d{1,3}(\.\d{1,6})?%", word):
        return Fraction(word[:-1]) / 100
    return None


def _conditions(
    pattern: str | None, by: Sequence[str], maps: Sequence[str], files: Sequence[Path]
) -> Callable[[pd.DataFrame], pd.DataFrame]:
    """Return a function that adds fields and condition to a table of images.

    Whatever keeps it from doing so is raised now, before anything is measured.
    """
    import pandas as pd

    from bridge.formats.naming import PUBLISHED_PATTERN, NamePattern, base_name, parse_map, read_map
    from bridge.select.conditions import ALL_IMAGES, add_fields
    from bridge.select.files import COLUMNS

    if pattern is None and not by and not maps:
        return lambda frame: frame.assign(condition=ALL_IMAGES)
    parsed = NamePattern.parse(pattern or PUBLISHED_PATTERN)
    tables = [read_map(*parse_map(text)) for text in maps]
    by = by or [title.lower() for table in tables for title in table.titles]
    decompose = partial(add_fields, pattern=parsed, by=by, maps=tables)
    decompose(pd.DataFrame(columns=[*COLUMNS]))
    if by and not any(parsed.match(base_name(file)) for file in files):
        raise BadInputError(
            parsed.text,
            f"fits none of the names, such as {base_name(files[0])!r}",
            "say how the files are called: --pattern",
        )
    return decompose


def _print_warnings(frame: pd.DataFrame, chosen: pd.DataFrame, cropped: Sequence[Outcome]) -> None:
    """Print on stderr what a user should know of the selection."""
    from bridge.select.conditions import NO_CONDITION
    from bridge.select.files import ASKED

    apart = frame.loc[frame["condition"] == NO_CONDITION, "name"].drop_duplicates()
    _list("have names that do not fit, or are in no --map, and are not chosen", apart)
    empty = frame.loc[frame["mean"].isna(), "name"].drop_duplicates()
    _list("have no nuclei to measure and are not chosen", empty)
    for asked, names in frame.groupby(ASKED, sort=False)["channel"]:
        channels = sorted({str(name) for name in names})
        if len(channels) > 1:
            which = f"channel {asked}" if frame[ASKED].nunique() > 1 else "the channel"
            note(f"{which} is called differently in different images: {', '.join(channels)}")
    few = chosen[chosen["images"] < chosen["level"].nunique()].drop_duplicates("condition")
    for condition, count in zip(few["condition"], few["images"], strict=True):
        note(f"{condition}: too few images ({count}) to choose different ones for each quantile")
    _list(
        "are smaller than the crop and were taken whole",
        [outcome.name for outcome in cropped if outcome.result.get("whole")],
    )


def _list(what: str, names: Iterable[str]) -> None:
    listed = [str(name) for name in names]
    if listed:
        more = ", …" if len(listed) > _LISTED else ""
        note(f"{len(listed)} images {what}: {', '.join(listed[:_LISTED])}{more}")
