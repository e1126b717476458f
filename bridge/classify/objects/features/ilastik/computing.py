"""Objects and an image -> a table of ilastik's features."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from bridge.classify.objects.features.ilastik.moments import (
    PlaceMoments,
    ValueMoments,
    bounds,
    covariances,
    extreme_places,
    histograms,
    place_moments,
    principal_values,
    quantiles,
    value_moments,
)
from bridge.classify.objects.features.ilastik.runs import PixelRuns, find_surroundings
from bridge.classify.objects.features.ilastik.selection import (
    AROUND,
    WITH_OBJECT,
    FeatureSelection,
    columns_of,
    has_surroundings,
)
from bridge.detections import Detections
from bridge.errors import BadInputError
from bridge.measure.pixels import list_pixels
from bridge.measure.table import ObjectPlane, object_planes

if TYPE_CHECKING:
    from bridge.images import Image

Read = Callable[[int], NDArray[np.float32]]
"""Returns the values (height, width) of a chosen channel by its place."""

_STATISTICS: dict[str, Callable[[ValueMoments], NDArray[np.float64]]] = {
    "Mean": lambda found: found.means,
    "Sum": lambda found: found.sums,
    "Minimum": lambda found: found.minima,
    "Maximum": lambda found: found.maxima,
    "Variance": lambda found: found.central[:, 0] / found.counts,
    "Skewness": lambda found: _skewness(found.counts, found.central[:, 0], found.central[:, 1]),
    "Kurtosis": lambda found: _kurtosis(found.counts, found.central[:, 0], found.central[:, 2]),
    "Central<PowerSum<2>>": lambda found: found.central[:, 0],
    "Central<PowerSum<3>>": lambda found: found.central[:, 1],
    "Central<PowerSum<4>>": lambda found: found.central[:, 2],
}
_WITHOUT_POWERS = ("Mean", "Sum", "Minimum", "Maximum")

_PLACE_STATISTICS: dict[str, Callable[[PlaceMoments], NDArray[np.float64]]] = {
    "RegionCenter": lambda found: found.sums / found.weights[:, None],
    "RegionRadii": lambda found: np.sqrt(found.principal[:, 0] / found.weights[:, None]),
    "RegionAxes": lambda found: found.axes.reshape(-1, 4),
    "PowerSum<0>": lambda found: found.weights[:, None],
    "Coord<PowerSum<1>>": lambda found: found.sums,
    "Coord<DivideByCount<Principal<PowerSum<2>>>>": (
        lambda found: found.principal[:, 0] / found.weights[:, None]
    ),
    "Coord<Principal<PowerSum<2>>>": lambda found: found.principal[:, 0],
    "Coord<Principal<PowerSum<3>>>": lambda found: found.principal[:, 1],
    "Coord<Principal<PowerSum<4>>>": lambda found: found.principal[:, 2],
    "Coord<Principal<Skewness>>": lambda found: _skewness(
        found.weights[:, None], found.principal[:, 0], found.principal[:, 1]
    ),
    "Coord<Principal<Kurtosis>>": lambda found: _kurtosis(
        found.weights[:, None], found.principal[:, 0], found.principal[:, 2]
    ),
}


def ilastik_features(
    objects: Detections | NDArray[Any],
    image: Image,
    selection: FeatureSelection,
    *,
    channels: Sequence[int],
    titles: Sequence[str],
) -> pd.DataFrame:
    """Compute features of every object as ilastik does.

    The memory that is used beside the image's does not depend on the number of objects around
    which a neighbourhood is looked at.

    Args:
        objects: detections or a label image, as :func:`bridge.measure.measure` takes them.
        image: the image, of the same size, without slices.
        selection: the features.
        channels: numbers of the image's channels.
        titles: a title for each of them.

    Returns:
        A row an object, in the order and with the index of :func:`bridge.measure.measure`; float64
        columns ``selection.columns(titles)``, of float32 precision as in ilastik. What is no number
        (the skewness of equal values) is 0, as ilastik has it; an object of which nothing is drawn
        has NaN throughout.

    Raises:
        BadInputError: sizes that do not fit, or an image with slices, in which ilastik's objects
            are volumes.

    >>> from bridge.images import from_array
    >>> image = from_array(np.array([[1, 2], [9, 6]], np.uint8), axes="YX")
    >>> selection = FeatureSelection(("Count", "Mean"))
    >>> table = ilastik_features(
    ...     np.array([[1, 1], [0, 2]]), image, selection, channels=[0], titles=["C1"])
    >>> table.to_numpy().tolist()
    [[2.0, 1.5], [1.0, 6.0]]
    """
    if image.size("Z") > 1:
        raise BadInputError(
            str(image.path or image.name),
            f"has {image.size('Z')} slices, and ilastik's features are computed in images without",
            "give --features starbridge",
        )
    index, planes = object_planes(objects, image)
    names = selection.columns(titles)
    table = np.full((len(index), len(names)), np.nan)
    for plane in planes:

        def read(place: int, plane: ObjectPlane = plane) -> NDArray[np.float32]:
            values = image.plane(channels[place], z=plane.z, t=plane.t)
            return np.ascontiguousarray(values, np.float32)

        nucleus = plane.compartments.nucleus
        table[plane.rows] = _of_plane(nucleus, len(plane.rows), selection, read, len(channels))
    return pd.DataFrame(table, index=index, columns=list(names))


def _of_plane(
    plane: NDArray[np.int32],
    n: int,
    selection: FeatureSelection,
    read: Read,
    c: int,
) -> NDArray[np.float64]:
    """Return the features (n, columns) of the n objects of a plane with c channels."""
    objects = PixelRuns.of(list_pixels(plane, n))
    counts = np.zeros(n)
    np.add.at(counts, np.repeat(np.arange(n), np.diff(objects.starts)), objects.lengths)
    own = [name for name in selection.features if not has_surroundings(name)]
    around = [name for name in selection.features if has_surroundings(name)]
    found: dict[str, NDArray[np.float64]] = {
        name: np.zeros((n, columns_of(name, c))) for name in selection.features
    }
    _shapes(own, objects, counts, found)
    for channel in range(c):
        values = read(channel)
        _intensities(own, "", values, objects, channel, found)
        if c == 1:
            _single_channel(own, values, plane, objects, found)
    if c > 1:
        _several_channels(own, read, objects, c, found)
    for suffix in (AROUND, WITH_OBJECT):
        chosen = [name.removesuffix(suffix) for name in around if name.endswith(suffix)]
        if chosen and selection.margin is not None:
            _surroundings(chosen, suffix, plane, objects, selection.margin, read, c, found)
    with np.errstate(over="ignore"):
        whole = np.concatenate([found[name] for name in selection.features], axis=1)
        precise = whole.astype(np.float32).astype(np.float64)
    precise[~np.isfinite(precise)] = 0.0
    precise[counts == 0] = np.nan
    return precise


def _shapes(
    names: Sequence[str],
    objects: PixelRuns,
    counts: NDArray[np.float64],
    found: dict[str, NDArray[np.float64]],
) -> None:
    """Fill in the features that do not look at values."""
    if "Count" in names:
        found["Count"][:, 0] = counts
    if "Coord<Minimum>" in names or "Coord<Maximum>" in names:
        found |= dict(zip(("Coord<Minimum>", "Coord<Maximum>"), bounds(objects), strict=True))
    places = [name for name in names if name in _PLACE_STATISTICS]
    if places:
        moments = place_moments(objects)
        with np.errstate(divide="ignore", invalid="ignore"):
            found |= {name: _PLACE_STATISTICS[name](moments) for name in places}


def _intensities(
    names: Sequence[str],
    suffix: str,
    values: NDArray[np.float32],
    regions: PixelRuns,
    channel: int,
    found: dict[str, NDArray[np.float64]],
    first: int = 0,
) -> None:
    """Fill in the statistics of a channel, of the regions from a number on."""
    chosen = [name for name in names if name in _STATISTICS]
    if chosen:
        central = any(name not in _WITHOUT_POWERS for name in chosen)
        moments = value_moments(values, regions, central=central)
        rows = slice(first, first + len(regions))
        with np.errstate(divide="ignore", invalid="ignore"):
            for name in chosen:
                found[name + suffix][rows, channel] = _STATISTICS[name](moments)


def _single_channel(
    names: Sequence[str],
    values: NDArray[np.float32],
    plane: NDArray[np.int32],
    objects: PixelRuns,
    found: dict[str, NDArray[np.float64]],
) -> None:
    """Fill in the features of images with one channel."""
    if {"Histogram", "Quantiles", "Global<Minimum>", "Global<Maximum>"} & set(names):
        inside = values[plane > 0]
        low, high = float(inside.min(initial=np.inf)), float(inside.max(initial=-np.inf))
        for name, value in (("Global<Minimum>", low), ("Global<Maximum>", high)):
            if name in names:
                found[name][:] = value
        if np.isfinite([low, high]).all() and {"Histogram", "Quantiles"} & set(names):
            counts = histograms(values, objects, low, high)
            moments = value_moments(values, objects, central=False)
            if "Histogram" in names:
                found["Histogram"] = counts
            if "Quantiles" in names:
                ends = moments.minima, moments.maxima
                found["Quantiles"] = quantiles(counts, low, high, *ends)
    if {"Coord<ArgMinWeight>", "Coord<ArgMaxWeight>"} & set(names):
        keys = ("Coord<ArgMinWeight>", "Coord<ArgMaxWeight>")
        found |= dict(zip(keys, extreme_places(values, objects), strict=True))
    weighted = [name for name in names if name.startswith("Weighted<")]
    if weighted:
        moments_of_places = place_moments(objects, values)
        with np.errstate(divide="ignore", invalid="ignore"):
            for name in weighted:
                what = name.removeprefix("Weighted<").removesuffix(">")
                found[name] = _PLACE_STATISTICS[what](moments_of_places)


def _several_channels(
    names: Sequence[str],
    read: Read,
    objects: PixelRuns,
    n_channels: int,
    found: dict[str, NDArray[np.float64]],
) -> None:
    """Fill in what relates channels to each other."""
    principal = [name for name in names if name.startswith("Principal")]
    if not principal and "Covariance" not in names:
        return
    covariance = _covariance(read, objects, n_channels)
    if "Covariance" in names:
        found["Covariance"] = covariance.reshape(len(objects), -1)
    if not principal:
        return
    stack = np.stack([read(channel) for channel in range(n_channels)])
    axes, sums = principal_values(stack, objects, covariance)
    counts = value_moments(stack[0], objects, central=False).counts[:, None]
    with np.errstate(divide="ignore", invalid="ignore"):
        computed = {
            "PrincipalAxes": axes.reshape(len(objects), -1),
            "Principal<PowerSum<2>>": sums[:, 0],
            "Principal<PowerSum<3>>": sums[:, 1],
            "Principal<PowerSum<4>>": sums[:, 2],
            "Principal<Minimum>": sums[:, 3],
            "Principal<Maximum>": sums[:, 4],
            "Principal<Variance>": sums[:, 0] / counts,
            "Principal<Skewness>": _skewness(counts, sums[:, 0], sums[:, 1]),
            "Principal<Kurtosis>": _kurtosis(counts, sums[:, 0], sums[:, 2]),
        }
    found |= {name: computed[name] for name in principal}


def _covariance(read: Read, regions: PixelRuns, n_channels: int) -> NDArray[np.float64]:
    """Return the covariance (n, channels, channels) of the channels, two of them in memory."""
    found = np.empty((len(regions), n_channels, n_channels))
    for i in range(n_channels):
        first = read(i)
        for j in range(i, n_channels):
            second = first if i == j else read(j)
            found[:, i, j] = found[:, j, i] = covariances(first, second, regions)
    return found


def _surroundings(
    names: Sequence[str],
    suffix: str,
    plane: NDArray[np.int32],
    objects: PixelRuns,
    margin: tuple[int, int, int],
    read: Read,
    n_channels: int,
    found: dict[str, NDArray[np.float64]],
) -> None:
    """Fill in the features of what lies around objects."""
    with_objects = suffix == WITH_OBJECT
    for first, regions in find_surroundings(plane, objects, margin, with_objects=with_objects):
        rows = slice(first, first + len(regions))
        for channel in range(n_channels):
            values = read(channel)
            _intensities(names, suffix, values, regions, channel, found, first)
            if "Histogram" in names:
                # Each neighbourhood is an image of its own in ilastik: its values are the range.
                moments = value_moments(values, regions, central=False)
                for number in range(len(regions)):
                    low, high = moments.minima[number], moments.maxima[number]
                    if np.isfinite([low, high]).all():
                        part = regions.only(number)
                        found["Histogram" + suffix][first + number] = histograms(
                            values, part, float(low), float(high)
                        )[0]
        if "Covariance" in names:
            covariance = _covariance(read, regions, n_channels)
            found["Covariance" + suffix][rows] = covariance.reshape(len(regions), -1)


def _skewness(
    counts: NDArray[np.float64], second: NDArray[np.float64], third: NDArray[np.float64]
) -> NDArray[np.float64]:
    found: NDArray[np.float64] = np.sqrt(counts) * third / second**1.5
    return found


def _kurtosis(
    counts: NDArray[np.float64], second: NDArray[np.float64], fourth: NDArray[np.float64]
) -> NDArray[np.float64]:
    found: NDArray[np.float64] = counts * fourth / second**2 - 3.0
    return found
