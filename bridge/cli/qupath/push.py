"""``starbridge qupath push``: objects into a project."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from bridge.cli.options import IMAGES_HELP
from bridge.cli.output import note, note_waiting, print_json
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
from bridge.cli.qupath.options import HEAP_HELP, PROJECT_HELP, QUPATH_HELP

if TYPE_CHECKING:
    from bridge.apps.qupath.sync import PushOutcome


def push(
    project: Annotated[
        Path, typer.Argument(help=f"{PROJECT_HELP} Made if there is none.", show_default=False)
    ],
    images: Annotated[
        list[Path],
        typer.Argument(help=IMAGES_HELP, show_default=False),
    ],
    detections: DetectionFiles,
    kind: AsKind = None,
    inside: Inside = None,
    only_classes: OnlyClasses = None,
    layer: Layer = "",
    keep_untouched: KeepUntouched = False,
    classes: Annotated[
        Path | None,
        typer.Option(help="YAML file of the classes' colours: a line 'Neuron: \"#ff0000\"' each."),
    ] = None,
    conflicts: ConflictClass = None,
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
    from bridge.images import find_images

    pairs = pair(find_images(images), detections)
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
    for sentence in outcome.notes:
        note(sentence)
    typer.echo(describe(outcome))


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
