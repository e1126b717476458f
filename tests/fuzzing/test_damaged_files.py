"""Reading gives a result or one line, soon and in little memory, whatever is in a file.

The files are damaged by random numbers that are the same each time. ``STARBRIDGE_FUZZ=5000`` tries
as many of each kind in place of 300.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.fuzzing.kinds import KINDS

COUNT = int(os.environ.get("STARBRIDGE_FUZZ", "300"))
ROOT = Path(__file__).parents[2]

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform != "linux", reason="needs Linux, which limits memory"),
    pytest.mark.timeout(60 + COUNT * len(KINDS)),
]


@pytest.fixture(scope="module")
def outcomes(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[dict[str, Any]]]:
    """Outcome of each case, by kind of file."""
    found: dict[str, list[dict[str, Any]]] = {name: [] for name in KINDS}
    folder = tmp_path_factory.mktemp("damaged")
    while any(len(cases) < COUNT for cases in found.values()):
        left = [(name, len(cases)) for name, cases in found.items() if len(cases) < COUNT]
        words = [str(word) for pair in left for word in pair]
        command = [sys.executable, "-m", "tests.fuzzing.child", str(folder), str(COUNT), *words]
        run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
        lines = [json.loads(line) for line in run.stdout.splitlines()]
        assert lines, run.stderr
        for case, outcome in zip(lines[::2], lines[1::2], strict=False):
            found[case["kind"]].append({**case, **outcome})
        if len(lines) % 2:  # a crash, or the end of its time
            died = {"outcome": f"died with {run.returncode}", "trace": run.stderr[-500:]}
            found[lines[-1]["kind"]].append({**lines[-1], **died})
        else:
            assert run.returncode == 0, run.stderr
    return found


@pytest.mark.parametrize("kind", KINDS)
def test_every_outcome_is_a_result_or_one_line(
    outcomes: dict[str, list[dict[str, Any]]], kind: str
) -> None:
    others = [case for case in outcomes[kind] if case["outcome"] not in ("result", "refused")]

    assert not others, "\n".join(f"{c['case']}: {c['outcome']}\n{c['trace']}" for c in others[:3])
    assert len(outcomes[kind]) == COUNT


@pytest.mark.parametrize("kind", KINDS)
def test_the_damage_is_such_that_some_files_are_read_and_others_are_not(
    outcomes: dict[str, list[dict[str, Any]]], kind: str
) -> None:
    kinds = [case["outcome"] for case in outcomes[kind]]

    assert kinds.count("result") >= COUNT // 10
    assert kinds.count("refused") >= COUNT // 10
