"""The command, as a person types it."""

from __future__ import annotations

import sys
from collections.abc import Callable

import pytest

from bridge.cli import main

Command = Callable[..., tuple[int, str, str]]
"""Takes the arguments; returns exit status, stdout and stderr."""


@pytest.fixture
def starbridge(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Command:
    """Run the command; gives exit status, stdout and stderr."""

    def run(*arguments: object) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["starbridge", *map(str, arguments)])
        with pytest.raises(SystemExit) as ended:
            main()
            raise SystemExit(0)
        printed = capsys.readouterr()
        code = ended.value.code
        return (code if isinstance(code, int) else 0), printed.out, printed.err

    return run
