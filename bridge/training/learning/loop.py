"""The training loop: steps, validation, the best state so far, and going on after a stop."""

from __future__ import annotations

import json
import queue
import threading
import time
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from bridge.errors import BadInputError
from bridge.files.atomic import writing
from bridge.training.learning.comparing import Yardstick
from bridge.training.learning.sampling import Batch, PatchSampler
from bridge.training.learning.settings import TrainingSettings
from bridge.training.learning.steps import Trainee, save_weights
from bridge.training.record import HistoryStep

_BATCHES_AHEAD = 8
CANDIDATE, BEST, STATE, LOGS = "candidate", "best", "state.npz", "logs"
"""Names in the working folder: the model that is validated, the best one, the state, the logs."""

WEIGHTS = "weights_best.h5"
"""Name of the weights, as StarDist looks for them."""

_DAMAGED = (
    *(OSError, ValueError, LookupError, EOFError, TypeError, AttributeError),
    *(NotImplementedError, RuntimeError, MemoryError, zipfile.BadZipFile),
)
"""Errors of NumPy and of zip files about what is no state."""


class TrainingListener(Protocol):
    """Told how a training goes."""

    def stage(self, text: str) -> None:
        """Take what is done now, in words."""

    def stepped(self, step: int, steps: int, loss: float) -> None:
        """Take the loss of a step."""

    def validated(self, point: HistoryStep, is_best: bool) -> None:
        """Take the result of a validation."""


