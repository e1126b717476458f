"""Files appear only when they are complete."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from bridge import Detections
from bridge.errors import BadInputError
from bridge.files.atomic import PART_ENDING, write_bytes, writing
from tests.waiting import PATIENCE


def test_the_file_appears_when_the_block_ends(tmp_path: Path) -> None:
    with writing(tmp_path / "new" / "a.txt") as part:
        part.write_text("whole")
        assert not (tmp_path / "new" / "a.txt").exists()

    assert [p.name for p in (tmp_path / "new").iterdir()] == ["a.txt"]


@pytest.mark.parametrize("interruption", [ValueError, KeyboardInterrupt, MemoryError])
def test_what_was_there_stays_when_the_block_fails(
    tmp_path: Path, interruption: type[BaseException]
) -> None:
    target = tmp_path / "a.txt"
    target.write_text("old")

    with pytest.raises(interruption), writing(target) as part:
        part.write_text("half")
        raise interruption

    assert target.read_text() == "old"
    assert list(tmp_path.iterdir()) == [target]


@pytest.mark.parametrize(
    ("number", "words"),
    [
        (errno.ENOSPC, "the disk is full; make room and run again"),
        (errno.EACCES, "you may not write here; choose another output folder"),
        (errno.EROFS, "the disk is read-only"),
    ],
)
def test_the_systems_error_is_said_in_words_even_when_wrapped(
    tmp_path: Path, number: int, words: str
) -> None:
    with pytest.raises(BadInputError, match=words), writing(tmp_path / "a.txt"):
        try:
            raise OSError(number, os.strerror(number))
        except OSError as error:
            raise RuntimeError("the library's own") from error


def test_a_file_in_place_of_the_folder_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")

    with pytest.raises(BadInputError, match="file, not a folder|in the way of a folder"):
        write_bytes(tmp_path / "file" / "a.txt", b"x")


@pytest.mark.skipif(not hasattr(os, "geteuid"), reason="Windows keeps permissions in another way")
def test_a_read_only_folder_is_said(tmp_path: Path) -> None:
    for parent in (tmp_path, *tmp_path.parents):
        if parent.name.startswith("pytest-"):
            parent.chmod(0o755)
    folder = tmp_path / "read-only"
    folder.mkdir(mode=0o555)
    root = os.geteuid() == 0
    try:
        if root:  # whom permissions do not stop
            os.seteuid(65534)
        with pytest.raises(BadInputError, match="a.txt: cannot be written: you may not write here"):
            write_bytes(folder / "a.txt", b"x")
    finally:
        if root:
            os.seteuid(0)


LIMITED = """
import resource, sys, numpy as np
from bridge import Detections
from bridge.errors import BadInputError
rng = np.random.default_rng(0)
objects = Detections.from_labels(rng.integers(0, 40_000, (300, 300)).astype(np.uint16))
resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))
import signal; signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
for ending in ("tif", "h5", "zip", "geojson", "geojson.gz", "csv", "parquet"):
    try:
        objects.write(f"{sys.argv[1]}/full.{ending}")
    except BadInputError as error:
        print(ending, error)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no limit on file sizes")
@pytest.mark.slow
def test_every_format_survives_a_disk_that_is_full(tmp_path: Path) -> None:
    old = Detections.from_labels(np.eye(3, dtype=int))
    endings = ("tif", "h5", "zip", "geojson", "geojson.gz", "csv", "parquet")
    for ending in endings:
        old.write(tmp_path / f"full.{ending}")
    before = {p.name: p.read_bytes() for p in tmp_path.iterdir()}

    done = subprocess.run(
        [sys.executable, "-c", LIMITED, str(tmp_path)],
        capture_output=True, text=True, check=True, timeout=PATIENCE,
    )  # fmt: skip

    for ending, line in zip(endings, done.stdout.splitlines(), strict=True):
        assert line.startswith(
            f"{ending} {tmp_path}/full.{ending}: cannot be written: the file grew"
        )
    assert {p.name: p.read_bytes() for p in tmp_path.iterdir()} == before


@pytest.mark.parametrize("letter", ["a", "ü", "核"])
@pytest.mark.parametrize("size", [249, 250, 255])
def test_every_name_that_a_disk_takes_can_be_written(
    tmp_path: Path, letter: str, size: int
) -> None:
    name = letter * (size // len(letter.encode())) + "b" * (size % len(letter.encode()))

    with writing(tmp_path / name) as part:
        part.write_text("whole")
        assert part.name.startswith(f".{letter}")
        assert part.name.endswith(PART_ENDING)

    assert [path.name for path in tmp_path.iterdir()] == [name]


def test_long_names_that_begin_alike_are_written_at_the_same_time(tmp_path: Path) -> None:
    first, second = tmp_path / ("a" * 254 + "1"), tmp_path / ("a" * 254 + "2")

    with writing(first) as part, writing(second) as other_part:
        part.write_text("1")
        other_part.write_text("2")

    assert (first.read_text(), second.read_text()) == ("1", "2")


# ---- power failures, and folders that go away ---------------------------------------------------


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no fsync of folders")
@pytest.mark.parametrize("wanted", [True, False])
def test_the_disk_holds_the_bytes_before_the_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, wanted: bool
) -> None:
    monkeypatch.setenv("STARBRIDGE_FSYNC", "1" if wanted else "0")
    done: list[tuple[str, bool]] = []
    fsync = os.fsync

    def watched(handle: int) -> None:
        fsync(handle)
        what = Path(f"/proc/self/fd/{handle}").readlink() if sys.platform == "linux" else "?"
        done.append((Path(what).name, (tmp_path / "a.txt").exists()))

    monkeypatch.setattr(os, "fsync", watched)
    write_bytes(tmp_path / "a.txt", b"whole")

    names = [(f".a.txt{PART_ENDING}", False), (tmp_path.name, True)] if wanted else []
    assert [exists for _, exists in done] == [exists for _, exists in names]
    if sys.platform == "linux":
        assert done == names


def test_a_disk_that_cannot_say_when_it_is_done_does_not_stop_writing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STARBRIDGE_FSYNC", "1")

    def refused(handle: int) -> None:
        raise OSError(errno.EINVAL, "not here")

    monkeypatch.setattr(os, "fsync", refused)
    write_bytes(tmp_path / "a.txt", b"whole")

    assert (tmp_path / "a.txt").read_bytes() == b"whole"


def test_a_folder_that_is_removed_meanwhile_is_said(tmp_path: Path) -> None:
    folder = tmp_path / "out"

    with (
        pytest.raises(BadInputError, match="its folder was removed meanwhile; run the same"),
        writing(folder / "a.txt") as part,
    ):
        part.write_text("whole")
        part.unlink()
        folder.rmdir()

    assert not folder.exists()
