"""The surface of a body in a volume: smoothed, and as large as the body that it is made of."""

from __future__ import annotations

from dataclasses import dataclass

import numba
import numpy as np
from numpy.typing import NDArray

from bridge.errors import BadInputError
from bridge.volumes.meshes.face_sums import gain_of_shift
from bridge.volumes.meshes.gaussian import smooth_in_place
from bridge.volumes.meshes.isosurface import isosurface, march
from bridge.volumes.meshes.mesh import Mesh
from bridge.volumes.meshes.occupancy import kept_volume, occupancy, occupied, solve_isovalue
from bridge.volumes.voxels import Triple

_BAND = 0.5
"""Part of the way from the isovalue to the extremes in which voxels are on the surface's way: what
was above or below the isovalue beyond it were specks and holes, which smoothing is to remove."""

_SHIFTS = 3  # Newton steps; the volume is a cubic function of the shift
_LARGEST_SHIFT = 0.5  # voxels
_WORTH_THREADS = 2**20  # voxels: of fewer, threads wait longer for each other than they work
_LOST = 0.02  # of the volume: more is told


@dataclass(frozen=True)
class SurfaceSettings:
    """Settings by which a surface is made of values.

    Attributes:
        iso: isovalue, in the units of the values.
        sigma: standard deviations of the Gaussian along z, y and x in voxels.
        is_closed: whether the surface is closed at the volume's border.
        keeps_volume: whether the surface encloses what the values enclosed before smoothing.
    """

    iso: float = 0.5
    sigma: Triple = (0.0, 0.0, 0.0)
    is_closed: bool = True
    keeps_volume: bool = True


def make_surface(
    values: NDArray[np.float32],
    voxel: Triple,
    settings: SurfaceSettings,
    *,
    source: str = "volume",
    voxels: float | None = None,
    notes: list[str] | None = None,
) -> Mesh:
    """Return the surface of a body, outward, in µm from the corner of the first voxel.

    Args:
        values: C-contiguous (z, y, x) without NaN; they are smoothed in place.
        voxel: µm along z, y and x.
        settings: isovalue, smoothing, border.
        source: the file, named in errors.
        voxels: number of voxels of the body, where it is known; else it is estimated.
        notes: gets lines for the user.

    Raises:
        BadInputError: no voxel is above the isovalue, or all are and the surface is open.
        MissingPartError: scikit-image is not installed.

    >>> z, y, x = np.ogrid[:24, :24, :24]
    >>> distance = np.sqrt((z - 11.5) ** 2 + (y - 11.5) ** 2 + (x - 11.5) ** 2)
    >>> ball = np.clip(10.5 - distance, 0, 1).astype(np.float32)
    >>> mesh = make_surface(ball, (2, 1, 1), SurfaceSettings(sigma=(0.5, 1, 1)))
    >>> round(mesh.volume / (2 * 4 / 3 * np.pi * 10**3), 2)
    1.0
    """
    threads = 1 if values.size < _WORTH_THREADS else numba.get_num_threads()
    before = numba.get_num_threads()
    numba.set_num_threads(threads)
    try:
        return _make_surface(
            values, voxel, settings, source, voxels, [] if notes is None else notes
        )
    finally:
        numba.set_num_threads(before)


def _make_surface(
    values: NDArray[np.float32],
    voxel: Triple,
    settings: SurfaceSettings,
    source: str,
    voxels: float | None,
    notes: list[str],
) -> Mesh:
    low, high = float(values.min()), float(values.max())
    check_isovalue(source, settings, low, high)
    iso, wanted = settings.iso, voxels
    if any(settings.sigma):
        parts = occupancy(values, iso) if settings.keeps_volume and voxels is None else None
        smooth_in_place(values, settings.sigma)
        if settings.keeps_volume:
            if parts is None:
                peak = float(values.max())
                bounds = 0.02 * peak, min(0.98, 0.98 * peak)
            else:
                bounds = iso - _BAND * (iso - low), iso + _BAND * (high - iso)
                wanted = kept_volume(values, parts, *bounds)
                del parts
            if wanted:
                iso = solve_isovalue(values, wanted, min(iso, bounds[1]), *bounds)
    elif settings.keeps_volume and wanted is None:
        wanted = occupied(values, iso)
    if values.max() <= np.float32(iso):
        raise BadInputError(
            source, "has nothing left after smoothing", "smooth less (--smooth), or not at all"
        )
    vertices, faces = isosurface(values, iso, is_closed=settings.is_closed)
    size = np.array(values.shape) * np.array(voxel)
    vertices *= np.array(voxel, np.float32)
    mesh = Mesh(vertices, faces)
    if settings.is_closed and wanted:
        target = wanted * float(np.prod(voxel))
        limits = np.zeros(3), size
        mesh = shift_to_volume(mesh, target, _LARGEST_SHIFT * min(voxel), limits)
        if abs(mesh.volume - target) > _LOST * target:
            notes.append(
                f"smoothing changed the volume by {mesh.volume / target - 1:+.0%}: it is wide for "
                "so thin a body"
            )
    return mesh


