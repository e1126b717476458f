"""Files that no Fiji loads, made into files that every Fiji loads."""

from __future__ import annotations

import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from bridge.cli import app
from bridge.errors import BadInputError
from bridge.model.folder import open_model
from bridge.model.graphs.importing import import_model, read_exported_model
from bridge.model.network import Convolution
from models_export.checks import check_file
from models_export.contents import read_model_file
from models_export.exporting import export
from models_export.repairing import repair
from models_export.runtimes.pool import Runtimes
from tests.models_export.conftest import Exported

pytestmark = pytest.mark.model


def skip_unverified(checks: tuple[object, ...]) -> None:
    for check in checks:
        if getattr(check, "status", "") == "not verified":
            pytest.skip(str(check))


@pytest.mark.legacy_tf
@pytest.mark.network
def test_stardists_own_zip_runs_in_fijis_tensorflows_with_its_own_weights(
    shared: Path, tmp_path: Path, runtimes: Runtimes
) -> None:
    file = shared / "models/stardist_export_TF.zip"
    before = check_file(read_model_file(file), "tf1.12", runtimes, None)

    done = repair(file, ["tf1.12", "tf1.15"], out=tmp_path)

    checks = tuple(check for made in done.files for check in made.checks)
    skip_unverified((before, *checks))
    assert before.status == "failed"
    assert [check.status for check in checks] == ["passed", "passed"]
    assert [made.path.name for made in done.files] == [
        "stardist_export_TF.repaired.tf1.12.zip",
        "stardist_export_TF.repaired.tf1.15.zip",
    ]
    assert done.original is not None  # it gives the same in the TensorFlow of today
    first, second = (
        [step for step in read_exported_model(path).network.steps if isinstance(step, Convolution)]
        for path in (file, done.files[0].path)
    )
    for a, b in zip(first, second, strict=True):
        assert a.kernel.tobytes() == b.kernel.tobytes()
        assert a.bias.tobytes() == b.bias.tobytes()


@pytest.mark.legacy_tf
@pytest.mark.network
@pytest.mark.parametrize("ending", [".pb", ".tf1.12.zip"])
def test_an_imported_model_exported_again_runs_everywhere(
    exported: Callable[[str], Exported],
    tmp_path: Path,
    runtimes: Runtimes,
    ending: str,
) -> None:
    model = exported("grid2_batch_norm")
    import_model(model.path(ending), tmp_path / "back")

    again = export(tmp_path / "back", out=tmp_path / "out", verify=False)

    assert open_model(tmp_path / "back").recipe == open_model(model.model).recipe
    for file in again.files:
        if file.target in ("script", "bioimageio"):
            continue
        read = read_model_file(file.path)
        names = {
            "saved_model": ("tf1.12", "tf1.15"),
            "graph": ("opencv",),
            "onnx": ("onnxruntime",),
        }[read.kind]
        for name in names:
            if (file.target, name) == ("tf1.15", "tf1.12"):
                continue  # newer than it promises
            check = check_file(read, name, runtimes, model.reference)
            skip_unverified((check,))
            assert check.status == "passed", str(check)


def test_what_a_model_does_not_allow_is_refused_before_anything_is_written(
    exported: Callable[[str], Exported], tmp_path: Path
) -> None:
    volume = exported("volume_unet").path(".tf1.12.zip")

    with pytest.raises(BadInputError, match="is a 3D model, and QuPath.*leave out --for pb"):
        repair(volume, ["tf1.15", "pb"], out=tmp_path / "out", verify=False)
    assert not (tmp_path / "out").exists()
    with pytest.raises(BadInputError, match="export target: 'tf2' is unknown"):
        repair(volume, ["tf2"], out=tmp_path / "out", verify=False)


def test_the_command_repairs_what_it_can(
    exported: Callable[[str], Exported], tmp_path: Path
) -> None:
    good = tmp_path / "my model.pb"
    good.write_bytes(exported("grid4").path(".pb").read_bytes())
    bad = tmp_path / "bad.zip"
    bad.write_bytes(b"no zip")
    other = tmp_path / "torch.zip"
    with zipfile.ZipFile(other, "w") as archive:
        archive.writestr("archive/data.pkl", b"")

    result = CliRunner().invoke(
        app, ["repair", str(bad), str(good), str(other), "--for", "onnx", "--no-verify"]
    )

    assert result.exit_code == 1
    assert result.stdout.splitlines() == [
        str(tmp_path / "my_model.repaired.onnx"),
        str(tmp_path / "my_model.repaired.512x512.onnx"),
    ]
    assert f"{bad}: is no zip" in result.stderr
    assert f"{other}: holds no saved_model.pb" in result.stderr
    np.testing.assert_equal(good.read_bytes(), exported("grid4").path(".pb").read_bytes())


def test_the_command_imports_and_says_what_the_model_is(
    exported: Callable[[str], Exported], tmp_path: Path
) -> None:
    file = exported("classes").path(".tf1.12.zip")

    result = CliRunner().invoke(
        app, ["import", str(file), "--out", str(tmp_path / "back"), "--prob", "0.6"]
    )

    assert result.exit_code == 0, result.output
    assert result.stdout.splitlines() == [
        str(tmp_path / "back"),
        "  2D U-Net, 1 channel(s), 32 rays, grid 2 x 2, 3 classes",
        "  percentiles 1 and 99.8, probability 0.6, overlap 0.4",
    ]
    assert open_model(tmp_path / "back").recipe.prob == 0.6
