"""Features and classes of 100,000 nuclei in four channels.

``python -m benchmarks.object_classes [SIDE]`` simulates a section of SIDE x SIDE pixels (default
3,100), lays it side by side to 1, 4 and 9 times the nuclei, and computes the features of all nuclei
from their outlines, and the classes by each kind of model. Before that it trains on 60 simulated
organoids of each of six classes, with the search for the best model, and tests on 600: the bar is
an accuracy of 0.94 in 30 s on two cores.

``python -m benchmarks.object_classes cnn`` fits one network on the crops of the same organoids.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from bridge import Detections
from bridge.classify.objects.features import FeatureSettings, object_features
from bridge.classify.objects.masked_crops import MaskedCrops, cut_crops
from bridge.classify.objects.models.network_fitting import fit_network, import_keras
from bridge.classify.objects.models.registry import MODELS
from bridge.classify.objects.training import train_object_classifier
from bridge.examples.organoids import ORGANOID_CLASSES, PITCH, simulate_organoids
from bridge.examples.simulator import simulate_section
from bridge.images import Image, from_array

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
    for number, (image, objects, names) in enumerate(simulated(each, images, rng)):
        table = object_features(objects, image, settings)
        tables.append(table.assign(**{"class": names, "image": f"{seed} {number}"}))
    return pd.concat(tables, ignore_index=True), settings


def simulated(
    each: int, images: int, rng: np.random.Generator
) -> Iterator[tuple[Image, Detections, list[str]]]:
    """Yield images of organoids, ``each`` of each of six classes in all, objects and classes."""
    for _ in range(images):
        names = [str(name) for name in rng.permutation(ORGANOID_CLASSES * (each // images))]
        found = simulate_organoids((6 * PITCH, len(names) // 6 * PITCH), seed=rng, classes=names)
        image = from_array(found.image, axes="YX")
        yield image, Detections.from_labels(found.labels, image=image.info), names


def organoid_crops(each: int, images: int, seed: int) -> tuple[MaskedCrops, NDArray[np.int64]]:
    """Return the crops of the organoids of :func:`organoids`, and the numbers of their classes."""
    rng = np.random.default_rng(seed)
    crops, classes = MaskedCrops.empty(6 * each, 1), np.zeros(6 * each, np.int64)
    settings = FeatureSettings(channels=("C1",), n_channels=1, unit="px", ring=8.0, neighbours=0)
    for number, (image, objects, names) in enumerate(simulated(each, images, rng)):
        for rows, found in cut_crops(objects, image, settings):
            at = number * len(names) + rows
            crops[at] = found
            classes[at] = [ORGANOID_CLASSES.index(names[row]) for row in rows]
    return crops, classes


def measure_network() -> None:
    """Print the accuracy and the time of one network on crops."""
    crops, classes = organoid_crops(60, 10, seed=1)
    test, truth = organoid_crops(100, 10, seed=2)
    import_keras()
    settings: dict[str, float | str] = {"network": "large", "learning_rate": 0.002, "batch": 16}
    fitted, wall, cpu = timed(lambda: fit_network(settings, crops, classes, 6, 0))
    found, _, cpu_applied = timed(lambda: fitted.model.predict_proba(test))
    print(
        f"six classes, 60 crops each to train and {len(test)} to test: "
        f"{(found.argmax(axis=1) == truth).mean():.3f} right; fit {wall:.1f} s, CPU {cpu:.1f} s; "
        f"classes {cpu_applied / len(test) * 1e3:.1f} CPU ms an object"
    )


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
    if sys.argv[1:] == ["cnn"]:
        measure_network()
        return
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
