"""``starbridge qupath``: detections into projects, reviews out of them."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from bridge.cli.saying import note, print_json
from bridge.errors import BadInputError, StarbridgeError

if TYPE_CHECKING:
    from bridge.apps.qupath.sync import PushOutcome, Review

app = typer.Typer(help="QuPath projects: push, review, pull.", no_args_is_help=True)

_QUPATH_HELP = "Folder of QuPath. [default: PAQUO_QUPATH_DIR, else the one that is found]"
_HEAP_HELP = "Most memory for QuPath's Java, such as 8g. [default: half of the machine's]"
_PROJECT_HELP = "Folder of the project, or its project.qpproj."


class Kind(StrEnum):
    """Choices of ``--as``."""

    detection = "detection"
    cell = "cell"
    annotation = "annotation"


class Only(StrEnum):
    """Choices of ``--only``."""

    annotations = "annotations"
    detections = "detections"
    cells = "cells"


class Format(StrEnum):
    """Choices of ``--format``."""

    labels = "labels"
    hdf5 = "hdf5"
    rois = "rois"
    geojson = "geojson"
    csv = "csv"
    classes = "classes"


@app.command("push")
def push(
    project: Annotated[
        Path, typer.Argument(help=f"{_PROJECT_HELP} Made if there is none.", show_default=False)
    ],
    images: Annotated[
        list[Path], typer.Argument(help="Images, or folders of them.", show_default=False)
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
        str | None, typer.Option(help="Only objects in annotations of this class.")
    ] = None,
    classes: Annotated[
        Path | None,
        typer.Option(help="YAML file of the classes' colours: a line 'Neuron: \"#ff0000\"' each."),
    ] = None,
    conflicts: Annotated[
        str | None,
        typer.Option(
            help="Class to put objects in about which reviewer and new segmentation disagree."
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
    qupath: Annotated[Path | None, typer.Option(help=_QUPATH_HELP)] = None,
    heap: Annotated[str | None, typer.Option(help=_HEAP_HELP)] = None,
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
        )
    for outcome in outcomes:
        if outcome.merged is not None and len(outcome.merged.conflicts) and not dry_run:
            table = folder / "starbridge" / f"{Path(outcome.image).name}_conflicts.csv"
            outcome.merged.conflicts.to_csv(table, index=False)
            note(f"{outcome.image}: conflicts are listed in {table}")
    if as_json:
        print_json([_as_json(outcome) for outcome in outcomes])
    if any(outcome.error for outcome in outcomes):
        raise typer.Exit(1)


@app.command("status")
def status(
    project: Annotated[Path, typer.Argument(help=_PROJECT_HELP, show_default=False)],
    qupath: Annotated[Path | None, typer.Option(help=_QUPATH_HELP)] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Say for each image what was pushed and what reviewers did since."""
    from bridge.apps.qupath.session import QuPath
    from bridge.apps.qupath.sync import pull as pull_reviews
    from bridge.apps.qupath.sync import status as summarise

    with QuPath(qupath) as session:
        table = summarise(pull_reviews(session, project))
    if as_json:
        typer.echo(table.to_json(orient="records", date_format="iso"))
        return
    table["last change"] = [
        "" if moment is None or moment != moment else moment.strftime("%Y-%m-%d %H:%M UTC")
        for moment in table["last change"]
    ]
    typer.echo(table.to_string(index=False, na_rep=""))


@app.command("pull")
def pull(
    project: Annotated[Path, typer.Argument(help=_PROJECT_HELP, show_default=False)],
    out: Annotated[
        Path, typer.Option("--out", "-o", help="Folder for the results.", show_default=False)
    ],
    images: Annotated[
        list[str] | None,
        typer.Option("--image", help="Name or number of an image; several times. [default: all]"),
    ] = None,
    only: Annotated[Only | None, typer.Option(help="Only objects of this type.")] = None,
    classes: Annotated[
        list[str] | None,
        typer.Option("--class", help="Only objects of this class; several times."),
    ] = None,
    formats: Annotated[
        list[Format] | None,
        typer.Option("--format", help="What to write; several times. [default: all]"),
    ] = None,
    crops: Annotated[
        bool,
        typer.Option("--crops", help="Also the image region of each annotation, for training."),
    ] = False,
    qupath: Annotated[Path | None, typer.Option(help=_QUPATH_HELP)] = None,
    heap: Annotated[str | None, typer.Option(help=_HEAP_HELP)] = None,
) -> None:
    """Read what reviewers left: GeoJSON, labels, ROIs, tables, class masks, who changed what.

    Nothing in the project is written; QuPath may have it open.
    """
    from bridge.apps.qupath.crops import write_crops
    from bridge.apps.qupath.results import chosen, write_results
    from bridge.apps.qupath.session import QuPath
    from bridge.apps.qupath.sync import pull as pull_reviews

    wanted = [kind.value for kind in formats or list(Format)]
    with QuPath(qupath, heap=heap) as session:
        reviews = pull_reviews(session, project, images)
    failed = False
    for review, name in zip(reviews, _file_names(reviews), strict=True):
        try:
            objects = chosen(review, only=None if only is None else only.value, classes=classes)
            written, left_out = write_results(review, objects, name, out, wanted)
            if crops:
                written += write_crops(review, name, out / "export")
        except StarbridgeError as error:  # the rest goes on
            note(str(error))
            failed = True
            continue
        for path in written:
            typer.echo(path)
        if left_out:
            note(
                f"{review.image.name}: no {', '.join(left_out)}, because its file is not there "
                "and the project does not say its size"
            )
    if failed:
        raise typer.Exit(1)


