"""Pixel size and names of classes in ilastik's exports."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import h5py

from bridge.formats.axistags import axistags
from bridge.formats.ilastik.input_images import DATASET
from bridge.images.hdf5 import CHANNEL_NAMES
from bridge.images.info import PixelSize


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
