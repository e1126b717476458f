"""Train a model on pairs, compare it with the model that it began with, and write its folder."""

from __future__ import annotations

import hashlib
import json
import shutil
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from os import PathLike
from pathlib import Path

from bridge.errors import BadInputError
from bridge.files.atomic import write_bytes
from bridge.model.folder import open_model
from bridge.segment.segmenter import Segmenter
from bridge.training.data import TrainingData
from bridge.training.evaluation.evaluating import evaluate
from bridge.training.learning.architecture import Architecture
from bridge.training.learning.comparing import Yardstick, compare, describe, is_better, mean_f1
from bridge.training.learning.interpolating import choose_share
from bridge.training.learning.loop import (
    BEST,
    CANDIDATE,
    LOGS,
    WEIGHTS,
    TrainingListener,
    TrainingLoop,
)
from bridge.training.learning.network import Plan, build_network, plan_network, write_settings
from bridge.training.learning.precision import choose_precision, computing_in
from bridge.training.learning.recording import describe_training
from bridge.training.learning.sampling import PatchSampler
from bridge.training.learning.settings import TrainingSettings
from bridge.training.learning.steps import Trainee
from bridge.training.learning.thresholds import choose_thresholds
from bridge.training.learning.validation import hold_out
from bridge.training.record import (
    RECORD_FILE,
    Comparison,
    HistoryStep,
    TrainingRecord,
    save_training_record,
)

_FINISHED = "finished"
_LONGEST_WARM_UP = 200


@dataclass(frozen=True, kw_only=True)
class Trained:
    """The result of a training.

    Attributes:
        path: the folder that was written.
        record: the course of the training and what came of it.
        is_better: whether the model is better on the new images, and not worse than allowed on the
            old ones.
        lines: the F1 before and after, a line for each set of images.
        data: the pairs as they were divided.
    """

    path: Path
    record: TrainingRecord
    is_better: bool
    lines: tuple[str, ...]
    data: TrainingData


class SilentListener:
    """A listener that shows nothing."""

    def stage(self, text: str) -> None:
        """Take what is done now, in words."""

    def stepped(self, step: int, steps: int, loss: float) -> None:
        """Take the loss of a step."""

    def validated(self, point: HistoryStep, is_best: bool) -> None:
        """Take the result of a validation."""


