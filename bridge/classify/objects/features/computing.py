"""Objects and an image -> a table of features."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from bridge.classify.objects.features.ilastik.computing import ilastik_features
from bridge.classify.objects.features.names import (
    averaged_names,
    lobe_names,
    neighbour_names,
    texture_names,
)
from bridge.classify.objects.features.neighbourhood import find_neighbours
from bridge.classify.objects.features.outline import lobes
from bridge.classify.objects.features.settings import FeatureSettings
from bridge.classify.objects.features.texture import (
    binary_patterns,
    depths,
    grey_levels,
    haralick,
    pairs_inside,
    radial_profile,
)
from bridge.detections import Detections
from bridge.files.compiled import suitable_threads
from bridge.images.channels import channel_titles
from bridge.measure.columns import Columns
from bridge.measure.compartments import Compartments
from bridge.measure.pixels import PixelLists
from bridge.measure.table import measure

if TYPE_CHECKING:
    from bridge.images import Image


def object_features(
    objects: Detections | NDArray[Any],
    image: Image,
    settings: FeatureSettings,
    *,
    channels: Sequence[int | str] | None = None,
) -> pd.DataFrame:
    """Compute the features of every object.

    Linear in the pixels of the objects: 100,000 nuclei with four channels take some seconds.

    Args:
        objects: detections or a label image, as :func:`bridge.measure.measure` takes them.
        image: the image, of the same size.
        settings: of the features.
        channels: the image's channels that stand for the settings', in their order; those of the
            same names where ``None``.

    Returns:
        A row an object, in the order and with the index of :func:`bridge.measure.measure`; float64
        columns ``settings.names``. An object of which nothing is drawn has NaN throughout, one that
        touches a NaN or is too small for a texture has NaN there.

    Raises:
        BadInputError: sizes that do not fit, other channels than the settings', or no pixel size
            where they are in µm.

    >>> from bridge.images import from_array
    >>> image = from_array(np.arange(64, dtype=np.uint8).reshape(8, 8), axes="YX")
    >>> labels = np.zeros((8, 8), int)
    >>> labels[1:7, 1:7] = 1
    >>> settings = FeatureSettings.of_image(image, neighbours=0)
    >>> table = object_features(labels, image, settings)
    >>> float(table.loc[1, "Nucleus: C1: LBP 4"])
    1.0
    """
    with suitable_threads(image.height * image.width):
        return _features(objects, image, settings, channels)


def _features(
    objects: Detections | NDArray[Any],
    image: Image,
    settings: FeatureSettings,
    channels: Sequence[int | str] | None,
) -> pd.DataFrame:
    chosen = settings.find_channels(image, channels)
    settings.check_pixel_size(image)
    if settings.ilastik is not None:
        return ilastik_features(
            objects, image, settings.ilastik, channels=chosen, titles=settings.channels
        )
    titles = channel_titles(image.channels)
    given = {titles[index]: title for index, title in zip(chosen, settings.channels, strict=True)}
    table = measure(
        objects,
        image,
        ring=settings.ring,
        ring_unit=settings.unit,
        unit=settings.unit,
        channels=chosen,
        further=_outline_and_texture,
    )
    if list(given) != list(given.values()):
        table = table.rename(columns=_renamed(table.columns.tolist(), given))
    if settings.neighbours:
        table = _with_neighbours(table, _planes(objects, table), settings)
    return table.reindex(columns=list(settings.names)).astype(np.float64)


def _renamed(columns: Sequence[str], given: Mapping[str, str]) -> dict[str, str]:
    """Return the names of the columns with the channels' names of training."""
    renamed = {}
    for column in columns:
        compartment, _, rest = column.partition(": ")
        channel, separator, what = rest.rpartition(": ")
        if separator and channel in given:
            renamed[column] = f"{compartment}: {given[channel]}: {what}"
    return renamed


def _outline_and_texture(
    compartments: Compartments, lists: Mapping[str, PixelLists]
) -> tuple[Columns, Callable[[str, NDArray[Any]], Columns]]:
    """Return the lobes of the nuclei of a plane, and what measures their texture in a channel."""
    plane, pixels = compartments.nucleus, lists["Nucleus"]
    depth, inside = depths(plane, pixels), pairs_inside(plane, pixels)

    def of_channel(title: str, values: NDArray[Any]) -> Columns:
        numbers = np.ascontiguousarray(values, np.float32)  # one compilation for every type
        parts = (
            haralick(grey_levels(numbers, pixels), pixels, inside),
            binary_patterns(numbers, pixels, inside),
            radial_profile(depth, numbers, pixels),
        )
        return {
            name: found[:, number]
            for names, found in zip(texture_names(title), parts, strict=True)
            for number, name in enumerate(names)
        }

    outline = dict(zip(lobe_names(), lobes(pixels).T, strict=True))
    return outline, of_channel


def _planes(objects: Detections | NDArray[Any], table: pd.DataFrame) -> NDArray[np.int64]:
    """Return the time point and slice (n, 2) of each row."""
    if isinstance(objects, Detections):
        return np.asarray(objects.objects[["t", "z"]], np.int64)
    if isinstance(table.index, pd.MultiIndex):
        return np.stack([table.index.get_level_values(k).to_numpy(np.int64) for k in "tz"], axis=1)
    return np.zeros((len(table), 2), np.int64)


def _with_neighbours(
    table: pd.DataFrame, planes: NDArray[np.int64], settings: FeatureSettings
) -> pd.DataFrame:
    """Add the columns of the neighbours of each object in its plane."""
    unit, count = settings.unit, settings.neighbours
    averaged = averaged_names(settings.channels, unit)
    names = [*neighbour_names(unit), *(f"Neighbours: {name}" for name in averaged)]
    centres = table[[f"Centroid Y {unit}", f"Centroid X {unit}"]].to_numpy(np.float64)
    values = table[averaged].to_numpy(np.float64)
    found = np.full((len(table), len(names)), np.nan)
    is_drawn = np.isfinite(centres).all(axis=1)
    # Distances are compared in pixels: the grid of the search is made for them.
    scale = settings.pixel_size if unit == "µm" and settings.pixel_size else 1.0
    _, number = np.unique(planes, axis=0, return_inverse=True)
    number = number.ravel()
    for plane in range(int(number.max(initial=-1)) + 1):
        rows = np.flatnonzero(is_drawn & (number == plane))
        distances, others = find_neighbours(centres[rows] / scale, count)
        distances = np.where(others >= 0, distances * scale, np.nan)
        near = np.where((others >= 0)[..., None], values[rows][others], np.nan)
        enough = (others >= 0).sum(axis=1)
        with warnings.catch_warnings(), np.errstate(divide="ignore", invalid="ignore"):
            warnings.simplefilter("ignore", RuntimeWarning)  # an object without neighbours
            farthest = np.nanmax(distances, axis=1) if len(rows) else np.zeros(0)
            found[rows, 0] = distances[:, 0]
            found[rows, 1] = np.nanmean(distances, axis=1)
            found[rows, 2] = np.where(
                (enough > 0) & (farthest > 0), enough / (np.pi * farthest**2), 0.0
            )
            found[rows, 3:] = np.nanmean(near, axis=1)
    return pd.concat([table, pd.DataFrame(found, index=table.index, columns=names)], axis=1)
