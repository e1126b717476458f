"""Programs that are run to their end, and programs that must not go on."""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path

import psutil
import pytest

from bridge.apps.ilastik.errors import IlastikStartError, IlastikTimeoutError
from bridge.apps.ilastik.process import run_program
from tests.waiting import wait_until

# It starts a child that sleeps, and sleeps too.
FAMILY = """
import pathlib, subprocess, sys, time
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
pathlib.Path(sys.argv[1]).write_text(str(child.pid))
time.sleep(600)
"""


def is_gone(pid: int) -> bool:
    try:
        return bool(psutil.Process(pid).status() == psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return True


def test_its_output_and_status_are_kept(tmp_path: Path) -> None:
    code = "import sys; print('out'); print('err', file=sys.stderr); sys.exit(3)"

    status = run_program([sys.executable, "-c", code], log=tmp_path / "log", folder=tmp_path)

    assert status == 3
    assert sorted((tmp_path / "log").read_text().split()) == ["err", "out"]


def test_no_shell_sees_its_arguments(tmp_path: Path) -> None:
    told = ["$HOME", "a b", "*", "; exit 9", "`id`", "µ"]
    code = "import sys; open('told', 'w', encoding='utf-8').write('\\n'.join(sys.argv[1:]))"

    status = run_program([sys.executable, "-c", code, *told], log=tmp_path / "log", folder=tmp_path)

    assert status == 0
    assert (tmp_path / "told").read_text("utf-8").split("\n") == told


def test_this_pythons_variables_do_not_reach_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHONPATH", "/ours")
    monkeypatch.setenv("KEPT", "yes")
    code = "import os; print(os.environ.get('PYTHONPATH'), os.environ['KEPT'], os.environ['MORE'])"

    run_program(
        [sys.executable, "-c", code],
        log=tmp_path / "log",
        folder=tmp_path,
        environment={"MORE": "too"},
    )

    assert (tmp_path / "log").read_text().split() == ["None", "yes", "too"]


@pytest.mark.slow
def test_a_time_out_ends_it_and_all_that_it_started(tmp_path: Path) -> None:
    with pytest.raises(IlastikTimeoutError, match=r"not done in 3 s and was ended; .*--timeout"):
        run_program(
            [sys.executable, "-c", FAMILY, str(tmp_path / "pid")],
            log=tmp_path / "log",
            folder=tmp_path,
            timeout=3,
        )
    child = int((tmp_path / "pid").read_text())
    wait_until(lambda: is_gone(child), "the child's end")


@pytest.mark.slow
def test_ctrl_c_ends_it_and_all_that_it_started(tmp_path: Path) -> None:
    pid = tmp_path / "pid"

    def interrupt() -> None:
        if pid.exists() and pid.read_text():
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run_program(
            [sys.executable, "-c", FAMILY, str(pid)],
            log=tmp_path / "log",
            folder=tmp_path,
            on_wait=interrupt,
        )
    child = int(pid.read_text())
    wait_until(lambda: is_gone(child), "the child's end")


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no signals")
def test_a_signal_is_a_negative_status(tmp_path: Path) -> None:
    code = f"import os; os.kill(os.getpid(), {signal.SIGKILL.value})"

    status = run_program([sys.executable, "-c", code], log=tmp_path / "log", folder=tmp_path)

    assert status == -9


def test_what_cannot_be_started_is_an_error(tmp_path: Path) -> None:
    program = tmp_path / "ilastik"
    with pytest.raises(IlastikStartError, match="cannot be started: No such file"):
        run_program([program], log=tmp_path / "log", folder=tmp_path)
    program.write_text("text")
    if os.name != "nt":
        with pytest.raises(IlastikStartError, match="cannot be started: Permission denied"):
            run_program([program], log=tmp_path / "log", folder=tmp_path)
