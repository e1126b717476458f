"""The real mesh of the tutorial of blender_tissue_cartography, made again vertex for vertex.

The tutorial's images are not here, but a vertex of marching cubes says how the values at the two
ends of its edge compare. The values near the surface are worked out of all vertices, and the mesh
of these values is compared with the real one.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.linalg import lsqr
from scipy.spatial import cKDTree

from bridge.volumes.meshes.mesh import Mesh
from bridge.volumes.meshes.surface import SurfaceSettings, make_tutorial_surface

STEPS = (1.0, 1.08, 1.08)
"""µm: 0.36 µm over the nominal 1/3 in the plane."""


def read_obj(path: Path) -> Mesh:
    lines = [line.split() for line in path.read_text("utf-8").splitlines()]
    vertices = np.array([line[1:] for line in lines if line[0] == "v"], float)
    faces = np.array([line[1:] for line in lines if line[0] == "f"], np.int32)
    return Mesh(vertices, faces - 1)


def values_of(mesh: Mesh, *, is_first_inside: bool) -> NDArray[np.float32]:
    """Return values (z, y, x) whose surface at 0.5 has these vertices.

    On which side the tissue is, vertices do not say: whether the first voxel is inside decides it.
    """
    places = mesh.vertices / STEPS
    places[np.abs(places - np.rint(places)) < 1e-7] = np.rint(
        places[np.abs(places - np.rint(places)) < 1e-7]
    )
    shape = tuple(int(n) + 1 for n in np.ceil(places.max(0)))
    on_edge = places != np.rint(places)
    assert (on_edge.sum(1) <= 1).all()  # in array order, without half a voxel, these are indices
    crossed = np.zeros((3, *shape), bool)
    single = on_edge.any(1)
    axis = on_edge[single].argmax(1)
    first = np.floor(places[single]).astype(int)
    crossed[(axis, *first.T)] = True
    inside = np.zeros(shape, bool)
    inside[0, 0, 1:] = np.cumsum(crossed[2, 0, 0, :-1]) % 2
    inside[0, 1:] = inside[0, :1] ^ (np.cumsum(crossed[1, 0, :-1], 0) % 2).astype(bool)
    inside[1:] = inside[:1] ^ (np.cumsum(crossed[0, :-1], 0) % 2).astype(bool)
    second = first + np.eye(3, dtype=int)[axis]
    inside ^= is_first_inside
    assert (inside[tuple(first.T)] != inside[tuple(second.T)]).all()

    way = (places[single] - first)[np.arange(len(axis)), axis]
    a, b = (np.ravel_multi_index(tuple(ends.T), shape) for ends in (first, second))
    nodes, numbers = np.unique(np.concatenate([a, b]), return_inverse=True)
    rows = np.tile(np.arange(len(a)), 2)
    signs = np.repeat([1.0, -1.0], len(a))
    system = coo_array((signs, (rows, numbers)), (len(a), len(nodes))).tocsr()
    distances = lsqr(system, np.log(way / (1 - way)), atol=1e-13, btol=1e-13, iter_lim=5000)[0]
    values = np.where(inside, 1.0, 0.0).ravel()
    steps = np.exp(distances - distances.max()) / 2
    values[nodes] = 0.5 + np.where(inside.ravel()[nodes], steps, -steps)
    return values.reshape(shape).astype(np.float32)


def test_the_tutorials_real_mesh_is_made_vertex_for_vertex(shared: Path) -> None:
    real = read_obj(shared / "ilastik" / "basics_example_mesh_marching_cubes.obj")
    values = values_of(real, is_first_inside=True)
    made = make_tutorial_surface(values, STEPS, SurfaceSettings())
    distances, nearest = cKDTree(made.vertices).query(real.vertices)

    assert len(made.vertices) == len(real.vertices)
    assert len(np.unique(nearest)) == len(real.vertices)
    assert distances.max() < 1e-4
    assert len(made.faces) == len(real.faces)
    assert made.volume == pytest.approx(real.volume, rel=1e-4)
    assert made.area == pytest.approx(real.area, rel=1e-3)
    assert real.volume < 0
