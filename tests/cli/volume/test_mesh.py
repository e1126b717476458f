"""``starbridge volume mesh`` from file to file."""

from __future__ import annotations

import json
from pathlib import Path

import pandas as pd
import pytest
from typer.testing import CliRunner

from bridge.cli import app
from bridge.examples.epithelium import Epithelium, simulate_epithelium
from bridge.images import from_array
from bridge.images.hyperstack import write_hyperstack


@pytest.fixture(scope="module")
def tissue() -> Epithelium:
    return simulate_epithelium((30, 50, 60))


def run(*arguments: object) -> tuple[int, str, str]:
    result = CliRunner().invoke(app, ["volume", "mesh", *map(str, arguments)])
    if result.exception and not isinstance(result.exception, SystemExit):
        return 2, result.stdout, str(result.exception)
    return result.exit_code, result.stdout, result.stderr


def test_a_map_becomes_mesh_table_turntable_and_page(tissue: Epithelium, tmp_path: Path) -> None:
    source = tmp_path / "a_Probabilities.tif"
    stack = from_array(tissue.tissue, axes="ZYX", pixel_size=(1.0, 0.4, 0.4))
    write_hyperstack(stack, source)
    out = tmp_path / "out"

    status, text, errors = run(source, "--iso", 0.5, "--smooth", "2px", "--out", out, "--json")

    assert status == 0, errors
    files = {"a.obj", "a_meshes.csv", "a_turntable.png", "a_mesh.html", "meshes.json"}
    assert {path.name for path in out.iterdir()} == files
    row = pd.read_csv(out / "a_meshes.csv").iloc[0]
    assert row["Volume µm^3"] == pytest.approx(tissue.tissue.sum() * 0.16, rel=0.005)
    assert row["Watertight"]
    assert json.loads(text)["outcomes"][0]["meshes"][0]["Name"] == "a"


def test_labels_of_a_map_become_a_mesh_of_its_image(tissue: Epithelium, tmp_path: Path) -> None:
    """``volume clean`` calls the labels of ``a_Probabilities.h5`` ``a_Probabilities_labels.h5``."""
    source = tmp_path / "a_Probabilities_labels.tif"
    stack = from_array((tissue.labels > 0).astype("uint16"), axes="ZYX", pixel_size=(1.0, 0.4, 0.4))
    write_hyperstack(stack, source)

    assert run(source, "--out", tmp_path / "out", "--no-show")[0] == 0
    names = {path.name for path in (tmp_path / "out").iterdir()}
    assert names == {"a.obj", "a_meshes.csv", "meshes.json"}


def test_labels_are_split_and_done_only_once(tissue: Epithelium, tmp_path: Path) -> None:
    source = tmp_path / "a.tif"
    stack = from_array(tissue.labels, axes="ZYX", pixel_size=(1.0, 0.4, 0.4))
    write_hyperstack(stack, source)
    out = tmp_path / "out"
    arguments = (source, "--out", out, "--split", "--format", "ply", "--no-show")

    assert run(*arguments)[0] == 0
    names = {path.name for path in out.glob("*.ply")}
    assert names == {f"a_{label}.ply" for label in range(1, int(tissue.labels.max()) + 1)}
    assert "nothing to do" in run(*arguments)[2]


def test_one_bad_file_does_not_stop_the_others(tissue: Epithelium, tmp_path: Path) -> None:
    stack = from_array(tissue.tissue, axes="ZYX", pixel_size=(1.0, 0.4, 0.4))
    write_hyperstack(stack, tmp_path / "good.tif")
    write_hyperstack(from_array(tissue.tissue[0], axes="YX"), tmp_path / "plane.tif")
    out = tmp_path / "out"

    status, _, errors = run(
        tmp_path / "good.tif", tmp_path / "plane.tif", "--out", out, "--no-show"
    )

    assert status == 1
    assert "is a plane of 50 × 60 pixels" in errors
    assert (out / "good.obj").exists()
    assert not (out / "plane.obj").exists()


def test_one_file_for_two_volumes_is_refused(tmp_path: Path) -> None:
    for name in "ab":
        (tmp_path / f"{name}.tif").touch()
    status, _, error = run(tmp_path / "a.tif", tmp_path / "b.tif", "--out", tmp_path / "M.obj")
    assert status == 2
    assert "one file, for 2 volumes" in error
