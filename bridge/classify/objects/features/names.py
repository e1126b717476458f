"""Names of the features, and what they mean.

Shapes and intensities have the names of :mod:`bridge.measure.columns`; where an object lies and
which way it points is no feature, so that a classifier cannot learn the place of its examples.

``Nucleus: Area µm^2``, … ``Min diameter``; the same of ``Cell``; ``Nucleus/Cell area ratio``
    Shapes, in the unit of the settings (µm where the pixel size was known).
``Nucleus: Lobes 2`` … ``Lobes 8``
    Area in evenly spaced directions: :func:`~bridge.classify.objects.features.outline.lobes`.
``Nucleus: DAPI: Mean``, ``Median``, ``Min``, ``Max``, ``Std.Dev.``, ``Sum``
    Intensities of each channel; the same of ``Cytoplasm`` (the ring) and of ``Cell``.
``Nucleus: DAPI: Haralick contrast 1 px``, ``correlation``, ``energy``, ``homogeneity``, ``entropy``
    Co-occurrence of grey levels at 1, 2 and 4 pixels:
    :func:`~bridge.classify.objects.features.texture.haralick`.
``Nucleus: DAPI: LBP 0`` … ``LBP 9``
    Shares of local binary patterns:
    :func:`~bridge.classify.objects.features.texture.binary_patterns`.
``Nucleus: DAPI: Zone 1`` … ``Zone 4``, ``Zone 1 spread`` … ``Zone 4 spread``
    Brightness and its unevenness from border to centre:
    :func:`~bridge.classify.objects.features.texture.radial_profile`.
``Neighbours: Nearest µm``, ``Neighbours: Distance µm``
    Distance of the centroids to the nearest object, and the mean of the nearest ones (5 where there
    are so many).
``Neighbours: Density µm^-2``
    Neighbours divided by the area of the circle that reaches to the farthest of them.
``Neighbours: Nucleus: Area µm^2``, ``Neighbours: Nucleus: DAPI: Mean``
    Means of the neighbours.

``Nucleus`` is the object itself, whatever it is; of a cell that has a nucleus outline: that.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from bridge.classify.objects.features.ilastik.selection import family as ilastik_family
from bridge.classify.objects.features.outline import LOBES
from bridge.classify.objects.features.texture import DISTANCES, HARALICK, PATTERNS, ZONES
from bridge.measure.columns import Unit
from bridge.measure.intensity import STATISTICS

_LENGTHS = ("Perimeter", "Major axis", "Minor axis", "Max diameter", "Min diameter")
_RATIOS = ("Circularity", "Solidity", "Eccentricity")
_TEXTURE = re.compile(r"Haralick \w+ \d+ px|LBP \d+|Zone \d+(?: spread)?")


def shape_names(compartment: str, unit: Unit) -> list[str]:
    """Return the names of the shapes of a compartment."""
    return [
        f"{compartment}: Area {unit}^2",
        *(f"{compartment}: {name} {unit}" for name in _LENGTHS),
        *(f"{compartment}: {name}" for name in _RATIOS),
    ]


def lobe_names() -> list[str]:
    """Return the names of the lobes of an object."""
    return [f"Nucleus: Lobes {number}" for number in LOBES]


def texture_names(channel: str) -> tuple[list[str], list[str], list[str]]:
    """Return the names of Haralick's features, of the binary patterns and of the radial profile."""
    head = f"Nucleus: {channel}:"
    return (
        [f"{head} Haralick {name} {distance} px" for distance in DISTANCES for name in HARALICK],
        [f"{head} LBP {pattern}" for pattern in range(PATTERNS)],
        [f"{head} Zone {zone}{what}" for what in ("", " spread") for zone in range(1, ZONES + 1)],
    )


def neighbour_names(unit: Unit) -> list[str]:
    """Return the names of distances and density of neighbours."""
    return [
        f"Neighbours: Nearest {unit}",
        f"Neighbours: Distance {unit}",
        f"Neighbours: Density {unit}^-2",
    ]


def averaged_names(channels: Sequence[str], unit: Unit) -> list[str]:
    """Return the names of the features of which a mean over the neighbours is taken."""
    return [f"Nucleus: Area {unit}^2", *(f"Nucleus: {channel}: Mean" for channel in channels)]


def feature_names(
    channels: Sequence[str], unit: Unit, *, has_ring: bool, has_neighbours: bool
) -> tuple[str, ...]:
    """Return the names of all features, in their order.

    Args:
        channels: titles of the channels.
        unit: of lengths.
        has_ring: objects have a ring or a cell.
        has_neighbours: objects lie among others.

    >>> names = feature_names(["DAPI"], "px", has_ring=False, has_neighbours=False)
    >>> len(names), names[0], names[-1]
    (55, 'Nucleus: Area px^2', 'Nucleus: DAPI: Zone 4 spread')
    """
    compartments = ("Nucleus", "Cytoplasm", "Cell") if has_ring else ("Nucleus",)
    names = [*shape_names("Nucleus", unit), *lobe_names()]
    if has_ring:
        names += [*shape_names("Cell", unit), "Nucleus/Cell area ratio"]
    for channel in channels:
        for compartment in compartments:
            names += [f"{compartment}: {channel}: {statistic}" for statistic in STATISTICS]
        for titles in texture_names(channel):
            names += titles
    if has_neighbours:
        averaged = averaged_names(channels, unit)
        names += [*neighbour_names(unit), *(f"Neighbours: {name}" for name in averaged)]
    return tuple(names)


def family(name: str) -> str:
    """Return the group of features that one belongs to, for people.

    >>> family("Nucleus: DAPI: LBP 3"), family("Cell: Solidity"), family("Neighbours: Nearest px")
    ('DAPI texture', 'Cell shape', 'Neighbours')
    >>> family("Cytoplasm: DAPI: Mean"), family("column of a table")
    ('DAPI intensity', 'Others')
    >>> family("RegionRadii_0"), family("Mean in neighborhood (DAPI)")
    ('Shape', 'Neighborhood intensity')
    """
    if name.startswith("Neighbours: "):
        return "Neighbours"
    if ": " not in name and name != "Nucleus/Cell area ratio":
        return ilastik_family(name) or "Others"
    if name == "Nucleus/Cell area ratio":
        return "Cell shape"
    compartment, _, rest = name.partition(": ")
    if compartment not in ("Nucleus", "Cytoplasm", "Cell"):
        return "Others"
    channel, separator, what = rest.rpartition(": ")
    if not separator:
        return f"{compartment} shape"
    return f"{channel} {'texture' if _TEXTURE.fullmatch(what) else 'intensity'}"
