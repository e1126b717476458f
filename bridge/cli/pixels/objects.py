"""``starbridge pixels objects``: objects of maps of probabilities."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from bridge.cli.options import (
    AsJson,
    Axes,
    Jobs,
    Outputs,
    Overwrite,
    PixelSize,
    Resume,
    Scheduler,
)
from bridge.cli.pixels.object_options import (
    Cut,
    CutKind,
    DropBorder,
    Greatest,
    Holes,
    Smallest,
    Spacing,
)
from bridge.cli.running import run_job
from bridge.formats.layout import DEFAULT_FORMATS


def objects(
    maps: Annotated[
        list[str],
        typer.Argument(
            metavar="PROBS...",
            help="Maps of probabilities, or folders of them: HDF5 (exported_data), TIFF or "
            "OME-Zarr; floats from 0 to 1, 8-bit to 255, 16-bit to 65535.",
            show_default=False,
        ),
    ],
    out: Annotated[
        Path, typer.Option("--out", "-o", help="Folder for the results.", show_default=False)
    ],
    of_class: Annotated[
        str | None,
        typer.Option(
            "--class",
            help="Class of the objects: its number from 1, as ilastik counts, or its name. "
            "[default: the only one]",
            show_default=False,
        ),
    ] = None,
    cytoplasm: Annotated[
        str | None,
        typer.Option(
            help="Class of the cytoplasm, number or name: every nucleus (--class) gets a cell.",
            show_default=False,
        ),
    ] = None,
    cutoff: Annotated[float, typer.Option(help="Least probability of an object.")] = 0.5,
    otsu: Annotated[
        bool, typer.Option("--otsu", help="Let Otsu's method find the cutoff of each plane.")
    ] = False,
    low: Annotated[
        float | None,
        typer.Option(
            help="Least probability of an object's pixels, one of which must reach the cutoff. "
            "[default: all must]",
            show_default=False,
        ),
    ] = None,
    sigma: Annotated[float, typer.Option(help="Smooth the map by this many px first.")] = 0.0,
    holes: Holes = True,
    cut: Cut = CutKind.imagej,
    spacing: Spacing = 5,
    smallest: Smallest = 30,
    greatest: Greatest = None,
    drop_border: DropBorder = False,
    pixel_size: PixelSize = None,
    axes: Axes = None,
    formats: Outputs = None,
    overwrite: Overwrite = False,
    resume: Resume = False,
    jobs: Jobs = "1",
    scheduler: Scheduler = None,
    as_json: AsJson = False,
) -> None:
    """Make objects of maps of probabilities: threshold, holes, cuts, sizes.

    Numbers are those of the macro probability_postprocess.ijm in ImageJ. Results are laid out as
    those of starbridge segment; running the same command again does only what is missing.
    """
    from bridge.classify.pixels.objects.job import ObjectsJob
    from bridge.classify.pixels.objects.maps import find_maps
    from bridge.classify.pixels.objects.settings import ObjectSettings

    settings = ObjectSettings(
        cutoff=None if otsu else cutoff,
        low=low,
        sigma=sigma,
        holes=holes,
        cut=cut.value,
        spacing=spacing,
        smallest=smallest,
        greatest=greatest,
        drop_border=drop_border,
    )
    job = ObjectsJob(
        settings=settings,
        formats=tuple(dict.fromkeys(formats or DEFAULT_FORMATS)),
        axes=axes,
        pixel_size=pixel_size,
        of_class=of_class,
        cytoplasm=cytoplasm,
    )
    run_job(
        job,
        find_maps(maps),
        out,
        overwrite=overwrite,
        resume=resume,
        jobs=jobs,
        scheduler=scheduler,
        as_json=as_json,
    )
