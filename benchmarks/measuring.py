"""Measuring every object in four channels, beside scikit-image's regionprops_table.

``python -m benchmarks.measuring [LABELS.tif]``; without a file, the shared real section.
"""

# scikit-image's functions have annotations in part only
# mypy: disallow-untyped-calls=False

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

import numpy as np
import tifffile

from benchmarks.outlines import seconds
from bridge.images import from_array
from bridge.measure import measure

SHAPES = {
    "area": "Area px^2",
    "perimeter": "Perimeter px",
    "solidity": "Solidity",
    "eccentricity": "Eccentricity",
    "axis_major_length": "Major axis px",
    "axis_minor_length": "Minor axis px",
    "feret_diameter_max": "Max diameter px",
}
INTENSITIES = {
    "intensity_mean": "Mean",
    "intensity_min": "Min",
    "intensity_max": "Max",
    "intensity_std": "Std.Dev.",
    "intensity_median": "Median",
}


def main() -> None:
    """Measure and print."""
    from skimage.measure import regionprops_table

    shared = Path(os.environ.get("STARBRIDGE_SHARED", Path(__file__).parents[2] / "shared"))
    default = shared / "data" / "haug2_OG2_s1_mask.tif"
    labels = tifffile.imread(sys.argv[1] if len(sys.argv) > 1 else default)
    channels = np.random.default_rng(0).random((4, *labels.shape), np.float32)
    image = from_array(channels, axes="CYX")

    ours = seconds(lambda: measure(labels, image))
    table = measure(labels, image)
    with_rings = seconds(lambda: measure(labels, image, ring=4, ring_unit="px"))
    began = time.perf_counter()
    peer = regionprops_table(
        labels,
        np.moveaxis(channels, 0, -1),
        properties=("label", "centroid", *SHAPES, *INTENSITIES),
    )
    theirs = time.perf_counter() - began

    pairs = [(f"Nucleus: {name}", key) for key, name in SHAPES.items()]
    pairs += [
        (f"Nucleus: C{c}: {name}", f"{key}-{c}")
        for key, name in INTENSITIES.items()
        for c in range(4)
    ]
    worst = max(
        float((np.abs(table[own] - peer[key]) / np.maximum(np.abs(peer[key]), 1e-12)).max())
        for own, key in pairs
    )
    print(f"{len(table):,} objects of {labels.shape[1]} x {labels.shape[0]} pixels, 4 channels")
    print(f"measure: {ours:.3f} s; regionprops_table: {theirs:.2f} s, {theirs / ours:.0f} times")
    print(f"with rings of 4 px, cytoplasm and cell: {with_rings:.3f} s")
    print(f"largest relative difference of all columns: {worst:.1e}")


if __name__ == "__main__":
    main()
