"""A step of training beside ``StarDist2D.train``, with stardist_haug2's network. Bar: 1.15 times.

``python -m benchmarks.training [STEPS] [ROUNDS]`` trains both on the same simulated images: grid 1,
32 rays, patches of 256 pixels in batches of 4, and of 96 in batches of 8, as haug2 was trained. The
peer has its own data pipeline, with flips and turns as in StarDist's notebooks. They take turns,
some steps each; a figure is the median over rounds of the time of a step, without the first round,
in which the networks are compiled. Processor time ("CPU s") is that of all cores and threads: it
depends less on what else runs. "waited" is the share of the time in which our steps waited for
their batch.
"""

from __future__ import annotations

import contextlib
import io
import os
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np
from numpy.typing import NDArray

from bridge.model.recipe import Recipe
from bridge.model.stardist_keras import build_stardist
from bridge.training.learning.architecture import Architecture
from bridge.training.learning.comparing import Judgement, Yardstick
from bridge.training.learning.loop import CANDIDATE, TrainingLoop
from bridge.training.learning.network import Plan, build_network, write_settings
from bridge.training.learning.normalizing import normalize_pair
from bridge.training.learning.precision import Precision, choose_precision, computing_in
from bridge.training.learning.sampling import PatchSampler
from bridge.training.learning.settings import TrainingSettings
from bridge.training.learning.steps import Trainee
from bridge.training.learning.training import SilentListener
from bridge.training.pairs import TrainingPair
from bridge.training.rehearsal import simulate_pairs

SHAPES = ((256, 4), (96, 8))
"""Side of a patch in pixels, and patches a batch."""

_MANY = 1_000_000
_RNG = np.random.default_rng(0)
RECIPE = Recipe(percentiles=(0.2, 99.8))


@dataclass
class Times:
    """Seconds of a step, and of all processors in it; share in which it waited: one a round."""

    steps: list[float] = field(default_factory=list)
    cpu: list[float] = field(default_factory=list)
    waited: list[float] = field(default_factory=list)

    def add(self, ends: list[tuple[float, float]], waits: list[float]) -> None:
        """Add a round, without its first two steps, which fill the pipeline."""
        steps, ends = len(ends) - 2, [ends[1], ends[-1]]
        seconds, cpu = (after - before for before, after in zip(*ends, strict=True))
        self.steps.append(seconds / steps)
        self.cpu.append(cpu / steps)
        self.waited.append((waits[-1] - waits[1]) / seconds)


def median(rounds: list[float]) -> float:
    """Return the median of the rounds after the first."""
    return float(np.median(rounds[1:]))


def now() -> tuple[float, float]:
    """Return the time, and the time of the processors."""
    return time.perf_counter(), time.process_time()


class NoYardstick(Yardstick):
    """Judges nothing, so that steps alone are measured."""

    def judge(self, model: Any) -> Judgement:
        """Find all states equal."""
        return Judgement(0.0, None, 0.0)


def our_steps(
    config: dict[str, Any],
    pairs: list[TrainingPair],
    shape: tuple[int, int],
    precision: Precision,
    folder: Path,
) -> Callable[[int, Times], None]:
    """Return a function that takes steps of our training and adds their times."""
    plan = Plan(config, RECIPE)
    trainee = Trainee(build_network(plan, 1)[0], config, peak=3e-4, steps=_MANY, warm_up=10)
    sampler = PatchSampler(pairs, RECIPE, shape[0], shape[1], (1, 1), 32)
    write_settings(plan, folder / CANDIDATE)
    (folder / "best").mkdir(exist_ok=True)
    taken = 0

    def take(steps: int, times: Times) -> None:
        nonlocal taken
        settings = TrainingSettings(
            steps=taken + steps + 2, validate_every=_MANY, patience=_MANY, precision=precision
        )
        loop = TrainingLoop(trainee, sampler, NoYardstick(()), settings, folder, "key")
        loop._first = taken
        ends, waits = [], []

        class Clock(SilentListener):
            def stepped(self, step: int, steps: int, loss: float) -> None:
                ends.append(now())
                waits.append(loop.waited)

        with computing_in(choose_precision(precision)):
            loop.run(Clock())
        taken += steps + 2
        times.add(ends, waits)

    return take


