"""Small sections with nuclei, as files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import tifffile
from numpy.typing import NDArray

CHANNELS = ("DAPI", "AF488")


def nuclei() -> NDArray[np.uint16]:
    """Four nuclei of 40 x 60 pixels, of which three stand close together at the bottom right."""
    labels = np.zeros((40, 60), np.uint16)
    labels[2:8, 3:9] = 5
    labels[20:28, 30:38] = 9
    labels[30:38, 40:50] = 12
    labels[22:28, 50:60] = 700
    return labels


def write_section(folder: Path, name: str, intensity: float, *, seed: int = 0) -> Path:
    """A section of two channels with its label image in ``RESULTS/lbl`` beside ``folder``.

    The second channel has about this intensity in the nuclei, and half of it elsewhere.
    """
    labels = nuclei()
    pixels = np.random.default_rng(seed).integers(0, 20, (2, *labels.shape)).astype(np.uint16)
    pixels[1] += np.where(labels > 0, intensity, intensity / 2).astype(np.uint16)
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{name}.tif"
    metadata: dict[str, Any] = {"axes": "CYX", "unit": "um", "Labels": list(CHANNELS)}
    tifffile.imwrite(path, pixels, imagej=True, resolution=(2, 2), metadata=metadata)
    results = folder.parent / "RESULTS"
    (results / "lbl").mkdir(parents=True, exist_ok=True)
    (results / "run.json").write_text('{"images": {}}')
    tifffile.imwrite(results / "lbl" / f"{name}_labels.tif", labels)
    return path


def write_study(folder: Path) -> Path:
    """Ten sections of two clones: Pa from 100 to 500, Qb from 1000 to 5000. Gives their folder."""
    for step in range(1, 6):
        write_section(folder / "SECTIONS", f"Pa_OG{step}_s1", 100 * step, seed=step)
        write_section(folder / "SECTIONS", f"Qb_OG{step}_s1", 1000 * step, seed=step)
    return folder / "SECTIONS"
