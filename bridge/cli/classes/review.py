"""``starbridge classes review``: predicted classes into a review, with those to check."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bridge.cli.options import CHANNEL_HELP, AsJson, Axes, PixelSize, split_words
from bridge.cli.output import note, print_json
from bridge.cli.qupath.options import HEAP_HELP, QUPATH_HELP

if TYPE_CHECKING:
    from bridge.apps.class_review import ClassReviewOutcome


def review(
    classifier: Annotated[
        Path, typer.Argument(help="Folder of starbridge classes train.", show_default=False)
    ],
    reviews: Annotated[
        Path,
        typer.Argument(
            metavar="REVIEW",
            help="A QuPath project, or a review folder of fiji push.",
            show_default=False,
        ),
    ],
    count: Annotated[
        int, typer.Option(min=0, help="Objects to check, of all images together.")
    ] = 100,
    unsure: Annotated[
        float,
        typer.Option(
            help="Least probability, from 0 to 1, of an object's class; objects below have none."
        ),
    ] = 0.0,
    annotations: Annotated[
        bool, typer.Option("--annotations", help="Annotations in QuPath are objects, too.")
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
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say what would be done, and do nothing.")
    ] = False,
    force: Annotated[
        bool, typer.Option("--force", help="Push although a QuPath is running.")
    ] = False,
    qupath: Annotated[Path | None, typer.Option(help=QUPATH_HELP)] = None,
    heap: Annotated[str | None, typer.Option(help=HEAP_HELP)] = None,
    as_json: AsJson = False,
) -> None:
    """Put predicted classes into a review, and the most useful objects into the class "to check".

    Useful are objects between two classes, spread over the images. Give them their class in Fiji
    or QuPath, save, and train again. A class that a reviewer gave is never changed.
    """
    from bridge.apps.class_review import ClassReviewSettings, review_classes
    from bridge.classify.objects.predicting import ObjectPredictor
    from bridge.errors import BadInputError

    if not reviews.exists():
        raise BadInputError(reviews, "is not there", "give a QuPath project or a review folder")
    words = split_words(channel)
    if channel is not None and not words:
        raise BadInputError("--channel", "is empty", "give a name or a number from 0")
    channels = tuple(int(word) if word.isdecimal() else word for word in words) or None
    predict = ObjectPredictor.load(classifier, channels=channels, note=note)
    outcomes = review_classes(
        reviews,
        predict.classifier.classes,
        predict,
        ClassReviewSettings(
            count=count,
            least=unsure,
            annotations=annotations,
            axes=axes,
            pixel_size=pixel_size,
            force=force,
            dry_run=dry_run,
        ),
        qupath=qupath,
        heap=heap,
        note=note,
        on_image=lambda outcome: _tell(outcome, is_told=not as_json),
    )
    if as_json:
        print_json([asdict(outcome) for outcome in outcomes])
    if any(outcome.error for outcome in outcomes):
        raise typer.Exit(1)


def _tell(outcome: ClassReviewOutcome, *, is_told: bool) -> None:
    if outcome.error is not None:
        note(outcome.error)
    elif is_told:
        typer.echo(
            f"{outcome.image}: {outcome.objects} objects classed, {outcome.to_check} to check, "
            f"{outcome.decided} decided by reviewers"
        )
