"""``starbridge classes apply``: classes of objects, by a classifier."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from bridge.cli.options import (
    CHANNEL_HELP,
    AsJson,
    Axes,
    Jobs,
    Outputs,
    Overwrite,
    PixelSize,
    Resume,
    Scheduler,
    chosen_existing,
    split_words,
)
from bridge.cli.output import close_run, note, print_json, shown_progress
from bridge.formats.layout import DEFAULT_FORMATS


def apply(
    classifier: Annotated[
        Path,
        typer.Argument(
            help="Folder of starbridge classes train, or a project of ilastik (.ilp) that "
            "was saved with a trained classifier of objects.",
            show_default=False,
        ),
    ],
    paths: Annotated[
        list[Path],
        typer.Argument(
            metavar="IMAGES... DETECTIONS",
            help="Images, or folders of them; then their objects: a file for one image, or a "
            "folder of files, such as segment's results. With --crops images alone.",
            show_default=False,
        ),
    ],
    out: Annotated[
        Path, typer.Option("--out", "-o", help="Folder for the results.", show_default=False)
    ],
    crops: Annotated[
        bool,
        typer.Option(
            "--crops",
            help="The images are crops, each of one object: the whole crop, or its largest object "
            "in --objects.",
        ),
    ] = False,
    objects: Annotated[
        list[Path] | None,
        typer.Option(
            "--objects",
            help="Objects of the crops: files, or folders of them; several times.",
            show_default=False,
        ),
    ] = None,
    unsure: Annotated[
        float,
        typer.Option(
            help="Least probability, from 0 to 1, of an object's class; objects below have none."
        ),
    ] = 0.0,
    keep: Annotated[
        bool, typer.Option("--keep", help="Objects that have a class keep it.")
    ] = False,
    ilastik: Annotated[
        bool,
        typer.Option(
            "--ilastik-table",
            help="Write a table with ilastik's columns of each image, too: ilastik/NAME_table.csv.",
        ),
    ] = False,
    channel: Annotated[
        str | None,
        typer.Option(
            help="Channels that stand for those of training, in their order, with commas: "
            f"{CHANNEL_HELP}. [default: those of the same names]",
            show_default=False,
        ),
    ] = None,
    pixel_size: PixelSize = None,
    axes: Axes = None,
    formats: Outputs = None,
    overwrite: Overwrite = False,
    resume: Resume = False,
    jobs: Jobs = "1",
    scheduler: Scheduler = None,
    as_json: AsJson = False,
) -> None:
    """Give objects their classes, with the probability of each class, in every format.

    The results go to starbridge aggregate as they are; predictions.csv (image_name,label) has all
    objects. Running the same command again does only what is missing or has changed.
    """
    from bridge.batch.record import read_record
    from bridge.batch.workers.select import choose_workers
    from bridge.classify.objects.applying import (
        COMMON_TABLE,
        Settings,
        apply_to_files,
        summarise_classes,
    )
    from bridge.classify.objects.classifier import load_object_classifier
    from bridge.errors import BadInputError
    from bridge.images import find_images

    existing = chosen_existing(overwrite, resume)
    words = split_words(channel)
    if channel is not None and not words:
        raise BadInputError("--channel", "is empty", "give a name or a number from 0")
    if crops:
        places, sources = paths, tuple(objects or ())
    else:
        *places, last = paths
        sources = (last,)
        if objects:
            raise BadInputError("--objects", "is for --crops", "give objects behind the images")
        if not places:
            raise BadInputError(
                last, "is given alone", "give images and then their objects, or --crops"
            )
    for source in sources:
        if not source.exists():
            raise BadInputError(source, "is not there", "check the path of the objects")
    settings = Settings(
        formats=tuple(dict.fromkeys(formats or DEFAULT_FORMATS)),
        threshold=unsure,
        keep=keep,
        crops=crops,
        ilastik=ilastik,
        channels=tuple(int(word) if word.isdecimal() else word for word in words) or None,
        axes=axes,
        pixel_size=pixel_size,
    )
    workers = choose_workers(jobs, scheduler)
    found = find_images(places)
    with shown_progress() as listener:
        outcomes = apply_to_files(
            found,
            sources,
            out,
            classifier,
            settings,
            existing=existing,
            listener=listener,
            workers=workers,
        )
    if any(outcome.status != "failed" for outcome in outcomes):
        note(f"the classes of all objects are in {out / COMMON_TABLE}")
        if said := summarise_classes(outcomes, load_object_classifier(classifier)):
            note(said)
    if as_json:
        print_json({**read_record(out), "outcomes": [outcome.to_json() for outcome in outcomes]})
    close_run(outcomes, "results", out)
