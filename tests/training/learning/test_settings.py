"""Settings of a training, and the precision that the processor has."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from bridge.errors import BadInputError
from bridge.training.learning import precision
from bridge.training.learning.precision import choose_precision, computing_in
from bridge.training.learning.settings import TrainingSettings


@pytest.mark.parametrize(
    ("wrong", "option"),
    [
        ({"steps": 0}, "--steps"),
        ({"batch_size": 0}, "--batch-size"),
        ({"patch": 0}, "--patch"),
        ({"validate_every": 0}, "--validate-every"),
        ({"patience": 0}, "--patience"),
        ({"learning_rate": 0}, "--learning-rate"),
        ({"learning_rate": 1}, "--learning-rate"),
        ({"learning_rate": float("nan")}, "--learning-rate"),
        ({"rehearse": 1}, "--rehearse"),
        ({"rehearse": -0.1}, "--rehearse"),
        ({"may_lose": 1.5}, "--may-lose"),
        ({"may_lose": float("nan")}, "--may-lose"),
        ({"precision": "float16"}, "--precision"),
    ],
)
def test_numbers_out_of_range_are_refused_by_their_option(
    wrong: dict[str, Any], option: str
) -> None:
    with pytest.raises(BadInputError, match=f"^{option}: "):
        TrainingSettings(**wrong)


def test_settings_are_json() -> None:
    assert json.loads(json.dumps(TrainingSettings().to_json()))["steps"] == TrainingSettings().steps


@pytest.mark.parametrize(("steps", "chosen"), [(1, 1), (90, 9), (100_000, 500)])
def test_validation_is_a_tenth_of_the_steps_and_not_too_rare(steps: int, chosen: int) -> None:
    assert TrainingSettings(steps=steps).interval == chosen
    assert TrainingSettings(steps=steps, validate_every=7).interval == 7


@pytest.mark.parametrize(
    ("flags", "chosen"),
    [
        ("fpu avx512f avx512_bf16", "bfloat16"),
        ("fpu amx_bf16", "bfloat16"),
        ("fpu avx512f", "float32"),
        (None, "float32"),
    ],
)
def test_the_processor_decides_the_precision(
    flags: str | None, chosen: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "cpuinfo"
    if flags:
        file.write_text(f"model name\t: some\nflags\t\t: {flags}\n", encoding="ascii")
    monkeypatch.setattr(precision, "_CPU_INFO", file)

    assert choose_precision() == chosen
    assert choose_precision("float32") == "float32"


@pytest.mark.model
def test_products_are_rounded_in_the_block_alone() -> None:
    import tensorflow as tf

    key = "auto_mixed_precision_onednn_bfloat16"
    before = tf.config.optimizer.get_experimental_options().get(key, False)

    with computing_in("bfloat16"):
        assert tf.config.optimizer.get_experimental_options()[key]
        with computing_in("float32"):
            assert not tf.config.optimizer.get_experimental_options()[key]
    assert tf.config.optimizer.get_experimental_options()[key] == before
