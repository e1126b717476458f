"""Options of the commands that merge new objects with those of an image, and what they say."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from bridge.apps.qupath.sync import PushOutcome


class Kind(StrEnum):
    """Choices of ``--as``."""

    detection = "detection"
    cell = "cell"
    annotation = "annotation"


DetectionFiles = Annotated[
    list[Path],
    typer.Option(
        "--detections",
        "-d",
        help="Their objects: a results folder of segment, or files; several times.",
        show_default=False,
    ),
]
AsKind = Annotated[
    Kind | None, typer.Option("--as", help="What they become. [default: what they are]")
]
Inside = Annotated[
    str | None,
    typer.Option(help="Only objects in annotations of this class; others stay as they are."),
]
OnlyClasses = Annotated[
    list[str] | None,
    typer.Option(
        "--class", help="Only objects of this class; others stay as they are; several times."
    ),
]
Layer = Annotated[
    str,
    typer.Option(
        help="Layer of the objects, for those that lie over others, such as spots in nuclei: "
        "objects of other layers stay as they are.",
        show_default=False,
    ),
]
KeepUntouched = Annotated[
    bool,
    typer.Option(
        "--keep-untouched",
        help="Keep objects that nobody edited and that are not found again.",
    ),
]
ConflictClass = Annotated[
    str | None,
    typer.Option(
        help="Mark objects about which reviewer and new segmentation disagree: a Neuron is "
        "Neuron: CONFLICTS until that is settled."
    ),
]


def describe(outcome: PushOutcome) -> str:
    """Return in a line what became of an image."""
    what = [f"{outcome.added} written", f"{outcome.removed} replaced or removed"]
    if outcome.merged is not None:
        edits = {k: n for k, n in outcome.merged.review.counts().items() if n and k != "untouched"}
        if edits:
            what.append("reviewed: " + ", ".join(f"{n} {k}" for k, n in edits.items()))
        if len(outcome.merged.conflicts):
            what.append(f"{len(outcome.merged.conflicts)} conflicts")
    if outcome.left_out:
        what.append(f"{outcome.left_out} left out, of which the image in QuPath shows nothing")
    new = " (new in the project)" if outcome.added_to_project else ""
    return f"{outcome.image}{new}: {'; '.join(what)}"