@app.command("images")
def list_images(
    project: Annotated[Path, typer.Argument(help=_PROJECT_HELP, show_default=False)],
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """List a project's images and classes; needs no QuPath."""
    from bridge.apps.qupath.project_files import read_project

    files = read_project(project)
    if as_json:
        print_json(
            {
                "version": files.version,
                "images": [
                    {
                        "id": image.id,
                        "name": image.name,
                        "files": [str(path) for path in image.paths],
                        "missing": [str(path) for path in image.missing],
                        "thumbnail": None if image.thumbnail is None else str(image.thumbnail),
                        "last_change": None
                        if image.last_change is None
                        else image.last_change.isoformat(),
                    }
                    for image in files.images
                ],
                "classes": {known.name: known.color for known in files.classes},
            }
        )
        return
    for image in files.images:
        lost = f"  (not there: {image.missing[0]})" if image.missing else ""
        typer.echo(f"{image.id:>4}  {image.name}{lost}")
    if files.classes:
        typer.echo("classes: " + ", ".join(known.name for known in files.classes))


@app.command("relink")
def relink(
    project: Annotated[Path, typer.Argument(help=_PROJECT_HELP, show_default=False)],
    folders: Annotated[
        list[Path],
        typer.Argument(help="Folders where the images are now.", show_default=False),
    ],
    qupath: Annotated[Path | None, typer.Option(help=_QUPATH_HELP)] = None,
) -> None:
    """Tell a project where its images are now."""
    from bridge.apps.qupath.matching import find_moved
    from bridge.apps.qupath.project_files import read_project
    from bridge.apps.qupath.session import QuPath

    files = read_project(project)
    moved, lost = find_moved(files, folders)
    if moved:
        with QuPath(qupath) as session:
            session.open(files.folder)
            session.relink(moved)
    typer.echo(f"{len(moved)} found, {len(lost)} not found")
    for path in lost:
        note(f"{path}: not found")
    if lost:
        raise typer.Exit(1)


@app.command("install")
def install(
    qupath: Annotated[
        Path | None,
        typer.Option(help="The QuPath that it is for. [default: the one that is found]"),
    ] = None,
    folder: Annotated[
        Path | None,
        typer.Option(help="QuPath's user directory. [default: the usual one]"),
    ] = None,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace scripts that were edited there.")
    ] = False,
) -> None:
    """Put the scripts into QuPath's menu Automate > User scripts > StarBridge."""
    from bridge.apps.finding import find_qupath
    from bridge.apps.qupath.installing import install as install_scripts

    done = install_scripts(folder, app=find_qupath(qupath), overwrite=overwrite)
    for line in done.lines():
        typer.echo(line)


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
    new = " (new in the project)" if outcome.added_to_project else ""
    typer.echo(f"{outcome.image}{new}: {'; '.join(what)}")


def _as_json(outcome: PushOutcome) -> dict[str, Any]:
    merged = outcome.merged
    return {
        "image": outcome.image,
        "added_to_project": outcome.added_to_project,
        "removed": outcome.removed,
        "added": outcome.added,
        "error": outcome.error,
        "review": None if merged is None else merged.review.counts(),
        "conflicts": None if merged is None else len(merged.conflicts),
    }


def _file_names(reviews: list[Review]) -> list[str]:
    """A file name an image: QuPath's, without what a path must not hold, each once."""
    from bridge.files.names import safe_name
    from bridge.images import image_name

    names: list[str] = []
    for review in reviews:
        name = image_name(safe_name(review.image.name))
        name = name or f"image {review.image.id}"
        # the disks of Windows and Mac take A.tif for a.tif
        taken = {other.casefold() for other in names}
        names.append(name if name.casefold() not in taken else f"{name} ({review.image.id})")
    if len({name.casefold() for name in names}) < len(names):
        raise BadInputError("project", "has images whose names cannot be told apart", "rename them")
    return names
