"""``starbridge import``: model folders from exported files."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from bridge.cli.options import Overwrite
from bridge.cli.output import note


def import_file(
    file: Annotated[
        Path,
        typer.Argument(
            help="Exported model: a SavedModel .zip (as for Fiji), a .pb (as for QuPath), a "
            "bioimage.io package or .onnx of starbridge.",
            show_default=False,
        ),
    ],
    out: Annotated[
        Path, typer.Option("--out", "-o", help="Model folder to make.", show_default=False)
    ],
    prob: Annotated[
        float | None,
        typer.Option(help="Probability threshold, where the file has none (StarDist's own: 0.5)."),
    ] = None,
    nms: Annotated[
        float | None,
        typer.Option(help="Overlap threshold, where the file has none (StarDist's own: 0.4)."),
    ] = None,
    percentiles: Annotated[
        tuple[float, float] | None,
        typer.Option(
            help="Intensity percentiles, where the file has none (StarDist's own: 1 99.8)."
        ),
    ] = None,
    config: Annotated[
        Path | None,
        typer.Option(
            help="config.json of the model's training; a 3D model of others needs it.",
            show_default=False,
        ),
    ] = None,
    overwrite: Overwrite = False,
) -> None:
    """Make a StarDist model folder of a model that exists only inside Fiji or QuPath.

    The graph is matched to StarDist's own network, and its weights come back bit for bit. Nothing
    of the file is run.
    """
    from bridge.model.graphs.importing import import_model

    model = import_model(
        file,
        out,
        config=config,
        overwrite=overwrite,
        prob=prob,
        nms=nms,
        percentiles=percentiles,
    )
    for sentence in model.notes:
        note(sentence)
    typer.echo(model.path)
    grid = " x ".join(map(str, model.grid))
    backbone = {"unet": "U-Net", "resnet": "ResNet"}[model.config["backbone"]]
    typer.echo(
        f"  {model.n_dim}D {backbone}, {model.n_channels} channel(s), {model.n_rays} rays, "
        f"grid {grid}" + (f", {model.n_classes} classes" if model.n_classes else "")
    )
    low, high = model.recipe.percentiles
    typer.echo(
        f"  percentiles {low:g} and {high:g}, probability {model.recipe.prob:g}, "
        f"overlap {model.recipe.nms:g}"
    )
