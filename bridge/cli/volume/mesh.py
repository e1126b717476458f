"""``starbridge volume mesh``: surface meshes of probabilities and labels."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from bridge.cli.options import (
    CHANNEL_HELP,
    AsJson,
    Jobs,
    Overwrite,
    Prepared,
    Resume,
    Scheduler,
    TimePoint,
    VolumeAxes,
    Voxel,
)


class ValueKind(StrEnum):
    """Choices of ``--kind``."""

    auto = "auto"
    probabilities = "probabilities"
    labels = "labels"
    intensities = "intensities"


class OrderKind(StrEnum):
    """Choices of ``--order``."""

    zyx = "zyx"
    xyz = "xyz"


class FormatKind(StrEnum):
    """Choices of ``--format``."""

    obj = "obj"
    ply = "ply"
    stl = "stl"
    glb = "glb"


def mesh(
    volumes: Annotated[
        list[str],
        typer.Argument(
            metavar="VOLUMES...",
            help="Probabilities or labels, or folders of them: HDF5, TIFF or OME-Zarr.",
            show_default=False,
        ),
    ],
    out: Annotated[
        Path,
        typer.Option(
            "--out",
            "-o",
            help="File (M.obj, .ply, .stl or .glb) for one volume, or folder for the results.",
            show_default=False,
        ),
    ],
    channel: Annotated[
        str | None,
        typer.Option(help=f"Channel: {CHANNEL_HELP}. [default: the only one]", show_default=False),
    ] = None,
    kind: Annotated[
        ValueKind,
        typer.Option(
            help="What the values are; auto takes whole numbers of one channel for labels, unless "
            "--iso is given."
        ),
    ] = ValueKind.auto,
    iso: Annotated[
        float | None,
        typer.Option(
            help="Isovalue: a probability from 0 to 1, also of 8 and 16 bits (255 and 65535 are "
            "1), or a grey value with --kind intensities. [default: 0.5]",
            show_default=False,
        ),
    ] = None,
    smooth: Annotated[
        str | None,
        typer.Option(
            metavar="3px|2um",
            help="Smooth the values by a Gaussian of so many voxels or µm first. [default: not; "
            "labels by 0.6 times a voxel's longest edge]",
            show_default=False,
        ),
    ] = None,
    keep_volume: Annotated[
        bool,
        typer.Option(
            "--keep-volume/--shrink",
            help="Keep the volume when smoothing, or let round bodies shrink.",
        ),
    ] = True,
    closed: Annotated[
        bool,
        typer.Option(
            "--closed/--open", help="Close surfaces at the volume's border, or leave them open."
        ),
    ] = True,
    relax: Annotated[
        int, typer.Option(help="Rounds of Taubin's smoothing of the mesh, which keeps its volume.")
    ] = 0,
    faces: Annotated[
        int | None,
        typer.Option(
            help="Decimate to so many faces, of all meshes together. [default: all]",
            show_default=False,
        ),
    ] = None,
    order: Annotated[
        OrderKind, typer.Option(help="Order of the coordinates of vertices.")
    ] = OrderKind.zyx,
    names: Annotated[
        Path | None,
        typer.Option(
            metavar="T.csv",
            help="Names and classes of labels: a table with the columns label, name, class.",
            show_default=False,
        ),
    ] = None,
    split: Annotated[
        bool, typer.Option("--split", help="Write a file for each label (NAME_LABEL.obj).")
    ] = False,
    file_format: Annotated[
        FormatKind, typer.Option("--format", help="Format of the files in a folder.")
    ] = FormatKind.obj,
    show: Annotated[
        bool,
        typer.Option("--show/--no-show", help="Draw a turntable (PNG) and a page to look at."),
    ] = True,
    tutorial: Annotated[
        bool,
        typer.Option(
            "--tutorial",
            help="Make the mesh of blender_tissue_cartography, vertex for vertex: 3px, open, "
            "centres of voxels as positions, nominal factors of subsampling, inward faces.",
        ),
    ] = False,
    prepared: Prepared = None,
    voxel: Voxel = None,
    time: TimePoint = None,
    axes: VolumeAxes = None,
    overwrite: Overwrite = False,
    resume: Resume = False,
    jobs: Jobs = "1",
    scheduler: Scheduler = None,
    as_json: AsJson = False,
) -> None:
    """Make surface meshes in µm: one of probabilities, or one for each label.

    Beside them: a table of volumes, areas and shapes, a turntable, and a page that turns them.
    """
    from bridge.cli.running import run_job
    from bridge.cli.volume.opening import opening_settings
    from bridge.images import find_images
    from bridge.volumes.job import split_out
    from bridge.volumes.meshes.job import MESH_ENDINGS, MeshJob
    from bridge.volumes.meshes.making import MeshSettings, Smoothing

    found = find_images(volumes)
    folder, name = split_out(out, MESH_ENDINGS, len(found))
    job = MeshJob(
        opening=opening_settings(
            axes=axes, voxel=voxel, channel=channel, time=time, prepared=prepared
        ),
        file_name=name,
        settings=MeshSettings(
            kind=kind.value,
            iso=iso,
            smoothing=None if smooth is None else Smoothing.parse(smooth),
            is_closed=closed,
            keeps_volume=keep_volume,
            relaxing=relax,
            faces=faces,
            order=order.value,
            is_tutorial=tutorial,
        ),
        ending=f".{file_format.value}" if name is None else Path(name).suffix,
        is_split=split,
        is_shown=show,
        names=names,
    )
    run_job(
        job,
        found,
        folder,
        overwrite=overwrite,
        resume=resume,
        jobs=jobs,
        scheduler=scheduler,
        as_json=as_json,
    )
