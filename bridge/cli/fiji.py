"""``starbridge fiji``: macros, reviews and installation."""

from __future__ import annotations

import json
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from bridge.cli.saying import note, print_json
from bridge.errors import BadInputError, StarbridgeError

if TYPE_CHECKING:
    from bridge.detections import Detections

app = typer.Typer(help="Fiji and ImageJ: macros, review of ROIs.", no_args_is_help=True)

_APP_HELP = (
    "Folder of a Fiji or ImageJ, a Maven endpoint, or 'embedded' for the ImageJ that starbridge "
    "brings. [default: FIJI_APP, else the Fiji that is found, else the embedded one]"
)


class Only(StrEnum):
    """Choices of ``--format``."""

    labels = "labels"
    hdf5 = "hdf5"
    rois = "rois"
    geojson = "geojson"
    csv = "csv"


_ENDINGS = {
    Only.labels: "_labels.tif",
    Only.hdf5: "_labels.h5",
    Only.rois: "_rois.zip",
    Only.geojson: ".geojson",
    Only.csv: ".csv",
}


@app.command("run")
def run(
    macro: Annotated[Path, typer.Argument(help="ImageJ macro (.ijm).", show_default=False)],
    values: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="NAME=VALUE...",
            help="Its script parameters (#@), or what getArgument() gives.",
            show_default=False,
        ),
    ] = None,
    fiji: Annotated[str | None, typer.Option("--app", help=_APP_HELP)] = None,
    window: Annotated[
        bool, typer.Option("--window", help="With ImageJ's window and ROI Manager.")
    ] = False,
    timeout: Annotated[
        float | None, typer.Option(help="Seconds that the macro may take. [default: no limit]")
    ] = None,
    heap: Annotated[
        str | None, typer.Option(help="Most memory for Java, such as 8g. [default: half of it]")
    ] = None,
    as_json: Annotated[
        bool,
        typer.Option("--json", help="Print value, table, images and ROIs as JSON."),
    ] = False,
) -> None:
    """Run a macro without opening Fiji; what it prints appears as it comes.

    A macro by the name of one that comes with starbridge needs no path.
    """
    from bridge.apps.fiji import Fiji
    from bridge.apps.fiji.arguments import read_values
    from bridge.apps.fiji.installing import macros_folder

    file = macro
    if not macro.exists() and macro.parent == Path():
        brought = macros_folder() / macro.with_suffix(".ijm").name
        file = brought if brought.exists() else macro
    given = read_values(file, values or [])
    with Fiji(
        fiji,
        mode="gui" if window else "headless",
        heap=heap,
        on_print=note if as_json else typer.echo,
        on_download=_download,
    ) as session:
        note(str(session.about))
        result = session.run_macro(file, given, timeout=timeout)
    if as_json:
        print_json(
            {
                "value": result.value,
                "table": None if result.table is None else _records(result.table),
                "images": [image.title for image in result.images],
                "rois": len(result.rois),
            }
        )
    elif result.value:
        typer.echo(result.value)


@app.command("push")
def push(
    image: Annotated[Path, typer.Argument(help="The image.", show_default=False)],
    detections: Annotated[
        Path,
        typer.Option(
            "--detections",
            "-d",
            help="Its objects: RoiSet.zip, GeoJSON, label TIFF, HDF5, CSV.",
            show_default=False,
        ),
    ],
    out: Annotated[
        Path, typer.Option("--out", "-o", help="Folder for the review.", show_default=False)
    ],
    conflicts: Annotated[
        str | None,
        typer.Option(
            help="Class to put objects in about which reviewer and new segmentation disagree."
        ),
    ] = None,
    axes: Annotated[
        str | None, typer.Option(help="What the image's axes are, where the file does not say.")
    ] = None,
) -> None:
    """Write an image and its objects for review in any Fiji.

    Open NAME.tif (objects as overlay), or NAME.tif and NAME_rois.zip (ROI Manager); save either
    under its name. A second push keeps every edit of the reviewer.
    """
    from bridge.apps.fiji.review_files import ReviewFiles, push_files
    from bridge.detections import Detections
    from bridge.images import open_image

    objects = Detections.read(detections)
    with open_image(image, axes=axes) as opened:
        merged = push_files(opened, objects, out, conflict_class=conflicts)
        files = ReviewFiles.of(out, opened.name)
    typer.echo(files.image)
    typer.echo(files.rois)
    if merged is None:
        return
    edits = {what: count for what, count in merged.review.counts().items() if count}
    note("the review there was merged: " + ", ".join(f"{n} {what}" for what, n in edits.items()))
    if len(merged.conflicts):
        table = out / f"{files.image.stem}_conflicts.csv"
        merged.conflicts.to_csv(table, index=False)
        note(f"{len(merged.conflicts)} conflicts are listed in {table}")


