"""The tutorial of volumes does what its page says, command by command."""

from __future__ import annotations

import json
import os
import re
import shutil
from pathlib import Path

import h5py
import numpy as np
import pandas as pd
import pytest
import tifffile
from PIL import Image
from typer.testing import CliRunner

from bridge.apps.ilastik.finding import find_ilastik
from bridge.cli import app
from bridge.demo.volume_tutorial import SHAPE, VOXEL
from bridge.formats.ilastik.project import read_project
from bridge.images import open_image
from bridge.volumes import open_volume
from tools.page_commands import (
    DOCS,
    read_blocks,
    read_commands,
    read_scripts,
    run_command,
    run_script,
)

pytest.importorskip("sklearn")
pytest.importorskip("trimesh")
# All commands of the page are run before the first test: half a minute of a core's time.
pytestmark = pytest.mark.slow

PAGE = "volume-tutorial.md"
COMMANDS = read_commands(PAGE)
IN_FIJI = [line for line in COMMANDS if " fiji run " in line or "scaled.tif" in line]
IN_ILASTIK = [line for line in COMMANDS if "results/ilastik" in line]
EVERYWHERE = [line for line in COMMANDS if line not in (*IN_FIJI, *IN_ILASTIK)]
Z, Y, X = (count * size for count, size in zip(SHAPE, VOXEL, strict=True))
MEASURED = ("tissue", "from_map")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which everything was run that needs neither Fiji nor ilastik."""
    place = tmp_path_factory.mktemp("volumes")
    for line in EVERYWHERE:
        printed = run_command(place, line)
        if line.endswith("tutorial/images"):
            (place / "images.txt").write_text(printed)
    return place


@pytest.fixture(scope="module")
def distances(folder: Path) -> str:
    """Output of the last script of the page: distances from the true surface."""
    return run_script(folder, read_scripts(PAGE)[-1])


def page_text() -> str:
    return (DOCS / PAGE).read_text(encoding="utf-8")


def table(folder: Path, name: str) -> pd.Series:
    return pd.read_csv(folder / f"{name}_meshes.csv").iloc[0]


def vertices_of(folder: Path, name: str) -> np.ndarray:
    import trimesh

    mesh = trimesh.load_mesh(folder / "results" / name, process=False)
    return np.asarray(mesh.vertices)


def refusal(*arguments: object) -> str:
    """Return what a command says that fails."""
    result = CliRunner().invoke(app, [str(each) for each in arguments])
    assert result.exit_code != 0
    return result.stderr + str(result.exception or "")


def test_the_page_shows_how_the_stack_is_read(folder: Path) -> None:
    (shown,) = (block for block in read_blocks(PAGE) if block.startswith("image "))
    said = [line.split() for line in (folder / "images.txt").read_text().splitlines()]

    assert [line.split() for line in shown.splitlines()] == said


def test_isotropic_voxels_divide_the_stack_from_corner_to_corner(folder: Path) -> None:
    with open_volume(folder / "results/epithelium.h5") as volume:
        assert volume.size_um == pytest.approx((Z, Y, X))
        assert volume.channels == ("nuclei", "membrane")
        sizes = "z {:g}, y {:g}, x {:.6g} µm".format(*volume.known_voxel)
        assert f"{' × '.join(map(str, volume.shape))} (z, y, x) voxels of {sizes}" in page_text()


def test_python_prepares_the_same_volume(folder: Path) -> None:
    run_script(folder, read_scripts(PAGE)[0])

    assert np.array_equal(values_of(folder, "from_python"), values_of(folder, "epithelium"))


def test_files_of_fijis_plugins_become_the_same_volume(folder: Path) -> None:
    ours = values_of(folder, "epithelium")

    assert np.array_equal(values_of(folder, "from_ilastik_plugin"), ours)
    assert np.array_equal(values_of(folder, "from_hdf5_plugin"), ours[1:])
    for name in ("from_ilastik_plugin", "from_hdf5_plugin"):
        with open_volume(folder / f"results/{name}.h5") as volume:
            assert volume.size_um == pytest.approx((Z, Y, X))


def values_of(folder: Path, name: str) -> np.ndarray:
    with h5py.File(folder / "results" / f"{name}.h5") as file:
        return np.asarray(file["image"][()])


def test_what_fijis_plugins_leave_out_is_asked_for(folder: Path, tmp_path: Path) -> None:
    exported = folder / "tutorial/fiji/ilastik_plugin.h5"
    one = f"{folder}/tutorial/fiji/hdf5_plugin.h5#t0/channel1"
    prepare = ("volume", "prepare", "--isotropic", "--out", tmp_path / "V.h5")

    assert "nothing says what its axes are" in refusal(*prepare, exported)
    assert "--voxel 1,0.36,0.36" in refusal(*prepare, exported, "--axes", "TZYXC")
    assert "--axes ZYX" in refusal(*prepare, one)
    assert not (tmp_path / "V.h5").exists()


def test_the_volume_is_the_true_one_within_three_percent(folder: Path) -> None:
    true = table(folder, "tutorial/truth/surface")

    assert true["Volume µm^3"] == pytest.approx(10.0 * Y * X)
    for name in MEASURED:
        found = table(folder, f"results/{name}")
        assert found["Watertight"]
        assert found["Euler number"] == 2
        assert found["Volume µm^3"] == pytest.approx(true["Volume µm^3"], rel=0.03)
        assert found["Area µm^2"] == pytest.approx(true["Area µm^2"], rel=0.035)


def test_the_body_reaches_to_the_borders_of_the_stack_in_their_axes(folder: Path) -> None:
    """Nominal factors (1 µm) would end it 0.4 µm too early, swapped axes 13 µm."""
    for name in MEASURED:
        found = table(folder, f"results/{name}")
        assert found["Extent y µm"] == pytest.approx(Y, rel=1e-5)
        assert found["Extent x µm"] == pytest.approx(X, rel=1e-5)
        assert found["Extent z µm"] == pytest.approx(
            table(folder, "tutorial/truth/surface")["Extent z µm"], abs=1.5
        )


def test_the_true_surface_is_found(folder: Path, distances: str) -> None:
    found = dict(
        re.findall(r"(\S+): ([\d.]+) µm off on average", distances),
    )

    assert found.keys() == {"tissue.obj", "from_map.ply"}
    assert all(0 < float(distance) < 0.25 for distance in found.values())


def test_the_surface_is_not_shifted_by_a_part_of_a_voxel(folder: Path) -> None:
    """Half a voxel would be 0.5 µm along z: corner and centre of the first voxel confused."""
    from scipy.spatial import cKDTree

    upper, lower = true_sheets(folder)
    points = vertices_of(folder, "tissue.obj")
    inner = points[((points[:, 1:] > 2) & (points[:, 1:] < (Y - 2, X - 2))).all(axis=1)]
    tree = cKDTree(upper[:, 1:])
    at = tree.query(inner[:, 1:])[1]
    is_upper = inner[:, 0] < (upper[at, 0] + lower[at, 0]) / 2
    above = (inner[:, 0] - upper[at, 0])[is_upper].mean()
    below = (inner[:, 0] - lower[at, 0])[~is_upper].mean()

    assert above < 0 < below
    assert (above + below) / 2 == pytest.approx(0, abs=0.08)
    # Along y and x: the true surface, shifted, is farther away.
    near = distance(folder, inner)
    for axis in range(3):
        for step in (-0.5, 0.5):
            shifted = inner.copy()
            shifted[:, axis] += step
            assert distance(folder, shifted) > near + 0.02


def true_sheets(folder: Path) -> tuple[np.ndarray, np.ndarray]:
    import trimesh

    path = folder / "tutorial/truth/surface.obj"
    points = np.asarray(trimesh.load_mesh(path, process=False).vertices)
    upper, lower = np.split(points, 2)
    assert np.array_equal(upper[:, 1:], lower[:, 1:])
    return upper, lower


def distance(folder: Path, points: np.ndarray) -> float:
    """Return the mean distance from the plane of the nearest true vertex in µm."""
    import trimesh
    from scipy.spatial import cKDTree

    true = trimesh.load_mesh(folder / "tutorial/truth/surface.obj", process=False)
    nearest = cKDTree(true.vertices).query(points)[1]
    away = (points - true.vertices[nearest]) * true.vertex_normals[nearest]
    return float(np.abs(away.sum(axis=1)).mean())


def test_the_page_shows_what_is_measured(folder: Path, distances: str) -> None:
    rows = re.findall(
        r"^\| (Volume|Area|Extent along [yx]), µm[³²]? \| (.*) \|$", page_text(), re.M
    )
    columns = {"Volume": "Volume µm^3", "Area": "Area µm^2"} | {
        f"Extent along {axis}": f"Extent {axis} µm" for axis in "yx"
    }
    assert [name for name, _ in rows] == list(columns)
    true = table(folder, "tutorial/truth/surface")
    for row, cells in rows:
        column = columns[row]
        shown = [float(re.sub("[ %,]", "", each).replace("−", "-")) for each in cells.split("|")]
        assert shown[0] == pytest.approx(true[column], rel=1e-4)
        for name, value, off in zip(MEASURED, shown[1::2], shown[2::2], strict=True):
            found = table(folder, f"results/{name}")[column]
            assert found == pytest.approx(value, rel=0.01)
            assert 100 * (found / true[column] - 1) == pytest.approx(off, abs=1)
    (shown_block,) = (block for block in read_blocks(PAGE) if "outward" in block)
    for shown_line, line in zip(shown_block.splitlines(), distances.splitlines(), strict=True):
        assert line.split(":")[0] == shown_line.split(":")[0]
        pairs = zip(
            *(re.findall(r"[-+]?\d\.\d+", each) for each in (shown_line, line)), strict=True
        )
        for ours, theirs in pairs:
            assert float(ours) == pytest.approx(float(theirs), abs=0.05)


def test_the_turntable_shows_x_first_and_y_a_quarter_turn_later(folder: Path) -> None:
    side = 320
    for name in MEASURED:
        sheet = np.asarray(Image.open(folder / f"results/{name}_turntable.png").convert("L"))
        widths = [
            np.count_nonzero((sheet[:side, view * side : (view + 1) * side] < 250).any(axis=0))
            for view in (0, 2)
        ]
        assert widths[0] > side / 2
        assert widths[1] / widths[0] == pytest.approx(Y / X, rel=0.03)


def test_pages_show_the_classifier_and_the_surface(folder: Path) -> None:
    preview = (folder / "results/classifier_preview.html").read_text(encoding="utf-8")
    surface = (folder / "results/tissue_mesh.html").read_text(encoding="utf-8")

    assert "tissue" in preview
    assert "data:image/png" in preview
    assert f"{table(folder, 'results/tissue')['Faces']:,} faces" in surface


def test_the_project_for_ilastik_holds_the_strokes(folder: Path) -> None:
    project = read_project(folder / "results/tissue.ilp")
    with open_volume(folder / "tutorial/strokes/epithelium.tif") as strokes:
        painted = strokes.read()

    assert project.classes == ("background", "tissue")
    assert project.label_counts == ({kind: int((painted == kind).sum()) for kind in (1, 2)},)


def test_a_map_of_ilastik_becomes_the_same_surface(folder: Path) -> None:
    """Laid out as ilastik exports it (CZYX, no µm, no names), without ilastik."""
    with h5py.File(folder / "results/maps/epithelium_Probabilities.h5") as file:
        values = np.moveaxis(file["exported_data"][()], -1, 0)
    tags = [
        {"key": key, "typeFlags": 1 if key == "c" else 2, "resolution": 0, "description": ""}
        for key in "czyx"
    ]
    path = folder / "results/ilastik/epithelium_Probabilities.h5"
    path.parent.mkdir(exist_ok=True)
    with h5py.File(path, "w") as file:
        file["exported_data"] = values
        file["exported_data"].attrs["axistags"] = json.dumps({"axes": tags})
    assert "does not say how large its voxels are" in refusal(
        "volume", "clean", path, "--channel", 1, "--out", folder / "results/none.h5"
    )

    for line in IN_ILASTIK[1:]:
        run_command(folder, line)

    assert np.array_equal(
        vertices_of(folder, "ilastik_tissue.obj"), vertices_of(folder, "tissue.obj")
    )


@pytest.mark.imagej
@pytest.mark.network
def test_fiji_leaves_the_distance_of_slices_out_and_factors_make_wrong_pixels(folder: Path) -> None:
    pytest.importorskip("jpype")
    run_command(folder, IN_FIJI[0])
    sizes: dict[str, list[float | None]] = {}
    for name in ("scaled", "scaled_by_factors"):
        with open_image(folder / f"results/{name}.tif") as image:
            assert (image.size("Z"), image.height, image.width) == (48, 55, 68)
            assert image.pixel_size is not None
            sizes[name] = [image.pixel_size.z, image.pixel_size.y, image.pixel_size.x]

    assert sizes["scaled"] == [None, pytest.approx(Y / 55), pytest.approx(X / 68)]
    assert sizes["scaled_by_factors"] == [None, 1, 1]
    assert "--voxel" in refusal(
        "volume", "prepare", folder / "results/scaled.tif", "--out", folder / "results/none.h5"
    )
    for line in IN_FIJI[1:]:
        run_command(folder, line)
    with open_volume(folder / "results/from_fiji.h5") as volume:
        assert volume.size_um == pytest.approx((Z, Y, X), rel=1e-5)
    ours, theirs = (values_of(folder, name) for name in ("epithelium", "from_fiji"))
    assert np.abs(ours - theirs).mean() < 0.01


_ENHANCE = """\
#@ File image
#@ File folder
open(image);
run("Enhance Contrast...", "saturated=2 normalize process_all use");
saveAs("Tiff", folder + "/together.tif");
run("Split Channels");
run("Enhance Contrast...", "saturated=2 normalize process_all use");
saveAs("Tiff", folder + "/alone.tif");
"""


@pytest.mark.imagej
@pytest.mark.network
def test_fiji_normalizes_single_channels_only_and_both_ends_alike(
    folder: Path, tmp_path: Path
) -> None:
    pytest.importorskip("jpype")
    (tmp_path / "enhance.ijm").write_text(_ENHANCE)
    image = folder / "tutorial/images/epithelium.tif"
    run_command(
        tmp_path,
        f"starbridge fiji run enhance.ijm image={image} folder={tmp_path} --app embedded",
    )

    assert np.array_equal(tifffile.imread(tmp_path / "together.tif"), tifffile.imread(image))
    alone = tifffile.imread(tmp_path / "alone.tif")
    assert (alone.ndim, alone.min(), alone.max()) == (3, 0, 65535)
    assert (alone == 65535).mean() == pytest.approx(0.01, abs=0.003)
    # the background has few grey values
    assert 0.004 < (alone == 0).mean() < 0.02


@pytest.mark.ilastik
def test_ilastik_finds_the_same_surface(folder: Path) -> None:
    if not os.environ.get("ILASTIK") or find_ilastik() is None:
        pytest.skip("needs a real ilastik: set ILASTIK to its folder or program")
    for made in (folder / "results").glob("ilastik*"):
        shutil.rmtree(made) if made.is_dir() else made.unlink()
    for line in IN_ILASTIK:
        run_command(folder, line)

    true = table(folder, "tutorial/truth/surface")["Volume µm^3"]
    assert table(folder, "results/ilastik_tissue")["Volume µm^3"] == pytest.approx(true, rel=0.05)
