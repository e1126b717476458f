"""``starbridge pairs``: training pairs from reviews, as files."""

from __future__ import annotations

from dataclasses import asdict
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from bridge.cli.options import AsJson, Axes, split_words
from bridge.cli.output import note, print_json
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
    Percentiles,
    Slice,
    SplitBy,
    Time,
)

if TYPE_CHECKING:
    from bridge.errors import StarbridgeError
    from bridge.training.pairs import TrainingPair
    from bridge.training.sources import ReadOptions


class LayoutChoice(StrEnum):
    """Choices of ``--layout``."""

    stardist = "stardist"
    orgaseg = "orgaseg"
    cellpose = "cellpose"


def pairs(
    reviews: Annotated[list[Path], typer.Argument(help=REVIEWS_HELP, show_default=False)],
    out: Annotated[
        Path, typer.Option("--out", "-o", help="Folder for the data set.", show_default=False)
    ],
    layout: Annotated[
        LayoutChoice, typer.Option(help="Program that is to read the data set.")
    ] = LayoutChoice.stardist,
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
    tile: Annotated[
        int | None,
        typer.Option(help="Cut to tiles of at most so many pixels.", show_default=False),
    ] = None,
    scale: Annotated[
        float | None,
        typer.Option(help="Factor for images and masks: 0.5 halves them.", show_default=False),
    ] = None,
    quadrants: Annotated[
        bool, typer.Option("--quadrants", help="Cut each image to four, as orgaSeg does.")
    ] = False,
    grey: Annotated[bool, typer.Option("--grey", help="Make one grey channel of all.")] = False,
    split: Annotated[
        str | None,
        typer.Option(
            help="Shares of training, validation and test. [default: as the source has them, else "
            "0.8,0.1,0.1]",
            show_default=False,
        ),
    ] = None,
    split_by: SplitBy = None,
    pattern: Pattern = None,
    simulated: Annotated[
        int, typer.Option(min=0, help="Add so many simulated images to the training.")
    ] = 0,
    crops: Annotated[
        bool, typer.Option("--crops", help="Also the image region of each object, class in name.")
    ] = False,
    percentiles: Percentiles = (1.0, 99.8),
    seed: Annotated[int, typer.Option(help="Of everything that is left to chance.")] = 0,
    qupath: Annotated[Path | None, typer.Option(help=QUPATH_HELP)] = None,
    heap: Annotated[str | None, typer.Option(help=HEAP_HELP)] = None,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace a data set that is there.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Write what reviewers finished as images and masks, to train StarDist or others with.

    Of a review only what somebody has finished counts: regions of a class (--inside), or whole
    images (--done, --all; in QuPath also metadata "done" of the image).
    """
    from bridge.apps.training_pairs import collect_pairs
    from bridge.formats.naming import PUBLISHED_PATTERN
    from bridge.training.datasets.building import BuildSettings, build_dataset
    from bridge.training.datasets.preparing import Preparation
    from bridge.training.datasets.splitting import SHARES, parse_shares
    from bridge.training.datasets.writing import check_free
    from bridge.training.sources import ReadOptions

    options = ReadOptions(
        channels=split_words(channel),
        axes=axes,
        objects=tuple(detections or ()),
        z=z,
        t=t,
        inside=tuple(inside or ()),
        done=tuple(done or ()),
        everything=everything,
        annotations=annotations,
        nuclei=nuclei,
        keep_empty=keep_empty,
        percentiles=percentiles,
    )
    settings = BuildSettings(
        preparation=Preparation(
            layout=layout.value,
            tile=tile,
            scale=scale,
            quadrants=quadrants,
            percentiles=options.percentiles,
        ),
        grey=grey,
        shares=SHARES if split is None else parse_shares(split),
        anew=split is not None,
        split_by=split_words(split_by),
        pattern=pattern or PUBLISHED_PATTERN,
        simulated=simulated,
        crops=crops,
        seed=seed,
        overwrite=overwrite,
    )
    check_free(out, overwrite=overwrite)
    errors: list[StarbridgeError] = []

    def failed(error: StarbridgeError) -> None:
        errors.append(error)
        note(str(error))

    found = collect_pairs(reviews, options, note=note, on_error=failed, qupath=qupath, heap=heap)
    if found or not errors:
        provenance = {"reviews": [str(review) for review in reviews], "reading": _as_json(options)}
        written = build_dataset(found, out, settings, provenance=provenance, note=note)
        _report(written, out, as_json=as_json)
    if errors:
        note(f"{len(errors)} could not be read, and are left out")
        raise typer.Exit(1)


def _as_json(options: ReadOptions) -> dict[str, Any]:
    return asdict(options) | {"objects": [str(path) for path in options.objects]}


def _report(written: list[TrainingPair], out: Path, *, as_json: bool) -> None:
    """Print how many images and objects each part has."""
    parts: dict[str, dict[str, int]] = {}
    for pair in written:
        part = parts.setdefault(pair.split or "all", {"images": 0, "objects": 0})
        part["images"] += 1
        part["objects"] += pair.count
    if as_json:
        print_json({"out": str(out), "parts": parts})
        return
    for name in ("train", "val", "test", "all"):
        if name in parts:
            images, objects = parts[name]["images"], parts[name]["objects"]
            typer.echo(f"{out}: {name}: {images} images, {objects} objects")
