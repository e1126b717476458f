"""Objects of a whole image, plane by plane."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from bridge.classify.pixels.objects.cells import drop_border_cells, grow_cells
from bridge.classify.pixels.objects.finding import find_objects, make_mask
from bridge.classify.pixels.objects.smoothing import smooth
from bridge.detections import Detections
from bridge.errors import BadInputError
from bridge.outlines import trace

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from bridge.classify.pixels.objects.maps import ProbabilityMap
    from bridge.classify.pixels.objects.settings import ObjectSettings
    from bridge.images import Image

Progress = Callable[[int, int], None]
"""Called with how many planes are done, and how many there are."""

_Labels = tuple["NDArray[np.int32]", "NDArray[np.int32] | None"]


def segment_map(
    probabilities: ProbabilityMap,
    channel: int,
    settings: ObjectSettings,
    *,
    cytoplasm: int | None = None,
    progress: Progress | None = None,
) -> Detections:
    """Make objects of a map of probabilities; slices and time points are planes of their own.

    Args:
        probabilities: the map.
        channel: number of the objects' class, from 0.
        settings: what makes an object.
        cytoplasm: number of the class of the cytoplasm, from 0, where the objects are nuclei whose
            cells are wanted.
        progress: called after each plane.

    Returns:
        The objects, numbered through all planes; ``prob`` is the mean probability in an object (of
        a cell: in its nucleus). With a cytoplasm they are cells with a nucleus each.

    Raises:
        BadInputError: values that are no probabilities; nothing but zeros.
        MissingPartError: a way to cut, or cells, need scikit-image.
    """
    is_zero = True
    full = probabilities.full

    def find(z: int, t: int) -> tuple[_Labels, NDArray[np.float32]]:
        nonlocal is_zero
        plane = probabilities.plane(channel, z=z, t=t)
        is_zero = is_zero and not plane.any()
        if cytoplasm is None:
            return (find_objects(plane, settings, full=full), None), plane
        around = probabilities.plane(cytoplasm, z=z, t=t)
        nuclei = find_objects(plane, replace(settings, drop_border=False), full=full)
        mask = make_mask(smooth(plane + around, settings.sigma), settings, full)
        cells = grow_cells(nuclei, mask)
        if settings.drop_border:
            nuclei, cells = drop_border_cells(nuclei, cells)
        return (cells, nuclei), plane

    found = _through_planes(probabilities.image, find, full, progress)
    if is_zero:
        probabilities.check_not_empty()
    name = probabilities.names[channel]
    if name is not None and cytoplasm is None:
        found.objects["class"] = name
    return found


def segment_intensities(
    image: Image,
    channel: int | str | None,
    settings: ObjectSettings,
    *,
    progress: Progress | None = None,
) -> Detections:
    """Find bright objects on dark ground by Otsu's threshold of each plane.

    Args:
        image: the image.
        channel: of the objects; ``None`` where there is only one.
        settings: what makes an object; its ``cutoff`` is ``None``.
        progress: called after each plane.

    Raises:
        BadInputError: a channel that is not there, or values that are no numbers.
    """

    def find(z: int, t: int) -> tuple[_Labels, None]:
        plane = image.plane(channel, z=z, t=t).astype(np.float32)
        if not np.isfinite(plane).all():
            raise BadInputError(
                image.path or image.name,
                "has pixels that are NaN or infinite",
                "replace them first (in Fiji: Process › Math › NaN Background, then set them to 0)",
            )
        return (find_objects(plane, settings), None), None

    return _through_planes(image, find, 1.0, progress)


def _through_planes(
    image: Image,
    find: Callable[[int, int], tuple[_Labels, NDArray[np.float32] | None]],
    full: float,
    progress: Progress | None,
) -> Detections:
    """Collect the objects of all planes of an image."""
    planes = list(image.planes())
    columns: dict[str, list[Any]] = {"label": [], "prob": [], "z": [], "t": []}
    outlines: list[Any] = []
    nuclei: list[Any] = []
    for done, (t, z) in enumerate(planes, 1):
        (labels, inner), plane = find(z, t)
        numbers, drawn = trace(labels)
        outlines.extend(drawn)
        columns["label"].extend((numbers + len(columns["label"])).tolist())
        columns["z"].extend([z] * len(numbers))
        columns["t"].extend([t] * len(numbers))
        measured = labels if inner is None else inner
        columns["prob"].extend(_mean_probabilities(measured, numbers, plane, full))
        if inner is not None:
            nuclei.extend(trace(inner)[1])
        if progress:
            progress(done, len(planes))
    if nuclei:
        columns |= {"nucleus": nuclei, "object_type": ["cell"] * len(nuclei)}
    return Detections.from_polygons(outlines, columns=columns, image=image.info)


def _mean_probabilities(
    labels: NDArray[np.int32],
    numbers: NDArray[np.int64],
    plane: NDArray[np.float32] | None,
    full: float,
) -> list[float]:
    """Return the mean probability in each object, NaN where none is known."""
    if plane is None:
        return [float("nan")] * len(numbers)
    flat = labels.ravel()
    sums = np.bincount(flat, plane.ravel(), minlength=1)
    means = sums[numbers] / np.bincount(flat, minlength=1)[numbers] / full
    return np.clip(means, 0, 1).tolist()  # type: ignore[no-any-return]
