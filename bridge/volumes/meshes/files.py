"""Mesh files: Wavefront .obj, and .ply, .stl and .glb by trimesh.

Coordinates are the numbers of µm, in the order of the mesh, from the corner of the volume's first
voxel. A .obj, .ply or .stl says no unit. glTF counts in metres, and programs that follow it show
1 µm as 1 m: the scene's ``extras`` say so.
"""

# trimesh has annotations in part only
# mypy: disallow-untyped-calls=False

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from os import PathLike
from pathlib import Path
from typing import IO, Any, Literal

import numpy as np
import pyarrow as pa
import pyarrow.csv as pacsv
from numpy.typing import NDArray

from bridge.colors import class_color, distinct_color
from bridge.errors import BadInputError, MissingPartError
from bridge.files.atomic import write_bytes, writing
from bridge.volumes.meshes.mesh import Mesh

MeshFormat = Literal["obj", "ply", "stl", "glb"]

MESH_FORMATS: tuple[MeshFormat, ...] = ("obj", "ply", "stl", "glb")
"""Formats, which are the endings of their files, too."""

_ROWS = 2**16  # of which the text is made at a time
_CONTROL = re.compile(r"[\x00-\x1f\x7f]+")


def write_meshes(path: str | PathLike[str], meshes: Sequence[Mesh]) -> None:
    """Write meshes into one file, in the format of its ending.

    .obj and .glb keep the meshes apart by name; a .ply has a number ``label`` at each face; a .stl
    has triangles only.

    Args:
        path: ending in .obj, .ply, .stl or .glb; written completely or not at all.
        meshes: all in one order of axes.

    Raises:
        BadInputError: another ending, or the file cannot be written.
        MissingPartError: trimesh is not installed; .obj needs it not.

    >>> import tempfile
    >>> mesh = Mesh(np.eye(3, dtype=np.float32), np.array([[0, 1, 2]], np.int32), "a")
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     write_meshes(f"{folder}/a.obj", [mesh])
    ...     print("".join(open(f"{folder}/a.obj").readlines()[1:]), end="")
    o a
    v 1 0 0
    v 0 1 0
    v 0 0 1
    f 1 2 3
    """
    ending = Path(path).suffix.lower()
    if ending == ".obj":
        with writing(path) as part, part.open("wb") as file:
            _write_obj(file, meshes)
        return
    if ending not in {f".{each}" for each in MESH_FORMATS}:
        raise BadInputError(
            path, "has the ending of no mesh", "end its name in .obj, .ply, .stl or .glb"
        )
    try:
        import trimesh
    except ImportError as error:
        raise MissingPartError("volumes", f"write {ending} files", "trimesh") from error
    if ending == ".glb":
        write_bytes(path, _glb(trimesh, meshes))
        return
    joined: Any = trimesh.Trimesh(*_joined(meshes), process=False, validate=False)
    if ending == ".ply":
        labels = [np.full(len(m.faces), m.label or n, np.int32) for n, m in enumerate(meshes, 1)]
        joined.face_attributes["label"] = np.concatenate(labels)
        write_bytes(path, joined.export(file_type="ply", vertex_normal=False))
    else:
        write_bytes(path, joined.export(file_type="stl"))


def mesh_color(mesh: Mesh, number: int) -> str:
    """Return the colour of a mesh, ``#rrggbb``: its class's, or one of its own.

    Args:
        mesh: the mesh.
        number: its position among others, from 0.
    """
    return class_color(mesh.class_name) if mesh.class_name else distinct_color(number)


def plain_name(name: str) -> str:
    r"""Return a name that stays on its line.

    >>> plain_name("a\nf 1 1 1")
    'a f 1 1 1'
    """
    return _CONTROL.sub(" ", name).encode("utf-8", "replace").decode().strip() or "mesh"


def _write_obj(file: IO[bytes], meshes: Iterable[Mesh]) -> None:
    first = 1
    for mesh in meshes:
        if first == 1:
            file.write(f"# µm, axes {' '.join(mesh.order)}\n".encode())
        file.write(f"o {plain_name(mesh.name)}\n".encode())
        _write_rows(file, "v", mesh.vertices)
        _write_rows(file, "f", mesh.faces, first)
        first += len(mesh.vertices)


def _write_rows(file: IO[bytes], keyword: str, rows: NDArray[Any], offset: int = 0) -> None:
    """Write a line for each row: float32 in the fewest digits that give the same number again."""
    style = pacsv.WriteOptions(
        include_header=False, batch_size=_ROWS, delimiter=" ", quoting_style="none"
    )
    for start in range(0, len(rows), _ROWS):
        part = rows[start : start + _ROWS]
        numbers = part.astype(np.int64) + offset if offset else part
        columns = [pa.repeat(keyword, len(part)), *(pa.array(column) for column in numbers.T)]
        pacsv.write_csv(pa.table(columns, names=["keyword", "a", "b", "c"]), file, style)


def _joined(meshes: Sequence[Mesh]) -> tuple[NDArray[Any], NDArray[np.int32]]:
    offsets = np.cumsum([0, *(len(mesh.vertices) for mesh in meshes)])
    faces = [mesh.faces + at for mesh, at in zip(meshes, offsets[:-1], strict=True)]
    return np.concatenate([mesh.vertices for mesh in meshes]), np.concatenate(faces)


def _glb(trimesh: Any, meshes: Sequence[Mesh]) -> bytes:
    scene = trimesh.Scene()
    scene.metadata["unit"] = "1 in this file, which glTF takes for a metre, is 1 µm"
    scene.metadata["axes"] = " ".join(meshes[0].order)
    for number, mesh in enumerate(meshes):
        color = mesh_color(mesh, number)
        rgba = [int(color[at : at + 2], 16) for at in (1, 3, 5)] + [255]
        material = trimesh.visual.material.PBRMaterial(
            baseColorFactor=rgba, metallicFactor=0.0, roughnessFactor=0.7, doubleSided=True
        )
        body = trimesh.Trimesh(
            mesh.vertices,
            mesh.faces,
            vertex_normals=mesh.vertex_normals,
            visual=trimesh.visual.TextureVisuals(material=material),
            process=False,
            validate=False,
        )
        name = plain_name(mesh.name)
        body.metadata.update(label=mesh.label, classification=mesh.class_name)
        scene.add_geometry(body, node_name=name, geom_name=name)
    data: bytes = scene.export(file_type="glb", include_normals=True)
    return data
