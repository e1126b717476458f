"""Pixel classification with ilastik's features, beside scikit-image, SciPy and scikit-learn.

``python -m benchmarks.pixel_classification [SIDE]``, 49 features and 100 trees on a plane of
simulated nuclei, SIDE pixels wide (2,048). Bars for 2,048²: 8 s of CPU and 0.4 GB for the whole
command; ilastik itself needs 19.3 s and 1.43 GB on the machine on which the bars were set.
"""

# scikit-image's functions have annotations in part only
# mypy: disallow-untyped-calls=False

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import tifffile
from numpy.typing import NDArray

from bridge.classify.forest import DecisionForest
from bridge.classify.pixels.filters import FilterBank
from bridge.classify.pixels.training import train_pixel_classifier
from bridge.formats.ilastik.feature_selection import DEFAULT_SCALES, FeatureSelection
from bridge.formats.ilastik.labels import Block, Strokes
from bridge.images import from_array

_TILE = 256
_STROKE = 5  # pixels; one stroke in every 48 x 48


def scene(side: int) -> tuple[NDArray[np.uint16], NDArray[np.bool_]]:
    """Return a plane of discs with blur and noise, and where the discs are."""
    from scipy.ndimage import gaussian_filter

    rng = np.random.default_rng(0)
    y, x = np.indices((256, 256))
    inside = np.zeros((256, 256), bool)
    for cy, cx, radius in rng.uniform((0, 0, 6), (256, 256, 13), (40, 3)):
        inside |= (y - cy) ** 2 + (x - cx) ** 2 < radius**2
    times = -(-side // 256)
    truth = np.tile(inside, (times, times))[:side, :side]
    light = gaussian_filter(truth * 800.0, 1.5) + 200
    return rng.normal(light, 0.5 * np.sqrt(light) * 5).clip(0).astype(np.uint16), truth


def strokes(truth: NDArray[np.bool_]) -> Strokes:
    """Return short horizontal strokes of both classes in the first 512 x 512 pixels."""
    plane = np.zeros(truth.shape, np.uint8)
    for row in range(8, min(512, len(truth)), 48):
        for column in range(8, min(512, len(truth)) - _STROKE, 24):
            part = truth[row, column : column + _STROKE]
            plane[row, column : column + _STROKE] = 1 + part
    return Strokes((1, 1, *truth.shape), (Block((0, 0, 0, 0), plane[None, None]),))


def cpu_seconds(work: Callable[[], Any]) -> float:
    """CPU time of this process, the least of two runs after a first one."""
    work()
    times = []
    for _ in range(2):
        began = time.process_time()
        work()
        times.append(time.process_time() - began)
    return min(times)


# A process of its own starts the command: a child counts the memory of who started it as its own.
_STARTER = """
import resource, subprocess, sys
done = subprocess.run(sys.argv[1:], stderr=subprocess.DEVNULL)
used = resource.getrusage(resource.RUSAGE_CHILDREN)
print(used.ru_utime + used.ru_stime, used.ru_maxrss)
sys.exit(done.returncode)
"""


def command(*words: str) -> tuple[float, float]:
    """Return CPU seconds (all threads) and peak GB of a command, the least of two runs."""
    found = []
    for _ in range(2):
        done = subprocess.run(  # noqa: S603 - our own
            [sys.executable, "-c", _STARTER, sys.executable, "-m", "bridge.cli", *words],
            stdout=subprocess.PIPE,
            text=True,
            check=True,
        )
        spent, peak = map(float, done.stdout.split())
        found.append((spent, peak * (1 if sys.platform == "darwin" else 1024) / 1e9))
    return min(found)


def scipy_features(plane: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the same kinds of features at the same scales by SciPy and scikit-image."""
    from scipy import ndimage
    from skimage.feature import (
        hessian_matrix,
        hessian_matrix_eigvals,
        structure_tensor,
        structure_tensor_eigenvalues,
    )

    columns: list[Any] = []
    for scale in DEFAULT_SCALES:
        columns.append(ndimage.gaussian_filter(plane, scale))
        if scale < 0.7:
            continue
        columns += [
            ndimage.gaussian_laplace(plane, scale),
            ndimage.gaussian_gradient_magnitude(plane, scale),
            columns[-1] - ndimage.gaussian_filter(plane, 0.66 * scale),
            *structure_tensor_eigenvalues(structure_tensor(plane, sigma=scale)),
            *hessian_matrix_eigvals(
                hessian_matrix(plane, sigma=scale, use_gaussian_derivatives=False)
            ),
        ]
    return np.stack(columns).astype(np.float32)


def main() -> None:
    """Measure and print."""
    from skimage.feature import multiscale_basic_features
    from sklearn.ensemble import RandomForestClassifier

    side = int(sys.argv[1]) if len(sys.argv) > 1 else 2048
    plane, truth = scene(side)
    selection = FeatureSelection.by_name("default")
    classifier = train_pixel_classifier(
        [from_array(plane)], [strokes(truth)], ["background", "nucleus"], selection
    )
    print(f"{side} x {side} pixels, {classifier.forest.n_features} features, "
          f"{classifier.forest.n_trees} trees")  # fmt: skip

    part = plane[: min(side, 1024), : min(side, 1024)].astype(np.float32)
    bank = FilterBank(selection, 1, is_3d=False)
    ours = cpu_seconds(lambda: bank.compute(part[None, ..., None]))
    by_scipy = cpu_seconds(lambda: scipy_features(part))
    basic = cpu_seconds(lambda: multiscale_basic_features(part, sigma_max=10, workers=1))
    print(f"features of {part.size:,} pixels, CPU s: starbridge {ours:.2f}, SciPy and "
          f"scikit-image {by_scipy:.2f} ({by_scipy / ours:.1f} times), scikit-image's "
          f"multiscale_basic_features {basic:.2f}")  # fmt: skip

    features = bank.compute(part[:512, :512][None, ..., None]).reshape(49, -1)
    drawn = strokes(truth).plane()[:512, :512].ravel()
    rows = np.flatnonzero(drawn)
    peer = RandomForestClassifier(100, random_state=0, n_jobs=1)
    peer.fit(features.T[rows], drawn[rows])
    forest = DecisionForest.from_sklearn(peer)
    table = np.ascontiguousarray(features.T)
    ours = cpu_seconds(lambda: forest.predict_proba(features))
    theirs = cpu_seconds(lambda: peer.predict_proba(table))
    same = np.abs(forest.predict_proba(features).T - peer.predict_proba(table)).max()
    print(f"forest on {len(table):,} pixels, CPU s: starbridge {ours:.3f}, scikit-learn "
          f"{theirs:.3f} ({theirs / ours:.1f} times); they differ by {same:.0e}")  # fmt: skip

    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        classifier.write(place / "classifier")
        for size in (side // 2, side):
            tifffile.imwrite(place / f"{size}.tif", plane[:size, :size])
            spent, peak = command(
                "pixels", "apply", str(place / "classifier"), str(place / f"{size}.tif"),
                "--out", str(place / str(size)), "--overwrite",
            )  # fmt: skip
            print(f"starbridge pixels apply, {size} x {size}: {spent:.1f} s of CPU, {peak:.2f} GB")


if __name__ == "__main__":
    main()
