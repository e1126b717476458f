"""Features and classes of 100,000 nuclei in four channels.

``python -m benchmarks.object_classes [SIDE]`` simulates a section of SIDE x SIDE pixels (default
3,100), lays it side by side to 1, 4 and 9 times the nuclei, and computes the features of all nuclei
from their outlines, and the classes by each kind of model. Before that it trains on 60 simulated
organoids of each of six classes, with the search for the best model, and tests on 600: the bar is
an accuracy of 0.94 in 30 s on two cores.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd

from bridge import Detections
from bridge.classify.objects.features import FeatureSettings, object_features
from bridge.classify.objects.models.registry import MODELS
from bridge.classify.objects.training import train_object_classifier
from bridge.examples.organoids import ORGANOID_CLASSES, PITCH, simulate_organoids
from bridge.examples.simulator import simulate_section
from bridge.images import from_array

CHANNELS = ("DAPI", "488", "555", "647")
TRAINED_ON = 300


def timed(work: Callable[[], Any]) -> tuple[Any, float, float]:
    """Return a result, and the wall and processor seconds that it took."""
    began, began_cpu = time.perf_counter(), time.process_time()
    result = work()
    return result, time.perf_counter() - began, time.process_time() - began_cpu


def organoids(each: int, images: int, seed: int) -> tuple[pd.DataFrame, FeatureSettings]:
    """Return the features and classes of simulated organoids, ``each`` of each of six classes."""
    rng = np.random.default_rng(seed)
    tables = []
    settings = FeatureSettings(channels=("C1",), n_channels=1, unit="px", ring=8.0, neighbours=0)
    for number in range(images):
        names = [str(name) for name in rng.permutation(ORGANOID_CLASSES * (each // images))]
        found = simulate_organoids((6 * PITCH, len(names) // 6 * PITCH), seed=rng, classes=names)
        image = from_array(found.image, axes="YX")
        objects = Detections.from_labels(found.labels, image=image.info)
        table = object_features(objects, image, settings)
        tables.append(table.assign(**{"class": names, "image": f"{seed} {number}"}))
    return pd.concat(tables, ignore_index=True), settings


def measure_search() -> None:
    """Print the accuracy and the time of a training with the search for the best model."""
    examples, settings = organoids(60, 10, seed=1)
    test, _ = organoids(100, 10, seed=2)
    trained, wall, cpu = timed(lambda: train_object_classifier(examples, settings))
    right = (trained.classifier.predict(test) == test["class"]).mean()
    print(
        f"six classes, 60 organoids each to train and {len(test)} to test: {right:.3f} right by "
        f"{trained.validation.best.candidate}; training with search {wall:.1f} s, CPU {cpu:.1f} s\n"
    )


def main() -> None:
    """Measure and print."""
    measure_search()
    side = int(sys.argv[1]) if len(sys.argv) > 1 else 3_100
    pixels, labels = simulate_section((side, side), seed=1, diameter=16.0)
    classifiers = {}
    print(
        "| nuclei | features, s | CPU s | CPU ms per 1,000 nuclei | "
        + " | ".join(f"{kind}, s" for kind in MODELS)
        + " | features and slowest classes, s |"
    )
    print("|---|---|---|---|" + "---|" * (len(MODELS) + 1))
    for times in (1, 2, 3):
        image = from_array(np.tile(pixels, (1, times, times)), axes="CYX", channels=CHANNELS)
        copies = np.arange(times**2, dtype=np.int32).reshape(times, times) * int(labels.max())
        many = np.tile(labels, (times, times)) + np.kron(copies, np.ones_like(labels))
        many[np.tile(labels, (times, times)) == 0] = 0
        detections = Detections.from_labels(many, image=image.info)
        settings = FeatureSettings.of_image(image, ring=4.0)
        if times == 1:
            table = object_features(detections, image, settings)  # compiles
            brightness = table["Nucleus: 488: Mean"]
            classes = np.where(brightness > brightness.median(), "positive", "negative")
            examples = table.assign(**{"class": classes}).head(TRAINED_ON)
            for kind in MODELS:
                trained = train_object_classifier(examples, settings, kinds=[kind])
                classifiers[kind] = trained.classifier
                trained.classifier.predict(table.head())
        table, wall, cpu = timed(lambda: object_features(detections, image, settings))  # noqa: B023
        found = [timed(lambda: c.predict(table))[1] for c in classifiers.values()]  # noqa: B023
        print(
            f"| {len(table):,} | {wall:.1f} | {cpu:.1f} | {cpu / len(table) * 1e6:.0f} | "
            + " | ".join(f"{each:.2f}" for each in found)
            + f" | {wall + max(found):.1f} |",
            flush=True,
        )
    load = ", ".join(f"{value:.1f}" for value in os.getloadavg())
    print(f"\n{len(settings.names)} features; load of the machine {load}, {os.cpu_count()} cores")


if __name__ == "__main__":
    main()