@app.command("pull")
def pull(
    review: Annotated[
        Path,
        typer.Argument(
            help="Review folder, or a file that a reviewer saved: RoiSet.zip, TIFF with overlay.",
            show_default=False,
        ),
    ],
    out: Annotated[
        Path, typer.Option("--out", "-o", help="Folder for the results.", show_default=False)
    ],
    formats: Annotated[
        list[Only] | None,
        typer.Option("--format", help="What to write; several times. [default: all]"),
    ] = None,
    image: Annotated[
        Path | None,
        typer.Option(help="The image a single file belongs to, for its size and pixel size."),
    ] = None,
) -> None:
    """Read what reviewers left: labels, ROIs, GeoJSON, a table, and who changed what."""
    wanted = formats or list(Only)
    failed = False
    for name, source in _reviews(review):
        try:
            objects = _pull_one(name, source, image, out)
            _write(objects, out, name, wanted)
        except StarbridgeError as error:  # the rest goes on
            note(str(error))
            failed = True
    if failed:
        raise typer.Exit(1)


@app.command("install")
def install(
    fiji: Annotated[
        Path | None,
        typer.Option(
            "--app", help="Folder of a Fiji or ImageJ. [default: FIJI_APP, else the one found]"
        ),
    ] = None,
    models: Annotated[
        list[Path] | None,
        typer.Option("--model", "-m", help="Exported model (.zip) to put there; several times."),
    ] = None,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace macros that were edited there.")
    ] = False,
) -> None:
    """Put the macros into Fiji's menu Plugins > StarBridge, and models beside them."""
    from bridge.apps.fiji.finding import find_app
    from bridge.apps.fiji.installing import install as install_macros

    found = find_app(fiji)
    if found is None:
        raise BadInputError(
            "Fiji", "was not found in the usual places", "give its folder: --app Fiji.app"
        )
    done = install_macros(found, models=models or (), overwrite=overwrite)
    for line in done.lines():
        typer.echo(line)


def _reviews(review: Path) -> list[tuple[str, Path]]:
    """Names of the reviews, and where each is."""
    from bridge.apps.fiji.review_files import reviewed_names

    if review.is_dir():
        return [(name, review) for name in reviewed_names(review)]
    return [(review.name.removesuffix(review.suffix).removesuffix("_rois"), review)]


def _pull_one(name: str, source: Path, image: Path | None, out: Path) -> Detections:
    from bridge.apps.fiji.review_files import pull_files
    from bridge.formats import imagej_rois
    from bridge.images import open_image
    from bridge.review import compare

    if source.is_dir():
        base, objects = pull_files(source, name)
        table = compare(base, objects).table()
        out.mkdir(parents=True, exist_ok=True)
        table.to_csv(out / f"{name}_changes.csv", index=False)
        return objects
    info = None
    known = image or (source if source.suffix.lower() in (".tif", ".tiff") else None)
    if known is not None:
        with open_image(known) as opened:
            info = opened.info
    if source.suffix.lower() in (".tif", ".tiff"):
        return imagej_rois.read_overlay(source, image=info)
    return imagej_rois.read(source, image=info)


def _write(objects: Detections, out: Path, name: str, wanted: list[Only]) -> None:
    for kind in wanted:
        if kind in (Only.labels, Only.hdf5) and objects.image.width is None:
            note(f"{name}: no labels, because the image's size is not known; give --image")
            continue
        target = out / f"{name}{_ENDINGS[kind]}"
        objects.write(target)
        typer.echo(f"{target}: {len(objects)} objects")


def _records(table: Any) -> Any:
    return json.loads(table.to_json(orient="records"))


def _download(name: str, done: int, total: int) -> None:
    if done >= total:
        note(f"downloaded {name}")
