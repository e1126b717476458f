"""Surfaces of known bodies, as large as the bodies."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from bridge.errors import BadInputError
from bridge.examples.epithelium import simulate_epithelium
from bridge.volumes.meshes.decimating import decimate
from bridge.volumes.meshes.mesh import Mesh
from bridge.volumes.meshes.relaxing import relax
from bridge.volumes.meshes.surface import SurfaceSettings, make_surface, make_tutorial_surface
from bridge.volumes.voxels import Triple
from tests.volumes.meshes.bodies import Body, ellipsoid, half_ball, sphere, torus

BODIES = {
    "small ball": sphere(8),
    "ball": sphere(20),
    "ellipsoid": ellipsoid(),
    "ring": torus(20, 8),
    "half a ball at the border": half_ball(16),
    "ball of flat voxels, 1:5": sphere(40, (5, 1, 1)),
    "ring of flat voxels, 1:5": torus(70, 36, (5, 1, 1)),
    "ring of small voxels": torus(8, 3, (0.6, 0.3, 0.3)),
}


def settings_for(sigma: float, voxel: Triple) -> SurfaceSettings:
    z, y, x = (sigma / step for step in voxel)
    return SurfaceSettings(sigma=(z, y, x))


def check_body(mesh: Mesh, body: Body, *, boxes: float = 0.5) -> None:
    """Check the bars: volume 0.5 %, area 2 %, box half a voxel, closed, outward."""
    assert mesh.volume == pytest.approx(body.volume, rel=0.005)
    assert mesh.area == pytest.approx(body.area, rel=0.02)
    low, high = mesh.bounds
    assert np.all(np.abs(low - body.low) <= boxes * np.array(body.voxel))
    assert np.all(np.abs(high - body.high) <= boxes * np.array(body.voxel))
    assert mesh.is_watertight


@pytest.mark.parametrize("name", BODIES)
@pytest.mark.parametrize("voxels", [0, 1, 2])
def test_a_known_body_of_probabilities_meets_the_bars(name: str, voxels: int) -> None:
    body = BODIES[name]
    settings = settings_for(voxels * min(body.voxel), body.voxel)
    check_body(make_surface(body.probabilities(), body.voxel, settings), body)


@pytest.mark.parametrize("name", [name for name in BODIES if "small" not in name])
def test_a_known_body_of_a_mask_meets_the_bars(name: str) -> None:
    body = BODIES[name]
    mask = body.mask()
    settings = settings_for(max(min(body.voxel), 0.6 * max(body.voxel)), body.voxel)
    voxels = float(mask.sum())
    mesh = make_surface(mask, body.voxel, settings, voxels=voxels)

    assert mesh.volume == pytest.approx(voxels * np.prod(body.voxel), rel=1e-4)
    check_body(mesh, body)


@pytest.mark.parametrize("name", ["ball", "ring", "ball of flat voxels, 1:5"])
def test_relaxing_and_decimating_keep_the_bars(name: str) -> None:
    body = BODIES[name]
    mesh = make_surface(body.probabilities(), body.voxel, settings_for(1, body.voxel))

    check_body(relax(mesh, 10), body)
    fewer = decimate(mesh, len(mesh.faces) // 8)

    assert len(fewer.faces) <= len(mesh.faces) // 8 + 2
    check_body(fewer, body)


def test_a_ring_has_a_handle_and_a_ball_none() -> None:
    ball, ring = BODIES["ball"], BODIES["ring"]
    assert make_surface(ball.probabilities(), ball.voxel, SurfaceSettings()).euler_number == 2
    assert make_surface(ring.probabilities(), ring.voxel, SurfaceSettings()).euler_number == 0


def test_smoothing_shrinks_a_ball_unless_its_volume_is_kept() -> None:
    body = sphere(10)
    shrunk = SurfaceSettings(sigma=(3, 3, 3), keeps_volume=False)
    mesh = make_surface(body.probabilities(), body.voxel, shrunk)
    assert mesh.volume < 0.8 * body.volume


def test_specks_that_smoothing_removes_do_not_inflate_the_body() -> None:
    body = sphere(12)
    values = body.probabilities()
    far = values == 0
    specks = far & (np.random.default_rng(0).random(values.shape) < 0.02)
    values[specks] = 1
    mesh = make_surface(values, body.voxel, SurfaceSettings(sigma=(2, 2, 2)))
    assert mesh.volume == pytest.approx(body.volume, rel=0.02)
    assert mesh.euler_number == 2


def test_the_surfaces_of_an_epithelium_are_where_they_are_known_to_be() -> None:
    tissue = simulate_epithelium()
    mesh = make_surface(tissue.tissue.copy(), tissue.voxel, SurfaceSettings(sigma=(0.8, 2, 2)))
    z, y, x = mesh.vertices.T
    upper, lower = tissue.surfaces(y, x)
    low, high = mesh.bounds
    inside = (y > 2) & (y < high[1] - 2) & (x > 2) & (x < high[2] - 2)
    errors = np.minimum(np.abs(z - upper), np.abs(z - lower))[inside]

    assert errors.max() < 0.5 * tissue.voxel[0]
    assert (low[1], low[2]) == (0, 0)
    assert (high[1], high[2]) == pytest.approx((64.0, 64.0))
    assert mesh.is_watertight


def test_an_open_surface_ends_in_the_centres_of_the_voxels_at_the_border() -> None:
    body = half_ball(10, (2, 1, 1))
    mesh = make_surface(body.probabilities(), body.voxel, SurfaceSettings(is_closed=False))
    assert mesh.bounds[0][0] == pytest.approx(1.0)
    assert not mesh.is_watertight


def test_a_body_of_the_whole_volume_becomes_its_box() -> None:
    mesh = make_surface(np.ones((3, 4, 5), np.float32), (2.0, 1.0, 0.5), SurfaceSettings())
    assert mesh.volume == pytest.approx(3 * 2 * 4 * 1 * 5 * 0.5)
    assert mesh.bounds[1].tolist() == [6, 4, 2.5]
    assert mesh.area == pytest.approx(2 * (6 * 4 + 6 * 2.5 + 4 * 2.5))


@pytest.mark.parametrize(
    ("values", "settings", "problem"),
    [
        (np.zeros((4, 4, 4)), SurfaceSettings(), "empty: all its values are 0"),
        (np.full((4, 4, 4), 0.3), SurfaceSettings(iso=0.9), "none above the isovalue 0.9"),
        (np.ones((4, 4, 4)), SurfaceSettings(is_closed=False), "full"),
    ],
)
def test_a_volume_without_a_surface_is_refused(
    values: np.ndarray, settings: SurfaceSettings, problem: str
) -> None:
    with pytest.raises(BadInputError, match=problem):
        make_surface(values.astype(np.float32), (1, 1, 1), settings)


def test_the_tutorials_mesh_is_that_of_its_own_steps() -> None:
    """Its steps: scipy's Gaussian of 3 voxels, marching cubes at 0.5, indices times resolution."""
    from skimage.measure import marching_cubes

    steps = (1.0, 1.08, 1.08)
    values = simulate_epithelium((40, 60, 60)).tissue
    smooth = gaussian_filter(values.astype(np.float64), 3)
    expected, faces, _, _ = marching_cubes(smooth.astype(np.float32), 0.5, method="lorensen")  # type: ignore[no-untyped-call]

    mesh = make_tutorial_surface(values.copy(), steps, SurfaceSettings(sigma=(3, 3, 3)))

    assert np.abs(mesh.vertices - expected * np.array(steps, np.float32)).max() < 1e-3
    assert np.array_equal(mesh.faces, faces)
    assert not mesh.is_watertight
