"""The record of a training is read as it was written, and what is no record is refused."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.errors import BadInputError
from bridge.training.evaluation.scoring import Score
from bridge.training.record import (
    RECORD_FILE,
    Comparison,
    DataPart,
    HistoryStep,
    PairNote,
    TrainingRecord,
    load_training_record,
    save_training_record,
)

COUNTS = st.integers(0, 10**6)
NUMBERS = st.floats(allow_nan=False, allow_infinity=False)
SCORES = st.builds(Score, iou=st.floats(0.1, 1), tp=COUNTS, fp=COUNTS, fn=COUNTS, sum_iou=NUMBERS)
RECORDS = st.builds(
    TrainingRecord,
    model=st.text(),
    start=st.dictionaries(st.text(), st.text(), max_size=2),
    settings=st.dictionaries(st.text(), st.none() | st.integers() | NUMBERS | st.text()),
    versions=st.dictionaries(st.text(), st.text(), max_size=2),
    data=st.lists(
        st.builds(DataPart, role=st.text(), source=st.text(), images=COUNTS, objects=COUNTS),
        max_size=2,
    ).map(tuple),
    pairs=st.lists(
        st.builds(PairNote, name=st.text(), role=st.text(), sha256=st.text(), objects=COUNTS),
        max_size=2,
    ).map(tuple),
    history=st.lists(
        st.builds(HistoryStep, step=COUNTS, loss=NUMBERS, validation_f1=st.none() | NUMBERS),
        max_size=3,
    ).map(tuple),
    comparisons=st.lists(
        st.builds(
            Comparison,
            name=st.text(),
            images=COUNTS,
            objects=COUNTS,
            before=st.lists(SCORES, max_size=2).map(tuple),
            after=st.lists(SCORES, max_size=2).map(tuple),
        ),
        max_size=2,
    ).map(tuple),
    notes=st.lists(st.text(), max_size=2).map(tuple),
    best_step=st.none() | COUNTS,
)


@given(RECORDS)
def test_a_record_is_read_as_it_was_written(record: TrainingRecord) -> None:
    assert TrainingRecord.from_json(json.loads(json.dumps(record.to_json()))) == record


def test_a_model_folder_holds_its_record(tmp_path: Path) -> None:
    record = TrainingRecord(model="nuclei", seconds=3.5)
    save_training_record(tmp_path / RECORD_FILE, record)
    assert load_training_record(tmp_path) == load_training_record(tmp_path / RECORD_FILE) == record


def test_numbers_of_numpy_and_those_that_are_none_become_json(tmp_path: Path) -> None:
    settings: dict[str, Any] = {"steps": np.int64(5), "shape": (1, 2), "folder": tmp_path}
    record = TrainingRecord(
        model="a", settings=settings, history=(HistoryStep(step=1, loss=float("nan")),)
    )
    save_training_record(tmp_path / RECORD_FILE, record)
    read = load_training_record(tmp_path)
    assert read.settings == {"steps": 5, "shape": [1, 2], "folder": str(tmp_path)}
    assert read.history[0].loss is None


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("{", "is damaged"),
        ("[]", "is no record"),
        ('{"format": "other"}', "is no record"),
        ('{"format": "starbridge training record", "version": 99}', "newer starbridge"),
        ('{"format": "starbridge training record", "version": 1}', "is damaged"),
        (
            '{"format": "starbridge training record", "version": 1, "model": "a", "history": [5]}',
            "is damaged",
        ),
    ],
)
def test_what_is_no_record_is_refused(tmp_path: Path, text: str, problem: str) -> None:
    (tmp_path / RECORD_FILE).write_text(text)
    with pytest.raises(BadInputError, match=problem):
        load_training_record(tmp_path)


def test_entries_of_later_versions_are_left_out() -> None:
    content = TrainingRecord(model="a", history=(HistoryStep(step=1),)).to_json()
    content["more"] = 1
    content["history"][0]["more"] = 1
    assert TrainingRecord.from_json(content).history == (HistoryStep(step=1),)
