"""Nuclei of volumes, linked of those of planes, beside overlap alone.

``python -m benchmarks.linking``: F1 at an IoU of 0.5 and 0.7 between voxels, with the built-in
model and the default ``--min-planes``. The thresholds of :mod:`bridge.segment.linking` and
:mod:`bridge.segment.profiles` were chosen on the first four volumes; nothing was chosen on the
others, so change nothing because of them.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter

from bridge import Detections, Segmenter
from bridge.examples.volume_nuclei import VolumeScene, simulate_volume
from bridge.images import from_array
from bridge.objects3d import to_volume
from bridge.segment.linking import link_planes
from bridge.training.evaluation.overlap import find_overlap

HELD_OUT = {
    "sparse": VolumeScene(density=0.06),
    "dense": VolumeScene(density=0.22),
    "packed": VolumeScene(density=0.3),
    "dense, twice the blur along z": VolumeScene(density=0.22, blur=(6.0, 1.0, 1.0)),
    "dense, slices as far apart as pixels": VolumeScene(
        shape=(64, 160, 160), density=0.22, step=1.0
    ),
    "dense, slices four times as far apart": VolumeScene(
        shape=(20, 160, 160), density=0.22, step=4.0
    ),
    "dense, smaller nuclei": VolumeScene(density=0.22, radius=6.5),
}
SEED = 101


def draw_apart(
    seed: int, count: int, blur_z: float = 1.2
) -> tuple[NDArray[np.uint16], NDArray[np.uint16]]:
    """Simulate ellipsoids that never overlap, as the thresholds were chosen on.

    Args:
        seed: the same seed gives the same volume.
        count: nuclei, or as many as find room.
        blur_z: standard deviation of the blur along z in slices.
    """
    random = np.random.default_rng(seed)
    shape = (32, 160, 160)
    labels, light = np.zeros(shape, np.uint16), np.zeros(shape, np.float32)
    z, y, x = np.ogrid[: shape[0], : shape[1], : shape[2]]
    drawn = tries = 0
    while drawn < count and tries < 60 * count:
        tries += 1
        place, radii = random.uniform((0, 0, 0), shape), random.uniform(6, 10, 3)
        inside = (
            ((z - place[0]) * 2 / radii[0]) ** 2
            + ((y - place[1]) / radii[1]) ** 2
            + ((x - place[2]) / radii[2]) ** 2
        ) < 1
        if inside.any() and not labels[inside].any():
            drawn += 1
            labels[inside], light[inside] = drawn, random.uniform(0.6, 1.4)
    texture = gaussian_filter(random.normal(size=shape), (1, 2, 2))
    light *= 1 + 0.12 * texture / texture.std()
    photons = random.poisson(gaussian_filter(light, (blur_z, 1, 1)) * 300 + 100)
    image = photons + random.normal(0, 4, shape)
    return np.clip(image, 0, 65535).astype(np.uint16), labels


def volumes() -> Iterator[tuple[str, NDArray[Any], NDArray[Any]]]:
    """Yield the volumes and their true labels, those that the thresholds were chosen on first."""
    from stardist.data import test_image_nuclei_3d

    yield "chosen on: StarDist's test volume", *test_image_nuclei_3d(return_mask=True)
    yield "chosen on: apart, sparse", *draw_apart(1, 40)
    yield "chosen on: apart, dense", *draw_apart(2, 400)
    yield "chosen on: apart, dense, more blur", *draw_apart(3, 250, 2.0)
    yield "held out: apart, sparse", *draw_apart(SEED, 40)
    yield "held out: apart, dense", *draw_apart(SEED + 1, 400)
    yield "held out: apart, dense, more blur", *draw_apart(SEED + 2, 250, 2.0)
    for name, scene in HELD_OUT.items():
        yield f"held out: touching, {name}", *simulate_volume(scene, seed=SEED)


def linked_volume(found: Detections, image: NDArray[Any]) -> NDArray[Any]:
    """Return the label volume of objects that are linked by these intensities."""
    return to_volume(link_planes(found, lambda z, t: image[z]))


def main() -> None:
    """Measure and print."""
    segmenter = Segmenter.load()
    print("| volume | nuclei | overlap alone, 0.5 | linked, 0.5 | linked, 0.7 |")
    print("|---|---|---|---|---|")
    for name, image, truth in volumes():
        found = segmenter.segment(from_array(image, axes="ZYX"), note=lambda line: None)
        # Without light chains have neither valleys to be split at nor blur to be left out.
        plain = find_overlap(truth, linked_volume(found, np.zeros_like(image)))
        overlap = find_overlap(truth, linked_volume(found, image))
        print(
            f"| {name} | {len(np.unique(truth)) - 1} | {plain.score(0.5).f1:.2f} "
            f"| {overlap.score(0.5).f1:.2f} | {overlap.score(0.7).f1:.2f} |",
            flush=True,
        )


if __name__ == "__main__":
    main()
