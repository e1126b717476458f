"""Training from Python: ``bridge.train``, whatever the pairs are read from."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import bridge
import bridge.training.pairs
from bridge.errors import BadInputError, StarbridgeError
from bridge.training.learning.architecture import Architecture
from bridge.training.learning.settings import TrainingSettings
from bridge.training.pairs import TrainingPair
from bridge.training.sources import ReadOptions
from tests.apps.test_training_pairs import push
from tests.training.folders import picture, save, squares

TINY = Architecture(filters=4, depth=2, grid=2)
SETTINGS = TrainingSettings(patch=16, batch_size=1)


def pairs(channels: int = 1) -> list[TrainingPair]:
    shape = (48, 64, channels)
    return [TrainingPair(name=f"{k}", image=picture(k, shape), labels=squares()) for k in range(2)]


def test_the_function_is_there_whatever_was_imported_of_the_room() -> None:
    assert bridge.train.__name__ == "train"
    assert callable(bridge.train)
    assert callable(bridge.evaluate)


def test_the_first_error_is_raised_where_nobody_takes_it(tmp_path: Path) -> None:
    save(tmp_path / "set" / "images" / "a.tif", picture(0))
    save(tmp_path / "set" / "masks" / "a.tif", np.zeros((9, 9), np.uint16))
    errors: list[StarbridgeError] = []

    with pytest.raises(BadInputError, match=r"a\.tif"):
        bridge.train(tmp_path / "set", out=tmp_path / "new")
    with pytest.raises(BadInputError, match="there is no pair"):
        bridge.train(tmp_path / "set", out=tmp_path / "new", on_error=errors.append)

    assert len(errors) == 1
    assert not (tmp_path / "new").exists()


def test_sources_of_several_kinds_are_read_together(tmp_path: Path) -> None:
    push(tmp_path / "review", "a", 0)
    save(tmp_path / "set" / "images" / "a.tif", picture(1))
    save(tmp_path / "set" / "masks" / "a.tif", squares(1))
    options = ReadOptions(channels=("0",), everything=True)
    given = [tmp_path / "review", tmp_path / "set"]

    # the last check before the network is built says that both were read
    with pytest.raises(BadInputError, match="--patch: 17 is no multiple"):
        bridge.train(
            given,
            out=tmp_path / "new",
            options=options,
            settings=replace(SETTINGS, patch=17),
            rehearsal=False,
        )


def test_fields_of_names_that_are_not_there_are_refused(tmp_path: Path) -> None:
    with pytest.raises(BadInputError, match="no field 'organoid'"):
        bridge.train(pairs(), out=tmp_path / "new", split_by=["organoid"], pattern="{slice}")


@pytest.mark.model
@pytest.mark.slow
def test_random_weights_are_not_given_up_while_they_find_nothing_yet(tmp_path: Path) -> None:
    settings = replace(SETTINGS, patience=1)

    trained = bridge.train(
        pairs(), out=tmp_path / "a", start=None, architecture=TINY, steps=4, settings=settings
    )

    assert [point.step for point in trained.record.history] == [1, 2, 3, 4]
    assert trained.record.best_step == 4


@pytest.mark.model
@pytest.mark.slow
def test_nothing_is_rehearsed_for_a_model_of_several_channels(tmp_path: Path) -> None:
    notes: list[str] = []
    first = bridge.train(
        pairs(2), out=tmp_path / "a", start=None, architecture=TINY, steps=1, settings=SETTINGS
    )

    second = bridge.train(
        pairs(2),
        out=tmp_path / "b",
        start=first.path,
        steps=1,
        settings=SETTINGS,
        note=notes.append,
    )

    assert first.is_better
    assert not second.is_better  # neither finds anything
    assert notes == [
        "nothing is rehearsed, as a takes 2 channels; --old names images that it was trained on",
        "the model finds nothing right yet: it needs more --steps, or more objects",
    ]
    assert [part.role for part in second.record.data] == ["train", "validation"]
