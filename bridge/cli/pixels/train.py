"""``starbridge pixels train``: a pixel classifier from brush strokes."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from bridge.cli.options import CHANNEL_HELP, IMAGES_HELP, Axes, split_words
from bridge.cli.output import note, print_json
from bridge.cli.qupath.options import HEAP_HELP, QUPATH_HELP


class FeatureChoice(StrEnum):
    """Choices of ``--features``."""

    default = "default"
    in_2d = "2d"
    fast = "fast"


def train(
    images: Annotated[list[Path], typer.Argument(help=IMAGES_HELP, show_default=False)],
    labels: Annotated[
        list[Path],
        typer.Option(
            "--labels",
            help="Strokes: label images (0: none, then the classes from 1), a QuPath project, a "
            "review folder of Fiji, GeoJSON, ROIs, or folders of them, or a project of ilastik "
            "(.ilp); several times.",
            show_default=False,
        ),
    ],
    out: Annotated[
        Path, typer.Option("--out", "-o", help="Folder of the classifier.", show_default=False)
    ],
    classes: Annotated[
        str | None,
        typer.Option(
            help="Names of the classes in order, as in background,nucleus. [default: those of the "
            ".ilp]",
            show_default=False,
        ),
    ] = None,
    features: Annotated[
        FeatureChoice | None,
        typer.Option(
            help="Features of pixels: all; all, plane by plane; or without the two widest scales. "
            "[default: those of the .ilp, else all]",
            show_default=False,
        ),
    ] = None,
    channel: Annotated[
        str | None,
        typer.Option(
            help=f"Channels to train on, with commas: {CHANNEL_HELP}. [default: all]",
            show_default=False,
        ),
    ] = None,
    trees: Annotated[int, typer.Option(help="Number of trees.")] = 100,
    seed: Annotated[int, typer.Option(help="The same seed gives the same classifier.")] = 0,
    preview: Annotated[
        Path | None,
        typer.Option(
            help="Show the classes of this image on a page beside the classifier "
            "(CLASSIFIER_preview.html).",
            show_default=False,
        ),
    ] = None,
    watch: Annotated[
        bool,
        typer.Option(
            "--watch", help="Train again, and renew the page, whenever the strokes change."
        ),
    ] = False,
    axes: Axes = None,
    qupath: Annotated[Path | None, typer.Option(help=QUPATH_HELP)] = None,
    heap: Annotated[str | None, typer.Option(help=HEAP_HELP)] = None,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace a classifier that is there.")
    ] = False,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print classes, features and error as JSON.")
    ] = False,
) -> None:
    """Train a classifier of pixels, with ilastik's features and without ilastik.

    It is a folder of JSON and plain arrays, which starbridge pixels apply takes.
    """
    from bridge.apps.pixel_training import PixelTraining, changes_of, write_preview_page
    from bridge.errors import BadInputError, StarbridgeError
    from bridge.formats.ilastik.feature_selection import FeatureSelection
    from bridge.images import find_images

    if out.exists() and not overwrite:
        raise BadInputError(out, "is there already", "choose another --out, or give --overwrite")
    if watch and preview is None:
        raise BadInputError("--watch", "shows nothing alone", "give --preview IMAGE, too")
    missing = next((path for path in labels if not path.exists()), None)
    if missing is not None:
        raise BadInputError(missing, "is not there", "check the path of the labels")
    channels = _channels(channel)
    training = PixelTraining(
        images=find_images(images),
        labels=labels,
        classes=split_words(classes),
        selection=None if features is None else FeatureSelection.by_name(features.value),
        channels=channels,
        axes=axes,
        seed=seed,
        trees=trees,
        qupath=qupath,
        heap=heap,
        note=note,
    )
    page = out.with_name(f"{out.name}_preview.html")

    def make() -> None:
        classifier = training.run()
        classifier.write(out)
        error = classifier.error
        wrong = "" if error is None else f", {error:.1%} of the labelled pixels wrong (out of bag)"
        note(f"{out}: {', '.join(classifier.class_names)}{wrong}")
        if preview is not None:
            write_preview_page(
                page, preview, classifier, axes=axes, channels=channels, refresh=watch
            )
            note(f"open {page} in a browser")
        if as_json:
            print_json(
                {
                    "classifier": str(out),
                    "classes": list(classifier.class_names),
                    "without_strokes": list(classifier.unlabelled),
                    "features": classifier.forest.n_features,
                    "trees": classifier.forest.n_trees,
                    "out_of_bag_error": error,
                }
            )

    changes = changes_of(labels, without=[out, page]) if watch else ()
    make()
    try:
        for _ in changes:
            try:
                make()
            except StarbridgeError as error:  # a stroke file may be half written, or a slip
                note(str(error))
    except KeyboardInterrupt:
        note(f"stopped; the classifier of the last strokes is in {out}")


def _channels(text: str | None) -> tuple[int | str, ...] | None:
    from bridge.errors import BadInputError

    words = split_words(text)
    if text is not None and not words:
        raise BadInputError("--channel", "is empty", "give a name or a number from 0")
    return tuple(int(word) if word.isdecimal() else word for word in words) or None
