"""Cut out a part of an image together with the same part of its label image."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from bridge.detections import OBJECT, Detections
from bridge.images import Image, from_array
from bridge.measure.pixels import number_objects
from bridge.select.nuclei import Nuclei, label_stack, largest_slices
from bridge.select.windows import Length, Place, Window, nucleus_points, place_window


@dataclass(frozen=True)
class Crop:
    """A pair of image and nuclei, ready for training.

    Attributes:
        window: its place in the whole image.
        image: all channels and planes of the window, in memory.
        nuclei: the nuclei in it, along the pixels' edges, in pixels of the crop; numbered from 1
            without gaps in ascending order of their labels in the whole image, or with these
            labels. UUID, probability, class and name are those of the whole image's nuclei, where
            they were given.
        objects: a row a nucleus (and plane): ``label`` in the crop, ``original_label`` in the whole
            image, ``id`` (UUID; not for a label image, which has none), ``object`` (of slices of
            a volume's nuclei, :mod:`bridge.objects3d`), ``z``, ``t``, ``cut`` (True where the
            nucleus goes on beyond the crop).
    """

    window: Window
    image: Image
    nuclei: Detections
    objects: pd.DataFrame


def crop(
    image: Image,
    nuclei: Nuclei,
    size: tuple[Length, Length] | None = None,
    place: Place = "centre",
    *,
    window: Window | None = None,
    keep_labels: bool = False,
    name: str | None = None,
) -> Crop:
    """Cut out a part of an image and of its label image.

    Nuclei that the crop's border cuts are kept, as the part that is inside.

    Args:
        image: the whole image; read plane by plane.
        nuclei: detections, or a label image; of the whole image.
        size: (height, width) of the crop, in pixels, or as fractions of the image; larger than the
            image: the image.
        place: see :func:`bridge.select.place_window`.
        window: the exact place, instead of ``size`` and ``place``.
        keep_labels: the nuclei keep the labels that they have in the whole image.
        name: of the crop; ``NAME_crop`` when ``None``.

    Raises:
        BadInputError: sizes that do not fit, a size below 1, an image that cannot be read.

    >>> labels = np.zeros((8, 8), np.uint16)
    >>> labels[2:5, 2:5] = 7
    >>> cut = crop(from_array(labels, axes="YX", name="Pa_s1"), labels, (4, 4), "top-left")
    >>> cut.objects.to_dict("records")
    [{'label': 1, 'original_label': 7, 'z': 0, 't': 0, 'cut': True}]
    """
    labels = label_stack(nuclei, image)
    if window is None:
        shape = (image.height, image.width)
        points = place_points(nuclei, image) if place == "densest" else None
        window = place_window(shape, size or shape, place, points)
    part = crop_image(image, window, name)
    inside = np.ascontiguousarray(window.of(labels))
    ids, numbered = number_objects(inside)
    axes = "".join(a for a in "TZ" if part.size(a) > 1) + "YX"
    drawn = (inside if keep_labels else numbered).reshape([part.size(axis) for axis in axes])
    traced = Detections.from_labels(drawn, axes=axes, image=part.info)
    frame = pd.DataFrame(traced.objects[["label", "z", "t"]])
    in_crop = frame["label"].to_numpy()
    frame["original_label"] = in_crop if keep_labels else ids[in_crop - 1]
    if isinstance(nuclei, Detections):
        traced, frame = _with_identity(traced, frame, nuclei)
    frame["cut"] = np.isin(frame["original_label"], _cut(labels, window))
    known = [column for column in ("id", OBJECT) if column in frame]
    columns = ["label", "original_label", *known, "z", "t", "cut"]
    return Crop(window, part, traced, frame[columns].reset_index(drop=True))


def place_points(nuclei: Nuclei, image: Image) -> NDArray[np.int64]:
    """Return a pixel of each nucleus, of one of a volume in its largest slice.

    Args:
        nuclei: as in :func:`crop`.
        image: the whole image.

    Returns:
        As :func:`bridge.select.windows.nucleus_points`.
    """
    return nucleus_points(label_stack(largest_slices(nuclei), image))


def crop_image(image: Image, window: Window, name: str | None = None) -> Image:
    """Read a part of an image, all its channels and planes.

    Returns:
        An image in memory (T, C, Z, Y, X; axes of size 1 left out), of the same pixel size and
        channel names, called ``name``, or ``NAME_crop``.
    """
    times, slices, channels = image.size("T"), image.size("Z"), len(image.channels)
    pixels = np.empty((times, slices, channels, window.height, window.width), image.dtype)
    for t, z in image.planes():
        for channel in range(channels):
            pixels[t, z, channel] = window.of(image.plane(channel, z=z, t=t))
    sizes = dict(zip("TZCYX", pixels.shape, strict=True))
    axes = "".join(axis for axis in "TZC" if sizes[axis] > 1) + "YX"
    return from_array(
        pixels.reshape([sizes[axis] for axis in axes]),
        axes=axes,
        pixel_size=image.pixel_size,
        channels=image.channels,
        name=name or f"{image.name}_crop",
    )


def _with_identity(
    traced: Detections, frame: pd.DataFrame, nuclei: Detections
) -> tuple[Detections, pd.DataFrame]:
    """Copy UUIDs, probability, class and name of the whole image's nuclei to the traced ones."""
    known = nuclei.objects.reset_index().set_index(["label", "z", "t"])
    keys = pd.MultiIndex.from_frame(frame[["original_label", "z", "t"]])
    of_volume = [OBJECT] if OBJECT in known.columns else []
    rows = known[["id", *of_volume, "prob", "class", "class_color", "name"]].reindex(keys)
    frame = frame.assign(**{column: rows[column].to_numpy() for column in ("id", *of_volume)})
    objects = traced.objects.copy()
    for column in (*of_volume, "prob", "class", "class_color", "name"):
        objects[column] = rows[column].to_numpy()
    objects.index = pd.Index(rows["id"].to_numpy(), name="id", dtype=object)
    return replace(traced, objects=objects), frame


def _cut(labels: NDArray[Any], window: Window) -> NDArray[Any]:
    """List the labels that are on both sides of one of the window's borders."""
    rows = slice(window.top, window.bottom)
    columns = slice(window.left, window.right)
    found = [np.empty(0, labels.dtype)]
    height, width = labels.shape[-2:]
    borders = (
        (window.top > 0, labels[..., window.top - 1 : window.top + 1, columns], -2),
        (window.bottom < height, labels[..., window.bottom - 1 : window.bottom + 1, columns], -2),
        (window.left > 0, labels[..., rows, window.left - 1 : window.left + 1], -1),
        (window.right < width, labels[..., rows, window.right - 1 : window.right + 1], -1),
    )
    for goes_on, lines, axis in borders:
        if goes_on:
            outer, inner = np.split(lines, 2, axis=axis)
            found.append(np.intersect1d(outer, inner))
    return np.setdiff1d(np.concatenate(found), [0])