def their_steps(
    config: dict[str, Any], pairs: list[TrainingPair], shape: tuple[int, int]
) -> Callable[[int, Times], None]:
    """Return a function that takes steps of ``StarDist2D.train`` and adds their times."""
    import keras

    own = config | {"train_patch_size": [shape[0]] * 2, "train_batch_size": shape[1]}
    model = build_stardist(own, Path("config.json"), "measure", "")
    model.prepare_for_training()
    images = [normalize_pair(pair, RECIPE)[..., 0] for pair in pairs]
    labels = [pair.labels for pair in pairs]

    class Clock(keras.callbacks.Callback):  # type: ignore[misc]
        ends: list[tuple[float, float]]

        def on_train_begin(self, logs: Any = None) -> None:
            self.ends = []

        def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
            self.ends.append(now())

    clock = Clock()
    model.callbacks = [clock]

    def take(steps: int, times: Times) -> None:
        with contextlib.redirect_stdout(io.StringIO()):
            model.train(
                images,
                labels,
                validation_data=(images[:1], labels[:1]),
                augmenter=flip,
                epochs=1,
                steps_per_epoch=steps + 2,
            )
        times.add(clock.ends, [0.0] * len(clock.ends))

    return take


def flip(
    pixels: NDArray[np.float32], labels: NDArray[np.int32]
) -> tuple[NDArray[np.float32], NDArray[np.int32]]:
    """Flip and turn a patch as StarDist's notebooks do, with their change of brightness."""
    turns = int(_RNG.integers(4))
    pixels, labels = np.rot90(pixels, turns), np.rot90(labels, turns)
    for axis in (0, 1):
        if _RNG.random() > 0.5:
            pixels, labels = np.flip(pixels, axis), np.flip(labels, axis)
    return pixels * _RNG.uniform(0.6, 2) + _RNG.uniform(-0.2, 0.2), labels


def main() -> None:
    """Measure and print."""
    steps = int(sys.argv[1]) if len(sys.argv) > 1 else 6
    rounds = int(sys.argv[2]) if len(sys.argv) > 2 else 4
    config = Architecture(like="haug2").config(1) | {"train_tensorboard": False}
    pairs = simulate_pairs(8, seed=5, size=512)
    default = choose_precision()
    print(
        "| patch | batch | training | s | times as fast | CPU s | times as fast | waited |\n"
        "|---|---|---|---|---|---|---|---|"
    )
    for shape in SHAPES:
        with tempfile.TemporaryDirectory() as first, tempfile.TemporaryDirectory() as second:
            takes = {
                "StarDist2D.train": their_steps(config, pairs, shape),
                "starbridge, float32": our_steps(config, pairs, shape, "float32", Path(first)),
                f"starbridge, default ({default})": our_steps(
                    config, pairs, shape, "auto", Path(second)
                ),
            }
            times = {name: Times() for name in takes}
            count = steps if shape[0] == 256 else 3 * steps  # small patches take less
            for _ in range(rounds + 1):
                for name, take in takes.items():
                    take(count, times[name])
        peer = times["StarDist2D.train"]
        for name, own in times.items():
            ratios = (median(peer.steps) / median(own.steps), median(peer.cpu) / median(own.cpu))
            print(
                f"| {shape[0]} | {shape[1]} | {name} | {median(own.steps):.3f} | {ratios[0]:.2f} "
                f"| {median(own.cpu):.3f} | {ratios[1]:.2f} | {median(own.waited):.1%} |",
                flush=True,
            )


if __name__ == "__main__":
    main()
