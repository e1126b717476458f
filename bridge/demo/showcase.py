"""Images that ``starbridge demo run`` segments, and the text that it ends with."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import tifffile

from bridge.batch.listener import Outcome
from bridge.batch.segment_job import Settings
from bridge.examples.microscope_image import read_microscope_image
from bridge.examples.simulator import simulate_section
from bridge.files.atomic import writing
from bridge.formats.layout import FORMATS

REAL = "stardist_test_nuclei.tif"
SIMULATED = "simulated_section.tif"
SECTION_CHANNELS = ("DAPI", "488", "555", "647")
SECTION_PIXEL_SIZE = 0.5
"""µm; the simulator's nuclei are about as large as at 20x."""

SETTINGS = Settings()


def write_images(out: Path, *, section_side: int = 1024, seed: int = 1) -> list[Path]:
    """Write the demo's two images as TIFF.

    Args:
        out: the demo's output folder; the images go into ``images`` inside it.
        section_side: pixels along y and x of the simulated section.
        seed: of the simulation.

    Returns:
        The real image that comes with StarDist (one channel, 512 x 512, uint16), and a simulated
        section (four channels, CYX, uint16) with channel names and pixel size.

    Raises:
        MissingPartError: if the package ``stardist``, which holds the real image, is not installed.
        BadInputError: if the folder cannot be written.
    """
    folder = out / "images"
    real, section = folder / REAL, folder / SIMULATED
    with writing(real) as part:
        tifffile.imwrite(part, read_microscope_image(), imagej=True, metadata={"axes": "YX"})
    pixels, _ = simulate_section((section_side, section_side), seed=seed)
    with writing(section) as part:
        tifffile.imwrite(
            part,
            np.ascontiguousarray(pixels),
            imagej=True,
            resolution=(1 / SECTION_PIXEL_SIZE, 1 / SECTION_PIXEL_SIZE),
            metadata={
                "axes": "CYX",
                "unit": "um",
                "mode": "composite",
                "Labels": list(SECTION_CHANNELS),
            },
        )
    return [real, section]


def next_steps(out: Path, outcomes: Sequence[Outcome]) -> str:
    """Say what was written where, and how to open it in Fiji and in QuPath."""
    lines = ["", f"Results in {out.resolve()}:"]
    for outcome in outcomes:
        found = "failed" if outcome.objects is None else f"{outcome.objects:,} nuclei"
        lines.append(f"  {outcome.name}: {found}")
        lines += [f"    {path}" for path in outcome.outputs.values()]
    section = Path(SIMULATED).stem
    rois, geojson = (FORMATS[key].place.format(name=section) for key in ("rois", "geojson"))
    lines += [
        "",
        "Look first at the pictures in preview/.",
        "",
        "In Fiji:",
        f"  1. File > Open…  images/{SIMULATED}",
        f"  2. File > Open…  {rois}   (the ROI Manager opens)",
        "  3. In the ROI Manager: Show All. Edit, delete, add; More > Save… keeps your review.",
        "",
        "In QuPath:",
        f"  1. Drag images/{SIMULATED} into the window; image type: Fluorescence.",
        f"  2. Drag {geojson} onto the image.",
        "  3. Edit the objects; File > Export objects as GeoJSON keeps your review.",
        "",
        "Back in numbers:  starbridge convert REVIEWED.geojson NUCLEI.csv",
        "Your own images:  starbridge segment FOLDER --model YOUR_MODEL_FOLDER --out RESULTS",
    ]
    return "\n".join(lines)
