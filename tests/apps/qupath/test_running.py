"""Tell whether a QuPath with a window is running."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest

from bridge.apps.qupath.errors import QuPathError
from bridge.apps.qupath.running import qupath_is_running, refuse_running

psutil = pytest.importorskip("psutil")

Running = Callable[..., None]


@dataclass
class Process:
    """A process as psutil lists it; ``None`` is what it says of other people's."""

    info: dict[str, Any] = field(default_factory=dict)


@pytest.fixture
def running(monkeypatch: pytest.MonkeyPatch) -> Running:
    """Put processes into the list, each its name, command line and number."""

    def put(*processes: tuple[str | None, list[str] | None, int]) -> None:
        def listed(attributes: list[str]) -> Iterator[Process]:
            for name, words, pid in processes:
                info = {"name": name, "cmdline": words, "pid": pid}
                yield Process({key: info[key] for key in attributes})

        monkeypatch.setattr(psutil, "process_iter", listed)

    return put


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("QuPath", ["/opt/QuPath/bin/QuPath"]),
        ("QuPath", ["/opt/QuPath/bin/QuPath", "-p", "/study/project.qpproj"]),
        ("QuPath-0.6.0.exe", ["C:\\Program Files\\QuPath-0.6.0\\QuPath-0.6.0.exe"]),
        ("QuPath-0.6.0 (console).exe", []),
        ("QuPath", None),
        ("java", ["java", "-cp", "app/*", "qupath.QuPath"]),
        (None, ["java", "-cp", "app/*", "qupath.QuPath", "-i", "a.tif"]),
    ],
)
def test_a_qupath_with_a_window_is_found_on_every_system(
    running: Running, name: str | None, words: list[str] | None
) -> None:
    running(("bash", ["bash"], 7), (name, words, 4711), ("zsh", None, 9))

    assert qupath_is_running() == 4711


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("python", ["python", "push_to_qupath.py", "QuPath"]),
        ("less", ["less", "/opt/QuPath/readme.txt"]),
        ("java", ["java", "-jar", "fiji.jar"]),
        ("java", ["java", "-cp", "x", "org.other.QuPathReader"]),
        ("", []),
        (None, None),
    ],
)
def test_what_only_mentions_qupath_is_none(
    running: Running, name: str | None, words: list[str] | None
) -> None:
    running((name, words, 4711))

    assert qupath_is_running() is None


def test_a_script_without_a_window_is_none(running: Running) -> None:
    running(("QuPath", ["QuPath", "script", "measure.groovy", "-p", "project.qpproj"], 4711))

    assert qupath_is_running() is None


def test_neither_this_process_nor_its_workers_count(running: Running) -> None:
    worker = ["python", "-m", "bridge.apps.qupath.worker", "qupath.QuPath"]
    running(("qupath-tool", ["qupath-tool"], os.getpid()), ("qupath-python", worker, 12))

    assert qupath_is_running() is None


def test_a_window_is_found_behind_a_script(running: Running) -> None:
    running(("QuPath", ["QuPath", "script", "a.groovy"], 1), ("QuPath", ["QuPath"], 2))

    assert qupath_is_running() == 2


def test_the_processes_of_this_computer_can_be_listed() -> None:
    number = qupath_is_running()

    assert number is None or psutil.pid_exists(number)


def test_a_refusal_names_what_can_be_done_in_the_window(running: Running) -> None:
    running(("QuPath", [], 12))

    with pytest.raises(QuPathError, match="or take it in the open window: Automate › StarBridge"):
        refuse_running("pushed", instead="take it in the open window: Automate › StarBridge")
    with pytest.raises(QuPathError, match="if it has another one open$"):
        refuse_running("restored")
