"""Objects of a stack and its image -> a table with a row an object."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from bridge.detections import Detections
from bridge.errors import BadInputError
from bridge.images.channels import channel_titles
from bridge.measure.columns import Columns, intensity_columns
from bridge.measure.table import Channels
from bridge.volumes.measuring.columns import shape_columns
from bridge.volumes.measuring.intensities import measure_slices
from bridge.volumes.measuring.moments import Moments, measure_moments
from bridge.volumes.measuring.numbering import NumberedVolume, number_volumes
from bridge.volumes.meshes.label_surfaces import label_sigma, label_surface
from bridge.volumes.meshes.labels import LabelBox
from bridge.volumes.meshes.surface import SurfaceSettings
from bridge.volumes.voxels import Triple, check_anisotropy

if TYPE_CHECKING:
    from bridge.images import Image

_OPTIONS = "--pixel-size and --z-step"


def measure_volumes(
    objects: Detections | NDArray[Any],
    image: Image,
    *,
    axes: str | None = None,
    channels: Channels | None = None,
    progress: Callable[[int, int], None] = lambda done, total: None,
    notes: list[str] | None = None,
) -> pd.DataFrame:
    """Measure every object of a volume: shape in µm, and intensities in every channel.

    In memory are the numbered volume of a time point, a slice of the image, and a channel's values
    inside objects. Time and memory are linear in voxels.

    Args:
        objects: detections, a row a slice, with the column ``object``
            (:func:`bridge.objects3d.name_objects` gives it), drawn as
            :meth:`bridge.Detections.to_labels` does; or a label volume (Z, Y, X) or (T, Z, Y, X)
            of whole numbers, 0 is background, ids may have gaps.
        image: the stack, of the same size, whose pixel size is known along z, y and x.
        axes: axes of a label volume; the planes that ``image`` has when ``None``.
        channels: names or numbers from 0; all when ``None``.
        progress: called with time points done and all of them.
        notes: gets lines for the user.

    Returns:
        A row an object and time point, in the order of ``t`` and ``label``: ``object`` (its UUID;
        not for a label volume), ``label``, ``class`` and ``name`` (of detections, see
        :func:`bridge.objects3d.representative_rows`), ``t``, ``z_first`` and ``z_last`` (from 0),
        ``slices``, then float64 columns as :mod:`bridge.volumes.measuring.columns` describes.
        Objects of which nothing is drawn have NaN.

    Raises:
        BadInputError: an unknown pixel size, slices more than ten times as far apart as pixels, a
            plane, sizes that do not fit, a channel that is not there, too little memory.
        MissingPartError: scikit-image is not installed.

    >>> from bridge.images import from_array
    >>> labels = np.zeros((3, 4, 4), np.uint8)
    >>> labels[1:, 1:3, 1:3] = 5
    >>> image = from_array(labels * 10, axes="ZYX", pixel_size=(2, 0.5, 0.5))
    >>> table = measure_volumes(labels, image)
    >>> table[["label", "z_first", "slices", "Nucleus: Volume µm^3", "Nucleus: C1: Sum"]].values
    array([[  5.,   1.,   2.,   4., 400.]])
    """
    notes = [] if notes is None else notes
    voxel = _voxel(image)
    chosen = [
        image.channel_index(c) for c in (range(image.size("C")) if channels is None else channels)
    ]
    titles = channel_titles(image.channels)
    listed, volumes = number_volumes(objects, image, axes)
    if listed.differing:
        notes.append(
            f"{listed.differing} objects have slices of different classes; that of most slices "
            "counts"
        )
    parts: dict[str, list[NDArray[np.float64]]] = {}
    for volume in volumes:
        n = volume.rows.stop - volume.rows.start
        moments = measure_moments(volume.numbers, n)
        areas = surface_areas(volume.numbers, moments, voxel)
        columns: Columns = shape_columns(moments, areas, voxel)
        for channel in chosen:
            statistics = measure_slices(
                _reader(image, channel, volume), volume.numbers, moments.voxels
            )
            columns |= intensity_columns("Nucleus", titles[channel], statistics)
        for name, values in columns.items():
            parts.setdefault(name, []).append(values)
        progress(volume.t + 1, image.size("T"))
    measured = {name: np.concatenate(values) for name, values in parts.items()}
    return pd.concat([listed.table, pd.DataFrame(measured, index=listed.table.index)], axis=1)


def surface_areas(
    numbers: NDArray[np.int32], moments: Moments, voxel: Triple
) -> NDArray[np.float64]:
    """Return the area of each object's smoothed surface, as ``starbridge volume mesh`` makes it.

    Args:
        numbers: (z, y, x), objects are numbered from 1 to n.
        moments: of the n objects.
        voxel: µm along z, y and x.

    Returns:
        (n,) µm²; NaN for objects of which smoothing leaves nothing, or without voxels.

    Raises:
        MissingPartError: scikit-image is not installed.

    >>> numbers = np.zeros((30, 30, 30), np.int32)
    >>> z, y, x = np.ogrid[-14.5:15:1, -14.5:15:1, -14.5:15:1]
    >>> numbers[z**2 + y**2 + x**2 <= 100] = 1
    >>> area = surface_areas(numbers, measure_moments(numbers, 1), (1.0, 1.0, 1.0))[0]
    >>> bool(abs(area / (4 * np.pi * 100) - 1) < 0.01)
    True
    """
    sigma = label_sigma(voxel)
    z, y, x = (sigma / step for step in voxel)
    surface_settings = SurfaceSettings(sigma=(z, y, x))
    areas = np.full(len(moments.voxels), np.nan)
    for i, voxels in enumerate(moments.voxels.tolist()):
        if not voxels:
            continue
        start, stop = moments.start[i].tolist(), moments.stop[i].tolist()
        box = LabelBox(i + 1, (start[0], start[1], start[2]), (stop[0], stop[1], stop[2]), voxels)
        try:
            areas[i] = label_surface(numbers, box, voxel, surface_settings, "objects").area
        except BadInputError:  # smoothing leaves nothing of it
            continue
    return areas


def _voxel(image: Image) -> Triple:
    size, source = image.pixel_size, str(image.path or image.name)
    if size is None:
        raise BadInputError(source, "has no pixel size", f"give µm by {_OPTIONS}")
    if size.z is None:
        raise BadInputError(
            source, "does not say how far apart its slices are", "give µm by --z-step"
        )
    voxel = (size.z, size.y, size.x)
    check_anisotropy(source, voxel, _OPTIONS)
    return voxel


def _reader(image: Image, channel: int, volume: NumberedVolume) -> Callable[[int], NDArray[Any]]:
    def read(z: int) -> NDArray[Any]:
        return image.plane(channel, z=z, t=volume.t)

    return read
