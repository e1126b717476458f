"""Simulated volumes whose nuclei are of two classes: bright and dim ones."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import tifffile
from numpy.typing import NDArray

from bridge import Detections
from bridge.examples.volume_nuclei import VolumeScene, simulate_volume
from bridge.images import open_image
from bridge.objects3d import from_volume

SCENE = VolumeScene(shape=(12, 64, 80), radius=6.0, density=0.12)


def write_volume(folder: Path, name: str, *, seed: int) -> tuple[Path, Detections]:
    """Write a volume, whose nuclei with odd labels are twice as bright.

    Returns:
        The image; and its nuclei, a row a slice, whose classes are ``bright`` and ``dim``.
    """
    grey, labels = simulate_volume(SCENE, seed=seed)
    pixels = np.where(labels % 2 == 1, 2 * grey.astype(np.uint32), grey).astype(np.uint16)
    path = folder / f"{name}.tif"
    path.parent.mkdir(parents=True, exist_ok=True)
    tifffile.imwrite(path, pixels, imagej=True, metadata={"axes": "ZYX"})
    with open_image(path) as image:
        return path, from_volume(labels, image=image.info, columns={"class": classes_of(labels)})


def classes_of(labels: NDArray[np.uint16]) -> dict[int, str]:
    """Return the class of each nucleus by its label."""
    return {int(n): "bright" if n % 2 else "dim" for n in np.unique(labels) if n}


def with_classes(detections: Detections, classes: Mapping[str, str]) -> Detections:
    """Return slices with other classes, by their UUIDs; the others have none."""
    given = [classes.get(identity) for identity in detections.ids]
    return Detections(detections.objects.assign(**{"class": given}), detections.image)


def first_slices(detections: Detections) -> dict[str, str]:
    """Return the class of the first slice of each nucleus, by the UUID of the slice."""
    frame = detections.objects
    first = frame[~frame["object"].duplicated()]
    return dict(zip(first.index, first["class"], strict=True))
