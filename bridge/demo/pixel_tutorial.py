"""Images, brush strokes and the truth for the tutorial of pixel classification."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bridge.demo.imagej_tiff import write_imagej_tiff
from bridge.examples.cells import CELL_CHANNELS, Cells, draw_strokes, simulate_cells

TUTORIAL_PIXEL_SIZE = 0.5
"""µm; the simulator's nuclei are about as large as at 20x."""

IMAGES = 3
FEW_PHOTONS = 8.0

_FEW, _MORE = 4, 16  # strokes of each class, at first and after a second look


def write_pixel_tutorial(out: Path, *, side: int = 512) -> list[Path]:
    """Write simulated two-channel images of cells, with brush strokes on the first of them.

    Args:
        out: folder for ``images/``, ``noisy/`` (the same cells with few photons), ``strokes/``
            (few, of background and nucleus), ``refined/`` (more of them), ``three/`` (cytoplasm,
            too), and the true label images of the nuclei, ``masks/``, and of the cells, ``cells/``.
        side: height and width of an image in pixels.

    Returns:
        The images.

    Raises:
        BadInputError: the folder cannot be written.
    """
    images = []
    for number in range(1, IMAGES + 1):
        name = f"cells_{number}.tif"
        cells = simulate_cells((side, side), seed=number)
        noisy = simulate_cells((side, side), seed=number, photons=FEW_PHOTONS)
        images.append(out / "images" / name)
        _write(images[-1], cells.image, "CYX", Labels=list(CELL_CHANNELS), mode="composite")
        _write(
            out / "noisy" / name, noisy.image, "CYX", Labels=list(CELL_CHANNELS), mode="composite"
        )
        _write(out / "masks" / name, cells.nuclei.astype(np.uint16), "YX")
        _write(out / "cells" / name, cells.cells.astype(np.uint16), "YX")
        if number == 1:
            _write_strokes(out, name, cells)
    return images


def _write_strokes(out: Path, name: str, cells: Cells) -> None:
    two, three = cells.classes(cytoplasm=False), cells.classes(cytoplasm=True)
    for folder, classes, count in (
        ("strokes", two, _FEW),
        ("refined", two, _MORE),
        ("three", three, _MORE),
    ):
        # the first strokes stay when more are painted
        strokes = draw_strokes(classes, _FEW, seed=1)
        if count > _FEW:
            more = draw_strokes(classes, count - _FEW, seed=2)
            strokes = np.where(strokes > 0, strokes, more)
        _write(out / folder / name, strokes, "YX")


def _write(path: Path, pixels: NDArray[Any], axes: str, **metadata: Any) -> None:
    write_imagej_tiff(path, pixels, axes, TUTORIAL_PIXEL_SIZE, **metadata)
