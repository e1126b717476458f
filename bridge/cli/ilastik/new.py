"""``starbridge ilastik new``: a project that opens in ilastik."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from bridge.cli.options import IMAGES_HELP, Axes, split_words
from bridge.cli.output import note
from bridge.cli.qupath.options import HEAP_HELP, QUPATH_HELP


class FeatureChoice(StrEnum):
    """Choices of ``--features``."""

    default = "default"
    in_2d = "2d"
    fast = "fast"


def new(
    images: Annotated[list[str], typer.Argument(help=IMAGES_HELP, show_default=False)],
    classes: Annotated[
        str,
        typer.Option(
            help="Names of the classes in order, as in background,nucleus.", show_default=False
        ),
    ],
    out: Annotated[
        Path, typer.Option("--out", "-o", help="The project, NAME.ilp.", show_default=False)
    ],
    features: Annotated[
        FeatureChoice,
        typer.Option(
            help="Features of pixels: all; all, plane by plane; or without the two widest scales."
        ),
    ] = FeatureChoice.default,
    reviews: Annotated[
        list[Path] | None,
        typer.Option(
            "--labels",
            help="Strokes: a QuPath project, a review folder of Fiji, GeoJSON, ROIs, or label "
            "images (0: none, then the classes from 1), or folders of them; several times.",
            show_default=False,
        ),
    ] = None,
    objects: Annotated[
        list[Path] | None,
        typer.Option(
            help="Classify objects instead of pixels: their label images, or folders of them; "
            "several times.",
            show_default=False,
        ),
    ] = None,
    axes: Axes = None,
    qupath: Annotated[Path | None, typer.Option(help=QUPATH_HELP)] = None,
    heap: Annotated[str | None, typer.Option(help=HEAP_HELP)] = None,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace a project that is there.")
    ] = False,
) -> None:
    """Write a project that opens in ilastik: images with their axes, features, classes, strokes.

    ilastik trains its classifier when it runs. Images that it does not read (OME-Zarr, CZI, LIF, …)
    are copied into HDF5 beside the project.
    """
    from bridge.apps.ilastik_projects import NewProject
    from bridge.errors import BadInputError
    from bridge.formats.ilastik.feature_selection import FeatureSelection
    from bridge.images import find_images, leave_out_twins

    if out.suffix.lower() != ".ilp":
        raise BadInputError(out, "is no name of a project", "give --out NAME.ilp")
    if out.exists() and not overwrite:
        raise BadInputError(out, "is there already", "choose another name, or give --overwrite")
    if objects and features != FeatureChoice.default:
        raise BadInputError(
            "--features", "are of pixels, and --objects classifies objects", "give one of them"
        )
    places = find_images([Path(image) if "://" not in image else image for image in images])
    found = leave_out_twins([Path(place) for place in places], note)
    project = NewProject(
        path=out,
        images=found,
        classes=split_words(classes),
        axes=axes,
        reviews=reviews or (),
        qupath=qupath,
        heap=heap,
        note=note,
    )
    if objects:
        project.write_for_objects(objects)
    else:
        project.write_for_pixels(FeatureSelection.by_name(features.value))
    note(f"{len(found)} images; open {out} in ilastik")
