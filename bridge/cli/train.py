"""``starbridge train``: a better model from reviews."""

from __future__ import annotations

import shlex
import sys
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bridge.cli.exporting import ExportTargets, export_trained
from bridge.cli.options import MODEL_HELP, Axes, split_words
from bridge.cli.output import note, print_json, print_table
from bridge.cli.qupath.options import HEAP_HELP, QUPATH_HELP
from bridge.cli.review_options import (
    REVIEWS_HELP,
    Annotations,
    Channel,
    Done,
    Everything,
    Inside,
    KeepEmpty,
    Nuclei,
    Objects,
    Pattern,
    Slice,
    SplitBy,
    Time,
)
from bridge.errors import BadInputError

if TYPE_CHECKING:
    from bridge.errors import StarbridgeError
    from bridge.training.learning.training import Trained


class LikeChoice(StrEnum):
    """Choices of ``--like``."""

    haug2 = "haug2"
    fluo = "fluo"
    versatile = "versatile"


class PrecisionChoice(StrEnum):
    """Choices of ``--precision``."""

    auto = "auto"
    float32 = "float32"
    bfloat16 = "bfloat16"


def train(
    reviews: Annotated[list[Path], typer.Argument(help=REVIEWS_HELP, show_default=False)],
    out: Annotated[
        Path,
        typer.Option("--out", "-o", help="Model folder to write.", show_default=False),
    ],
    start: Annotated[
        str | None,
        typer.Option("--from", help=f"Model to go on from. {MODEL_HELP}", show_default=False),
    ] = None,
    new: Annotated[
        bool, typer.Option("--new", help="Begin with random weights, in place of --from.")
    ] = False,
    like: Annotated[
        LikeChoice | None,
        typer.Option(
            help="Network of --new: haug2's, a small one, 2D_versatile_fluo's. [default: haug2]",
            show_default=False,
        ),
    ] = None,
    grid: Annotated[
        int | None,
        typer.Option(
            help="Pixels between two predictions, with --new: 1, 2, 4.", show_default=False
        ),
    ] = None,
    rays: Annotated[
        int | None, typer.Option(help="Rays of an outline, with --new.", show_default=False)
    ] = None,
    depth: Annotated[
        int | None,
        typer.Option(help="Halvings of the image in the U-Net, with --new.", show_default=False),
    ] = None,
    filters: Annotated[
        int | None,
        typer.Option(help="Filters at the base of the U-Net, with --new.", show_default=False),
    ] = None,
    detections: Objects = None,
    inside: Inside = None,
    done: Done = None,
    everything: Everything = False,
    channel: Channel = None,
    axes: Axes = None,
    z: Slice = None,
    t: Time = None,
    annotations: Annotations = False,
    nuclei: Nuclei = False,
    keep_empty: KeepEmpty = False,
    split_by: SplitBy = None,
    pattern: Pattern = None,
    classes: Annotated[
        bool,
        typer.Option("--classes", help="Learn the review's classes, too. [default: the start's]"),
    ] = False,
    old: Annotated[
        Path | None,
        typer.Option(
            help="Images with masks, or a review, that the model learnt before, to be rehearsed. "
            "[default: fluorescence images, for a model of one channel]",
            show_default=False,
        ),
    ] = None,
    no_rehearsal: Annotated[
        bool, typer.Option("--no-rehearsal", help="Rehearse nothing: what it could do may be lost.")
    ] = False,
    rehearse: Annotated[
        float, typer.Option(help="Part of the patches that come from old images, 0 to 1.")
    ] = 0.5,
    may_lose: Annotated[float, typer.Option(help="F1 that may be lost on old images.")] = 0.02,
    steps: Annotated[
        int | None,
        typer.Option(
            help="Batches to learn from. [default: 700 to 4000, by the number of objects; with "
            "--new 20 times as many]",
            show_default=False,
        ),
    ] = None,
    batch_size: Annotated[int, typer.Option(help="Patches a batch.")] = 4,
    patch: Annotated[
        int | None,
        typer.Option(help="Side of a patch, pixels. [default: about 160]", show_default=False),
    ] = None,
    learning_rate: Annotated[float, typer.Option(help="Highest learning rate.")] = 5e-4,
    validate_every: Annotated[
        int | None,
        typer.Option(
            help="Steps between two validations. [default: a tenth of the steps, at most 500]",
            show_default=False,
        ),
    ] = None,
    patience: Annotated[
        int,
        typer.Option(
            help="Validations without improvement, in the second half, after which it ends."
        ),
    ] = 6,
    precision: Annotated[
        PrecisionChoice, typer.Option(help="Of the products; auto: the fastest here.")
    ] = PrecisionChoice.auto,
    seed: Annotated[int, typer.Option(help="Of everything that is left to chance.")] = 1,
    resume: Annotated[
        bool,
        typer.Option("--resume", help="Go on with a training that was stopped, from OUT.training."),
    ] = False,
    export: ExportTargets = None,
    qupath: Annotated[Path | None, typer.Option(help=QUPATH_HELP)] = None,
    heap: Annotated[str | None, typer.Option(help=HEAP_HELP)] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the result as JSON.")] = False,
) -> None:
    """Train a better model on what reviewers finished, and prove that it is better.

    A model that is not better than the one that it began with is written as OUT.not-better, and the
    exit status is 1. Ctrl-C ends the training early and keeps the best so far. Until it is finished
    all is in OUT.training, from which --resume goes on after a crash.
    """
    from bridge.apps.model_training import train as train_on
    from bridge.training.learning.architecture import Architecture
    from bridge.training.learning.progress import TrainingProgress
    from bridge.training.learning.settings import TrainingSettings
    from bridge.training.learning.training import working_folder
    from bridge.training.report.results import failure_line, result_json
    from bridge.training.sources import ReadOptions

    shape = {"grid": grid, "rays": rays, "depth": depth, "filters": filters}
    network = {"like": like, **shape}
    _check_start(start, new, [name for name, value in network.items() if value is not None])
    errors: list[StarbridgeError] = []

    try:
        with TrainingProgress() as progress:

            def failed(error: StarbridgeError) -> None:
                errors.append(error)
                progress.remark(str(error))

            trained = train_on(
                reviews,
                out=out,
                start=start,
                architecture=Architecture(like=(like or LikeChoice.haug2).value, **shape)
                if new
                else None,
                options=ReadOptions(
                    channels=split_words(channel),
                    axes=axes.upper() if axes else None,
                    objects=tuple(detections or ()),
                    z=z,
                    t=t,
                    inside=tuple(inside or ()),
                    done=tuple(done or ()),
                    everything=everything,
                    annotations=annotations,
                    nuclei=nuclei,
                    keep_empty=keep_empty,
                ),
                split_by=split_words(split_by),
                pattern=pattern,
                classes=classes,
                old=old,
                rehearsal=not no_rehearsal,
                steps=steps,
                settings=TrainingSettings(
                    batch_size=batch_size,
                    patch=patch,
                    learning_rate=learning_rate,
                    validate_every=validate_every,
                    patience=patience,
                    rehearse=rehearse,
                    may_lose=may_lose,
                    precision=precision.value,
                    seed=seed,
                ),
                resume=resume,
                listener=progress,
                note=progress.remark,
                on_error=failed,
                qupath=qupath,
                heap=heap,
                command=shlex.join(["starbridge", *sys.argv[1:]]),
            )
    except KeyboardInterrupt as interruption:
        work = working_folder(out)
        note(f"stopped; --resume goes on from {work}" if work.exists() else "stopped")
        raise typer.Exit(130) from interruption
    for line in trained.record.notes:
        note(line)
    content = result_json(trained) | {"failed": [str(error) for error in errors]}
    if not as_json:
        _print_result(trained)
    is_good = trained.is_better and not errors
    if not trained.is_better:
        note(failure_line(trained))
        if export:
            note("nothing was exported")
    elif export:
        exported = export_trained(
            trained.path, export, trained.path / "export", is_printed=not as_json
        )
        content["exported"] = exported
        is_good &= exported["ok"]
    if as_json:
        print_json(content)
    if errors:
        note(f"{len(errors)} could not be read, and are left out")
    if not is_good:
        raise typer.Exit(1)


def _check_start(start: str | None, new: bool, shape: list[str]) -> None:
    if start is None and not new:
        raise BadInputError(
            "--from", "is missing", "name the model to go on from, or --new for random weights"
        )
    if start is not None and new:
        raise BadInputError("--from and --new", "contradict each other", "give one of them")
    if shape and not new:
        raise BadInputError(f"--{shape[0]}", "is for a new network", "give --new, or leave it out")


def _print_result(trained: Trained) -> None:
    from bridge.training.report.results import HEADS, result_rows

    print_table(HEADS, result_rows(trained))
    for line in trained.lines:
        typer.echo(line)
    typer.echo(trained.path)
