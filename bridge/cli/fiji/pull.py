"""``starbridge fiji pull``: what reviewers left."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bridge.cli.output import note
from bridge.errors import StarbridgeError

if TYPE_CHECKING:
    from bridge.detections import Detections


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
