"""Downloads arrive whole or not at all."""

from __future__ import annotations

import errno
import hashlib
import os
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from bridge.errors import BadInputError
from bridge.model.download import download
from tests.model.serving import Answer, ModelServer
from tests.waiting import PATIENCE, wait_until

CONTENT = bytes(range(256)) * 2000
SHA256 = hashlib.sha256(CONTENT).hexdigest()

FETCH = """
import sys
from pathlib import Path
from bridge.model.download import download
download(sys.argv[1], Path(sys.argv[2]), sys.argv[3])
"""


@pytest.fixture
def target(model_cache: Path) -> Path:
    return model_cache / "models" / "a.zip"


def leftovers(target: Path) -> list[str]:
    """Name everything in the folder but the finished file."""
    return [path.name for path in target.parent.iterdir() if path != target]


def start(server: ModelServer, target: Path) -> subprocess.Popen[str]:
    """Download in another process."""
    command = [sys.executable, "-c", FETCH, server.url("/a.zip"), str(target), SHA256]
    return subprocess.Popen(command, stderr=subprocess.PIPE, text=True)


def test_a_file_is_downloaded_and_its_hash_checked(
    server: ModelServer, target: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    server.answers["/a.zip"] = Answer(CONTENT)

    assert download(server.url("/a.zip?token=secret"), target, SHA256) == target

    assert target.read_bytes() == CONTENT
    assert leftovers(target) == []
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err == f"starbridge: downloading {server.url('/a.zip')}\n"


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has other permissions")
def test_others_can_read_what_is_downloaded(server: ModelServer, target: Path) -> None:
    server.answers["/a.zip"] = Answer(CONTENT)
    download(server.url("/a.zip"), target)
    (target.parent / "usual").touch()

    assert target.stat().st_mode == (target.parent / "usual").stat().st_mode


def test_on_a_terminal_there_is_a_bar(
    server: ModelServer,
    target: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("sys.stderr.isatty", lambda: True)
    server.answers["/a.zip"] = Answer(CONTENT)

    download(server.url("/a.zip"), target, SHA256)

    assert target.read_bytes() == CONTENT
    assert "starbridge: downloading" not in capsys.readouterr().err


def test_redirections_are_followed(server: ModelServer, target: Path) -> None:
    server.answers["/a.zip"] = Answer(status=302, location=server.url("/elsewhere"))
    server.answers["/elsewhere"] = Answer(CONTENT)

    download(server.url("/a.zip"), target, SHA256)

    assert target.read_bytes() == CONTENT
    assert server.asked == ["/a.zip", "/elsewhere"]


def test_a_redirection_in_a_circle_ends(server: ModelServer, target: Path) -> None:
    server.answers["/a.zip"] = Answer(status=302, location=server.url("/a.zip"))

    with pytest.raises(BadInputError, match=r"cannot be downloaded \(TooManyRedirects\)"):
        download(server.url("/a.zip"), target)


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (Answer(status=404), "cannot be downloaded: the server says 404 Not Found; by hand"),
        (Answer(status=503), "the server says 503 Service Unavailable; by hand"),
        (Answer(CONTENT, cut_at=1000), "was cut off while it was downloaded; run the same"),
        (Answer(CONTENT, cut_at=0), "was cut off while it was downloaded; run the same"),
        (Answer(CONTENT[:-1]), "is not the file that was published: its SHA-256 differs"),
    ],
    ids=["missing", "server down", "cut off", "cut off at once", "another file"],
)
def test_what_does_not_arrive_whole_is_not_kept(
    server: ModelServer, target: Path, answer: Answer, message: str
) -> None:
    server.answers["/a.zip"] = answer

    with pytest.raises(BadInputError, match=message) as caught:
        download(server.url("/a.zip?token=secret"), target, SHA256, "by hand")

    assert "secret" not in str(caught.value)
    assert str(caught.value).startswith(server.url("/a.zip: "))
    assert not target.exists()
    assert leftovers(target) == []

    server.answers["/a.zip"] = Answer(CONTENT)
    assert download(server.url("/a.zip"), target, SHA256).read_bytes() == CONTENT


