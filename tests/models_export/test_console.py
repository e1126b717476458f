"""The progress of exports on the console."""

from __future__ import annotations

import pytest

from models_export.console import ConsoleListener


def test_without_a_terminal_every_step_is_a_line(capsys: pytest.CaptureFixture[str]) -> None:
    with ConsoleListener() as listener:
        listener.doing("run [x].pb in OpenCV 4")
        listener.downloading("a.jar", 5_000_000, 10_000_000)
        listener.downloading("a.jar", 10_000_000, 10_000_000)
    assert capsys.readouterr().err.splitlines() == [
        "run [x].pb in OpenCV 4",
        "downloaded a.jar (10 MB)",
    ]
