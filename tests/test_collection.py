"""Test names that are the same in every process: pytest-xdist refuses to start otherwise."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.waiting import PATIENCE

ROOT = Path(__file__).parents[1]


def start_collecting(folder: Path, *options: str, **environment: str) -> subprocess.Popen[str]:
    """Start a pytest that only prints the names of the tests in a folder."""
    command = [sys.executable, "-m", "pytest", "--collect-only", "-q", "-p", "no:cacheprovider"]
    inherited = {k: v for k, v in os.environ.items() if not k.startswith("PYTEST_")}
    return subprocess.Popen(
        [*command, *options, str(folder)],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        encoding="utf-8",
        cwd=ROOT,
        env={**inherited, "PYTHONUTF8": "1", **environment},
    )


def collect_twice(folder: Path) -> tuple[list[str], list[str]]:
    """Return the names as two processes find them, with other hashes, clocks and time zones."""
    processes = (
        start_collecting(folder, PYTHONHASHSEED="1", TZ="UTC"),
        start_collecting(
            folder, "-p", "tests.shifted_clock", PYTHONHASHSEED="2", TZ="Pacific/Kiritimati"
        ),
    )
    outputs = [process.communicate(timeout=PATIENCE)[0] for process in processes]
    for process, output in zip(processes, outputs, strict=True):
        assert process.returncode == 0, output[-3000:]
    first, second = ([line for line in text.splitlines() if "::" in line] for text in outputs)
    return first, second


def test_names_are_the_same_in_every_process() -> None:
    first, second = collect_twice(ROOT / "tests")

    assert len(first) > 2000
    assert sorted(set(first) ^ set(second)) == []
    assert first == second


def test_a_name_that_changes_is_noticed(tmp_path: Path) -> None:
    changing = {
        "time": "[str(time.time())]",
        "datetime": "[datetime.datetime.now().isoformat()]",
        "date": "[datetime.date.today().isoformat()]",
        "set": "{'a', 'b', 'c', 'd', 'e', 'f', 'g'}",
    }
    lines = [
        f"@pytest.mark.parametrize('value', {values})\ndef test_{name}(value): pass"
        for name, values in changing.items()
    ]
    (tmp_path / "test_names.py").write_text("\n".join(["import datetime, time, pytest", *lines]))

    first, second = collect_twice(tmp_path)

    assert len(first) == len(second) == 10
    for name in changing:
        assert [n for n in first if name in n] != [n for n in second if name in n]


def test_contents_of_files_are_not_in_names(request: pytest.FixtureRequest) -> None:
    names = {item.nodeid for item in request.session.items}

    assert not [name for name in names if "\\x1f" in name or "\\x00\\x00" in name]
