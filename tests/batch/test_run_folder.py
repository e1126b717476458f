"""The hidden folder of a run goes with its run, and what a killed run left goes with the next."""

from __future__ import annotations

import os
import platform
import re
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from bridge.batch.run_folder import put_in_place, run_folder
from bridge.errors import BadInputError

HOST = re.sub(r"[^A-Za-z0-9]", "", platform.node())


def dead_process() -> int:
    """The number of a process that has ended."""
    done = subprocess.Popen([sys.executable, "-c", "pass"])
    done.wait()
    assert not psutil.pid_exists(done.pid)
    return done.pid


def test_the_folder_is_inside_the_output_folder_and_goes_at_the_end(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt), run_folder(tmp_path) as folder:
        assert folder.parent == tmp_path.resolve()
        assert folder.name.startswith(".")
        (folder / "half").write_text("written")
        raise KeyboardInterrupt

    assert list(tmp_path.iterdir()) == []


def test_what_a_killed_run_left_is_removed(tmp_path: Path) -> None:
    left = tmp_path / f".run-{HOST}-{dead_process()}-abc"
    (left / "1-x").mkdir(parents=True)
    (left / "1-x" / "half").write_text("written")

    with run_folder(tmp_path):
        assert not left.exists()


def test_two_runs_into_one_folder_are_refused(tmp_path: Path) -> None:
    refused = pytest.raises(BadInputError, match=r"another run \(process \d+\); wait")
    with run_folder(tmp_path) as first:
        with refused, run_folder(tmp_path):
            pass
        assert first.is_dir()


def test_a_number_that_another_process_got_since_keeps_nothing(tmp_path: Path) -> None:
    left = tmp_path / f".run-{HOST}-{os.getpid()}-abc"
    left.mkdir()
    long_ago = psutil.Process().create_time() - 1000
    os.utime(left, (long_ago, long_ago))

    with run_folder(tmp_path):
        assert not left.exists()


@pytest.mark.parametrize(("hours", "stays"), [(1, True), (30, False)])
def test_a_run_of_another_machine_is_left_alone_until_it_is_forgotten(
    tmp_path: Path, hours: int, stays: bool
) -> None:
    other = tmp_path / ".run-elsewhere-1-abc"
    other.mkdir()
    then = time.time() - 3600 * hours
    os.utime(other, (then, then))

    with run_folder(tmp_path):
        assert other.exists() == stays


def test_a_folder_where_nobody_may_write_is_said(tmp_path: Path) -> None:
    with pytest.raises(BadInputError, match="cannot be written"), run_folder(tmp_path / "no"):
        pass


def test_finished_files_replace_those_that_are_there(tmp_path: Path) -> None:
    own = tmp_path / ".run" / "1"
    for folder, text in ((own, "new"), (tmp_path / "out", "old")):
        (folder / "roi").mkdir(parents=True)
        (folder / "roi" / "a.zip").write_text(text)

    put_in_place(own, ["roi/a.zip"], tmp_path / "out")

    assert (tmp_path / "out" / "roi" / "a.zip").read_text() == "new"
    assert not own.exists()


def test_a_place_that_is_taken_by_a_folder_is_named(tmp_path: Path) -> None:
    own = tmp_path / ".run" / "1"
    own.mkdir(parents=True)
    (own / "a.zip").write_text("new")
    (tmp_path / "a.zip").mkdir()

    with pytest.raises(BadInputError, match=r"a\.zip: cannot be written: this is a folder"):
        put_in_place(own, ["a.zip"], tmp_path)
