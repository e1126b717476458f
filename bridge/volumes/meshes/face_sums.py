"""Sums over the faces of a mesh, without an array of their corners."""

# numba's decorators carry no types
# mypy: disallow-untyped-decorators=False, disallow-untyped-calls=False

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from bridge.files.compiled import compiled


def sum_faces(
    vertices: NDArray[np.floating], faces: NDArray[np.int32], origin: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return the volume, the area, and the moments of both.

    The volume is the sum of the signed tetrahedra between the faces and the origin.

    Args:
        vertices: (vertex, axis).
        faces: (face, corner) numbers of vertices.
        origin: a point near the mesh.

    Returns:
        Volume, area, the volume's first moment along the three axes, and the area's; moments from
        the origin.

    >>> corners = np.array([[0, 0, 0], [0, 0, 1], [0, 1, 0], [1, 0, 0]], float)
    >>> faces = np.array([[0, 1, 2], [0, 2, 3], [0, 3, 1], [1, 3, 2]], np.int32)
    >>> sum_faces(corners, faces, np.zeros(3))[:5].round(3)
    array([0.167, 2.366, 0.042, 0.042, 0.042])
    """
    sums = np.zeros(8)
    _sum(vertices, faces, origin, sums)
    return sums


def add_normals(vertices: NDArray[np.floating], faces: NDArray[np.int32]) -> NDArray[np.float32]:
    """Return (vertex, axis) unit normals: of each the mean of its faces' ones, weighted by area.

    >>> corners = np.array([[0, 0, 0], [0, 1, 0], [0, 0, 1]], float)
    >>> add_normals(corners, np.array([[0, 1, 2]], np.int32))[0]
    array([1., 0., 0.], dtype=float32)
    """
    normals = np.zeros((len(vertices), 3), np.float32)
    _add(vertices, faces, normals)
    return normals


def gain_of_shift(
    vertices: NDArray[np.floating], faces: NDArray[np.int32], ways: NDArray[np.float32]
) -> float:
    """Return by how much the volume grows where vertices begin to move along their ways."""
    return float(_gain(vertices, faces, ways))


def count_parts(vertices: int, faces: NDArray[np.int32]) -> int:
    """Return the number of pieces of surface that share no vertex.

    Args:
        vertices: number of vertices; those of no face do not count.
        faces: (face, corner).

    >>> count_parts(6, np.array([[0, 1, 2], [3, 4, 5]], np.int32))
    2
    """
    return int(_parts(np.arange(vertices), faces))


@compiled(nogil=True)
def _parts(parents: Any, faces: Any) -> int:
    """Join the corners of each face (union-find, halving paths), and count the roots."""
    used = np.zeros(len(parents), np.bool_)
    for face in range(len(faces)):
        for corner in range(1, 3):
            a, b = faces[face, 0], faces[face, corner]
            while parents[a] != a:
                parents[a] = parents[parents[a]]
                a = parents[a]
            while parents[b] != b:
                parents[b] = parents[parents[b]]
                b = parents[b]
            parents[max(a, b)] = min(a, b)
        used[faces[face, 0]] = True
        used[faces[face, 1]] = True
        used[faces[face, 2]] = True
    roots = 0
    for vertex in range(len(parents)):
        roots += used[vertex] and parents[vertex] == vertex
    return roots


@compiled(nogil=True)
def _cross(vertices: Any, i: int, j: int, k: int) -> tuple[float, float, float]:
    """Return the normal of a face, twice as long as its area."""
    u0 = float(vertices[j, 0]) - vertices[i, 0]
    u1 = float(vertices[j, 1]) - vertices[i, 1]
    u2 = float(vertices[j, 2]) - vertices[i, 2]
    v0 = float(vertices[k, 0]) - vertices[i, 0]
    v1 = float(vertices[k, 1]) - vertices[i, 1]
    v2 = float(vertices[k, 2]) - vertices[i, 2]
    return u1 * v2 - u2 * v1, u2 * v0 - u0 * v2, u0 * v1 - u1 * v0


@compiled(nogil=True)
def _sum(vertices: Any, faces: Any, origin: Any, sums: Any) -> None:
    for face in range(len(faces)):
        i, j, k = faces[face, 0], faces[face, 1], faces[face, 2]
        n0, n1, n2 = _cross(vertices, i, j, k)
        area = np.sqrt(n0 * n0 + n1 * n1 + n2 * n2) / 2
        part = (
            n0 * (vertices[i, 0] - origin[0])
            + n1 * (vertices[i, 1] - origin[1])
            + n2 * (vertices[i, 2] - origin[2])
        ) / 6
        sums[0] += part
        sums[1] += area
        for axis in range(3):
            corners = float(vertices[i, axis]) + vertices[j, axis] + vertices[k, axis]
            middle = corners - 3 * origin[axis]
            sums[2 + axis] += part * middle / 4
            sums[5 + axis] += area * middle / 3


@compiled(nogil=True)
def _add(vertices: Any, faces: Any, normals: Any) -> None:
    for face in range(len(faces)):
        i, j, k = faces[face, 0], faces[face, 1], faces[face, 2]
        n0, n1, n2 = _cross(vertices, i, j, k)
        for corner in (i, j, k):
            normals[corner, 0] += n0
            normals[corner, 1] += n1
            normals[corner, 2] += n2
    for vertex in range(len(normals)):
        x, y, z = normals[vertex, 0], normals[vertex, 1], normals[vertex, 2]
        length = np.sqrt(x * x + y * y + z * z)
        if length > 0:
            for axis in range(3):
                normals[vertex, axis] /= length


@compiled(nogil=True)
def _gain(vertices: Any, faces: Any, ways: Any) -> float:
    gain = 0.0
    for face in range(len(faces)):
        i, j, k = faces[face, 0], faces[face, 1], faces[face, 2]
        n0, n1, n2 = _cross(vertices, i, j, k)
        for corner in (i, j, k):
            gain += n0 * ways[corner, 0] + n1 * ways[corner, 1] + n2 * ways[corner, 2]
    return gain / 6
