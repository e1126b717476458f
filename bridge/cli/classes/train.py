"""``starbridge classes train``: a classifier of objects from those that people classed."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from bridge.cli.options import CHANNEL_HELP, IMAGES_HELP, Axes, PixelSize, split_words
from bridge.cli.output import counted_images, note, print_json
from bridge.cli.qupath.options import HEAP_HELP, QUPATH_HELP


class ModelKind(StrEnum):
    """Choices of ``--model``."""

    logistic = "logistic"
    svc = "svc"
    trees = "trees"
    cnn = "cnn"


def train(
    sources: Annotated[
        list[Path],
        typer.Argument(
            metavar="SOURCES...",
            help="Classed objects: a QuPath project, a review folder of Fiji, a project of ilastik "
            "(.ilp), a table of classes (CSV), files of objects (GeoJSON, ROIs) or folders of "
            "them, an export of QuPath (geojsons/, ROIsTif/), or a folder of crops called NAME "
            "(class)_001.tif or sorted into folders.",
            show_default=False,
        ),
    ],
    out: Annotated[
        Path, typer.Option("--out", "-o", help="Folder of the classifier.", show_default=False)
    ],
    images: Annotated[
        list[Path] | None,
        typer.Option(
            "--images",
            help=f"For tables and files of objects, several times: {IMAGES_HELP}",
            show_default=False,
        ),
    ] = None,
    objects: Annotated[
        list[Path] | None,
        typer.Option(
            "--objects",
            help="For tables of classes, and for crops of which not all is the object: files of "
            "objects, or folders of them; several times.",
            show_default=False,
        ),
    ] = None,
    test: Annotated[
        list[Path] | None,
        typer.Option(
            "--test",
            help="Sources to test on later: refuse to train on any image or object of theirs; "
            "several times.",
            show_default=False,
        ),
    ] = None,
    classes: Annotated[
        str | None,
        typer.Option(
            help="Classes to learn, with commas; objects of others are not learned. [default: all]",
            show_default=False,
        ),
    ] = None,
    dead: Annotated[
        list[str] | None,
        typer.Option(
            help="Class of dead cells, several times: report, apply and aggregate show proportions "
            "without them, too.",
            show_default=False,
        ),
    ] = None,
    unstained: Annotated[
        list[str] | None,
        typer.Option(
            help="Class of living cells without any marker; several times.", show_default=False
        ),
    ] = None,
    on_crops: Annotated[
        Path | None,
        typer.Option(
            "--on-crops",
            help="The crops of starbridge select that the sources were clicked on: classes go to "
            "the objects of the whole images (--images, --objects).",
            show_default=False,
        ),
    ] = None,
    annotations: Annotated[
        bool,
        typer.Option("--annotations", help="Annotations beside detections are objects, too."),
    ] = False,
    accepted: Annotated[
        bool,
        typer.Option(
            "--accepted",
            help="Classes that were pushed into a review, and that nobody changed, count, too.",
        ),
    ] = False,
    channel: Annotated[
        str | None,
        typer.Option(
            help=f"Channels to measure, with commas: {CHANNEL_HELP}. [default: all]",
            show_default=False,
        ),
    ] = None,
    ring: Annotated[
        float | None,
        typer.Option(
            help="Width of a ring around each object to measure, too, in µm (in px where the pixel "
            "size is not known); 0 for none. [default: 3 µm, or 8 px]",
            show_default=False,
        ),
    ] = None,
    models: Annotated[
        list[ModelKind] | None,
        typer.Option(
            "--model",
            help="Model to try, several times: logistic regression, support vectors, extremely "
            "random trees; or a convolutional network on crops of the objects (cnn), which takes "
            "many minutes. [default: logistic, svc and trees; the best is kept]",
            show_default=False,
        ),
    ] = None,
    report: Annotated[
        bool,
        typer.Option(
            "--report/--no-report",
            help="Write a report beside the classifier (CLASSIFIER_report): confusion, precision "
            "and recall, calibration, features, wrong and least certain objects.",
        ),
    ] = True,
    seed: Annotated[int, typer.Option(help="The same seed gives the same classifier.")] = 0,
    pixel_size: PixelSize = None,
    axes: Axes = None,
    qupath: Annotated[Path | None, typer.Option(help=QUPATH_HELP)] = None,
    heap: Annotated[str | None, typer.Option(help=HEAP_HELP)] = None,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace a classifier that is there.")
    ] = False,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print classes, model and scores as JSON.")
    ] = False,
) -> None:
    """Train a classifier of objects on those that people classed.

    The best of several models is kept, by cross-validation in which no image (no organoid, where
    the names say it) is trained on and tested. starbridge classes apply takes the folder.
    """
    from bridge.apps.class_training import ClassTraining
    from bridge.classify.objects.models.registry import CROP_MODELS, MODELS
    from bridge.classify.objects.sources.options import ReadOptions
    from bridge.errors import BadInputError, StarbridgeError
    from bridge.images import find_images, leave_out_twins

    page = out.parent / f"{out.name}_report"
    kinds = tuple(kind.value for kind in models or ()) or tuple(MODELS)
    logs = out.parent / f"{out.name}_logs" if set(kinds) & set(CROP_MODELS) else None
    places = (out, *((page,) if report else ()), *((logs,) if logs is not None else ()))
    for place in places:
        if place.exists() and not overwrite:
            raise BadInputError(
                place, "is there already", "choose another --out, or give --overwrite"
            )
    words = split_words(channel)
    if channel is not None and not words:
        raise BadInputError("--channel", "is empty", "give a name or a number from 0")
    if ring is not None and not 0 <= ring < float("inf"):
        raise BadInputError("--ring", f"{ring} is not a width", "give 3, or 0 for none")
    failed: list[StarbridgeError] = []

    def on_error(error: StarbridgeError) -> None:
        failed.append(error)
        note(str(error))

    with counted_images("measuring") as count:
        training = ClassTraining(
            sources=sources,
            options=ReadOptions(
                images=tuple(leave_out_twins(find_images(images or []), note)),
                objects=tuple(objects or ()),
                classes=split_words(classes),
                annotations=annotations,
                accepted=accepted,
                crops=on_crops,
                axes=axes,
                pixel_size=pixel_size,
            ),
            channels=tuple(int(word) if word.isdecimal() else word for word in words),
            ring=ring,
            kinds=kinds,
            logs=logs,
            seed=seed,
            dead=tuple(dead or ()),
            unstained=tuple(unstained or ()),
            qupath=qupath,
            heap=heap,
            note=note,
            on_error=on_error,
            on_image=count,
        )
        try:
            result = training.run(test or ())
        except KeyboardInterrupt:
            kept = "nothing is kept" if logs is None else f"only the curves in {logs} are kept"
            note(f"stopped: {out} was not written, and {kept}")
            raise
    classifier = result.trained.classifier
    classifier.write(out)
    if report:
        result.write_report(page, seed=seed)
    counts = dict(zip(classifier.classes, classifier.counts, strict=True))
    listed = ", ".join(f"{name} ({count})" for name, count in counts.items())
    right = classifier.balanced_accuracy
    scored = "" if right is None else f"; {right:.1%} right in images held out, mean of the classes"
    note(f"{out}: {listed}; {classifier.model.kind}{scored}")
    if report:
        note(f"open {page / 'report.html'} in a browser")
    if logs is not None:
        note(f"the curves of the networks: tensorboard --logdir {logs}")
    if as_json:
        print_json(
            {
                "classifier": str(out),
                "classes": counts,
                "dead": list(classifier.dead),
                "unstained": list(classifier.unstained),
                "model": classifier.model.kind,
                "settings": dict(classifier.choice),
                "features": list(classifier.feature_names),
                "accuracy": classifier.accuracy,
                "balanced_accuracy": classifier.balanced_accuracy,
                "report": str(page) if report else None,
                "left_out": [str(error) for error in failed],
            }
        )
    if failed:
        raise typer.Exit(1)
