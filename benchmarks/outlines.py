"""Tracing and drawing every object of a label image, beside rasterio (GDAL).

``python -m benchmarks.outlines [LABELS.tif]``; without a file, the shared real section.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import shapely
import tifffile

from bridge.outlines import rasterize, trace


def seconds(work: Callable[[], Any]) -> float:
    """Wall time, the least of three runs after a first one."""
    work()
    times = []
    for _ in range(3):
        began = time.perf_counter()
        work()
        times.append(time.perf_counter() - began)
    return min(times)


def main() -> None:
    """Measure and print."""
    from rasterio.features import shapes

    shared = Path(os.environ.get("STARBRIDGE_SHARED", Path(__file__).parents[2] / "shared"))
    default = shared / "data" / "haug2_OG2_s1_mask.tif"
    labels = tifffile.imread(sys.argv[1] if len(sys.argv) > 1 else default)
    ids, polygons = trace(labels)

    def peer() -> list[Any]:
        found = shapes(labels.astype(np.int32), mask=labels > 0)
        return [(shapely.geometry.shape(geometry), value) for geometry, value in found]

    ours, theirs = seconds(lambda: trace(labels)), seconds(peer)
    drawing = seconds(lambda: rasterize(polygons, ids, labels.shape))
    exact = np.array_equal(rasterize(polygons, ids, labels.shape), labels)
    print(f"{len(ids):,} objects of {labels.shape[1]} x {labels.shape[0]} pixels")
    print(f"trace: {len(ids) / ours:,.0f} objects a second, {theirs / ours:.0f} times rasterio's")
    print(f"draw:  {len(ids) / drawing:,.0f} objects a second")
    print(f"label -> polygon -> label gives back every pixel: {exact}")


if __name__ == "__main__":
    main()
