"""Speed of every engine: ``python -m benchmarks.engines``.

The network has stardist_haug2's shape (grid 1, 32 rays, 32 filters) and random weights, the tile is
1024 x 1024 pixels of the microscope image that comes with StarDist. All engines take turns. Seconds
are those of the clock, for which the machine must do nothing else, and those that all cores
together spent.
"""

from __future__ import annotations

import json
import os
import tempfile
import time
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from bridge.model.folder import open_model
from bridge.segment.engines.base import Engine, Prediction
from bridge.segment.engines.registry import ENGINES
from tests.models_export.architectures import write_model

ROOT = Path(__file__).resolve().parents[1]
ROUNDS = 4
SIDE = 1024


def normalised_image() -> NDArray[np.float32]:
    """Return StarDist's test image four times, (1024, 1024, 1)."""
    from stardist.data import test_image_nuclei_2d

    image = test_image_nuclei_2d()
    low, high = np.percentile(image, (1, 99.8))
    values = ((image - low) / (high - low)).astype(np.float32)
    return np.pad(values, ((0, 512), (0, 512)), mode="symmetric")[..., np.newaxis]


def load_engines(folder: Path) -> dict[str, Engine]:
    """Load a network of stardist_haug2's shape in every engine."""
    shared = Path(os.environ.get("STARBRIDGE_SHARED", ROOT.parent / "shared"))
    settings = json.loads((shared / "data" / "haug2_config.json").read_text())
    model = open_model(write_model(folder / "haug2", settings))
    return {spec.key: spec.load(model) for spec in reversed(ENGINES)}


def clocks() -> NDArray[np.float64]:
    """Return the seconds of the clock, and of all cores."""
    return np.array([time.perf_counter(), time.process_time()])


def speed(folder: Path) -> None:
    """Print the seconds a megapixel, by the clock and of all cores."""
    image = normalised_image()
    loaded = load_engines(folder)
    seconds: dict[str, list[NDArray[np.float64]]] = {name: [] for name in loaded}
    reference: Prediction | None = None
    differences: dict[str, tuple[float, float]] = {}
    for turn in range(ROUNDS):
        for name, engine in loaded.items():
            began = clocks()
            prediction = engine.predict(image)
            if turn:  # the first makes room
                seconds[name].append(clocks() - began)
            reference = reference or prediction
            differences[name] = (
                float(np.abs(prediction.prob - reference.prob).max()),
                float(np.abs(prediction.dist - reference.dist).max()),
            )
    least = {name: np.min(values, axis=0) * 1e6 / SIDE**2 for name, values in seconds.items()}
    print(
        "| engine | s a megapixel | of all cores | times as fast as keras | of all cores "
        "| largest difference of a probability | of a distance (px) |\n" + "|---" * 7 + "|"
    )
    for name, spent in least.items():
        ratio = least["keras"] / spent
        prob, dist = differences[name]
        print(
            f"| {name} | {spent[0]:.2f} | {spent[1]:.2f} | {ratio[0]:.1f} | {ratio[1]:.1f} "
            f"| {prob:.0e} | {dist:.0e} |"
        )


def main() -> None:
    """Measure and print."""
    with tempfile.TemporaryDirectory() as folder:
        speed(Path(folder))


if __name__ == "__main__":
    main()
