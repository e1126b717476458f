"""Starting ImageJ, and what happens when it dies."""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path

import pytest

from bridge.apps.fiji import EMBEDDED, Fiji, FijiEndedError, FijiError, FijiTimeoutError
from bridge.errors import BadInputError
from bridge.files.cache import CACHE_VARIABLE, cache_folder

pytestmark = [pytest.mark.imagej, pytest.mark.network]


def test_a_session_says_what_it_runs_and_what_it_lacks(headless: Fiji) -> None:
    assert headless.about.name == "ImageJ 1.54p (embedded)"
    assert headless.about.lacks == ("the StarDist plugin", "the CSBDeep plugin", "Bio-Formats")
    assert headless.about.heap == 2 * 2**30
    assert "without the StarDist plugin" in str(headless.about)


def test_two_sessions_know_nothing_of_each_other(headless: Fiji) -> None:
    headless.run_macro("newImage('mine', '8-bit', 5, 5, 1);")
    with Fiji(EMBEDDED, heap="256m") as other:
        assert other.images() == ()
        assert other.pid != headless.pid
    assert [image.title for image in headless.images()] == ["mine"]


def test_java_that_is_killed_takes_nothing_with_it() -> None:
    fiji = Fiji(EMBEDDED, heap="256m", on_print=lambda _: os.kill(fiji.pid, signal.SIGKILL))

    with pytest.raises(FijiEndedError, match="ended before it was done.*start a new session"):
        fiji.run_macro("print('begun');\nwhile (true) wait(10);")
    with pytest.raises(FijiEndedError, match="has ended; start a new session"):
        fiji.images()
    fiji.close()
    fiji.close()


def test_what_hangs_outside_of_a_macro_is_ended() -> None:
    with Fiji(EMBEDDED, heap="256m", timeout=2) as fiji:
        os.kill(fiji.pid, signal.SIGSTOP)
        with pytest.raises(FijiTimeoutError, match="gave no answer in 2 s and was ended"):
            fiji.images()
        assert not fiji.running


def test_nothing_is_left_behind() -> None:
    with Fiji(EMBEDDED, heap="256m") as fiji:
        folder = fiji._worker.folder
        assert folder.is_dir()
    assert not folder.exists()
    assert not fiji.running


def test_the_second_time_no_network_is_needed(
    headless: Fiji, monkeypatch: pytest.MonkeyPatch
) -> None:
    del headless  # whoever started it has fetched the libraries
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    monkeypatch.setenv("https_proxy", "http://127.0.0.1:9")
    with Fiji(EMBEDDED, heap="256m") as fiji:
        assert fiji.run_macro("return 'offline';").value == "offline"


def test_without_network_and_libraries_it_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(CACHE_VARIABLE, str(tmp_path))
    for name in ("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    with pytest.raises(FijiError, match="cannot be had: .*; connect once, or give the folder"):
        Fiji(EMBEDDED)
    assert cache_folder() == tmp_path


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"heap": "lots"}, "heap: 'lots' is no amount of memory; give one like \"4g\""),
        ({"mode": "quiet"}, "mode: 'quiet' is unknown"),
    ],
)
def test_wrong_options_are_refused(options: dict[str, str], message: str) -> None:
    with pytest.raises(BadInputError, match=message):
        Fiji(EMBEDDED, **options)  # type: ignore[arg-type]


def test_a_heap_larger_than_the_machine_is_refused_by_java() -> None:
    with pytest.raises(FijiError, match="does not start: .*(heap|memory)"):
        Fiji(EMBEDDED, heap="999999g")


@pytest.mark.skipif(sys.platform != "linux", reason="other systems have a screen")
def test_a_window_without_a_screen_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DISPLAY", raising=False)
    with pytest.raises(FijiError, match="there is no screen to show a window on"):
        Fiji(EMBEDDED, mode="gui")


def test_a_folder_that_is_no_fiji_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadInputError, match="no Fiji"):
        Fiji(tmp_path)
