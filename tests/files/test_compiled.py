"""Machine code of compiled functions: where it is kept, and that nobody runs the wrong one."""

from __future__ import annotations

import ctypes
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numba
import numpy as np
import pytest
from numba.core import config

import bridge
from bridge.files import compiled as compiled_module
from bridge.files.compiled import compiled, suitable_threads

PR_CAPBSET_DROP = 24
CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH = 1, 2
TRACE = """
import numpy as np
from bridge.outlines import trace
assert trace(np.eye(3, dtype=np.uint16))[0].tolist() == [1]
"""


@pytest.fixture
def shared_place() -> Iterator[Path]:
    """A folder that other users may enter, with a copy of the package that nobody may write."""
    with tempfile.TemporaryDirectory() as name:
        place = Path(name)
        ignored = shutil.ignore_patterns("__pycache__")
        shutil.copytree(Path(bridge.__file__).parent, place / "lib" / "bridge", ignore=ignored)
        (place / "cache").mkdir()
        (place / "cache").chmod(0o777)
        for path in (place, place / "lib", *(place / "lib").rglob("*")):
            path.chmod(0o555 if path.is_dir() else 0o444)
        yield place
        for path in (place, *place.rglob("*")):
            if path.is_dir():
                path.chmod(0o755)


def obey_permissions() -> None:
    """Take from root the right to write wherever it likes (capabilities(7))."""
    for capability in (CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH):
        ctypes.CDLL(None).prctl(PR_CAPBSET_DROP, capability, 0, 0, 0)


def run_as_another_user(place: Path, **variables: str) -> None:
    """Trace a label image without a home, and without the right to write into the package."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("NUMBA")}
    kept = {n: v for n, v in kept.items() if n not in ("STARBRIDGE_CACHE", "XDG_CACHE_HOME")}
    home = {"HOME": str(place / "none"), "PYTHONPATH": str(place / "lib")}
    done = subprocess.run(
        [sys.executable, "-c", TRACE],
        env={**kept, **home, **variables},
        cwd=place,
        preexec_fn=obey_permissions if os.geteuid() == 0 else None,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no users as these")
def test_without_a_place_to_write_code_is_kept_in_memory(shared_place: Path) -> None:
    run_as_another_user(shared_place)

    assert not list(shared_place.rglob("*.nbi"))


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no users as these")
def test_the_cache_folder_takes_what_the_package_cannot(shared_place: Path) -> None:
    run_as_another_user(shared_place, STARBRIDGE_CACHE=str(shared_place / "cache"))

    assert list((shared_place / "cache" / "numba").rglob("*.nbi"))


def add(a: Any, b: Any) -> Any:
    return a + b


def test_two_processes_that_compile_at_once_do_not_swap_their_code(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each process sees an index without the other's entry, and the last one to write wins."""
    monkeypatch.setattr(config, "CACHE_DIR", str(tmp_path))
    one, two = compiled()(add), compiled()(add)
    assert one(1, 2) == 3
    [index] = tmp_path.rglob("*.nbi")
    of_one = index.read_bytes()
    index.unlink()
    assert two(1.5, 2.0) == 3.5
    index.write_bytes(of_one)

    third = compiled()(add)

    assert third(3, 4) == 7
    assert third(0.25, 4.0) == 4.25
    assert sum(third.stats.cache_hits.values()) == 1  # type: ignore[attr-defined]
    assert len(list(tmp_path.rglob("*.nbc"))) == 2


def test_a_disk_that_is_full_costs_a_compilation_only(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(config, "CACHE_DIR", str(tmp_path))
    function = compiled()(add)
    [folder] = tmp_path.iterdir()
    shutil.rmtree(folder)
    folder.write_text("in the way")

    assert function(np.int32(1), np.int32(2)) == 3


def test_a_folder_of_numba_that_a_person_chose_is_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(config, "CACHE_DIR", str(tmp_path))
    monkeypatch.setenv("STARBRIDGE_CACHE", "elsewhere")
    compiled_module._choose_folder.cache_clear()

    compiled()(add)(1, 1)

    assert list(tmp_path.rglob("*.nbi"))


def test_small_images_are_gone_through_on_one_core_and_large_ones_on_all() -> None:
    before = numba.get_num_threads()

    with suitable_threads(2000 * 2000):
        assert numba.get_num_threads() == before
    with pytest.raises(ValueError, match="in between"), suitable_threads(45 * 45):
        assert numba.get_num_threads() == 1
        raise ValueError("in between")
    assert numba.get_num_threads() == before
