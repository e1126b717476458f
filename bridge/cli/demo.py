"""``starbridge demo``: the model and the images that come with starbridge."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from bridge.cli.output import close_run, shown_progress

app = typer.Typer(help="The model and the images that come with starbridge.", no_args_is_help=True)


@app.command("run")
def run(
    out: Annotated[Path, typer.Option("--out", "-o", help="Folder for the results.")] = Path(
        "demo-output"
    ),
) -> None:
    """Segment a real image and a simulated four-channel section with the demo model."""
    from bridge.batch.segment_job import segment_files
    from bridge.demo.showcase import SETTINGS, next_steps, write_images
    from bridge.segment.segmenter import Segmenter

    images, segmenter = write_images(out), Segmenter.load("demo")
    with shown_progress() as listener:
        outcomes = segment_files(
            images, out, segmenter, SETTINGS, existing="overwrite", listener=listener
        )
    close_run(outcomes, "results", out)
    typer.echo(next_steps(out, outcomes))


@app.command("pixels")
def pixels(
    out: Annotated[Path, typer.Option("--out", "-o", help="Folder for the images.")] = Path(
        "pixel-tutorial"
    ),
) -> None:
    """Write two-channel images, brush strokes and the truth, for the tutorial of ilastik."""
    from bridge.demo.pixel_tutorial import write_pixel_tutorial

    for path in write_pixel_tutorial(out):
        typer.echo(path)


@app.command("organoids")
def organoids(
    out: Annotated[Path, typer.Option("--out", "-o", help="Folder for the study.")] = Path(
        "organoid-tutorial"
    ),
) -> None:
    """Write images of organoids and an export of QuPath, for the tutorial of orgaSeg."""
    from bridge.demo.organoid_tutorial import write_organoid_tutorial

    for path in write_organoid_tutorial(out):
        typer.echo(path)


@app.command("sections")
def sections(
    out: Annotated[Path, typer.Option("--out", "-o", help="Folder for the study.")] = Path(
        "section-tutorial"
    ),
) -> None:
    """Write four-channel sections of organoids, clicks on cells and the truth, for its tutorial."""
    from bridge.demo.section_tutorial import write_section_tutorial

    for path in write_section_tutorial(out):
        typer.echo(path)


@app.command("volumes")
def volumes(
    out: Annotated[Path, typer.Option("--out", "-o", help="Folder for the stack.")] = Path(
        "volume-tutorial"
    ),
) -> None:
    """Write a stack of an epithelium, brush strokes and its true surface, for the tutorial."""
    from bridge.demo.volume_tutorial import write_volume_tutorial

    for path in write_volume_tutorial(out):
        typer.echo(path)
