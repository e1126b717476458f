"""The review loop in pictures: pushed, reviewed, and pushed again."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import shapely
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from bridge import Detections
from bridge.review import compare, merge

COLORS = {"neuron": "#ff4fd8", "glia": "#5ee06a", None: "#ffe14d"}
CROP, ZOOM = 190, 2


def classified(mask: NDArray[Any]) -> Detections:
    objects = Detections.from_labels(mask)
    area = objects.objects.geometry.area
    objects.objects["class"] = np.where(area > area.median(), "neuron", "glia")
    return Detections(objects.objects)


def drawn(image: NDArray[Any], objects: Detections) -> Image.Image:
    low, high = np.percentile(image, (1, 99.5))
    grey = (235 * np.clip((image - low) / (high - low), 0, 1) ** 0.7).astype(np.uint8)
    size = (CROP * ZOOM, CROP * ZOOM)
    panel = Image.fromarray(grey).resize(size).convert("RGB")
    pen = ImageDraw.Draw(panel)
    for shape, name in zip(objects.objects.geometry, objects.objects["class"], strict=True):
        for part in getattr(shape, "geoms", [shape]):
            pen.line([(x * ZOOM, y * ZOOM) for x, y in part.exterior.coords], COLORS[name], 2)
    return panel


def test_the_loop_keeps_the_review(
    real_image: tuple[NDArray[Any], NDArray[Any]], tmp_path: Path
) -> None:
    pytest.importorskip("stardist.data")
    image, mask = real_image[0][90 : 90 + CROP, 200 : 200 + CROP], real_image[1]
    pushed = classified(mask[90 : 90 + CROP, 200 : 200 + CROP])
    frame = pushed.objects.copy()
    deleted, reclassified = pushed.ids[2], pushed.ids[5]
    frame = frame.drop(index=deleted)
    frame.loc[reclassified, "class"] = (
        "glia" if frame.loc[reclassified, "class"] == "neuron" else ("neuron")
    )
    reviewed = Detections(frame, pushed.image)
    # the next segmentation has smoother outlines, finds the deleted nucleus again, and no classes
    smooth = shapely.simplify(shapely.buffer(pushed.objects.geometry.to_numpy(), 1.5), 0.7)
    again = Detections.from_polygons(smooth, image=pushed.image)

    merged = merge(pushed, reviewed, again)

    assert deleted not in merged.detections.ids
    assert merged.detections.objects.loc[reclassified, "class"] == frame.loc[reclassified, "class"]
    assert compare(reviewed, merged.detections).counts()["deleted"] == 0
    panels = [drawn(image, one) for one in (pushed, reviewed, merged.detections)]
    width = CROP * ZOOM
    whole = Image.new("RGB", (3 * width + 20, width), "white")
    for number, panel in enumerate(panels):
        whole.paste(panel, (number * (width + 10), 0))
    target = Path(os.environ.get("STARBRIDGE_SCREENSHOTS") or tmp_path) / "review_loop.png"
    whole.save(target)
    assert target.stat().st_size > 10_000
