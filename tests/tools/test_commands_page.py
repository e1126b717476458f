"""The page of all commands says what the commands say."""

from __future__ import annotations

from pathlib import Path

import pytest

from tools.commands_page import main, write_page


def test_the_page_is_up_to_date(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--check"]) == 0, capsys.readouterr().err


def test_a_command_has_its_help_options_and_defaults() -> None:
    section = write_page().partition("## `starbridge convert`\n")[2].partition("\n## ")[0]

    assert "| `SOURCE` |" in section
    assert "| needed |" in section
    assert "| `--overwrite` | Replace files that are there. |" in section


def test_a_stale_page_is_noticed_and_not_written(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "docs").mkdir()
    assert main([], tmp_path) == 0
    page = tmp_path / "docs" / "commands.md"
    assert main(["--check"], tmp_path) == 0
    page.write_text(page.read_text(encoding="utf-8") + "old", encoding="utf-8")

    assert main(["--check"], tmp_path) == 1

    assert "run python -m tools.commands_page" in capsys.readouterr().err
    assert page.read_text(encoding="utf-8").endswith("old")
