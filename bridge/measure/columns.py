"""Names of the columns, as QuPath writes them, and what they mean.

``Centroid X µm``, ``Centroid Y µm``
    Mean of the pixel centres of the nucleus, from the **corner** of the top-left pixel as in
    QuPath and ImageJ: half a pixel more than scikit-image's.
``Nucleus: Area µm^2``, ``Perimeter``, ``Circularity``, ``Solidity``, ``Eccentricity``,
``Major axis``, ``Minor axis``, ``Orientation rad``, ``Max diameter``, ``Min diameter``
    As :class:`~bridge.measure.shape.Shapes` defines them; the same of ``Cell``, and of
    ``Cytoplasm`` the area. QuPath and ImageJ measure polygons where this measures pixels, so that
    perimeters and circularities differ by some percent. ``Max diameter`` and ``Min diameter`` are
    the largest and smallest Feret diameter. ImageJ's ``Angle`` is counted from the x axis in
    degrees: ``90 + degrees(orientation)`` modulo 180.
``Nucleus/Cell area ratio``
    As in QuPath, 0 to 1.
``Nucleus: DAPI: Mean``, ``Median``, ``Min``, ``Max``, ``Std.Dev.``, ``Sum``
    Of the channel's values, as :func:`~bridge.measure.intensity.measure_intensities` says; the
    same of ``Cytoplasm`` and ``Cell``. ImageJ calls the sum RawIntDen. Titles of channels are
    those of :func:`bridge.images.channels.channel_titles`.

``Nucleus`` is the object itself (of a cell that has a nucleus outline: that), ``Cytoplasm`` the
ring around it, ``Cell`` both. Lengths are in pixels (``px``, ``px^2``) and, where the pixel size is
known, in µm (``µm``, ``µm^2``). What has no unit is of the shape in µm where that is known.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from bridge.images.info import PixelSize
from bridge.measure.intensity import STATISTICS
from bridge.measure.shape import PixelShapes

Unit = Literal["px", "µm"]
Columns = dict[str, NDArray[np.float64]]

_WITHOUT_UNIT = {
    "Circularity": "circularity",
    "Solidity": "solidity",
    "Eccentricity": "eccentricity",
    "Orientation rad": "orientation",
}
_LENGTHS = {
    "Perimeter": "perimeter",
    "Major axis": "major",
    "Minor axis": "minor",
    "Max diameter": "feret_max",
    "Min diameter": "feret_min",
}


def scales(units: Sequence[Unit], size: PixelSize | None) -> dict[Unit, tuple[float, float]]:
    """Return the length of a pixel along y and x in each unit.

    Args:
        units: which; ``µm`` only where ``size`` is known.
        size: the pixel size.
    """
    found: dict[Unit, tuple[float, float]] = {}
    for unit in units:
        if unit == "px":
            found[unit] = (1.0, 1.0)
        elif size is not None:
            found[unit] = (size.y, size.x)
    return found


def centroid_columns(shapes: PixelShapes, units: Mapping[Unit, tuple[float, float]]) -> Columns:
    """Return centroids of n objects in every unit, each (n,)."""
    columns: Columns = {}
    mean_y, mean_x = shapes.moments[:, 0] + 0.5, shapes.moments[:, 1] + 0.5
    for unit, (scale_y, scale_x) in units.items():
        columns[f"Centroid X {unit}"] = mean_x * scale_x
        columns[f"Centroid Y {unit}"] = mean_y * scale_y
    return columns


def shape_columns(
    compartment: str, shapes: PixelShapes, units: Mapping[Unit, tuple[float, float]]
) -> Columns:
    """Return shapes of n objects in every unit, each (n,).

    Args:
        compartment: ``Nucleus`` or ``Cell``.
        shapes: the objects.
        units: length of a pixel along y and x by unit, at least one.
    """
    measured = {unit: shapes.scaled(scale) for unit, scale in units.items()}
    columns: Columns = {
        f"{compartment}: Area {unit}^2": scaled.area for unit, scaled in measured.items()
    }
    for name, field in _LENGTHS.items():
        for unit, scaled in measured.items():
            columns[f"{compartment}: {name} {unit}"] = getattr(scaled, field)
    last = measured["µm" if "µm" in measured else "px"]
    for name, field in _WITHOUT_UNIT.items():
        columns[f"{compartment}: {name}"] = getattr(last, field)
    return columns


def area_columns(
    compartment: str,
    counts: NDArray[np.int64],
    units: Mapping[Unit, tuple[float, float]],
) -> Columns:
    """Return areas of n objects in every unit, each (n,); 0 without pixels."""
    return {
        f"{compartment}: Area {unit}^2": counts.astype(np.float64) * (scale[0] * scale[1])
        for unit, scale in units.items()
    }


def intensity_columns(compartment: str, channel: str, statistics: NDArray[np.float64]) -> Columns:
    """Return the columns of a channel from the (n, 6) statistics."""
    return {
        f"{compartment}: {channel}: {name}": statistics[:, position]
        for position, name in enumerate(STATISTICS)
    }
