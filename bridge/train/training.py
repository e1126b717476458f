"""Train a model on pairs, compare it with the model that it began with, and write its folder."""

from __future__ import annotations

import contextlib
import hashlib
import json
import platform
import shutil
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from importlib.metadata import version
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np

from bridge.errors import BadInputError, MissingPartError
from bridge.files.atomic import write_bytes
from bridge.model.folder import ModelFolder, open_model
from bridge.model.keras_weights import load_weights
from bridge.model.recipe import RECIPE_FILE, Recipe
from bridge.model.stardist_keras import build_stardist
from bridge.segment.segmenter import Segmenter
from bridge.train.architecture import Architecture, patch_divisor, with_classes
from bridge.train.evaluation import Evaluation, evaluate
from bridge.train.loop import (
    BEST,
    CANDIDATE,
    LOGS,
    WEIGHTS,
    TrainingListener,
    TrainingLoop,
    Yardstick,
    mean_f1,
)
from bridge.train.pairs import TrainingPair
from bridge.train.record import (
    Comparison,
    DataPart,
    HistoryStep,
    PairNote,
    TrainingRecord,
)
from bridge.train.rehearsal import OldDomain
from bridge.train.sampling import PatchSampler
from bridge.train.settings import TrainingSettings
from bridge.train.steps import Trainee, save_weights
from bridge.train.thresholds import Thresholds, choose_thresholds
from bridge.train.validation import hold_out

_SHARES = (1.0, 0.75, 0.5, 0.3)
"""Parts of the way from the start's weights to the trained ones that are tried."""


@dataclass(frozen=True, kw_only=True)
class Trained:
    """The result of a training.

    Attributes:
        path: the folder that was written.
        record: the course of the training and what came of it.
        is_better: whether the model is better on the new images, and not worse than allowed on the
            old ones; a model trained from nothing always is.
        verdict: the same in a sentence, with figures.
    """

    path: Path
    record: TrainingRecord
    is_better: bool
    verdict: str


@dataclass(frozen=True, kw_only=True)
class TrainingData:
    """Pairs by what they are for.

    Attributes:
        pairs: to learn from; some of them are held out where ``validation`` is empty.
        validation: pairs that choose the best state and the thresholds.
        test: pairs that choose nothing; where there are none, the validation pairs are reported.
        old: the old domain.
    """

    pairs: Sequence[TrainingPair]
    validation: Sequence[TrainingPair] = ()
    test: Sequence[TrainingPair] = ()
    old: OldDomain = OldDomain()


class _Quiet:
    """A listener that is told everything and shows nothing."""

    def stage(self, text: str) -> None: ...

    def stepped(self, step: int, steps: int, loss: float) -> None: ...

    def validated(self, point: HistoryStep, is_best: bool) -> None: ...


def train_model(
    data: TrainingData,
    out: Path,
    *,
    start: str | PathLike[str] | None = "demo",
    architecture: Architecture | None = None,
    classes: Sequence[str] = (),
    settings: TrainingSettings | None = None,
    resume: bool = False,
    listener: TrainingListener | None = None,
    command: str = "",
) -> Trained:
    """Train a StarDist 2D model and write its folder.

    Until it is finished, everything is in the folder ``OUT.training`` beside it: the best weights
    so far, the state from which ``resume`` goes on, and TensorBoard's logs. A model that is not
    better than the one it began with stays there, and no folder ``OUT`` is written.

    Args:
        data: the pairs.
        out: the model folder to write; it must not exist yet.
        start: the model to go on from; ``None`` for random weights.
        architecture: the network, where there is no start.
        classes: names of the classes to tell apart; those of the start where empty.
        settings: of the training.
        resume: go on with a training that was stopped.
        listener: told how it goes.
        command: the command that repeats the training, for the record.

    Raises:
        BadInputError: ``out`` exists or cannot be written; pairs that do not fit the model; a
            training of other settings in the way.
        MissingPartError: StarDist or TensorFlow is not installed.
    """
    return _Training(
        data,
        Path(out),
        start=start,
        architecture=architecture,
        classes=tuple(classes),
        settings=settings or TrainingSettings(),
        listener=listener or _Quiet(),
        command=command,
    ).run(resume=resume)


class _Training:
    """The parts of a training, made one after another."""

    def __init__(
        self,
        data: TrainingData,
        out: Path,
        *,
        start: str | PathLike[str] | None,
        architecture: Architecture | None,
        classes: tuple[str, ...],
        settings: TrainingSettings,
        listener: TrainingListener,
        command: str,
    ) -> None:
        if out.exists():
            raise BadInputError(out, "exists already", "choose another folder or remove it")
        self.out, self.settings, self.listener, self.command = out, settings, listener, command
        self.start = None if start is None else open_model(start)
        self.config, self.recipe = self._choose_network(data.pairs, architecture, classes)
        self.data = self._divide(data)
        self.work = out.with_name(out.name + ".training")
        self.began = time.monotonic()
        self.started = datetime.now(UTC).isoformat(timespec="seconds")
        self.notes: list[str] = []

    def run(self, *, resume: bool) -> Trained:
        """Train, choose, compare and write."""
        loop = self._loop(resume=resume)
        is_stopped = False
        try:
            loop.run(self.listener)
        except KeyboardInterrupt:
            if not loop.history:
                raise
            is_stopped = True
            self.notes.append(
                f"The training was stopped by hand; the best state, of step {loop.best_step}, was "
                "kept."
            )
        self._check_best(loop)
        self.listener.stage("choosing how far to go from the start's weights")
        self._interpolate(loop)
        self.listener.stage("choosing thresholds")
        thresholds = self._thresholds()
        self.listener.stage("comparing with the model before")
        comparisons = self._compare()
        record = self._record(loop, thresholds, comparisons)
        is_better, verdict = judge(comparisons, self.settings.may_lose)
        del is_stopped
        return self._finish(record, is_better, verdict)
