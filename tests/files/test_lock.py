"""Only one process at a time writes into a locked folder, and a dead one holds nothing."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from bridge.errors import BadInputError
from bridge.files.lock import locked

HOLD = """
import sys
from bridge.files.lock import locked
with locked(sys.argv[1], doing="push into P"):
    print("held", flush=True)
    sys.stdin.read()
"""


def hold(path: Path) -> subprocess.Popen[str]:
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert holder.stdout is not None
    assert holder.stdout.readline() == "held\n"
    return holder


def test_a_second_process_is_told_who_holds_the_lock(tmp_path: Path) -> None:
    holder = hold(tmp_path / "lock")
    try:
        with (
            pytest.raises(BadInputError, match=rf"push into P \(process {holder.pid} on"),
            locked(tmp_path / "lock", doing="push", wait=0),
        ):
            pass
    finally:
        holder.communicate()


def test_a_second_process_waits_until_the_first_has_ended(tmp_path: Path) -> None:
    holder = hold(tmp_path / "lock")
    waited = []

    def end_holder(who: str) -> None:
        waited.append(who)
        holder.communicate()

    with locked(tmp_path / "lock", doing="push", on_wait=end_holder):
        assert len(waited) == 1
        assert "push into P" in waited[0]


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="Windows has no SIGKILL")
def test_a_killed_process_holds_nothing(tmp_path: Path) -> None:
    holder = hold(tmp_path / "lock")
    os.kill(holder.pid, signal.SIGKILL)
    holder.wait()
    assert holder.stdin is not None
    assert holder.stdout is not None
    holder.stdin.close()
    holder.stdout.close()
    with locked(tmp_path / "lock", doing="push", on_wait=pytest.fail):
        pass


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with (
        pytest.raises(BadInputError, match="file"),
        locked(tmp_path / "file" / "lock", doing="push"),
    ):
        pass