def test_a_better_file_is_not_replaced_by_a_broken_one(server: ModelServer, target: Path) -> None:
    target.parent.mkdir(parents=True)
    target.write_bytes(CONTENT)
    server.answers["/a.zip"] = Answer(CONTENT, cut_at=1000)

    with pytest.raises(BadInputError):
        download(server.url("/a.zip"), target, SHA256)

    assert target.read_bytes() == CONTENT


def test_without_a_network_the_error_says_what_to_do(server: ModelServer, target: Path) -> None:
    address = server.url("/a.zip")
    server.server_close()

    with pytest.raises(BadInputError, match=r"cannot be reached \(no network\?\); by hand"):
        download(address, target, SHA256, "by hand")


def test_a_server_that_falls_silent_is_given_up(
    server: ModelServer, target: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bridge.model.download._PATIENCE", 0.2)
    server.answers["/a.zip"] = Answer(CONTENT, held=True)

    with pytest.raises(BadInputError, match="was cut off while it was downloaded"):
        download(server.url("/a.zip"), target, SHA256)

    assert leftovers(target) == []


def test_only_web_addresses_are_downloaded(target: Path) -> None:
    with pytest.raises(BadInputError, match="is no address of the web; give one with https://"):
        download("ftp://lab.org/a.zip", target)
    with pytest.raises(BadInputError, match=r"cannot be downloaded \(InvalidURL\)"):
        download("https://", target)


def test_an_endless_file_is_not_downloaded(
    server: ModelServer, target: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bridge.model.download.LARGEST", 1000)
    server.answers["/a.zip"] = Answer(CONTENT)

    with pytest.raises(BadInputError, match="is far larger than a model"):
        download(server.url("/a.zip"), target)

    assert leftovers(target) == []


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="Windows cannot kill like this")
def test_a_killed_download_leaves_no_file_and_the_next_one_works(
    server: ModelServer, target: Path
) -> None:
    server.answers["/a.zip"] = Answer(CONTENT, held=True)
    process = start(server, target)
    wait_until(lambda: server.half_way or process.poll() is not None, "half of the file")
    os.kill(process.pid, signal.SIGKILL)
    process.communicate(timeout=PATIENCE)

    assert not target.exists()

    (left,) = leftovers(target)
    server.answers["/a.zip"] = Answer(CONTENT)
    assert download(server.url("/a.zip"), target, SHA256).read_bytes() == CONTENT

    # What was left behind goes when it is certain that nobody works on it.
    assert leftovers(target) == [left]
    os.utime(target.parent / left, (1e9, 1e9))
    download(server.url("/a.zip"), target, SHA256)
    assert leftovers(target) == []


@pytest.mark.slow
def test_two_processes_download_the_same_file(server: ModelServer, target: Path) -> None:
    server.answers["/a.zip"] = Answer(CONTENT, held=True)
    processes = [start(server, target) for _ in range(2)]
    wait_until(lambda: server.half_way == 2 or any(p.poll() is not None for p in processes), "both")
    server.released.set()
    said = [process.communicate(timeout=PATIENCE)[1] for process in processes]

    assert [process.returncode for process in processes] == [0, 0], said
    assert target.read_bytes() == CONTENT
    assert leftovers(target) == []


def test_a_cache_that_cannot_be_written_is_named_with_the_way_out(
    server: ModelServer,
    target: Path,
    model_cache: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    remedy = "set STARBRIDGE_CACHE to a folder that you may write to"
    model_cache.write_text("in the way")
    with pytest.raises(BadInputError, match=f"cannot be written: .*; {remedy}"):
        download(server.url("/a.zip"), target)

    def refuse(*_: object, **__: object) -> None:
        raise OSError(errno.EROFS, "Read-only file system")

    model_cache.unlink()
    monkeypatch.setattr(tempfile, "mkdtemp", refuse)
    with pytest.raises(BadInputError, match=f"cannot be written: the disk is read-only; {remedy}"):
        download(server.url("/a.zip"), target)
    assert server.asked == []
