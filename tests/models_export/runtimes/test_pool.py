"""Runtimes that are missing, do not start or die leave a reason and no crash."""

from __future__ import annotations

import platform
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from bridge.files.cache import CACHE_VARIABLE
from models_export.checks import check_file
from models_export.contents import read_model_file
from models_export.runtimes import Program, RunError, RuntimeMissingError, tensorflow1
from models_export.runtimes.pool import Runtimes
from tests.models_export.conftest import Exported


@pytest.mark.model
@pytest.mark.parametrize("lacking", ["java", "cache", "processor"])
def test_a_runtime_that_cannot_be_had_leaves_its_file_not_verified(
    lacking: str,
    exported: Callable[[str], Exported],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    file = read_model_file(exported("demo").path(".tf1.12.zip"))
    reason = {"java": "no Java", "cache": "cannot be written", "processor": "not arm64"}[lacking]
    monkeypatch.setattr(platform, "machine", lambda: "x86_64")
    monkeypatch.setattr(tensorflow1, "find_java", lambda: Path("libjvm.so"))
    if lacking == "java":
        monkeypatch.setattr(tensorflow1, "find_java", lambda: None)
    elif lacking == "cache":
        (tmp_path / "file").write_text("in the way")
        monkeypatch.setenv(CACHE_VARIABLE, str(tmp_path / "file"))
    else:
        monkeypatch.setattr(platform, "machine", lambda: "arm64")
    with Runtimes() as pool:
        check = check_file(file, "tf1.12", pool, exported("demo").reference)
    assert (check.status, check.runtime) == ("not verified", "TensorFlow 1.12.0")
    assert reason in check.reason


def test_a_java_that_does_not_start_is_reported(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    pytest.importorskip("jpype")
    monkeypatch.setattr(platform, "machine", lambda: "x86_64")
    monkeypatch.setattr(tensorflow1, "find_java", lambda: tmp_path / "libjvm.so")
    monkeypatch.setattr(tensorflow1, "fetch_jar", lambda *arguments: tmp_path / "a.jar")
    with pytest.raises(RuntimeMissingError, match="does not start here"):
        tensorflow1.TensorFlow1("1.12.0")


@pytest.mark.legacy_tf
def test_a_process_that_dies_is_an_error(tmp_path: Path) -> None:
    with Runtimes() as pool:
        try:
            runtime = pool.get("tf1.15")
        except RuntimeMissingError as error:
            pytest.skip(str(error))
        assert isinstance(runtime, tensorflow1.TensorFlow1)
        missing = Program("graph", tmp_path / "missing.pb", "input:0", "output:0", 2)
        with pytest.raises(RunError, match="missing"):
            runtime.run(missing, np.zeros((8, 8, 1), np.float32))
        runtime._worker.kill()
        with pytest.raises(RunError, match=r"TensorFlow 1\.15\.0: it ended with"):
            runtime.run(missing, np.zeros((8, 8, 1), np.float32))
