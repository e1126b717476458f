"""Measure the brightness of a channel over the nuclei of an image."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from os import PathLike, fspath
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from bridge.detections import Detections
from bridge.errors import BadInputError
from bridge.images import Image, open_image
from bridge.images.channels import channel_titles
from bridge.measure import measure
from bridge.objects3d import ObjectRows
from bridge.select.nuclei import Nuclei, nuclei_only, read_nuclei

SIZES = ("Nucleus: Area ", "Nucleus: Volume ")
"""First words of the columns of the size of a nucleus: of a slice, or of one of a volume."""


@dataclass(frozen=True)
class Intensities:
    """The intensities of a channel over the nuclei of one image.

    Attributes:
        channel: the channel's name in the image.
        nuclei: number of nuclei that have pixels; in a stack each cut of a nucleus through a plane
            counts, but for nuclei of volumes (:mod:`bridge.objects3d`), which count once.
        mean: mean over the nuclei of the mean intensity of each, so that small nuclei count as
            much as large ones. Images are chosen by it. NaN without nuclei.
        median: median over the nuclei of the mean intensity of each.
        pixel_mean: mean over all pixels of the nuclei.
    """

    channel: str
    nuclei: int
    mean: float
    median: float
    pixel_mean: float


def image_intensities(nuclei: Nuclei, image: Image, channel: int | str) -> Intensities:
    """Measure a channel over the nuclei of one image, as :func:`bridge.measure.measure` does.

    Args:
        nuclei: detections (annotations among nuclei are left out), or a label image.
        image: the image, read plane by plane.
        channel: name, or number from 0, as in :meth:`bridge.images.Image.channel_index`.

    Raises:
        BadInputError: an unknown channel, sizes that do not fit.

    >>> from bridge.images import from_array
    >>> image = from_array(np.array([[10, 20], [99, 40]], np.uint8), axes="YX", name="Pa_s1")
    >>> image_intensities(np.array([[1, 1], [0, 2]]), image, 0).mean
    27.5
    """
    return channel_intensities(nuclei, image, [channel])[0]


def channel_intensities(
    nuclei: Nuclei, image: Image, channels: Sequence[int | str]
) -> list[Intensities]:
    """Measure several channels over the nuclei of one image.

    Args:
        nuclei: as in :func:`image_intensities`; drawn once.
        image: likewise.
        channels: names, or numbers from 0.

    Raises:
        BadInputError: as in :func:`image_intensities`.
    """
    titles = channel_titles(image.channels)
    found = nuclei_only(nuclei) if isinstance(nuclei, Detections) else nuclei
    table = measure(found, image, unit="px", channels=channels)
    owner = ObjectRows.of(found).owner if isinstance(found, Detections) else None
    return [intensities_of_table(table, titles[image.channel_index(c)], owner) for c in channels]


def intensities_of_table(
    table: pd.DataFrame, title: str, owner: NDArray[np.int64] | None = None
) -> Intensities:
    """Summarize a table of measurements.

    Args:
        table: a row a nucleus or a slice of one, columns as :mod:`bridge.measure.columns` or, of
            nuclei of volumes, :mod:`bridge.volumes.measuring.columns` describes.
        title: of the channel in the names of the columns.
        owner: (rows,) number of the nucleus that each row belongs to; each its own where ``None``.

    Raises:
        BadInputError: the table has no such columns, or they are not numbers.

    >>> table = pd.DataFrame({"Nucleus: DAPI: Mean": [10, 30], "Nucleus: Area px^2": [3, 1]})
    >>> found = intensities_of_table(table, "DAPI")
    >>> found.mean, found.pixel_mean
    (20.0, 15.0)
    """
    column = f"Nucleus: {title}: Mean"
    areas = [name for name in table.columns if str(name).startswith(SIZES)]
    if column not in table.columns or not areas:
        missing = column if areas else "Nucleus: Area"
        raise BadInputError(
            "table", f"has no column {missing!r}", "measure this channel: starbridge measure"
        )
    try:
        means, area = (table[name].to_numpy(np.float64) for name in (column, areas[0]))
    except ValueError as error:
        raise BadInputError(
            "table", f"holds text in {column!r}", "make it anew: starbridge measure"
        ) from error
    # Nuclei without pixels, or that touch NaN pixels, have no mean.
    measured = np.isfinite(means)
    means, area = means[measured], area[measured]
    if not len(means):
        return Intensities(title, 0, np.nan, np.nan, np.nan)
    pixel_mean = float(np.average(means, weights=area))
    if owner is not None:
        means = _means_of_owners(means, area, owner[measured])
    return Intensities(
        channel=title,
        nuclei=len(means),
        mean=float(means.mean()),
        median=float(np.median(means)),
        pixel_mean=pixel_mean,
    )


def _means_of_owners(
    means: NDArray[np.float64], area: NDArray[np.float64], owner: NDArray[np.int64]
) -> NDArray[np.float64]:
    """Return the mean over all pixels of each nucleus, from those of its slices."""
    _, number = np.unique(owner, return_inverse=True)
    if len(number) == int(number.max()) + 1:
        return means
    found: NDArray[np.float64] = np.bincount(number, means * area) / np.bincount(number, area)
    return found


def mean_intensities(
    images: Sequence[Image | str | PathLike[str]],
    nuclei: Sequence[Nuclei | str | PathLike[str]],
    channel: int | str,
    *,
    axes: str | None = None,
) -> pd.DataFrame:
    """Measure a channel over the nuclei of every image.

    Args:
        images: open images, or files, which are opened one after the other.
        nuclei: of each image its detections, its label image, or the file of them.
        channel: name, or number from 0.
        axes: of the image files, where they do not say.

    Returns:
        A row an image: ``name``, the attributes of :class:`Intensities`, ``image`` (path, ``""``
        for an array).

    Raises:
        BadInputError: an image or its nuclei cannot be read or do not fit, or their numbers
            differ.

    >>> from bridge.images import from_array
    >>> pixels = np.arange(16, dtype=np.uint8).reshape(4, 4)
    >>> image = from_array(pixels, axes="YX", name="Pa_s1")
    >>> mean_intensities([image], [pixels // 8], 0)["mean"].tolist()
    [11.5]
    """
    if len(images) != len(nuclei):
        raise BadInputError(
            "nuclei", f"are of {len(nuclei)} images, not of {len(images)}", "give one an image"
        )
    rows: list[dict[str, Any]] = []
    for given, objects in zip(images, nuclei, strict=True):
        if isinstance(given, Image):
            rows.append(_row(given, objects, channel))
        else:
            with open_image(given, axes=axes) as image:
                rows.append(_row(image, objects, channel))
    return pd.DataFrame(rows)


def _row(image: Image, objects: Nuclei | str | PathLike[str], channel: int | str) -> dict[str, Any]:
    if isinstance(objects, (str, PathLike)):
        objects = read_nuclei(Path(objects), image)
    found = asdict(image_intensities(objects, image, channel))
    return {"name": image.name, **found, "image": fspath(image.path) if image.path else ""}
