"""Read and draw the segmented nuclei of an image."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from bridge.detections import Detections, check_labels
from bridge.errors import BadInputError
from bridge.formats import existing_file, format_of
from bridge.formats.labels import read_label_image
from bridge.objects3d import ObjectRows

if TYPE_CHECKING:
    from bridge.images import Image

Nuclei = Detections | NDArray[Any]
"""Detections, or a label image (Y, X), (Z, Y, X), (T, Y, X) or (T, Z, Y, X)."""


def read_nuclei(source: Path, image: Image) -> Nuclei:
    """Read the nuclei of an image.

    Args:
        source: file of objects. A label TIFF stays a label image: tracing would cost time and give
            the objects UUIDs that no other file knows.
        image: the image that they belong to.

    Raises:
        BadInputError: missing, damaged, no known format, or a label image with other planes than
            the image.
    """
    if not source.name.lower().endswith((".tif", ".tiff")):
        return nuclei_only(format_of(source).read(source, image=image.info))
    pixels, axes, _ = read_label_image(existing_file(source))
    if axes != _plane_axes(image):
        raise BadInputError(
            source,
            f"has the axes {axes}, but {image.name} is {_plane_axes(image)}",
            "give the label image of this image",
        )
    return pixels


def nuclei_only(detections: Detections) -> Detections:
    """Leave out the regions that a reviewer drew around nuclei.

    Returns:
        The detections and cells; everything where there is none of them, as somebody may have
        outlined all nuclei by hand as annotations.
    """
    kinds = detections.objects["object_type"].isin(["detection", "cell"])
    if kinds.all() or not kinds.any():
        return detections
    return replace(detections, objects=detections.objects[kinds])


def largest_slices(nuclei: Nuclei) -> Nuclei:
    """Keep the largest slice of each nucleus of a volume (:mod:`bridge.objects3d`).

    Returns:
        ``nuclei`` itself where none has several slices, and a label image.
    """
    if not isinstance(nuclei, Detections):
        return nuclei
    rows = ObjectRows.of(nuclei)
    if not rows.has_slices:
        return nuclei
    return replace(nuclei, objects=nuclei.objects.iloc[rows.largest])


def label_stack(nuclei: Nuclei, image: Image) -> NDArray[Any]:
    """Draw the nuclei of all planes.

    Args:
        nuclei: detections, drawn as :meth:`bridge.Detections.to_labels` does; or a label image.
        image: the image that they belong to.

    Returns:
        Label image (T, Z, Y, X) of whole numbers, 0 is background; a view where that is possible.

    Raises:
        BadInputError: no label image, or not of the size of the image.
    """
    shape = (image.size("T"), image.size("Z"), image.height, image.width)
    if isinstance(nuclei, Detections):
        info = nuclei.image
        if (info.width or image.width, info.height or image.height) != (image.width, image.height):
            raise _other_size(f"{info.width} x {info.height}", image)
        return nuclei.to_labels(shape)
    labels = check_labels(np.asarray(nuclei), "label image")
    if labels.shape != tuple(
        n for n, a in zip(shape, "TZYX", strict=True) if a in _plane_axes(image)
    ):
        raise _other_size(" x ".join(str(n) for n in labels.shape[::-1]), image)
    return labels.reshape(shape)


def _plane_axes(image: Image) -> str:
    return ("T" if image.size("T") > 1 else "") + ("Z" if image.size("Z") > 1 else "") + "YX"


def _other_size(found: str, image: Image) -> BadInputError:
    planes = [image.size(axis) for axis in "XYZT" if axis in _plane_axes(image)]
    return BadInputError(
        image.name,
        f"is {' x '.join(str(n) for n in planes)} px, but its nuclei are of {found} px",
        "give the image that the nuclei were found in",
    )
