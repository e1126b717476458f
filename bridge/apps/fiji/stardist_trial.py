"""Run a Fiji's StarDist plugin once, on a tiny image with a tiny model."""

from __future__ import annotations

import math
import re
import tempfile
import time
from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bridge.apps.fiji.errors import FijiError, MacroError
from bridge.apps.fiji.installing import macros_folder
from bridge.apps.fiji.session import Fiji

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

MODEL = Path(__file__).with_name("spots.zip")
"""The model, which ``tools/spots_model.py`` writes: a disc around each bright spot."""

RADIUS = 6
"""Radius of the discs, in pixels."""

_SPOTS = ((20, 20), (40, 44))  # y and x of centres, in pixels
_SIZE = 64
_MACRO = "stardist_haug2.ijm"


@dataclass(frozen=True)
class Trial:
    """A run that went well.

    Attributes:
        about: the Fiji and its Java, in words.
        nuclei: number of nuclei that the plugin found; ``None`` where there is no plugin.
        seconds: duration with the start of Java.
    """

    about: str
    nuclei: int | None
    seconds: float


def try_fiji(app: str | PathLike[str] | None, *, stardist: bool, timeout: float) -> Trial:
    """Start a Fiji and run its StarDist plugin, or a macro where it has none.

    Args:
        app: the Fiji, as :class:`bridge.apps.fiji.Fiji` takes it.
        stardist: True where the plugin is there.
        timeout: seconds that it may start without progress, and that the macro may take.

    Raises:
        StarbridgeError: it does not start, a macro does not run, or the plugin does not find the
            nuclei of the image.
    """
    begin = time.monotonic()
    with Fiji(app, start_timeout=timeout) as fiji:
        nuclei = None
        if stardist:
            nuclei = _run_plugin(fiji, timeout)
        elif fiji.run_macro("return d2s(1 + 1, 0);", timeout=timeout).value != "2":
            raise FijiError(f"{fiji.about.name} runs no macros")
        about = str(fiji.about)
    return Trial(about, nuclei, time.monotonic() - begin)


def spots_image() -> NDArray[np.uint16]:
    """Return an image of two bright spots, (64, 64)."""
    import numpy as np

    image = np.full((_SIZE, _SIZE), 100, np.uint16)
    for y, x in _SPOTS:
        image[y - 1 : y + 2, x - 1 : x + 2] = 1000
    return image


def check_discs(labels: NDArray[Any]) -> int:
    """Check that a label image of :func:`spots_image` holds a disc around each spot.

    Returns:
        Number of discs.

    Raises:
        FijiError: it holds something else.
    """
    import numpy as np

    found, counts = np.unique(labels[labels > 0], return_counts=True)
    centres = [labels[spot] for spot in _SPOTS] if labels.shape == (_SIZE, _SIZE) else []
    area = math.pi * RADIUS**2
    if sorted(centres) != found.tolist() or any(abs(count / area - 1) > 0.25 for count in counts):
        raise FijiError(
            f"the StarDist plugin found {found.size} nuclei of {counts.tolist()} pixels in a test "
            f"image that has {len(_SPOTS)} of {area:.0f}; its TensorFlow computes wrongly"
        )
    return int(found.size)


def _run_plugin(fiji: Fiji, timeout: float) -> int:
    import tifffile

    with tempfile.TemporaryDirectory(prefix="starbridge-") as folder:
        image = Path(folder, "spots.tif")
        tifffile.imwrite(image, spots_image())
        macro = macros_folder() / _MACRO
        values: dict[str, Path] = {
            "model_file": MODEL,
            "image_file": image,
            "result_folder": Path(folder),
        }
        try:
            fiji.run_macro(macro, values, timeout=timeout)
        except MacroError as error:
            # The macro's own words come after the names of files that are gone by then.
            reason = re.search(r"StarDist failed: .*", str(error))
            raise FijiError(reason[0] if reason else str(error)) from error
        return check_discs(tifffile.imread(Path(folder, "lbl", "spots_labels.tif")))
