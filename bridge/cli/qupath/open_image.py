"""``starbridge qupath take`` and ``changes``: commands of the scripts in QuPath's window."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bridge.cli.output import note_waiting
from bridge.cli.qupath.merging import (
    AsKind,
    ConflictClass,
    DetectionFiles,
    Inside,
    KeepUntouched,
    Layer,
    OnlyClasses,
    describe,
)
from bridge.cli.qupath.options import PROJECT_HELP

if TYPE_CHECKING:
    from bridge.apps.qupath.open_image import Step

ASKING = "starbridge asks: "
"""Beginning of the line that asks the script for a step."""
DONE = "done"
"""Line by which the script says that a step is done."""

Project = Annotated[Path, typer.Argument(help=PROJECT_HELP, show_default=False)]
Number = Annotated[
    str, typer.Argument(metavar="IMAGE", help="Number of the open image.", show_default=False)
]
Exchange = Annotated[
    Path,
    typer.Option(
        "--exchange",
        help="Folder that script and command share.",
        exists=True,
        file_okay=False,
        show_default=False,
    ),
]


def take(
    project: Project,
    image: Number,
    detections: DetectionFiles,
    exchange: Exchange,
    kind: AsKind = None,
    inside: Inside = None,
    only_classes: OnlyClasses = None,
    layer: Layer = "",
    keep_untouched: KeepUntouched = False,
    conflicts: ConflictClass = None,
    as_shown: Annotated[
        bool, typer.Option("--as-shown", help="They were found in the pixels that QuPath shows.")
    ] = False,
) -> None:
    """Push objects into the image that is open in QuPath; its script starts this.

    Steps for the script are lines on stdout; it answers each by a line on stdin.
    """
    from bridge.apps.qupath.open_image import take as take_objects
    from bridge.apps.qupath.push_plan import MergeSettings

    settings = MergeSettings(
        kind=None if kind is None else kind.value,
        inside=inside,
        only_classes=None if only_classes is None else frozenset(only_classes),
        layer=layer,
        keep_untouched=keep_untouched,
        conflict_class=conflicts,
    )
    outcome = take_objects(
        project,
        image,
        detections,
        exchange,
        settings,
        as_shown=as_shown,
        ask=_ask,
        on_wait=note_waiting,
    )
    typer.echo(describe(outcome))
    if outcome.conflicts is not None:
        typer.echo(f"conflicts are listed in {outcome.conflicts}")


def changes(project: Project, image: Number, exchange: Exchange) -> None:
    """Say what was changed in the image that is open in QuPath; its script starts this."""
    from bridge.apps.qupath.open_image import changes as find_changes
    from bridge.apps.qupath.open_image import describe_changes

    for line in describe_changes(find_changes(project, image, exchange)):
        typer.echo(line)


def _ask(step: Step) -> None:
    """Have the script do a step.

    Raises:
        QuPathError: the script, or QuPath, has ended.
    """
    from bridge.apps.qupath.errors import QuPathError

    typer.echo(f"{ASKING}{step}")
    sys.stdout.flush()
    if sys.stdin.readline().strip() != DONE:
        raise QuPathError("the script in QuPath has ended; run it again")
