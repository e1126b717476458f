"""``starbridge segment``: nuclei of images."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from bridge.cli.options import (
    CHANNEL_HELP,
    IMAGES_HELP,
    MODEL_HELP,
    AsJson,
    Axes,
    Jobs,
    Outputs,
    Overwrite,
    PixelSize,
    Resume,
    Scheduler,
    ZStep,
    chosen_existing,
    split_words,
)
from bridge.cli.output import close_run, note, print_json, shown_progress
from bridge.errors import BadInputError
from bridge.formats.layout import DEFAULT_FORMATS
from bridge.segment.engines.registry import engine_names, find_engine


class OutlineKind(StrEnum):
    """Choices of ``--outline``."""

    star = "star"
    traced = "traced"


class NormalizeKind(StrEnum):
    """Choices of ``--normalize``."""

    joint = "joint"
    channels = "channels"


class StackKind(StrEnum):
    """Choices of ``--stack-2d``."""

    plane = "plane"
    link = "link"


def segment(
    images: Annotated[
        list[str],
        typer.Argument(
            help=f"{IMAGES_HELP} Also by URL (s3://bucket/folder).",
            show_default=False,
        ),
    ],
    out: Annotated[
        Path, typer.Option("--out", "-o", help="Folder for the results.", show_default=False)
    ],
    model: Annotated[str, typer.Option("--model", "-m", help=MODEL_HELP)] = "fluo",
    channel: Annotated[
        str | None,
        typer.Option(
            help=f"Channel of the nuclei: {CHANNEL_HELP}; several with commas "
            "for a model of several. [default: the model's]",
            show_default=False,
        ),
    ] = None,
    prob: Annotated[
        float | None,
        typer.Option(help="Probability threshold, 0 to 1. [default: the model's]"),
    ] = None,
    nms: Annotated[
        float | None,
        typer.Option(help="Overlap threshold (NMS), 0 to 1. [default: the model's]"),
    ] = None,
    percentiles: Annotated[
        tuple[float, float] | None,
        typer.Option(
            help="Intensity percentiles brought to 0 and 1 (0.2 99.8). [default: the model's]",
        ),
    ] = None,
    normalize: Annotated[
        NormalizeKind | None,
        typer.Option(
            help="Percentiles of all channels of a model of several jointly, which keeps colours, "
            "or of each channel. [default: the model's]",
        ),
    ] = None,
    pixel_size: PixelSize = None,
    scale: Annotated[
        float | None,
        typer.Option(
            help="Enlarge images by this before prediction (0.5: shrink), so that nuclei look as "
            "large as in training. Results are in pixels of the image all the same.",
        ),
    ] = None,
    z_step: ZStep = None,
    stack_2d: Annotated[
        StackKind,
        typer.Option(
            help="Stacks with a 2D model: each plane for itself, or nuclei of neighbouring planes "
            "linked to nuclei of the volume."
        ),
    ] = StackKind.plane,
    min_planes: Annotated[
        int, typer.Option(help="With --stack-2d link: nuclei in fewer planes are left out.")
    ] = 2,
    axes: Axes = None,
    tiles: Annotated[
        str | None,
        typer.Option(help="Cut each plane into N or NYxNX tiles. [default: as memory asks for]"),
    ] = None,
    memory: Annotated[
        float, typer.Option(help="GiB for prediction, beside the image itself.")
    ] = 2.0,
    outline: Annotated[
        OutlineKind,
        typer.Option(help="StarDist's smooth outlines, or exact ones along pixel edges."),
    ] = OutlineKind.star,
    formats: Outputs = None,
    engine: Annotated[
        str,
        typer.Option(
            help="What runs the network: starbridge itself, ONNX Runtime (onnx), TensorFlow "
            "(keras).",
            metavar=f"[{'|'.join(engine_names())}]",
        ),
    ] = "auto",
    overwrite: Overwrite = False,
    resume: Resume = False,
    jobs: Jobs = "1",
    scheduler: Scheduler = None,
    as_json: AsJson = False,
) -> None:
    """Find nuclei in images: labels, ROIs, GeoJSON, tables and a preview for each.

    Running the same command again does only what is missing or has changed.
    """
    from bridge.batch.record import read_record
    from bridge.batch.segment_job import Settings, segment_files
    from bridge.batch.workers.select import choose_workers
    from bridge.images import find_images
    from bridge.model.folder import open_model
    from bridge.segment.segmenter import Segmenter

    existing = chosen_existing(overwrite, resume)
    spec = find_engine(engine)
    folder = open_model(model, allow_3d=True)
    recipe = folder.recipe.with_changes(
        prob=prob,
        nms=nms,
        percentiles=percentiles,
        channel=_channels(channel),
        normalize=normalize and normalize.value,
    )
    settings = Settings(
        formats=tuple(dict.fromkeys(formats or DEFAULT_FORMATS)),
        outline=outline.value,
        axes=axes,
        pixel_size=pixel_size,
        scale=scale,
        z_step=z_step,
        stack_2d=stack_2d.value,
        min_planes=min_planes,
        tiles=_tiles(tiles),
        memory=_gib(memory),
    )
    workers = choose_workers(jobs, scheduler)
    found = find_images(images)
    segmenter = Segmenter(folder, recipe, spec=spec)
    for line in folder.notes:
        note(line)
    with shown_progress() as listener:
        outcomes = segment_files(
            found,
            out,
            segmenter,
            settings,
            existing=existing,
            listener=listener,
            workers=workers,
        )
    if as_json:
        print_json({**read_record(out), "outcomes": [o.to_json() for o in outcomes]})
    close_run(outcomes, "results", out)


def _channels(text: str | None) -> int | str | tuple[int | str, ...] | None:
    if text is None:
        return None
    chosen = tuple(int(word) if word.isdecimal() else word for word in split_words(text))
    if not chosen:
        raise BadInputError("--channel", "is empty", "give a name or a number from 0")
    return chosen[0] if len(chosen) == 1 else chosen


def _gib(memory: float) -> float:
    if not memory > 0:
        raise BadInputError("--memory", f"{memory} is no amount of memory", "give GiB, such as 2")
    return memory


def _tiles(text: str | None) -> int | tuple[int, int] | None:
    if text is None:
        return None
    parts = text.lower().split("x")
    if not all(p.isdecimal() and int(p) > 0 for p in parts) or len(parts) > 2:
        raise BadInputError("--tiles", f"{text!r} is no number of tiles", "give 4, or 4x3")
    numbers = [int(p) for p in parts]
    return numbers[0] if len(numbers) == 1 else (numbers[0], numbers[1])
