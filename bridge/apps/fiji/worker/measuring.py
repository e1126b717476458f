"""Measure ROIs with ImageJ, channel by channel."""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path
from typing import Any

import numpy as np

# no median: ImageJ makes a histogram of 65,536 bins for every ROI of a 16-bit image
_MEASUREMENTS = (
    "AREA",
    "CENTROID",
    "PERIMETER",
    "SHAPE_DESCRIPTORS",
    "FERET",
    "ELLIPSE",
    "MEAN",
    "MIN_MAX",
    "STD_DEV",
    "INTEGRATED_DENSITY",
)

SHAPE_COLUMNS = (
    "Area",
    "X",
    "Y",
    "Perim.",
    "Major",
    "Minor",
    "Angle",
    "Circ.",
    "Feret",
    "FeretX",
    "FeretY",
    "FeretAngle",
    "MinFeret",
    "AR",
    "Round",
    "Solidity",
)
INTENSITY_COLUMNS = ("Mean", "StdDev", "Min", "Max", "IntDen", "RawIntDen")


def measure(image: Any, rois: Any, channels: list[int], path: str) -> dict[str, Any]:
    """Measure every ROI in its own plane and in each channel.

    Args:
        image: the image.
        rois: a Java array of ROIs; without a position they belong to the first slice and frame.
        channels: 1-based channels.
        path: .npy file to write: rows as the ROIs, columns as said in the answer, float64.

    Returns:
        ``columns``: for each column its heading and its channel (0: of the shape).
    """
    from jpype import JClass

    measurements = JClass("ij.measure.Measurements")
    analyzer = JClass("ij.plugin.filter.Analyzer")
    chosen = [int(getattr(measurements, name)) for name in _MEASUREMENTS]
    before, precision = analyzer.getMeasurements(), analyzer.getPrecision()
    selected, place = image.getRoi(), (image.getC(), image.getZ(), image.getT())
    image.deleteRoi()

    planes: dict[tuple[int, int], list[int]] = defaultdict(list)
    for row, roi in enumerate(rois):
        planes[_plane(image, roi)].append(row)
    headings = [(name, 0) for name in SHAPE_COLUMNS]
    headings += [(name, channel) for channel in channels for name in INTENSITY_COLUMNS]
    table = np.full((len(rois), len(headings)), np.nan)
    analyzer.setMeasurements(int(np.bitwise_or.reduce(chosen)))
    try:
        for (z, t), rows in planes.items():
            overlay = JClass("ij.gui.Overlay")()
            for row in rows:
                # the reviewer's own ROI keeps its position and the image it is tied to
                copy = rois[row].clone()
                copy.setPosition(0)
                overlay.add(copy)
            for number, channel in enumerate(channels):
                image.setPositionWithoutUpdate(channel, z, t)
                found = overlay.measure(image)
                for column, (name, of) in enumerate(headings):
                    if of == channel or (of == 0 and number == 0):
                        index = found.getColumnIndex(name)
                        table[rows, column] = np.asarray(found.getColumnAsDoubles(index))
    finally:
        analyzer.setMeasurements(before)
        analyzer.setPrecision(precision)
        image.setPosition(*place)
        if selected is not None:
            image.setRoi(selected)
    np.save(Path(path), table)
    return {"columns": headings}


def _plane(image: Any, roi: Any) -> tuple[int, int]:
    """Return slice and frame of a ROI, from 1."""
    if roi.hasHyperStackPosition():
        return max(int(roi.getZPosition()), 1), max(int(roi.getTPosition()), 1)
    if roi.getPosition() > 0 and image.getStackSize() > 1:
        _, z, t = image.convertIndexToPosition(roi.getPosition())
        return int(z), int(t)
    return 1, 1