def train_model(
    data: TrainingData,
    out: str | PathLike[str],
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
    better than the one it began with is written as ``OUT.not-better``, and there is no ``OUT``.

    Ctrl-C ends the training early: what was best until then is compared and written.

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
        BadInputError: ``out`` exists or cannot be written; pairs that do not fit the model; an
            image both for training and for tests; a training of other settings in the way.
        MissingPartError: StarDist or TensorFlow is not installed.
    """
    path = Path(out)
    check_free(path, resume=resume)
    settings = settings or TrainingSettings()
    data.refuse_shared()
    plan = plan_network(
        data.pairs, None if start is None else open_model(start), architecture, tuple(classes)
    )
    data.refuse_channels(int(plan.config["n_channel_in"]))
    if not data.validation:
        held = hold_out(data.pairs, settings.seed)
        data = replace(data, pairs=held.trained, validation=held.validated, divided=held.about)
    return _Training(plan, data, path, settings, listener or SilentListener(), command).run(resume)


def working_folder(out: Path) -> Path:
    """Return the folder that holds a training until it is finished.

    >>> working_folder(Path("models/nuclei")).name
    'nuclei.training'
    """
    return out.with_name(out.name + ".training")


def check_free(out: Path, *, resume: bool) -> None:
    """Check that a model can be trained into a folder, before anything is read.

    Raises:
        BadInputError: it exists, or a training that was stopped is in the way.
    """
    if out.exists():
        raise BadInputError(out, "exists already", "choose another folder or remove it")
    if (work := working_folder(out)).exists() and not resume:
        raise BadInputError(
            work,
            "is there from a training that was stopped",
            "go on with --resume, or remove the folder",
        )


class _Training:
    """A training, from the first step to the finished folder."""

    def __init__(
        self,
        plan: Plan,
        data: TrainingData,
        out: Path,
        settings: TrainingSettings,
        listener: TrainingListener,
        command: str,
    ) -> None:
        self.plan, self.data, self.out, self.settings = plan, data, out, settings
        self.listener, self.command = listener, command
        self.patch = plan.patch_size(settings.patch)
        self.work = working_folder(out)
        self.best, self.candidate = self.work / BEST, self.work / CANDIDATE
        self.finished = self.work / _FINISHED
        self.notes: list[str] = []
        if data.divided:
            self.notes.append(f"Validation: {data.divided}.")

    def run(self, resume: bool) -> Trained:
        """Train, choose, compare and write."""
        began, started = time.monotonic(), datetime.now(UTC).isoformat(timespec="seconds")
        loop = self._loop(resume)
        try:
            with computing_in(choose_precision(self.settings.precision)):
                loop.run(self.listener)
        except KeyboardInterrupt:
            if not loop.history:
                raise
            self.notes.append(f"Stopped by hand; the best state is of step {loop.best_step}.")
        start = self.plan.start
        # the best state stays as it is: what follows may be stopped and begun again
        shutil.rmtree(self.finished, ignore_errors=True)
        shutil.copytree(self.best, self.finished)
        if start is not None and self.plan.is_same_network:
            self.listener.stage("trying weights between those before and after")
            share = choose_share(
                loop.trainee.network,
                start.weights,
                self.finished / WEIGHTS,
                loop.yardstick,
                loop.best,
                self.candidate,
            )
            if share < 1:
                self.notes.append(
                    f"The weights are {share:.0%} of the way from those before to those after the "
                    "training: there the validation was best."
                )
        self.listener.stage("choosing thresholds")
        thresholds = choose_thresholds(Segmenter.load(self.finished), self.data.validation)
        content = {"prob": thresholds.prob, "nms": thresholds.nms}
        write_bytes(self.finished / "thresholds.json", (json.dumps(content) + "\n").encode())
        self.notes.append(f"Thresholds: {thresholds.reason}.")
        self.listener.stage("comparing with the model before" if start else "evaluating")
        comparisons = self._compare()
        record = describe_training(
            self.plan,
            self.data,
            self.settings,
            model=self.out.name,
            command=self.command,
            patch=self.patch,
            history=tuple(loop.history),
            best_step=loop.best_step,
            thresholds=content,
            comparisons=comparisons,
            started=started,
            seconds=round(loop.spent + time.monotonic() - began, 1),
            notes=tuple(self.notes),
        )
        return self._finish(record)

    def _loop(self, resume: bool) -> TrainingLoop:
        """Build the network and all that trains it, in the working folder."""
        self.listener.stage("building the network")
        settings, config = self.settings, self.plan.config
        network, note = build_network(self.plan, settings.seed)
        if note:
            self.notes.append(note)
        trainee = Trainee(
            network,
            config,
            peak=settings.learning_rate,
            steps=settings.steps,
            warm_up=min(max(settings.steps // 10, 1), _LONGEST_WARM_UP),
        )
        sampler = PatchSampler(
            self.data.pairs,
            self.plan.recipe,
            self.patch,
            settings.batch_size,
            (int(config["grid"][0]), int(config["grid"][1])),
            int(config["n_rays"]),
            self.plan.recipe.classes,
            settings.augmentation,
            settings.seed,
            self.data.old.trained,
            settings.rehearse,
        )
        loop = TrainingLoop(trainee, sampler, self._yardstick(), settings, self.work, self._key())
        if resume and loop.take_up():
            self.listener.stage(f"going on after step {loop.history[-1].step}")
        # only now, so that nothing is left behind or changed by what was refused until here
        for folder in (self.candidate, self.best):
            write_settings(self.plan, folder, settings.as_stardist(self.patch))
        return loop

    def _yardstick(self) -> Yardstick:
        start, old = self.plan.start, self.data.old.checked
        if start is None or not old:
            return Yardstick(self.data.validation)
        before = mean_f1(evaluate(start.origin, old).scores)
        return Yardstick(self.data.validation, old, before, self.settings.may_lose)

    def _key(self) -> str:
        """Return a hash of all that decides the result."""
        facts = {
            "settings": self.settings.to_json(),
            "config": self.plan.config,
            "recipe": self.plan.recipe.to_json(),
            "start": self.plan.start.sha256 if self.plan.start else None,
            "pairs": self.data.fingerprint(),
        }
        return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()

    def _compare(self) -> tuple[Comparison, ...]:
        """Score the model after and before, on the new images and on the old domain."""
        name = (
            "new images, held out"
            if self.data.test
            else "new images that chose the best state and the thresholds"
        )
        start = [self.plan.start.origin] if self.plan.start else []
        return compare(
            [self.finished, *start],
            [
                (name, self.data.test or self.data.validation),
                (f"old domain: {self.data.old.about}", self.data.old.checked),
            ],
        )

    def _finish(self, record: TrainingRecord) -> Trained:
        """Write the record, and give the folder its name."""
        better = is_better(record.comparisons, self.settings.may_lose)
        save_training_record(self.finished / RECORD_FILE, record)
        if (self.work / LOGS).is_dir():
            (self.work / LOGS).rename(self.finished / LOGS)
        path = self.out if better else _unused(self.out.with_name(self.out.name + ".not-better"))
        self.finished.rename(path)
        shutil.rmtree(self.work)
        return Trained(
            path=path,
            record=record,
            is_better=better,
            lines=tuple(describe(record.comparisons)),
            data=self.data,
        )


def _unused(path: Path) -> Path:
    """Return a path that nothing is at, with a number where needed."""
    number, unused = 1, path
    while unused.exists():
        number += 1
        unused = path.with_name(f"{path.name}-{number}")
    return unused
