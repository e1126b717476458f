"""Progress of a training where stderr is no terminal: a line for each validation."""

from __future__ import annotations

import pytest

from bridge.training.learning.progress import TrainingProgress
from bridge.training.record import HistoryStep


def test_each_validation_is_a_plain_line(capsys: pytest.CaptureFixture[str]) -> None:
    with TrainingProgress() as progress:
        progress.stage("building [the] network")
        progress.stepped(1, 20, 0.5)
        progress.validated(HistoryStep(step=1, loss=0.5, validation_f1=0.75, old_f1=0.9), True)
        progress.stage("validating")
        progress.validated(HistoryStep(step=2, loss=0.25, validation_f1=0.5), False)
        progress.remark("a note")

    printed = capsys.readouterr()
    assert printed.out == ""
    lines = printed.err.splitlines()
    assert lines[0] == "starbridge: building [the] network"
    assert lines[1] == (
        "step 1 of 20: loss 0.500, validation F1 0.750, old images 0.900, the best so far"
    )
    assert lines[2].startswith("step 2 of 20: loss 0.250, validation F1 0.500, 0:")
    assert lines[3] == "starbridge: a note"
