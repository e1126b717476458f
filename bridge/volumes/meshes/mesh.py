"""A triangle mesh, and what is measured of it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from bridge.volumes.meshes.face_sums import add_normals, count_parts, sum_faces

Order = Literal["zyx", "xyz"]
"""Order of a vertex's coordinates: that of the array, or that of most other programs."""


@dataclass(frozen=True, eq=False)
class Mesh:
    """Triangles of a surface, outward: the signed volume of a closed one is positive.

    Positions are in µm from the **corner** of the volume's first voxel, whose centre lies at half
    a voxel, as in :class:`bridge.Detections`.

    Attributes:
        vertices: (vertex, axis) float32 or float64.
        faces: (face, corner) int32 vertex numbers.
        name: name of the object.
        label: its number in a label image, or None.
        class_name: its class, or None.
        order: order of the axes in ``vertices``.

    >>> corners = np.array([[0, 0, 0], [0, 0, 1], [0, 1, 0], [1, 0, 0]], float)
    >>> mesh = Mesh(corners, np.array([[0, 1, 2], [0, 2, 3], [0, 3, 1], [1, 3, 2]], np.int32))
    >>> round(mesh.volume, 4), mesh.is_watertight, mesh.euler_number
    (0.1667, True, 2)
    """

    vertices: NDArray[np.floating]
    faces: NDArray[np.int32]
    name: str = "mesh"
    label: int | None = None
    class_name: str | None = None
    order: Order = "zyx"

    def ordered(self, order: Order) -> Mesh:
        """Return the mesh with the axes in this order, outward still.

        Swapping two axes mirrors space, so that the corners of each face swap, too.

        >>> corners = np.array([[0, 0, 0], [0, 0, 1], [0, 1, 0], [1, 0, 0]], float)
        >>> faces = np.array([[0, 1, 2], [0, 2, 3], [0, 3, 1], [1, 3, 2]], np.int32)
        >>> round(Mesh(corners, faces).ordered("xyz").volume, 4)
        0.1667
        """
        if order == self.order:
            return self
        vertices = np.ascontiguousarray(self.vertices[:, ::-1])
        faces = np.ascontiguousarray(self.faces[:, ::-1])
        return replace(self, vertices=vertices, faces=faces, order=order)

    @cached_property
    def volume(self) -> float:
        """Signed volume in µm³: the sum of the tetrahedra from the middle of the vertices."""
        return float(self._sums[0])

    @cached_property
    def area(self) -> float:
        """Area in µm²."""
        return float(self._sums[1])

    @cached_property
    def vertex_normals(self) -> NDArray[np.float32]:
        """(vertex, axis) unit normals, each the mean of its faces' ones, weighted by area."""
        return add_normals(self.vertices, self.faces)

    @cached_property
    def bounds(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Least and largest coordinate along each axis, in the mesh's order."""
        if not len(self.vertices):
            return np.zeros(3), np.zeros(3)
        return self.vertices.min(0).astype(np.float64), self.vertices.max(0).astype(np.float64)

    @cached_property
    def centroid(self) -> NDArray[np.float64]:
        """Centre of mass of the enclosed volume, or of the area where nothing is enclosed."""
        if not len(self.faces):
            return np.full(3, np.nan)
        sums = self._sums
        is_closed = self.is_watertight and abs(sums[0]) > 1e-12
        found: NDArray[np.float64] = self._origin + (
            sums[2:5] / sums[0] if is_closed else sums[5:8] / max(sums[1], 1e-300)
        )
        return found

    @cached_property
    def _origin(self) -> NDArray[np.float64]:
        """Middle of the vertices: sums of large opposite terms stay exact only near the origin."""
        if not len(self.vertices):
            return np.zeros(3)
        return np.asarray(self.vertices.mean(0, dtype=np.float64))

    @cached_property
    def _sums(self) -> NDArray[np.float64]:
        return sum_faces(self.vertices, self.faces, self._origin)

    @cached_property
    def is_watertight(self) -> bool:
        """A closed surface: along each edge, two faces run in opposite directions."""
        return bool(len(self.faces)) and self._edges[1]

    @cached_property
    def euler_number(self) -> int:
        """Vertices minus edges plus faces: 2 for a sphere, 0 for a torus."""
        used = np.zeros(len(self.vertices), bool)
        used[self.faces] = True
        return int(used.sum()) - self._edges[0] + len(self.faces)

    @cached_property
    def parts(self) -> int:
        """Number of pieces of surface that do not touch each other."""
        return count_parts(len(self.vertices), self.faces)

    @cached_property
    def _edges(self) -> tuple[int, bool]:
        """Number of edges, and whether each is used once in either direction."""
        count = len(self.vertices)
        keys = np.empty(3 * len(self.faces), np.int64)
        for corner in range(3):
            first = self.faces[:, corner].astype(np.int64)
            second = self.faces[:, (corner + 1) % 3]
            # both directions of an edge beside each other, told apart by the last bit
            low, high = np.minimum(first, second), np.maximum(first, second)
            part = keys[corner * len(self.faces) : (corner + 1) * len(self.faces)]
            part[:] = ((low * count + high) << 1) | (first > second)
        keys.sort()
        edges = keys >> 1
        number = int(np.count_nonzero(np.diff(edges))) + 1 if len(edges) else 0
        paired = len(keys) == 2 * number and bool(
            (edges[::2] == edges[1::2]).all() and (keys[::2] != keys[1::2]).all()
        )
        return number, paired


def sphericity(volume: float, area: float) -> float:
    """Return the area of the sphere of the same volume over the area (Wadell 1935): 1 for a sphere.

    π^(1/3) (6 V)^(2/3) / A.

    >>> round(sphericity(1.0, 6.0), 3)  # a cube
    0.806
    """
    if volume <= 0 or area <= 0:
        return float("nan")
    return float(np.pi ** (1 / 3) * (6 * volume) ** (2 / 3) / area)
