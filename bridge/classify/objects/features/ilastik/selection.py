"""Which of ilastik's features of objects there are, and which are chosen.

Names are those of ilastik's projects (``Standard Object Features``): ``Count``, ``RegionCenter``,
``Mean``, … A feature of several numbers has several columns:

``Mean``, ``Variance``, ``Skewness``, ``Kurtosis``, ``Minimum``, ``Maximum``, ``Sum``
    Of the pixels of the object, one of each channel: ``Mean``, or ``Mean (DAPI)`` where there are
    several channels. Variance, skewness and kurtosis (0 for a Gaussian) are those of the
    population.
``Mean in neighborhood``, …
    The same, and ``Covariance``, of what lies around the object within the margin of the project.
``Histogram_0`` … ``Histogram_63``, ``Quantiles_0`` … ``Quantiles_6``
    64 bins between the least and the largest value of the image; 0, 10, 25, 50, 75, 90 and 100 %,
    interpolated in these bins. Of images with one channel.
``RegionCenter_0``, ``RegionCenter_1``, ``Coord<Minimum>_0``, …
    x and y; of pixels: centres, and the corner beyond the last one for ``Coord<Maximum>``.
``RegionRadii_0``, ``RegionRadii_1``, ``RegionAxes_0`` … ``RegionAxes_3``
    Standard deviations of the coordinates along their principal axes, the longest first; and the
    axes.
``Central<PowerSum<3>>``, ``Coord<Principal<Kurtosis>>_0``, ``Principal<Variance>_0``, …
    ilastik's advanced ones, by vigra's names; of the pixels' coordinates, weighted by their values
    (``Weighted<…>``, one channel), or of several channels along their principal axes.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from bridge.classify.objects.features.ilastik.moments import HISTOGRAM_BINS, QUANTILES

PLUGIN = "Standard Object Features"
"""Name of these features in projects."""

AROUND = " in neighborhood"
WITH_OBJECT = " in object and neighborhood"

USUAL_MARGIN = (30, 30, 1)
"""Margin along x, y and z of new projects of ilastik."""

USUAL_FEATURES = (
    "Count",
    "Kurtosis",
    "Maximum",
    "Mean",
    "Mean in neighborhood",
    "Minimum",
    "RegionRadii",
    "Skewness",
    "Variance",
    "Variance in neighborhood",
)
"""Features where no project says which: size, shape and intensities, and no place."""

_OF_CHANNEL = (
    *("Mean", "Variance", "Skewness", "Kurtosis", "Minimum", "Maximum", "Sum"),
    *("Central<PowerSum<2>>", "Central<PowerSum<3>>", "Central<PowerSum<4>>"),
)
_AROUND = ("Mean", "Variance", "Skewness", "Kurtosis", "Minimum", "Maximum", "Sum")
_ALONG_AXES = (
    *("PowerSum<2>", "PowerSum<3>", "PowerSum<4>", "Skewness", "Kurtosis"),
    *("Minimum", "Maximum", "Variance"),
)
_PLACES = {
    "RegionCenter": 2,
    "RegionRadii": 2,
    "RegionAxes": 4,
    "Coord<PowerSum<1>>": 2,
    "Coord<DivideByCount<Principal<PowerSum<2>>>>": 2,
    "Coord<Principal<PowerSum<2>>>": 2,
    "Coord<Principal<PowerSum<3>>>": 2,
    "Coord<Principal<PowerSum<4>>>": 2,
    "Coord<Principal<Skewness>>": 2,
    "Coord<Principal<Kurtosis>>": 2,
}
_OF_ONE_CHANNEL = {
    "Histogram": HISTOGRAM_BINS,
    "Quantiles": len(QUANTILES),
    "Global<Minimum>": 1,
    "Global<Maximum>": 1,
    "Coord<ArgMinWeight>": 2,
    "Coord<ArgMaxWeight>": 2,
    "Weighted<PowerSum<0>>": 1,
    f"Histogram{AROUND}": HISTOGRAM_BINS,
    f"Histogram{WITH_OBJECT}": HISTOGRAM_BINS,
    **{f"Weighted<{name}>": columns for name, columns in _PLACES.items()},
}
_LOCATIONS = (
    *("RegionCenter", "Coord<Minimum>", "Coord<Maximum>", "Coord<PowerSum<1>>"),
    *("Weighted<RegionCenter>", "Weighted<Coord<PowerSum<1>>>"),
)
_COLUMN = re.compile(r"_\d+$| \(.*\)$")


def columns_of(feature: str, n_channels: int) -> int:
    """Return how many columns a feature has; 0 for one that is not computed.

    Args:
        feature: its name in projects.
        n_channels: of the image.

    >>> columns_of("Mean", 3), columns_of("RegionAxes", 3), columns_of("Histogram", 3)
    (3, 4, 0)
    """
    name = feature.removesuffix(WITH_OBJECT).removesuffix(AROUND)
    if name in (_OF_CHANNEL if name == feature else _AROUND):
        return n_channels
    if name == feature:
        if name == "Count":
            return 1
        if name in ("Coord<Minimum>", "Coord<Maximum>"):
            return 2
        if name in _PLACES:
            return _PLACES[name]
    if n_channels == 1:
        return _OF_ONE_CHANNEL.get(feature, 0)
    if name == "Covariance" or feature == "PrincipalAxes":
        return n_channels**2
    return n_channels if feature in {f"Principal<{what}>" for what in _ALONG_AXES} else 0


@dataclass(frozen=True)
class FeatureSelection:
    """Chosen features of ilastik.

    Attributes:
        features: their names in projects, in alphabetical order: that of the columns that ilastik
            trains on.
        margin: of the neighbourhood along x, y and z, in pixels; ``None`` where none is chosen.

    Raises:
        ValueError: nothing is chosen, or a neighbourhood without a margin.
    """

    features: tuple[str, ...]
    margin: tuple[int, int, int] | None = None

    def __post_init__(self) -> None:
        """Check the values, which may come from a file."""
        if not self.features or list(self.features) != sorted(set(self.features)):
            raise ValueError("ilastik's features are none, or not in order")
        if self.margin is not None and not all(1 <= size <= 10_000 for size in self.margin):
            raise ValueError(f"{self.margin} is no margin")
        if self.margin is None and any(has_surroundings(name) for name in self.features):
            raise ValueError("a neighbourhood has no margin")

    def columns(self, channels: Sequence[str]) -> tuple[str, ...]:
        """Return the names of the columns, in the order in which ilastik trains on them.

        Args:
            channels: titles of the channels.

        Raises:
            ValueError: a feature that is not computed of so many channels.

        >>> FeatureSelection(("Mean", "RegionCenter")).columns(["DAPI", "GFP"])
        ('Mean (DAPI)', 'Mean (GFP)', 'RegionCenter_0', 'RegionCenter_1')
        """
        names: list[str] = []
        for feature in self.features:
            count = columns_of(feature, len(channels))
            if not count:
                raise ValueError(f"{feature} is not computed of {len(channels)} channels")
            base = feature.removesuffix(WITH_OBJECT).removesuffix(AROUND)
            if base in _OF_CHANNEL and len(channels) > 1:
                names += [f"{feature} ({channel})" for channel in channels]
            elif count == 1:
                names.append(feature)
            else:
                names += [f"{feature}_{number}" for number in range(count)]
        return tuple(names)

    def to_json(self) -> dict[str, Any]:
        """Return plain values for JSON, readable by :meth:`from_json`."""
        margin = None if self.margin is None else list(self.margin)
        return {"features": list(self.features), "margin": margin}

    @classmethod
    def from_json(cls, record: Any) -> FeatureSelection:
        """Read what :meth:`to_json` returned.

        Raises:
            ValueError, TypeError, KeyError: a record that is damaged.
        """
        features, margin = tuple(record["features"]), record["margin"]
        if not all(isinstance(name, str) for name in features):
            raise TypeError("a feature's name is no text")
        if margin is None:
            return cls(features)
        x, y, z = (int(size) for size in margin)
        return cls(features, (x, y, z))


def has_surroundings(feature: str) -> bool:
    """Return whether a feature is of what lies around objects.

    >>> has_surroundings("Mean in neighborhood"), has_surroundings("Mean")
    (True, False)
    """
    return feature.endswith((AROUND, WITH_OBJECT))


def family(column: str) -> str:
    """Return the group of features that a column belongs to, for people; ``""`` for others.

    >>> family("RegionCenter_1"), family("Sum in neighborhood (DAPI)"), family("area")
    ('Location', 'Neighborhood intensity', '')
    """
    feature = _COLUMN.sub("", column)
    if not columns_of(feature, 1) and not columns_of(feature, 2):
        return ""
    if has_surroundings(feature):
        return "Neighborhood intensity"
    if feature in _LOCATIONS or "ArgM" in feature:
        return "Location"
    if feature == "Count" or feature in _PLACES or feature.startswith("Weighted"):
        return "Shape"
    return "Intensity"


def select_features(
    chosen: Mapping[str, Iterable[str]],
    margin: tuple[int, int, int] | None,
    n_channels: int,
) -> tuple[FeatureSelection | None, tuple[str, ...]]:
    """Return those of the chosen features that are computed.

    Args:
        chosen: names of features by the name of their plugin.
        margin: of the neighbourhood.
        n_channels: of the images.

    Returns:
        The selection, ``None`` where none of them is computed, and the names of the others.

    >>> chosen = {PLUGIN: ["Mean", "Count"], "2D Skeleton Features": ["Diameter"]}
    >>> selection, others = select_features(chosen, None, 1)
    >>> selection.features, others
    (('Count', 'Mean'), ('Diameter (2D Skeleton Features)',))
    """
    has_margin = margin is not None and min(margin) >= 1
    known, others = set(), []
    for plugin, names in sorted(chosen.items()):
        for name in sorted(names):
            if plugin != PLUGIN:
                others.append(f"{name} ({plugin})")
            elif columns_of(name, n_channels) and (has_margin or not has_surroundings(name)):
                known.add(name)
            else:
                others.append(name)
    if not known:
        return None, tuple(others)
    needs_margin = any(has_surroundings(name) for name in known)
    selection = FeatureSelection(tuple(sorted(known)), margin if needs_margin else None)
    return selection, tuple(others)
