"""A process that answers, refuses or dies."""

from __future__ import annotations

from pathlib import Path

import pytest

from models_export.runtimes import RunError
from models_export.runtimes.worker import Worker

ECHO = """
import json, os, sys
print("native noise")
print(json.dumps({"ready": sys.argv[2]}), flush=True)
for line in sys.stdin:
    request = json.loads(line)
    if request["do"] == "die":
        sys.stderr.write("out of memory\\n")
        sys.stderr.flush()
        os._exit(3)
    print(json.dumps({"error": "no"} if request["do"] == "refuse" else request), flush=True)
"""


@pytest.fixture
def module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    (tmp_path / "starbridge_echo.py").write_text(ECHO)
    monkeypatch.syspath_prepend(str(tmp_path))
    return "starbridge_echo"


def test_a_worker_answers_refuses_and_goes(module: str) -> None:
    worker = Worker("echo", module, ["a b"])
    assert worker.ask({"do": "say", "word": "Kern µ"}) == {"do": "say", "word": "Kern µ"}
    with pytest.raises(RunError, match="no"):
        worker.ask({"do": "refuse"})
    folder = worker.folder
    worker.close()
    assert not folder.exists()


def test_a_worker_that_dies_takes_nothing_with_it(module: str) -> None:
    worker = Worker("echo", module, [""])
    with pytest.raises(RunError, match="the process of echo ended: out of memory"):
        worker.ask({"do": "die"})
    with pytest.raises(RunError):
        worker.ask({"do": "say"})
    worker.close()


def test_a_module_that_does_not_start_is_said() -> None:
    with pytest.raises(RunError, match="No module named"):
        Worker("nothing", "starbridge_missing_module", [])
