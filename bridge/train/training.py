"""Train a model on pairs, compare it with the model that it began with, and write its folder."""

from __future__ import annotations

import hashlib
import json
import platform
import shutil
import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from importlib.metadata import version
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np

from bridge.errors import BadInputError
from bridge.files.atomic import write_bytes
from bridge.model.folder import open_model
from bridge.model.keras_weights import load_weights
from bridge.model.recipe import RECIPE_FILE, Recipe
from bridge.model.stardist_keras import build_stardist
from bridge.segment.segmenter import Segmenter
from bridge.train.architecture import Architecture, patch_divisor, with_classes
from bridge.train.evaluation import evaluate
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
from bridge.train.precision import choose_precision, computing_in
from bridge.train.record import (
    RECORD_FILE,
    Comparison,
    DataPart,
    HistoryStep,
    PairNote,
    TrainingRecord,
    save_training_record,
)
from bridge.train.rehearsal import OldDomain
from bridge.train.sampling import PatchSampler
from bridge.train.settings import TrainingSettings
from bridge.train.steps import Trainee, save_weights
from bridge.train.thresholds import CHOSEN_AT, Thresholds, choose_thresholds
from bridge.train.validation import hold_out

_PATCH = 160
_LONGEST_WARM_UP = 200

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
    old: OldDomain = field(default_factory=OldDomain)


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
            with computing_in(choose_precision(self.settings.precision)):
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

    def _choose_network(
        self,
        pairs: Sequence[TrainingPair],
        architecture: Architecture | None,
        classes: tuple[str, ...],
    ) -> tuple[dict[str, Any], Recipe]:
        """Return the configuration of the network, and the recipe by which it sees images."""
        if not pairs:
            raise BadInputError("training pairs", "are none", "give images with their objects")
        channels = pairs[0].image.shape[-1]
        if self.start is None:
            chosen = architecture or Architecture()
            recipe = Recipe(classes=classes, percentiles=chosen.percentiles)
            return chosen.config(channels, len(classes)), recipe
        if self.start.n_dim != 2:
            raise BadInputError(self.start.path, "is a 3D model", "give a 2D model to start from")
        if channels != self.start.n_channels:
            raise BadInputError(
                pairs[0].source or pairs[0].name,
                f"has {channels} channels, and {self.start.name} takes {self.start.n_channels}",
                f"choose {self.start.n_channels} with --channel, or train from nothing with --new",
            )
        recipe = self.start.recipe
        if not classes:
            names = tuple(recipe.class_name(k + 1) for k in range(self.start.n_classes))
            return self.start.config, replace(recipe, classes=names)
        return with_classes(self.start.config, classes), replace(recipe, classes=classes)

    def _divide(self, data: TrainingData) -> TrainingData:
        """Hold validation pairs out where none were given."""
        if data.validation:
            return data
        held = hold_out(data.pairs, self.settings.seed)
        return replace(data, pairs=held.trained, validation=held.validated)

    def _loop(self, *, resume: bool) -> TrainingLoop:
        """Build the network and all that trains it, in the working folder."""
        key = self._key()
        if self.work.exists() and not resume:
            raise BadInputError(
                self.work,
                "is there from a training that was stopped",
                "go on with --resume, or remove the folder",
            )
        self.listener.stage("building the network")
        network = self._build()
        self._prepare_folder(CANDIDATE)
        self._prepare_folder(BEST)
        settings, grid = self.settings, tuple(self.config["grid"])
        sampler = PatchSampler(
            self.data.pairs,
            self.recipe,
            self._patch_size(),
            settings.batch_size,
            (grid[0], grid[1]),
            int(self.config["n_rays"]),
            self.recipe.classes,
            settings.augmentation,
            settings.seed,
            self.data.old.trained,
            settings.rehearse,
        )
        warm_up = min(max(settings.steps // 10, 1), _LONGEST_WARM_UP)
        trainee = Trainee(
            network,
            self.config,
            peak=settings.learning_rate,
            steps=settings.steps,
            warm_up=warm_up,
        )
        loop = TrainingLoop(trainee, sampler, self._yardstick(), settings, self.work, key)
        if resume and loop.take_up():
            self.listener.stage(f"going on after step {loop.history[-1].step}")
        return loop

    def _build(self) -> Any:
        """Build the Keras network with the weights of the start."""
        import keras

        keras.utils.set_random_seed(self.settings.seed)
        purpose, remedy = "train a StarDist model", "choose another architecture"
        source = self.out / "config.json"
        network = build_stardist(self.config, source, purpose, remedy).keras_model
        if self.start is None:
            return network
        if self.start.config.get("n_classes") == self.config.get("n_classes"):
            load_weights(network, self.start.weights)
            return network
        before = build_stardist(self.start.config, source, purpose, remedy).keras_model
        load_weights(before, self.start.weights)
        _transfer(before, network)
        self.notes.append(
            f"{self.start.name} tells other classes apart: that part began with random weights."
        )
        return network

    def _prepare_folder(self, name: str) -> None:
        """Write the settings files of a model folder inside the working folder."""
        folder = self.work / name
        recipe = self.recipe.to_json()
        thresholds = {key: recipe.pop(key) for key in ("prob", "nms")}
        recipe["diameter"] = recipe["diameter"] or median_diameter(self.data.pairs)
        for file, content in (
            ("config.json", self.config),
            ("thresholds.json", thresholds),
            (RECIPE_FILE, recipe),
        ):
            write_bytes(folder / file, (json.dumps(content, indent=1) + "\n").encode())

    def _yardstick(self) -> Yardstick:
        old = self.data.old.checked
        before = mean_f1(evaluate(self.start.origin, old)) if self.start and old else 0.0
        return Yardstick(
            self.data.validation, old if self.start else (), before, self.settings.may_lose
        )

    def _patch_size(self) -> int:
        divisor = patch_divisor(self.config)
        if self.settings.patch is not None:
            if self.settings.patch % divisor:
                raise BadInputError(
                    "--patch",
                    f"{self.settings.patch} is no multiple of {divisor}",
                    f"give {-(-self.settings.patch // divisor) * divisor}",
                )
            return self.settings.patch
        return -(-_PATCH // divisor) * divisor

    def _key(self) -> str:
        """Return a hash of all that decides the result."""
        facts = {
            "settings": self.settings.to_json(),
            "config": self.config,
            "recipe": self.recipe.to_json(),
            "start": self.start.sha256 if self.start else None,
            "pairs": [
                [
                    part,
                    pair.name,
                    pair.content_hash,
                    hashlib.sha256(pair.labels.tobytes()).hexdigest(),
                ]
                for part, pairs in self._parts().items()
                for pair in pairs
            ],
        }
        return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()

    def _parts(self) -> dict[str, Sequence[TrainingPair]]:
        data = self.data
        return {
            "train": data.pairs,
            "validation": data.validation,
            "test": data.test,
            "rehearsal": data.old.trained,
            "check of the old domain": data.old.checked,
        }

    def _check_best(self, loop: TrainingLoop) -> None:
        if not (self.work / BEST / WEIGHTS).exists():
            raise BadInputError(self.out, "has no state that was validated", "train for more steps")
        del loop

    def _interpolate(self, loop: TrainingLoop) -> None:
        """Keep the best point on the way from the start's weights to the trained ones.

        Weights between those before and after a fine-tuning often keep more of what the model could
        do and lose little of what it learnt (Wortsman et al. 2022, "Robust fine-tuning of zero-shot
        models").
        """
        if self.start is None or self.start.config != self.config:
            return
        network = loop.trainee.network
        load_weights(network, self.start.weights)
        before = network.get_weights()
        load_weights(network, self.work / BEST / WEIGHTS)
        after = network.get_weights()
        best, share_of_best = loop.best, 1.0
        for share in _SHARES[1:]:
            mixed = [b + share * (a - b) for a, b in zip(after, before, strict=True)]
            candidate = self.work / CANDIDATE
            save_weights(network, mixed, candidate / WEIGHTS)
            worth = loop.yardstick.judge(candidate).worth
            if worth > best:
                best, share_of_best = worth, share
                shutil.copyfile(candidate / WEIGHTS, self.work / BEST / WEIGHTS)
        if share_of_best < 1:
            self.notes.append(
                f"The weights were taken at {share_of_best:.0%} of the way from those before to "
                "those after the training: there the validation was best."
            )

    def _thresholds(self) -> Thresholds:
        """Choose the thresholds of the best state and write them."""
        folder = self.work / BEST
        chosen = choose_thresholds(Segmenter.load(folder), self.data.validation)
        content = {"prob": chosen.prob, "nms": chosen.nms}
        write_bytes(folder / "thresholds.json", (json.dumps(content) + "\n").encode())
        self.notes.append(f"Thresholds: {chosen.reason}.")
        return chosen

    def _compare(self) -> tuple[Comparison, ...]:
        """Score the model before and after on the new images and on the old domain."""
        held = self.data.test or self.data.validation
        name = (
            "new images, held out"
            if self.data.test
            else "new images, which also chose the best state and the thresholds"
        )
        parts = [(name, held)]
        if self.data.old.checked:
            parts.append((f"old domain: {self.data.old.about}", self.data.old.checked))
        models = [self.work / BEST, *([self.start.origin] if self.start else [])]
        comparisons = []
        for label, pairs in parts:
            after, *before = evaluate(models, pairs)
            comparisons.append(
                Comparison(
                    name=label,
                    images=len(pairs),
                    objects=sum(pair.count for pair in pairs),
                    before=before[0].scores if before else (),
                    after=after.scores,
                )
            )
        return tuple(comparisons)

    def _record(
        self, loop: TrainingLoop, thresholds: Thresholds, comparisons: tuple[Comparison, ...]
    ) -> TrainingRecord:
        sources = {"rehearsal": self.data.old.about, "check of the old domain": self.data.old.about}
        parts = {role: pairs for role, pairs in self._parts().items() if pairs}
        return TrainingRecord(
            model=self.out.name,
            start=self.start.to_json() if self.start else {},
            command=self.command,
            settings=self.settings.to_json()
            | {
                "patch": self._patch_size(),
                "precision": choose_precision(self.settings.precision),
            },
            versions=_versions(),
            data=tuple(
                DataPart(
                    role=role,
                    source=sources.get(role, ", ".join(sorted({_origin(p) for p in pairs})[:5])),
                    images=len(pairs),
                    objects=sum(pair.count for pair in pairs),
                )
                for role, pairs in parts.items()
            ),
            pairs=tuple(
                PairNote(
                    name=pair.name,
                    role=role,
                    sha256=pair.content_hash,
                    objects=pair.count,
                    source=pair.source,
                    group=pair.group,
                )
                for role, pairs in parts.items()
                for pair in pairs
            ),
            history=tuple(loop.history),
            best_step=loop.best_step,
            thresholds={"prob": thresholds.prob, "nms": thresholds.nms},
            comparisons=comparisons,
            started=self.started,
            seconds=round(time.monotonic() - self.began, 1),
            notes=tuple(self.notes),
        )

    def _finish(self, record: TrainingRecord, is_better: bool, verdict: str) -> Trained:
        """Write the record and the card, and give the folder its name."""
        folder = self.work / BEST
        save_training_record(folder / RECORD_FILE, record)
        if (self.work / LOGS).is_dir():
            (self.work / LOGS).rename(folder / LOGS)
        if not is_better:
            return Trained(path=folder, record=record, is_better=False, verdict=verdict)
        folder.rename(self.out)
        shutil.rmtree(self.work)
        return Trained(path=self.out, record=record, is_better=True, verdict=verdict)


def judge(comparisons: Sequence[Comparison], may_lose: float) -> tuple[bool, str]:
    """Say whether a model is better than the one before.

    Args:
        comparisons: on the new images first, then on the old domain.
        may_lose: how much of F1 the old domain may lose.

    Returns:
        Whether the mean F1 at IoU 0.5 and 0.7 rose on the new images and fell by no more than
        ``may_lose`` on the old domain; and a sentence with the figures.
    """
    new, *old = comparisons
    after = _mean(new.after)
    if not new.before:
        return True, f"F1 {after:.3f} ({new.name})"
    before = _mean(new.before)
    words = [f"F1 {before:.3f} before, {after:.3f} after on {new.images} new images"]
    is_better = after > before
    for comparison in old:
        lost = _mean(comparison.before) - _mean(comparison.after)
        words.append(
            f"{_mean(comparison.before):.3f} and {_mean(comparison.after):.3f} on the "
            f"{comparison.name}"
        )
        is_better = is_better and lost <= may_lose
    return is_better, "; ".join(words)


def _mean(scores: Sequence[Any]) -> float:
    return float(np.mean([score.f1 for score in scores if score.iou in CHOSEN_AT]))


def median_diameter(pairs: Sequence[TrainingPair]) -> float | None:
    """Return the median over images of the median diameter of each one's objects, pixels."""
    medians = []
    for pair in pairs:
        areas = np.unique(pair.labels[pair.labels > 0], return_counts=True)[1]
        if len(areas):
            medians.append(2 * np.sqrt(np.median(areas) / np.pi))
    return round(float(np.median(medians)), 1) if medians else None


def _transfer(before: Any, network: Any) -> None:
    """Copy the weights of the layers that two networks share."""
    known = {layer.name: layer.get_weights() for layer in before.layers if layer.weights}
    for layer in network.layers:
        weights = known.get(layer.name)
        if weights is not None and [w.shape for w in weights] == [
            tuple(w.shape) for w in layer.weights
        ]:
            layer.set_weights(weights)


def _origin(pair: TrainingPair) -> str:
    return str(Path(pair.source).parent) if pair.source else pair.group


def _versions() -> dict[str, str]:
    packages = ("starbridge", "tensorflow", "keras", "stardist", "csbdeep", "numpy")
    return {"python": platform.python_version()} | {name: version(name) for name in packages}
