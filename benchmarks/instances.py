"""From pixels to instances, beside ``StarDist2D.predict_instances``, with a model of haug2's shape.

``python -m benchmarks.instances [SIDE]``: a simulated crowded section of SIDE x SIDE pixels
(default 2,048), the model of :mod:`benchmarks.haug2_like`, both loaded and used once before. Bars:
4 times as fast, F1 of 0.995 at an IoU of 0.9.
"""

from __future__ import annotations

import contextlib
import shutil
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks import haug2_like
from bridge import Segmenter
from bridge.examples.simulator import simulate_section
from bridge.training.evaluation.scoring import score_labels

DIAMETER = 13.5
ROUNDS = 2


def fastest(find: Callable[[], NDArray[Any]], rounds: int) -> tuple[float, NDArray[Any]]:
    """Return the fewest seconds, and the label image."""
    seconds = []
    for _ in range(rounds):
        began = time.perf_counter()
        labels = find()
        seconds.append(time.perf_counter() - began)
    return min(seconds), labels


def stardist(folder: Path, image: NDArray[Any], side: int) -> tuple[float, NDArray[Any]]:
    """Run the peer as its examples show."""
    from csbdeep.utils import normalize
    from stardist.models import StarDist2D

    recipe = Segmenter.load(folder).recipe
    with contextlib.redirect_stdout(sys.stderr):
        model = StarDist2D(None, name=folder.name, basedir=str(folder.parent))

    def find(pixels: NDArray[Any]) -> NDArray[Any]:
        plane = normalize(pixels, *recipe.percentiles)
        labels = model.predict_instances(plane, prob_thresh=recipe.prob, nms_thresh=recipe.nms)[0]
        return np.asarray(labels)

    find(image[: side // 8, : side // 8])
    return fastest(lambda: find(image), ROUNDS)


def starbridge(segmenter: Segmenter, image: NDArray[Any], side: int) -> tuple[float, NDArray[Any]]:
    """Time starbridge likewise."""
    segmenter.segment(image[: side // 8, : side // 8]).to_labels()
    return fastest(lambda: segmenter.segment(image).to_labels(), ROUNDS)


def main() -> None:
    """Measure and print."""
    side = int(sys.argv[1]) if len(sys.argv) > 1 else 2048
    kept = haug2_like.model_folder()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(shutil.copytree(kept, Path(name, "haug2_like")))
        image = simulate_section((side, side), seed=1, n_channels=1, diameter=DIAMETER)[0][0]
        theirs, reference = stardist(folder, image, side)
        print("| | s | times as fast | nuclei | F1 at 0.9 |\n|---|---|---|---|---|")
        print(f"| StarDist | {theirs:.1f} | | {reference.max()} | |", flush=True)
        seconds, labels = starbridge(Segmenter.load(folder, engine="starbridge"), image, side)
        (score,) = score_labels([reference], [labels], ious=(0.9,))
        print(
            f"| starbridge | {seconds:.1f} | {theirs / seconds:.1f} | {labels.max()} "
            f"| {score.f1:.4f} |"
        )


if __name__ == "__main__":
    main()
