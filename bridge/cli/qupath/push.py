"""``starbridge qupath push``: objects into a project."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from bridge.cli.output import note, note_waiting, print_json
from bridge.cli.qupath.options import HEAP_HELP, PROJECT_HELP, QUPATH_HELP

if TYPE_CHECKING:
    from bridge.apps.qupath.sync import PushOutcome


class Kind(StrEnum):
    """Choices of ``--as``."""

    detection = "detection"
    cell = "cell"
    annotation = "annotation"


def push(
    project: Annotated[
        Path, typer.Argument(help=f"{PROJECT_HELP} Made if there is none.", show_default=False)
    ],
    images: Annotated[
        list[Path],
        typer.Argument(
            help="Images, or folders of them; FILE#2 (from 0) or FILE#NAME for one of a file's.",
            show_default=False,
        ),
    ],
    detections: Annotated[
        list[Path],
        typer.Option(
            "--detections",
            "-d",
            help="Their objects: a results folder of segment, or files; several times.",
            show_default=False,
        ),
    ],
    kind: Annotated[
        Kind | None, typer.Option("--as", help="What they become. [default: what they are]")
    ] = None,
    inside: Annotated[
        str | None,
        typer.Option(help="Only objects in annotations of this class; others stay as they are."),
    ] = None,
    only_classes: Annotated[
        list[str] | None,
        typer.Option(
            "--class", help="Only objects of this class; others stay as they are; several times."
        ),
    ] = None,
    layer: Annotated[
        str,
        typer.Option(
            help="Layer of the objects, for those that lie over others, such as spots in nuclei: "
            "objects of other layers stay as they are.",
            show_default=False,
        ),
    ] = "",
    keep_untouched: Annotated[
        bool,
        typer.Option(
            "--keep-untouched",
            help="Keep objects that nobody edited and that are not found again.",
        ),
    ] = False,
    classes: Annotated[
        Path | None,
        typer.Option(help="YAML file of the classes' colours: a line 'Neuron: \"#ff0000\"' each."),
    ] = None,
    conflicts: Annotated[
        str | None,
        typer.Option(
            help="Mark objects about which reviewer and new segmentation disagree: a Neuron is "
            "Neuron: CONFLICTS until that is settled."
        ),
    ] = None,
    relink: Annotated[
        list[Path] | None,
        typer.Option(help="Folder to look in for images that were moved; several times."),
    ] = None,
    brightfield: Annotated[
        bool, typer.Option("--other-type", help="Images are not fluorescence.")
    ] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say what would be done, and do nothing.")
    ] = False,
    force: Annotated[
        bool, typer.Option("--force", help="Push although a QuPath is running.")
    ] = False,
    qupath: Annotated[Path | None, typer.Option(help=QUPATH_HELP)] = None,
    heap: Annotated[str | None, typer.Option(help=HEAP_HELP)] = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print what became of each image.")
    ] = False,
) -> None:
    """Put objects into a project, merged with the reviews that are there; no edit is lost."""
    from bridge.apps.qupath.classes import read_classes
    from bridge.apps.qupath.session import QuPath
    from bridge.apps.qupath.sync import PushSettings
    from bridge.apps.qupath.sync import push as push_objects
    from bridge.detections import Detections
    from bridge.formats.pairing import pair
    from bridge.images.names import find_images_and_series

    pairs = pair(find_images_and_series(images), detections)
    settings = PushSettings(
        kind=None if kind is None else kind.value,
        inside=inside,
        only_classes=None if only_classes is None else frozenset(only_classes),
        layer=layer,
        keep_untouched=keep_untouched,
        classes=None if classes is None else read_classes(classes),
        conflict_class=conflicts,
        relink=tuple(relink or ()),
        fluorescence=not brightfield,
        dry_run=dry_run,
        force=force,
    )
    folder = project.parent if project.is_file() else project
    with QuPath(qupath, heap=heap) as session:
        outcomes = push_objects(
            session,
            folder,
            [(image, Detections.read(file)) for image, file in pairs],
            settings,
            on_image=_tell,
            on_wait=note_waiting,
        )
    for outcome in outcomes:
        if outcome.conflicts is not None:
            note(f"{outcome.image}: conflicts are listed in {outcome.conflicts}")
    if as_json:
        print_json([_as_json(outcome) for outcome in outcomes])
    if any(outcome.error for outcome in outcomes):
        raise typer.Exit(1)


def _tell(outcome: PushOutcome) -> None:
    if outcome.error is not None:
        note(outcome.error)
        return
    what = [f"{outcome.added} written", f"{outcome.removed} replaced or removed"]
    if outcome.merged is not None:
        edits = {k: n for k, n in outcome.merged.review.counts().items() if n and k != "untouched"}
        if edits:
            what.append("reviewed: " + ", ".join(f"{n} {k}" for k, n in edits.items()))
        if len(outcome.merged.conflicts):
            what.append(f"{len(outcome.merged.conflicts)} conflicts")
    for sentence in outcome.notes:
        note(sentence)
    if outcome.left_out:
        what.append(f"{outcome.left_out} left out, of which the image in QuPath shows nothing")
    new = " (new in the project)" if outcome.added_to_project else ""
    typer.echo(f"{outcome.image}{new}: {'; '.join(what)}")


def _as_json(outcome: PushOutcome) -> dict[str, Any]:
    merged = outcome.merged
    return {
        "image": outcome.image,
        "added_to_project": outcome.added_to_project,
        "removed": outcome.removed,
        "added": outcome.added,
        "left_out": outcome.left_out,
        "error": outcome.error,
        "review": None if merged is None else merged.review.counts(),
        "conflicts": None if merged is None else len(merged.conflicts),
        "notes": list(outcome.notes),
    }