def make_tutorial_surface(
    values: NDArray[np.float32], steps: Triple, settings: SurfaceSettings, *, source: str = "volume"
) -> Mesh:
    """Return the mesh that blender_tissue_cartography makes of probabilities.

    Its conventions: positions of vertices are array indices (so that the centre of the first voxel
    is the origin) times a step an axis, open at the border, and **inward**: the signed volume of a
    closed surface is negative.

    Args:
        values: C-contiguous (z, y, x) without NaN; they are smoothed in place.
        steps: resolution over nominal subsampling along z, y and x: µm.
        settings: isovalue and smoothing.
        source: the file, named in errors.

    Raises:
        BadInputError: the isovalue lies outside the values.
        MissingPartError: scikit-image is not installed.

    >>> values = np.zeros((3, 3, 3), np.float32)
    >>> values[1, 1, 1] = 1
    >>> mesh = make_tutorial_surface(values, (2, 1, 1), SurfaceSettings())
    >>> mesh.vertices.min(0), mesh.volume < 0
    (array([1. , 0.5, 0.5], dtype=float32), True)
    """
    smooth_in_place(values, settings.sigma)
    check_isovalue(source, settings, float(values.min()), float(values.max()), is_closed=False)
    vertices, faces = march(values, settings.iso, method="lorensen")
    vertices *= np.array(steps, np.float32)
    return Mesh(vertices, np.ascontiguousarray(faces[:, ::-1]))


def check_isovalue(
    source: str,
    settings: SurfaceSettings,
    low: float,
    high: float,
    *,
    is_closed: bool | None = None,
) -> None:
    """Refuse an isovalue that no surface has.

    Args:
        source: the file, named in errors.
        settings: the isovalue, and whether the border closes the surface.
        low: least of the values.
        high: largest of the values.
        is_closed: instead of the settings'.

    Raises:
        BadInputError: no value lies above it, or none below and the surface is open.
    """
    if high <= settings.iso:
        empty = "is empty: all its values are" if low == high else "has values from"
        span = f"{low:.4g}" if low == high else f"{low:.4g} to {high:.4g}"
        raise BadInputError(
            source,
            f"{empty} {span}, none above the isovalue {settings.iso:.4g}",
            "choose another channel (--channel) or isovalue (--iso)",
        )
    if low > settings.iso and not (settings.is_closed if is_closed is None else is_closed):
        raise BadInputError(
            source,
            f"is full: its values, {low:.4g} to {high:.4g}, all lie above the isovalue "
            f"{settings.iso:.4g}",
            "choose another channel (--channel) or isovalue (--iso), or leave out --open",
        )


def shift_to_volume(
    mesh: Mesh,
    volume: float,
    largest: float,
    limits: tuple[NDArray[np.float64], NDArray[np.float64]] | None = None,
) -> Mesh:
    """Move the surface of a closed mesh along its normals until it encloses a volume.

    Triangles between points of a round body cut off its caps; smoothing and decimating take a
    little more. What is missing is far less than a voxel thick.

    Args:
        mesh: a closed mesh, outward.
        volume: in µm³.
        largest: longest way of a vertex in µm.
        limits: least and largest coordinates; vertices on them stay on them.

    >>> corners = np.array([[0, 0, 0], [0, 0, 1], [0, 1, 0], [1, 0, 0]], float)
    >>> mesh = Mesh(corners, np.array([[0, 1, 2], [0, 2, 3], [0, 3, 1], [1, 3, 2]], np.int32))
    >>> round(shift_to_volume(mesh, 0.2, 0.5).volume, 4)
    0.2
    """
    normals = mesh.vertex_normals.copy()
    if limits is not None:
        for axis in range(3):
            at = mesh.vertices[:, axis]
            normals[(at <= limits[0][axis]) | (at >= limits[1][axis]), axis] = 0
    shift, moved = 0.0, mesh
    for _ in range(_SHIFTS):
        missing = volume - moved.volume
        if abs(missing) <= 1e-6 * volume:
            break
        gain = gain_of_shift(moved.vertices, moved.faces, normals)
        if gain <= 0:
            break
        shift = float(np.clip(shift + missing / gain, -largest, largest))
        vertices = mesh.vertices + np.float32(shift) * normals
        if limits is not None:
            np.clip(vertices, *(limit.astype(vertices.dtype) for limit in limits), out=vertices)
        moved = Mesh(vertices, mesh.faces, mesh.name, mesh.label, mesh.class_name, mesh.order)
    return moved
