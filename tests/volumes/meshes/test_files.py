"""Mesh files, read back by trimesh."""

# trimesh has annotations in part only
# mypy: disallow-untyped-calls=False

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import trimesh
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray

from bridge.errors import BadInputError
from bridge.volumes.meshes.files import MESH_FORMATS, plain_name, write_meshes
from bridge.volumes.meshes.measuring import measure_meshes, write_table
from bridge.volumes.meshes.mesh import Mesh
from bridge.volumes.meshes.page import write_mesh_page
from bridge.volumes.meshes.rendering import draw_turntable
from bridge.volumes.meshes.surface import SurfaceSettings, make_surface
from tests.volumes.meshes.bodies import sphere


@pytest.fixture(scope="module")
def pair() -> list[Mesh]:
    """Two balls, the second 40 µm beside the first one."""
    body = sphere(6)
    ball = make_surface(body.probabilities(), body.voxel, SurfaceSettings())
    first = replace(ball, name="left one", label=7, class_name="Tumor")
    moved = ball.vertices + np.array([0, 0, 40], np.float32)
    return [first, replace(ball, vertices=moved, name="right", label=70_000)]


@pytest.mark.parametrize("ending", MESH_FORMATS)
def test_a_file_gives_back_every_vertex(pair: list[Mesh], ending: str, tmp_path: Path) -> None:
    path = tmp_path / f"a.{ending}"
    write_meshes(path, pair)
    read: Any = trimesh.load(path, process=False)
    bodies = list(read.geometry.values()) if ending == "glb" else [read]

    assert sum(len(body.faces) for body in bodies) == sum(len(mesh.faces) for mesh in pair)
    assert sum(float(body.volume) for body in bodies) == pytest.approx(
        sum(mesh.volume for mesh in pair), rel=1e-5
    )
    low = np.min([body.bounds[0] for body in bodies], axis=0)
    assert low == pytest.approx(pair[0].bounds[0], abs=1e-5)
    assert list(tmp_path.iterdir()) == [path]


def read_obj(path: Path) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """Return the numbers of the lines of vertices and of faces."""
    lines = [line.split(" ") for line in path.read_text("utf-8").splitlines()]
    vertices = [line[1:] for line in lines if line[0] == "v"]
    faces = [line[1:] for line in lines if line[0] == "f"]
    return np.array(vertices, np.float32), np.array(faces, np.int64)


coordinates = arrays(
    np.float32,
    st.tuples(st.integers(1, 8), st.just(3)),
    elements=st.floats(width=32, allow_nan=False, allow_infinity=False),
)
corners = arrays(np.int32, st.tuples(st.integers(1, 8), st.just(3)), elements=st.integers(0, 2**30))


@given(bodies=st.lists(st.tuples(coordinates, corners), min_size=1, max_size=3))
def test_obj_gives_back_the_same_numbers(
    bodies: list[tuple[NDArray[np.float32], NDArray[np.int32]]],
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    path = tmp_path_factory.mktemp("meshes") / "a.obj"
    write_meshes(path, [Mesh(vertices, faces) for vertices, faces in bodies])
    read_vertices, read_faces = read_obj(path)

    written = np.concatenate([vertices for vertices, _ in bodies])
    assert read_vertices.tobytes() == written.tobytes()
    first = np.cumsum([1, *(len(vertices) for vertices, _ in bodies)])
    numbers = [faces.astype(np.int64) + at for (_, faces), at in zip(bodies, first, strict=False)]
    assert np.array_equal(read_faces, np.concatenate(numbers))


def test_obj_loses_no_line_of_many(tmp_path: Path) -> None:
    vertices = np.arange(3 * 150_001, dtype=np.float32).reshape(-1, 3) / 7
    faces = np.arange(150_000, dtype=np.int32)[:, None] + np.array([0, 1, 1], np.int32)
    write_meshes(tmp_path / "a.obj", [Mesh(vertices, faces)])
    read_vertices, read_faces = read_obj(tmp_path / "a.obj")

    assert np.array_equal(read_vertices, vertices)
    assert np.array_equal(read_faces, faces + 1)


def test_obj_keeps_names_and_glb_classes_and_units(pair: list[Mesh], tmp_path: Path) -> None:
    write_meshes(tmp_path / "a.obj", pair)
    write_meshes(tmp_path / "a.glb", pair)
    lines = (tmp_path / "a.obj").read_text("utf-8").splitlines()
    scene: Any = trimesh.load(tmp_path / "a.glb", process=False)

    assert lines[0] == "# µm, axes z y x"
    assert [line for line in lines if line.startswith("o ")] == ["o left one", "o right"]
    assert sorted(scene.geometry) == ["left one", "right"]
    assert scene.geometry["left one"].metadata["classification"] == "Tumor"
    assert "1 µm" in scene.metadata["unit"]


def test_ply_has_the_label_at_each_face(pair: list[Mesh], tmp_path: Path) -> None:
    write_meshes(tmp_path / "a.ply", pair)
    read: Any = trimesh.load(tmp_path / "a.ply", process=False)
    labels = read.metadata["_ply_raw"]["face"]["data"]["label"]
    assert sorted(set(labels.tolist())) == [7, 70_000]


@given(st.text())
def test_a_name_cannot_add_a_line(name: str) -> None:
    assert len(f"o {plain_name(name)}".encode().split(b"\n")) == 1


def test_another_ending_is_refused(pair: list[Mesh], tmp_path: Path) -> None:
    with pytest.raises(BadInputError, match=r"\.obj"):
        write_meshes(tmp_path / "a.off", pair)


def test_the_table_runs_no_formula(pair: list[Mesh], tmp_path: Path) -> None:
    write_table(tmp_path / "a.csv", measure_meshes([replace(pair[0], name="=1+1")]))
    assert ",'=1+1," in (tmp_path / "a.csv").read_text("utf-8")


def test_a_page_holds_all_and_asks_for_nothing(pair: list[Mesh], tmp_path: Path) -> None:
    hostile = replace(pair[0], name="</script><b>")
    write_mesh_page(tmp_path / "a.html", "<b>", [hostile, pair[1]])
    text = (tmp_path / "a.html").read_text("utf-8")
    assert "default-src 'none'" in text
    assert "http" not in text.replace("http-equiv", "")
    assert "<b>" not in text


def test_a_turntable_shows_both_in_eight_views(pair: list[Mesh]) -> None:
    from io import BytesIO

    from PIL import Image

    picture = np.asarray(Image.open(BytesIO(draw_turntable(pair))))
    height, width, _ = picture.shape
    assert (height, width) == (640, 1280)
    for row in range(2):
        for column in range(4):
            view = picture[row * 320 : (row + 1) * 320, column * 320 : (column + 1) * 320]
            assert 0.02 < (view.min(-1) < 250).mean() < 0.9
