"""Smooth a mesh without shrinking it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from bridge.volumes.meshes.mesh import Mesh
from bridge.volumes.meshes.surface import shift_to_volume

_LAMBDA = 0.33
_MU = -0.34


def relax(mesh: Mesh, rounds: int) -> Mesh:
    """Smooth a mesh by Taubin's filter (SIGGRAPH 1995, 351-358), and give it back its volume.

    Each round moves every vertex towards the mean of its neighbours by 0.33 of the way and back by
    0.34, which damps what changes from vertex to vertex and leaves the rest; vertices on the edge
    of an open surface stay.

    Args:
        mesh: the mesh.
        rounds: how often.

    Raises:
        MissingPartError: SciPy is not installed.
    """
    from bridge.errors import MissingPartError

    try:
        from scipy.sparse import coo_array, diags_array
    except ImportError as error:
        raise MissingPartError("volumes", "smooth meshes", "scipy") from error
    if rounds <= 0 or not len(mesh.faces):
        return mesh
    count = len(mesh.vertices)
    first = np.concatenate([mesh.faces[:, corner] for corner in range(3)])
    second = np.concatenate([mesh.faces[:, (corner + 1) % 3] for corner in range(3)])
    ones = np.ones(len(first), np.float32)
    edges = coo_array((ones, (first, second)), (count, count)).tocsr()
    both = edges + edges.T
    fixed = np.unique(np.concatenate((edges - edges.T).nonzero()))
    both.data[:] = 1
    degrees = np.maximum(both.sum(1), 1).astype(np.float32)
    mean = diags_array(1 / degrees) @ both
    vertices = mesh.vertices.copy()
    for _ in range(rounds):
        for step in (_LAMBDA, _MU):
            way = np.float32(step) * (mean @ vertices - vertices)
            way[fixed] = 0
            vertices += way
    relaxed = replace(mesh, vertices=vertices)
    if not mesh.is_watertight:
        return relaxed
    return shift_to_volume(relaxed, mesh.volume, float(np.sqrt(mesh.area / len(mesh.faces))))
