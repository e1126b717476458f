"""A real section into ImageJ's ROI Manager and back, beside StarDist's own export.

``python -m benchmarks.imagej_review [LABELS.tif]``; without a file, the shared real section. Needs
a screen (``xvfb-run`` gives one) and the part ``fiji``.
"""

from __future__ import annotations

import os
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import shapely

from bridge import Detections
from bridge.apps.fiji import EMBEDDED, Fiji
from bridge.images import from_array
from bridge.review import compare


def timed(work: Callable[[], Any]) -> tuple[float, Any]:
    """Wall time, and what the work gives."""
    began = time.perf_counter()
    result = work()
    return time.perf_counter() - began, result


def main() -> None:
    """Measure and print."""
    from stardist.utils import export_imagej_rois

    shared = Path(os.environ.get("STARBRIDGE_SHARED", Path(__file__).parents[2] / "shared"))
    default = shared / "data" / "haug2_OG2_s1_mask.tif"
    objects = Detections.read(sys.argv[1] if len(sys.argv) > 1 else default)
    image = from_array(objects.to_labels(), pixel_size=0.5, name="section")
    # StarDist's export knows neither holes nor pieces
    parts = [getattr(shape, "geoms", [shape])[0] for shape in objects.objects.geometry]
    outlines = [shapely.get_coordinates(part.exterior)[:-1, ::-1].T - 0.5 for part in parts]

    start, fiji = timed(lambda: Fiji(EMBEDDED, mode="gui"))
    with fiji, tempfile.TemporaryDirectory() as folder:
        push, shown = timed(lambda: fiji.push(image, objects))
        pull, found = timed(lambda: fiji.pull(shown.image))
        measure, _ = timed(lambda: fiji.measure(shown.image))
        fiji.clear()
        path = Path(folder) / "stardist.zip"

        def peer() -> None:
            export_imagej_rois(str(path), [outlines])
            fiji.run_macro('#@ File rois\nroiManager("open", rois);', rois=path)

        theirs, _ = timed(peer)
    same = compare(objects, found).counts()["untouched"]
    print(f"{len(objects):,} objects; {same:,} came back as they were")
    print(f"start {start:.1f} s, push {push:.1f} s, pull {pull:.1f} s, measure {measure:.1f} s")
    print(f"StarDist's export, opened in the ROI Manager, takes {theirs / push:.1f} times our push")


if __name__ == "__main__":
    main()