@dataclass
class TrainingLoop:
    """A training under way, in a working folder from which it can be taken up again.

    Args:
        trainee: the network.
        sampler: gives the batches.
        yardstick: judges the states.
        settings: of the training.
        work: the working folder; its ``candidate`` is a model folder without weights.
        key: what decides the result; a state of another key is refused.

    Attributes:
        history: what was measured at each validation.
        best: worth of the best state, and its step.
        waited: seconds that steps waited for their batches.
        spent: seconds of earlier runs that were taken up.
    """

    trainee: Trainee
    sampler: PatchSampler
    yardstick: Yardstick
    settings: TrainingSettings
    work: Path
    key: str
    history: list[HistoryStep] = field(default_factory=list)
    best: float = -np.inf
    best_step: int = 0
    waited: float = 0.0
    spent: float = 0.0
    _first: int = 0
    _since: int = 0

    def run(self, listener: TrainingListener) -> None:
        """Train until the last step, or until validation has not improved for long.

        Ctrl-C is passed on; the best state so far is in the working folder then, too.
        """
        if self._since >= self.settings.patience:
            return  # it was stopped for this reason before it was taken up
        began = time.monotonic()
        losses: list[float] = []
        with (
            self._writer() as write,
            _prefetched(self.sampler.batches(self._first, self.settings.steps)) as batches,
        ):
            for step in range(self._first + 1, self.settings.steps + 1):
                asked = time.monotonic()
                batch = next(batches)
                self.waited += time.monotonic() - asked
                loss = self.trainee.step(batch)
                if not np.isfinite(loss.total):
                    raise BadInputError(
                        "training",
                        f"went astray at step {step}: its loss is no number any more",
                        "give a lower --learning-rate, or --precision float32",
                    )
                losses.append(loss.total)
                listener.stepped(step, self.settings.steps, loss.total)
                if step % self.settings.interval and step < self.settings.steps:
                    continue
                seconds = self.spent + time.monotonic() - began
                self._validate(step, float(np.mean(losses)), seconds, listener, write)
                losses.clear()
                if self._since >= self.settings.patience:
                    listener.stage(
                        f"stopped at step {step}: no improvement since step {self.best_step}"
                    )
                    return

    def take_up(self) -> bool:
        """Load the state of the working folder, if there is one.

        Returns:
            Whether there was one.

        Raises:
            BadInputError: the state is damaged, or is of a training with other settings or data.
        """
        path = self.work / STATE
        if not path.exists():
            return False
        try:
            with np.load(path, allow_pickle=False) as state:
                facts = json.loads(bytes(state["facts"]).decode())
                arrays = [state[f"array {k}"] for k in range(len(state.files) - 1)]
            key, history = facts["key"], [HistoryStep(**point) for point in facts["history"]]
            best, best_step = float(facts["best"]), int(facts["best_step"])
            first, spent = int(facts["step"]), float(facts["seconds"])
            since = int(facts["since"])
        except _DAMAGED as error:
            raise BadInputError(
                path, "is damaged", "remove its folder and begin anew, without --resume"
            ) from error
        if key != self.key:
            raise BadInputError(
                self.work,
                "is of a training with other data or settings",
                "give the same ones, or begin anew without --resume",
            )
        self.trainee.set_state(arrays)
        self.history, self._since = history, since
        self.best, self.best_step = best, best_step
        self._first, self.spent = first, spent
        return True

    def _validate(
        self, step: int, loss: float, seconds: float, listener: TrainingListener, write: Any
    ) -> None:
        listener.stage("validating")
        candidate = self.work / CANDIDATE
        save_weights(self.trainee.network, self.trainee.mean_weights(), candidate / WEIGHTS)
        judgement = self.yardstick.judge(candidate)
        # what differs by less than an object is chance, and the later state has learnt more
        is_best = judgement.worth > self.best - self.yardstick.resolution
        # from random weights nothing is found for a long time
        may_end = 2 * step >= self.settings.steps and self.best > 0
        self._since = self._since + 1 if may_end and judgement.worth <= self.best else 0
        if is_best:
            self.best, self.best_step = max(judgement.worth, self.best), step
            with writing(self.work / BEST / WEIGHTS) as part:
                part.write_bytes((candidate / WEIGHTS).read_bytes())
        point = HistoryStep(
            step=step,
            loss=loss,
            validation_f1=judgement.new,
            old_f1=judgement.old,
            learning_rate=self.trainee.rate(step),
            seconds=round(seconds, 1),
        )
        self.history.append(point)
        write(point)
        self._save(step, seconds)
        listener.validated(point, is_best)

    def _save(self, step: int, seconds: float) -> None:
        facts = {
            "key": self.key,
            "step": step,
            "seconds": seconds,
            "best": self.best,
            "best_step": self.best_step,
            "since": self._since,
            "history": [asdict(point) for point in self.history],
        }
        arrays = {f"array {k}": array for k, array in enumerate(self.trainee.state())}
        coded = np.frombuffer(json.dumps(facts).encode(), np.uint8)
        with writing(self.work / STATE) as part, part.open("wb") as file:
            np.savez(file, allow_pickle=False, facts=coded, **arrays)

    @contextmanager
    def _writer(self) -> Iterator[Any]:
        """Yield a function that writes a validation for TensorBoard."""
        import tensorflow as tf

        writer = tf.summary.create_file_writer(str(self.work / LOGS))

        def write(point: HistoryStep) -> None:
            with writer.as_default(step=point.step):
                for name, value in asdict(point).items():
                    if name != "step" and value is not None:
                        tf.summary.scalar(name, value)
            writer.flush()

        try:
            yield write
        finally:
            writer.close()


@contextmanager
def _prefetched(batches: Iterator[Batch]) -> Iterator[Iterator[Batch]]:
    """Make batches in another thread, some ahead of the one that is needed."""
    ahead: queue.Queue[Batch | BaseException | None] = queue.Queue(_BATCHES_AHEAD)
    is_over = threading.Event()

    def put(item: Batch | BaseException | None) -> bool:
        while not is_over.is_set():
            try:
                ahead.put(item, timeout=0.1)
            except queue.Full:
                continue
            return True
        return False

    def make() -> None:
        try:
            for batch in batches:
                if not put(batch):
                    return
            put(None)
        except BaseException as error:
            put(error)

    def taken() -> Iterator[Batch]:
        while (item := ahead.get()) is not None:
            if isinstance(item, BaseException):
                raise item
            yield item

    thread = threading.Thread(target=make, name="training patches", daemon=True)
    thread.start()
    try:
        yield taken()
    finally:
        is_over.set()
        thread.join()
