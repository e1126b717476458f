"""Speed of every engine, and what 8-bit integers cost: ``python -m benchmarks.engines``.

The network has stardist_haug2's shape (grid 1, 32 rays, 32 filters) and random weights, the tile is
1024 x 1024 pixels of the microscope image that comes with StarDist. All engines take turns. Seconds
are those of the clock, for which the machine must do nothing else, and those that all cores
together spent.

The demo model then says how many nuclei 8-bit integers change, on the microscope image and on
simulated sections that it was not calibrated on. Bar: F1 of 0.98 at an IoU of 0.8.
"""

from __future__ import annotations

import json
import os
import tempfile
import time
from pathlib import Path

import numpy as np
import tifffile
from numpy.typing import NDArray

from bridge import Segmenter
from bridge.demo.evaluate import compare
from bridge.demo.simulator import simulate_section
from bridge.java.jars import CACHE_VARIABLE
from bridge.model.folder import open_model
from bridge.segment.engines.base import Engine, Prediction
from bridge.segment.engines.calibrate import calibrate
from bridge.segment.engines.int8 import quantise
from bridge.segment.engines.keras import KerasEngine
from bridge.segment.engines.onnx import OnnxEngine
from bridge.segment.engines.openvino import OpenVinoEngine, openvino_graph
from bridge.segment.engines.unet import read_unet
from bridge.segment.engines.winograd.engine import WinogradEngine
from tests.models_export.architectures import write_model

ROOT = Path(__file__).resolve().parents[1]
ROUNDS = 4
SIDE = 1024
IOUS = (0.5, 0.8, 0.9)


def normalised_image() -> NDArray[np.float32]:
    """StarDist's test image four times, (1024, 1024, 1)."""
    from stardist.data import test_image_nuclei_2d

    image = test_image_nuclei_2d()
    low, high = np.percentile(image, (1, 99.8))
    values = ((image - low) / (high - low)).astype(np.float32)
    return np.pad(values, ((0, 512), (0, 512)), mode="symmetric")[..., np.newaxis]


def engines(folder: Path, image: NDArray[np.float32]) -> dict[str, Engine]:
    shared = Path(os.environ.get("STARBRIDGE_SHARED", ROOT.parent / "shared"))
    settings = json.loads((shared / "data" / "haug2_config.json").read_text())
    model = open_model(write_model(folder / "haug2", settings))
    corners = range(0, 512, 256)
    tiles = [image[y : y + 256, x : x + 256] for y in corners for x in corners]
    graph = openvino_graph(read_unet(model), model.grid)
    return {
        "keras": KerasEngine(model),
        "starbridge": WinogradEngine(model),
        "onnx": OnnxEngine(model),
        "openvino": OpenVinoEngine(model),
        "openvino int8": OpenVinoEngine(model, quantise(graph, tiles)),
    }


def clocks() -> NDArray[np.float64]:
    """Seconds of the clock, and of all cores."""
    return np.array([time.perf_counter(), time.process_time()])


def speed(folder: Path) -> None:
    """Print the seconds a megapixel, by the clock and of all cores."""
    image = normalised_image()
    loaded = engines(folder, image)
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


def agreement(folder: Path) -> None:
    """Print how many nuclei of the demo model are the same in 8-bit integers."""
    from stardist.data import test_image_nuclei_2d

    os.environ[CACHE_VARIABLE] = str(folder / "cache")
    mine = [folder / "microscope.tif", folder / "section.tif"]
    tifffile.imwrite(mine[0], test_image_nuclei_2d())
    tifffile.imwrite(mine[1], simulate_section((1024, 1024), seed=100, n_channels=1)[0][0])
    single = Segmenter.load("demo", engine="openvino")
    print(f"\n{calibrate(single.model, single.recipe, mine)}")
    integers = Segmenter.load("demo", precision="int8")
    images = {"microscope image": test_image_nuclei_2d()}
    for seed in (1, 2, 3):
        pixels, _ = simulate_section((1024, 1024), seed=seed, n_channels=1)
        images[f"simulated section {seed}"] = pixels[0]
    print("| image | nuclei | " + " | ".join(f"F1 at {iou:g}" for iou in IOUS) + " |")
    print("|---" * (2 + len(IOUS)) + "|")
    for name, image in images.items():
        known, found = (s.segment(image).to_labels() for s in (single, integers))
        scores = compare([known], [found], ious=IOUS)
        print(f"| {name} | {known.max()} | " + " | ".join(f"{s.f1:.3f}" for s in scores) + " |")


def main() -> None:
    """Measure and print."""
    with tempfile.TemporaryDirectory() as folder:
        speed(Path(folder))
        agreement(Path(folder))


if __name__ == "__main__":
    main()
