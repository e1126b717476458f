"""A table of meshes: volume, area, shape and place of each."""

from __future__ import annotations

from collections.abc import Sequence
from os import PathLike

import numpy as np
import pandas as pd

from bridge.files.atomic import write_bytes
from bridge.formats.spreadsheet_text import guard_text
from bridge.volumes.meshes.mesh import Mesh, sphericity


def measure_meshes(meshes: Sequence[Mesh]) -> pd.DataFrame:
    """Return a row a mesh; what only a closed surface has is NaN where it is open.

    Columns: ``Label``, ``Name``, ``Class``; ``Volume µm^3``, ``Area µm^2``, ``Sphericity`` (Wadell
    1935), ``Extent z µm`` … ``x``, ``Centroid z µm`` … ``x`` from the corner of the first voxel;
    ``Watertight``, ``Euler number``, ``Genus`` (handles of all parts together), ``Vertices`` and
    ``Faces``.

    >>> corners = np.array([[0, 0, 0], [0, 0, 1], [0, 1, 0], [1, 0, 0]], float)
    >>> mesh = Mesh(corners, np.array([[0, 1, 2], [0, 2, 3], [0, 3, 1], [1, 3, 2]], np.int32))
    >>> measure_meshes([mesh])[["Volume µm^3", "Extent z µm", "Genus"]].round(3)
       Volume µm^3  Extent z µm  Genus
    0        0.167          1.0    0.0
    """
    return pd.DataFrame([_row(mesh) for mesh in meshes], columns=list(_COLUMNS))


_COLUMNS = (
    "Label",
    "Name",
    "Class",
    "Volume µm^3",
    "Area µm^2",
    "Sphericity",
    *(f"Extent {axis} µm" for axis in "zyx"),
    *(f"Centroid {axis} µm" for axis in "zyx"),
    "Watertight",
    "Euler number",
    "Genus",
    "Vertices",
    "Faces",
)


def write_table(path: str | PathLike[str], table: pd.DataFrame) -> None:
    """Write the table of :func:`measure_meshes` as CSV in UTF-8.

    Args:
        path: the file, written completely or not at all.
        table: the rows; texts that a spreadsheet would run get an apostrophe in front.

    Raises:
        BadInputError: the file cannot be written.
    """
    safe = table.copy()
    for column in ("Name", "Class"):
        safe[column] = [None if pd.isna(text) else guard_text(str(text)) for text in safe[column]]
    write_bytes(path, safe.to_csv(index=False, float_format="%.7g").encode("utf-8", "replace"))


def _row(mesh: Mesh) -> list[object]:
    low, high = mesh.bounds
    extent, centroid = high - low, mesh.centroid
    if mesh.order == "xyz":
        extent, centroid = extent[::-1], centroid[::-1]
    closed = mesh.is_watertight
    volume = mesh.volume if closed else np.nan
    return [
        mesh.label,
        mesh.name,
        mesh.class_name,
        volume,
        mesh.area,
        sphericity(volume, mesh.area) if closed else np.nan,
        *(float(each) for each in extent),
        *(float(each) for each in centroid),
        closed,
        mesh.euler_number,
        mesh.parts - mesh.euler_number / 2 if closed else np.nan,
        len(mesh.vertices),
        len(mesh.faces),
    ]
