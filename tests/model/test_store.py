"""Unpacked models in the cache: whole or not there, whoever else is at work."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from bridge.errors import BadInputError
from bridge.model.provenance import Provenance, is_whole, read_provenance
from bridge.model.store import keep_unpacked, list_shared, models_folder
from tests.waiting import PATIENCE

SOURCE = Provenance("file", "/data/m.zip", "a" * 64)

UNPACK = f"""
import sys
from bridge.model.provenance import Provenance
from bridge.model.store import keep_unpacked

def fill(part):
    (part / "config.json").write_text("half")
    print("half", flush=True)
    sys.stdin.readline()
    (part / "config.json").write_text("whole")

keep_unpacked("m", {SOURCE!r}, fill)
"""


def fill(part: Path) -> None:
    (part / "config.json").write_text("whole")


def start() -> subprocess.Popen[str]:
    """Unpack in another process, as far as half of it; a line lets it go on."""
    process = subprocess.Popen(
        [sys.executable, "-c", UNPACK], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "half\n"
    return process


def test_an_unpacked_model_knows_where_it_came_from(model_cache: Path) -> None:
    folder, damaged = keep_unpacked("m", SOURCE, fill)

    assert folder == model_cache / "models" / "unpacked" / SOURCE.sha256 / "m"
    assert not damaged
    assert read_provenance(folder) == SOURCE
    assert is_whole(folder)
    (folder / "config.json").write_text("other")
    assert not is_whole(folder)


def test_a_folder_of_a_user_came_from_nowhere(tmp_path: Path) -> None:
    for content in ("", "[]", '{"source": {"kind": "file"}}', '{"source": 3}'):
        (tmp_path / "starbridge.json").write_text(content)
        assert read_provenance(tmp_path) is None
        assert not is_whole(tmp_path)


def test_a_model_that_cannot_be_unpacked_leaves_nothing(model_cache: Path) -> None:
    def fail(part: Path) -> None:
        (part / "config.json").write_text("half")
        raise BadInputError("m.zip", "is damaged")

    with pytest.raises(BadInputError, match=r"m\.zip: is damaged"):
        keep_unpacked("m", SOURCE, fail)

    assert list(models_folder().iterdir()) == []


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="Windows cannot kill like this")
def test_a_process_that_is_killed_while_it_unpacks_does_no_harm(model_cache: Path) -> None:
    process = start()
    os.kill(process.pid, signal.SIGKILL)
    process.communicate(timeout=PATIENCE)

    assert not list(model_cache.rglob(f"{SOURCE.sha256}*"))
    folder, damaged = keep_unpacked("m", SOURCE, fill)
    assert (is_whole(folder), damaged) == (True, False)


@pytest.mark.slow
def test_two_processes_unpack_the_same_model(model_cache: Path) -> None:
    processes = [start(), start()]
    first = None
    for process in processes:
        process.communicate("go on\n", timeout=PATIENCE)
        assert process.returncode == 0
        (folder,) = models_folder().glob("unpacked/*/m")
        assert is_whole(folder)
        # The second one leaves the first one's alone, which somebody may be reading.
        first = first or folder.stat().st_ino
        assert folder.stat().st_ino == first
    assert [path.name for path in models_folder().iterdir()] == ["unpacked"]


def test_the_shared_folder_lists_models_only(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("b.zip", "._b.zip", "notes.txt", "a/config.json", "images/a.tif"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    monkeypatch.setenv("STARBRIDGE_MODELS", str(tmp_path))

    assert [path.name for path in list_shared()] == ["a", "b.zip"]
