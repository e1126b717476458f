"""Meshes of volumes of every kind: labels, types of values, bad input."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from bridge.errors import BadInputError
from bridge.images import from_array
from bridge.volumes import Provenance, Volume
from bridge.volumes.meshes.making import MeshSettings, Smoothing, make_meshes, nominal_steps
from bridge.volumes.meshes.naming import LabelName
from bridge.volumes.voxels import Voxel
from tests.volumes.meshes.bodies import sphere


def volume_of(
    values: NDArray[Any],
    voxel: Voxel = (1.0, 1.0, 1.0),
    provenance: Provenance | None = None,
) -> Volume:
    image = from_array(values, axes="CZYX"[-values.ndim :], name="scene")
    return Volume(image, None, 0, voxel, provenance)


def two_balls(dtype: Any = np.uint16, labels: tuple[int, int] = (3, 9)) -> NDArray[Any]:
    """Return two balls of radius 8 that touch each other."""
    z, y, x = np.ogrid[:24, :24, :40]
    values = np.zeros((24, 24, 40), dtype)
    for label, centre in zip(labels, (11.5, 27.5), strict=True):
        values[(z - 11.5) ** 2 + (y - 11.5) ** 2 + (x - centre) ** 2 < 64] = label
    return values


def test_each_label_becomes_a_mesh_of_its_own_voxels() -> None:
    labels = two_balls()
    meshes = make_meshes(volume_of(labels, (2.0, 1.0, 1.0)), MeshSettings(), name="a")

    assert [(mesh.label, mesh.name) for mesh in meshes] == [(3, "a_3"), (9, "a_9")]
    for mesh, centre in zip(meshes, (12, 28), strict=True):
        assert mesh.volume == pytest.approx(2 * (labels == mesh.label).sum(), rel=1e-3)
        assert mesh.centroid == pytest.approx([24, 12, centre], abs=0.05)
        assert mesh.is_watertight


def test_names_and_classes_come_from_a_table() -> None:
    notes: list[str] = []
    names = {3: LabelName("left", "Tumor"), 5: LabelName("gone", None)}
    first, second = make_meshes(
        volume_of(two_balls()), MeshSettings(), name="a", names=names, notes=notes
    )
    assert (first.name, first.class_name) == ("left", "Tumor")
    assert (second.name, second.class_name) == ("a_9", None)
    assert any("not in the volume, as 5" in note for note in notes)


def test_labels_over_65535_keep_their_numbers() -> None:
    labels = two_balls(np.uint32, (70_000, 4_000_000_000))
    meshes = make_meshes(volume_of(labels), MeshSettings(), name="a")
    assert [mesh.label for mesh in meshes] == [70_000, 4_000_000_000]


@pytest.mark.parametrize(("dtype", "full"), [(np.uint8, 255), (np.uint16, 65535)])
def test_whole_numbers_count_as_ilastik_writes_probabilities(dtype: Any, full: int) -> None:
    body = sphere(9)
    values = np.rint(body.probabilities() * full).astype(dtype)
    (mesh,) = make_meshes(volume_of(values), MeshSettings(iso=0.5), name="a")
    assert mesh.volume == pytest.approx(body.volume, rel=0.006)


def test_intensities_have_an_isovalue_of_their_own() -> None:
    body = sphere(9)
    values = (body.probabilities() * 3000 + 100).astype(np.uint16)
    settings = MeshSettings(kind="intensities", iso=1600)
    (mesh,) = make_meshes(volume_of(values), settings, name="a")
    assert mesh.volume == pytest.approx(body.volume, rel=0.006)


def test_order_xyz_turns_axes_and_keeps_faces_outward() -> None:
    (zyx,) = make_meshes(volume_of(sphere(9).probabilities()), MeshSettings(), name="a")
    settings = MeshSettings(order="xyz")
    (xyz,) = make_meshes(volume_of(sphere(9).probabilities()), settings, name="a")
    assert np.array_equal(xyz.vertices, zyx.vertices[:, ::-1])
    assert xyz.volume == pytest.approx(zyx.volume)


def test_the_tutorials_steps_are_nominal() -> None:
    """454 pixels that became 151 count as a third, not as 151/454."""
    made = Provenance(
        source="a.tif",
        shape=(40, 454, 454),
        voxel=(1.0, 0.36, 0.36),
        written_shape=(40, 151, 151),
    )
    volume = volume_of(np.zeros((40, 151, 151), np.uint8), made.written_voxel, made)
    assert nominal_steps(volume) == pytest.approx((1.0, 1.08, 1.08))


def with_nan() -> NDArray[np.float32]:
    values = sphere(4).probabilities()
    values[2, 3, 1] = np.nan
    return values


@pytest.mark.parametrize(
    ("volume", "settings", "problem"),
    [
        (volume_of(with_nan()), MeshSettings(), "NaN.*slice 2, row 3, column 1"),
        (volume_of(np.zeros((4, 4, 4), np.float32)), MeshSettings(), "is empty"),
        (volume_of(np.zeros((4, 4, 4), np.uint8)), MeshSettings(), "no label above 0"),
        (volume_of(np.zeros((4, 4, 4), np.uint8), (None, 1, 1)), MeshSettings(), "z unknown"),
        (volume_of(np.zeros((4, 4, 4), np.uint8), (11, 1, 1)), MeshSettings(), "11 times longer"),
        (volume_of(np.zeros((2, 4, 4, 4), np.float32)), MeshSettings(), "2 channels"),
        (volume_of(np.full((4, 4, 4), 7, np.float32)), MeshSettings(), "no probabilities"),
        (volume_of(np.full((4, 4, 4), -1, np.int16)), MeshSettings(kind="labels"), "below 0"),
        (volume_of(np.zeros((4, 4, 4), np.float32)), MeshSettings(kind="labels"), "not whole"),
    ],
)
def test_what_has_no_mesh_is_refused_in_a_line(
    volume: Volume, settings: MeshSettings, problem: str
) -> None:
    with pytest.raises(BadInputError, match=problem) as raised:
        make_meshes(volume, settings, name="a")
    assert "\n" not in str(raised.value)


def test_short_memory_is_told_before_it_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    import psutil

    class Memory:
        available = 1000

    monkeypatch.setattr(psutil, "virtual_memory", Memory)
    with pytest.raises(BadInputError, match="GiB of memory"):
        make_meshes(volume_of(sphere(4).probabilities()), MeshSettings(), name="a")


@pytest.mark.parametrize("text", ["3", "px", "-1px", "2mm", "1e9999px", ""])
def test_a_width_needs_a_number_and_a_unit(text: str) -> None:
    with pytest.raises(BadInputError, match="--smooth"):
        Smoothing.parse(text)


@pytest.mark.parametrize(
    "settings",
    [
        {"iso": 127.0},
        {"iso": float("nan")},
        {"kind": "intensities"},
        {"is_tutorial": True, "order": "xyz"},
        {"faces": 3},
    ],
)
def test_settings_that_mean_nothing_are_refused(settings: dict[str, object]) -> None:
    with pytest.raises(BadInputError):
        MeshSettings(**settings)  # type: ignore[arg-type]
