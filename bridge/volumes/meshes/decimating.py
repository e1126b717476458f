"""Fewer triangles for the same surface."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from bridge.errors import MissingPartError
from bridge.volumes.meshes.mesh import Mesh
from bridge.volumes.meshes.surface import shift_to_volume


def decimate(mesh: Mesh, faces: int) -> Mesh:
    """Return a mesh of at most about so many faces that encloses the same volume.

    Edges collapse in the order of their quadric error (Garland and Heckbert, SIGGRAPH 1997,
    209-216), by fast-simplification; the little that this takes of the volume is given back by a
    shift along the normals.

    Args:
        mesh: the mesh.
        faces: number of faces, at least 4.

    Raises:
        MissingPartError: fast-simplification is not installed.
    """
    if len(mesh.faces) <= faces:
        return mesh
    try:
        import fast_simplification
    except ImportError as error:
        raise MissingPartError("volumes", "decimate meshes", "fast-simplification") from error
    # The library computes in float32: near the origin that is fine enough.
    middle = mesh.vertices.mean(0, dtype=np.float64)
    points, triangles = fast_simplification.simplify(
        np.ascontiguousarray(mesh.vertices - middle, np.float32),
        np.ascontiguousarray(mesh.faces, np.int32),
        target_count=max(4, faces),
    )
    vertices = (points + middle).astype(mesh.vertices.dtype)
    smaller = replace(mesh, vertices=vertices, faces=np.ascontiguousarray(triangles, np.int32))
    if not (mesh.is_watertight and smaller.is_watertight):
        return smaller
    return shift_to_volume(smaller, mesh.volume, float(np.sqrt(smaller.area / len(triangles))))
