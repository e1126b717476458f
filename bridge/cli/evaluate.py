"""``starbridge evaluate``: how good models and results are, and how much reviewers changed."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from bridge.cli.evaluate_reviews import Source, check_free, evaluate_reviews
from bridge.cli.options import CHANNEL_HELP, Axes, split_words
from bridge.cli.output import counted_images, note, print_json, print_table
from bridge.cli.qupath.options import HEAP_HELP, QUPATH_HELP
from bridge.cli.review_options import (
    Annotations,
    Done,
    Everything,
    Inside,
    KeepEmpty,
    Nuclei,
    Objects,
    Slice,
    Time,
)
from bridge.errors import BadInputError, StarbridgeError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from bridge.training.evaluation.evaluating import Evaluation
    from bridge.training.pairs import TrainingPair

_WORST = 6  # pictures of fields on the page, of all models together


def evaluate(
    items: Annotated[
        list[str],
        typer.Argument(
            metavar="MODEL... [DATASET]",
            help="Models (folders, zips, names, 'demo') or folders of results (as segment and "
            "pixels write them, or of label images), and last the images with their objects: a "
            "folder with images/ and masks/ or the like, a zip, a data set, a review. Without it, "
            "StarDist's own test image. With --review: review folders of Fiji, QuPath projects.",
            show_default=False,
        ),
    ],
    review: Annotated[
        bool,
        typer.Option(
            "--review",
            help="Say how much reviewers changed of what was pushed, push by push, in place of "
            "applying models.",
        ),
    ] = False,
    out: Annotated[
        Path | None,
        typer.Option(
            "--out",
            "-o",
            help="Folder for the tables as CSV and a page with curves and pictures of the worst "
            "fields.",
            show_default=False,
        ),
    ] = None,
    channel: Annotated[
        str | None,
        typer.Option(
            help=f"Channels of the images, with commas, in the models' order: {CHANNEL_HELP}. "
            "[default: the only one, or the colours]",
            show_default=False,
        ),
    ] = None,
    detections: Objects = None,
    inside: Inside = None,
    done: Done = None,
    everything: Everything = False,
    annotations: Annotations = False,
    nuclei: Nuclei = False,
    keep_empty: KeepEmpty = False,
    z: Slice = None,
    t: Time = None,
    axes: Axes = None,
    qupath: Annotated[Path | None, typer.Option(help=QUPATH_HELP)] = None,
    heap: Annotated[str | None, typer.Option(help=HEAP_HELP)] = None,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace an evaluation that is in the folder.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Compare models and results with objects that are known to be right: F1, merged, missed.

    An image that cannot be read is named and left out for all models; the exit status is 1 then.
    """
    options: dict[str, Any] = {
        "channels": split_words(channel),
        "objects": tuple(detections or ()),
        "inside": tuple(inside or ()),
        "done": tuple(done or ()),
        "everything": everything,
        "annotations": annotations,
        "nuclei": nuclei,
        "keep_empty": keep_empty,
        "axes": axes.upper() if axes else None,
        "z": z,
        "t": t,
    }
    source = Source(options, qupath, heap)
    run = evaluate_reviews if review else _evaluate_models
    run(items, source, out, overwrite=overwrite, as_json=as_json)


