"""Results that a run of ilastik can give, by the names that ilastik has for them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import h5py

from bridge.formats.axistags import axistags
from bridge.formats.ilastik.input_images import DATASET
from bridge.images.hdf5 import CHANNEL_NAMES
from bridge.images.info import PixelSize


@dataclass(frozen=True)
class Export:
    """A result that is exported.

    Attributes:
        key: the name for users.
        source: ilastik's own name (``--export_source``).
        outputs: files of an image by format, ``{name}`` for the image's name.
        of_objects: whether it needs a project that classifies objects.
    """

    key: str
    source: str
    outputs: dict[str, str]
    of_objects: bool = False

    def files(self, name: str) -> dict[str, str]:
        """Return the files of an image of that name by format.

        >>> EXPORTS["objects"].files("a")
        {'h5': 'a_Object Predictions.h5', 'csv': 'a_table.csv'}
        """
        return {key: file.format(name=name) for key, file in self.outputs.items()}


EXPORTS = {
    export.key: export
    for export in (
        Export("probabilities", "Probabilities", {"h5": "{name}_Probabilities.h5"}),
        Export("segmentation", "Simple Segmentation", {"h5": "{name}_Simple Segmentation.h5"}),
        Export(
            "objects",
            "Object Predictions",
            {"h5": "{name}_Object Predictions.h5", "csv": "{name}_table.csv"},
            of_objects=True,
        ),
    )
}
"""Results by the names that users give."""


def describe_export(
    path: Path, axes: str, pixel_size: PixelSize | None, channels: Sequence[str]
) -> None:
    """Add to an export what ilastik leaves out: the size of a pixel and the names of classes.

    Args:
        path: the HDF5 file, which ilastik wrote.
        axes: letters of TZYXC in the order of its axes.
        pixel_size: of the image, where known.
        channels: names of the classes; none where the channels are no classes.
    """
    with h5py.File(path, "r+") as file:
        attributes = file[DATASET].attrs
        if pixel_size is not None:
            attributes["axistags"] = axistags(axes, pixel_size)
            attributes["axis_units"] = json.dumps({a: "um" for a in axes.lower() if a in "zyx"})
        if channels:
            attributes[CHANNEL_NAMES] = list(channels)
