"""A self-contained page to look at meshes in a browser, by WebGL and without a network."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Sequence
from os import PathLike

import numpy as np

from bridge.errors import MissingPartError
from bridge.files.atomic import write_bytes
from bridge.pictures.page import template_environment
from bridge.volumes.meshes.decimating import decimate
from bridge.volumes.meshes.files import mesh_color, plain_name
from bridge.volumes.meshes.mesh import Mesh

MOST_FACES = 150_000
"""Faces on a page: its file stays below 5 MB, and a laptop turns it smoothly."""

_FEWEST = 40  # faces of one of many meshes: less shows no shape
_ONLY = "#a8b8cc"


def write_mesh_page(path: str | PathLike[str], title: str, meshes: Sequence[Mesh]) -> None:
    """Write a page that shows meshes, which can be turned, zoomed and switched on and off.

    Meshes of more faces than :data:`MOST_FACES` together are decimated for the page.

    Args:
        path: the ``.html`` file, written completely or not at all.
        title: of the page.
        meshes: what to show, each in the colour of its class or one of its own.

    Raises:
        BadInputError: the file cannot be written.
        MissingPartError: jinja2 or, for large meshes, fast-simplification is not installed.
    """
    try:
        environment = template_environment()
    except ImportError as error:
        raise MissingPartError("volumes", "write a page", "jinja2") from error
    total = sum(len(mesh.faces) for mesh in meshes)
    shown = [
        decimate(mesh, max(_FEWEST, len(mesh.faces) * MOST_FACES // max(total, 1)))
        if total > MOST_FACES
        else mesh
        for mesh in meshes
    ]
    drawn = [mesh.ordered("xyz") for mesh in shown]
    low = np.min([mesh.bounds[0] for mesh in drawn], axis=0)
    size = np.max([mesh.bounds[1] for mesh in drawn], axis=0) - low
    steps = 65535 / np.where(size > 0, size, 1)
    parts = []
    for number, mesh in enumerate(drawn):
        points = np.rint((mesh.vertices - low) * steps).astype("<u2")
        color = mesh_color(mesh, number) if len(meshes) > 1 or mesh.class_name else _ONLY
        parts.append(
            {
                "color": color,
                "points": b64encode(points.tobytes()).decode(),
                "faces": b64encode(mesh.faces.astype("<u4").tobytes()).decode(),
            }
        )
    faces = sum(len(mesh.faces) for mesh in shown)
    fewer = f", {faces:,} of them shown" if faces < total else ""
    names = [
        {"name": plain_name(mesh.name), "color": part["color"]}
        for mesh, part in zip(meshes, parts, strict=True)
    ]
    page = environment.get_template("mesh.html").render(
        title=plain_name(title),
        subtitle=f"{total:,} faces{fewer}. Drag to turn, shift-drag to move, scroll to zoom, "
        "double-click to go back.",
        meshes=names,
        data={
            "size": [float(each) for each in size],
            "radius": float(np.linalg.norm(size) / 2) or 1.0,
            "meshes": parts,
        },
    )
    write_bytes(path, page.encode("utf-8", "replace"))