def _evaluate_models(
    items: list[str], source: Source, out: Path | None, *, overwrite: bool, as_json: bool
) -> None:
    from bridge.segment.segmenter import Segmenter
    from bridge.training.evaluation.applying import load_models, model_names
    from bridge.training.evaluation.evaluating import evaluate as evaluate_models
    from bridge.training.evaluation.evaluating import microscope_pair
    from bridge.training.evaluation.fields import FieldCollector
    from bridge.training.evaluation.given_results import GivenResults, is_results
    from bridge.training.evaluation.page import FILES, write_evaluation
    from bridge.training.evaluation.tables import evaluation_json
    from bridge.training.sources import ReadOptions

    models, dataset = (items[:-1], items[-1]) if len(items) > 1 else (items, None)
    check_free(out, FILES, overwrite=overwrite)
    if dataset is None and is_results(models[0]):
        raise BadInputError(models[0], "holds results", "give the images with their objects last")
    options = ReadOptions(**source.options)
    segmenters = load_models(
        [GivenResults(Path(model), options) if is_results(model) else model for model in models]
    )
    recipes = (model.recipe for model in segmenters if isinstance(model, Segmenter))
    percentiles = next((recipe.percentiles for recipe in recipes), options.percentiles)
    collectors = [
        FieldCollector(name, worst=max(_WORST // len(segmenters), 2))
        for name in model_names(segmenters)
    ]
    failed: list[str] = []

    def fail(error: StarbridgeError) -> None:
        failed.append(str(error))
        note(str(error))

    with counted_images() as count:
        pairs: Any = (
            [microscope_pair()] if dataset is None else _read(dataset, source, percentiles, fail)
        )

        def look(number: int, pair: TrainingPair, image: Any, found: Any) -> None:
            if out is not None:
                collectors[number].add(pair, image, found)
            if number == len(segmenters) - 1:
                count(pair.name)

        evaluations = evaluate_models(segmenters, pairs, on_image=look, on_error=fail)
    if as_json:
        content = {"models": [evaluation_json(one) for one in evaluations], "failed": failed}
        print_json(content)
    else:
        _print_scores(evaluations)
    if out is not None:
        images = evaluations[0].images
        write_evaluation(
            out,
            evaluations,
            [field for collector in collectors for field in collector.worst],
            subtitle=f"{len(images)} images with {evaluations[0].score().n_true:,} nuclei"
            f"{'' if dataset is None else f' of {dataset}'}",
        )
        note(f"tables and page in {out}")
    if failed:
        raise typer.Exit(1)


def _read(
    dataset: str,
    source: Source,
    percentiles: tuple[float, float],
    fail: Callable[[StarbridgeError], None],
) -> Iterator[TrainingPair]:
    from bridge.apps.training_pairs import read_training_pairs
    from bridge.training.sources import ReadOptions

    return read_training_pairs(
        Path(dataset),
        ReadOptions(**source.options, percentiles=percentiles),
        note=note,
        on_error=fail,
        qupath=source.qupath,
        heap=source.heap,
    )


def _print_scores(evaluations: Sequence[Evaluation]) -> None:
    from bridge.training.evaluation.tables import size_names

    first = evaluations[0]
    rows = [
        (
            *(evaluation.model if not number else "", f"{score.iou:g}", f"{score.f1:.3f}"),
            *(f"{score.precision:.3f}", f"{score.recall:.3f}"),
            *(f"{score.mean_matched_iou:.3f}", f"{score.panoptic_quality:.3f}"),
            *(f"{score.tp:,}", f"{score.fp:,}", f"{score.fn:,}"),
            *_mistakes(evaluation, score.iou),
        )
        for evaluation in evaluations
        for number, score in enumerate(evaluation.scores)
    ]
    images = f"{len(first.images)} image{'s' if len(first.images) > 1 else ''}"
    typer.echo(f"{images}, {first.score().n_true:,} nuclei")
    figures = ("precision", "recall", "mean IoU", "PQ")
    counts = ("right", "wrong", "missed", "merged", "split", "faint")
    print_table(("model", "IoU", "F1", *figures, *counts), rows)
    sizes = [(one.model, *(f"{score.f1:.3f}" for score in one.sizes())) for one in evaluations]
    typer.echo("\nF1 at an IoU of 0.5 by size (diameter):")
    print_table(("model", *size_names(first.bounds)), sizes)


def _mistakes(evaluation: Evaluation, iou: float) -> tuple[str, str, str]:
    """Return how many of the missed objects are merged, split and faint."""
    found = evaluation.mistakes(iou)
    return f"{found.merged:,}", f"{found.split:,}", f"{found.faint:,}"
