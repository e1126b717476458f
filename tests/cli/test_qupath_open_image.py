"""The commands of the scripts in QuPath's window, as the scripts start them."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from bridge.apps.qupath.open_image import Step
from tests.apps.qupath.test_open_image import FIRST, Open, lacking, opened, pushed
from tests.waiting import PATIENCE

__all__ = ["opened", "pushed"]

pytestmark = pytest.mark.slow


@contextmanager
def started(pushed: Open, *options: str) -> Iterator[subprocess.Popen[str]]:
    """Start the command as the script does."""
    for folder in pushed.window.exchange.iterdir():
        for file in folder.iterdir():
            file.unlink()
        folder.rmdir()
    words = [f"--exchange={pushed.window.exchange}", *options, "--", str(pushed.project), "1"]
    with subprocess.Popen(
        [sys.executable, "-m", "bridge.cli", "qupath", "take", *words],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        encoding="utf-8",
    ) as process:
        yield process
        assert process.stdin is not None
        process.stdin.close()
        process.wait(PATIENCE)


def asked(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline().strip()


def answer(process: subprocess.Popen[str]) -> None:
    assert process.stdin is not None
    process.stdin.write("done\n")
    process.stdin.flush()


def test_a_segmentation_is_taken_step_by_step(pushed: Open) -> None:
    pushed.window.shown = lacking(pushed.window.shown, FIRST.ids[0])
    options = [f"--detections={pushed.results / 'second'}", "--conflicts=look"]

    with started(pushed, *options) as process:
        for step in Step:
            assert asked(process) == f"starbridge asks: {step}"
            pushed.window(step)
            answer(process)
        said = process.stdout.read() if process.stdout else ""

    assert process.returncode == 0
    assert said == "a.tif: 3 written; 2 replaced or removed; reviewed: 1 deleted\n"
    record = pushed.backup.pushed()
    assert record is not None
    assert len(record.times) == 2
    assert pushed.left_over() == []


@pytest.mark.parametrize("step", Step)
def test_a_script_that_ends_leaves_all_as_it_was(pushed: Open, step: Step) -> None:
    saved = pushed.window.image.objects_file.read_bytes()

    with started(pushed, f"--detections={pushed.results / 'second'}") as process:
        for earlier in list(Step)[: list(Step).index(step)]:
            assert asked(process) == f"starbridge asks: {earlier}"
            pushed.window(earlier)
            answer(process)
        assert asked(process) == f"starbridge asks: {step}"
        assert process.stdin is not None
        process.stdin.close()
        said = process.stdout.read() if process.stdout else ""

    assert process.returncode == 2
    assert "the script in QuPath has ended; run it again" in said
    assert pushed.window.image.objects_file.read_bytes() == saved
    assert pushed.left_over() == []


@pytest.mark.skipif(sys.platform == "win32", reason="kills as Unix does")
@pytest.mark.parametrize("has_saved", [True, False])
def test_a_command_that_is_killed_is_finished_or_undone_by_the_next(
    pushed: Open, has_saved: bool
) -> None:
    window = pushed.window
    with started(pushed, f"--detections={pushed.results / 'second'}") as process:
        for step in (Step.objects, Step.merged):
            assert asked(process) == f"starbridge asks: {step}"
            window(step)
            answer(process)
        assert asked(process) == f"starbridge asks: {Step.save}"
        if has_saved:
            window(Step.save)
        process.send_signal(signal.SIGKILL)
        process.wait(PATIENCE)

    assert pushed.left_over() != []
    record = pushed.backup.settle()
    assert record is not None
    assert len(record.times) == 1 + has_saved
    assert pushed.left_over() == []
    pushed.take("second")
    assert len(window.shown) == 4
    assert window.shown.ids[:3] == FIRST.ids


def test_what_was_changed_is_said(pushed: Open) -> None:
    pushed.window.shown = lacking(pushed.window.shown, FIRST.ids[0])

    pushed.window.objects()
    done = subprocess.run(
        [
            *(sys.executable, "-m", "bridge.cli", "qupath", "changes"),
            f"--exchange={pushed.window.exchange}",
            *("--", str(pushed.project), "1"),
        ],
        capture_output=True,
        encoding="utf-8",
        timeout=PATIENCE,
        check=True,
    )
    assert "since the last push: 1 deleted" in done.stdout.splitlines()
