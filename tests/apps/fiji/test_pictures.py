"""What a user sees: the windows of ImageJ after a push and after a macro."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from numpy.typing import NDArray
from PIL import Image

from bridge import Detections
from bridge.apps.fiji import Fiji
from bridge.apps.fiji.installing import macros_folder
from bridge.images import from_array

pytestmark = [pytest.mark.imagej, pytest.mark.network]

Real = tuple[NDArray[Any], NDArray[Any]]


def colours(picture: Path) -> dict[tuple[int, ...], int]:
    """How many pixels a picture has of each colour."""
    pixels = np.asarray(Image.open(picture).convert("RGB")).reshape(-1, 3)
    found, counts = np.unique(pixels, axis=0, return_counts=True)
    return {tuple(map(int, color)): int(n) for color, n in zip(found, counts, strict=True)}


def arrange(window: Fiji) -> None:
    """Put image and ROI Manager side by side."""
    window.run_macro(
        'setLocation(10, 90, 760, 800);\nroiManager("show all without labels");\n'
        'selectWindow("ROI Manager");\nsetLocation(800, 110);\n'
    )


def test_objects_are_seen_in_the_colours_of_their_classes(
    window: Fiji, real_image: Real, pictures: Path | None, tmp_path: Path
) -> None:
    image, mask = real_image
    objects = Detections.from_labels(mask)
    area = objects.objects.geometry.area
    objects.objects["class"] = np.where(area > area.median(), "large", "small")
    objects.objects["class_color"] = np.where(area > area.median(), "#ff00ff", "#00ff00")
    objects = Detections(objects.objects)

    window.push(from_array(image, pixel_size=0.5, name="nuclei"), objects)
    arrange(window)
    seen = colours(window.screenshot((pictures or tmp_path) / "fiji_review.png"))

    # outlines of 125 nuclei, half of each class
    assert seen.get((255, 0, 255), 0) > 1000
    assert seen.get((0, 255, 0), 0) > 1000


def test_the_segmenting_macro_shows_its_nuclei(
    window: Fiji, real_image: Real, pictures: Path | None, tmp_path: Path
) -> None:
    pytest.importorskip("stardist")
    command = shutil.which("starbridge", path=str(Path(sys.executable).parent))
    if command is None:
        pytest.skip("starbridge is not installed as a command")
    tifffile.imwrite(tmp_path / "nuclei.tif", real_image[0], imagej=True)

    result = window.run_macro(
        macros_folder() / "starbridge_segment.ijm",
        image_file=tmp_path / "nuclei.tif",
        result_folder=tmp_path / "results",
        command_path=command,
    )
    if pictures is not None:
        arrange(window)
        window.screenshot(pictures / "fiji_segment.png")

    assert 100 < len(result.rois) < 140
    assert (tmp_path / "results" / "lbl" / "nuclei_labels.tif").exists()
