"""Write the image region of every annotation, for training."""

from __future__ import annotations

import math
import re
from pathlib import Path

import numpy as np

from bridge.apps.qupath.sync import Review
from bridge.detections import Detections
from bridge.errors import BadInputError
from bridge.files.names import safe_name
from bridge.images import from_array, open_image
from bridge.images.hyperstack import write_hyperstack
from bridge.review.results import Written, select_objects


def crop_files(review: Review, name: str) -> dict[str, str]:
    """Return the names of the files that :func:`write_crops` writes into its folder.

    Crops of annotations that lie outside of the image are left out there.

    Args:
        review: the review.
        name: the image's name, which the file names begin with.

    Returns:
        Relative paths by key: ``annotations geojson``, ``annotations rois`` and ``crop 1``,
        ``crop 2``, … in the order of the annotations; empty where there are none.
    """
    kinds = _annotations(review).objects["class"]
    if not len(kinds):
        return {}
    files = {
        "annotations geojson": f"geojsons/{name}.geojson",
        "annotations rois": f"ROIs/{name}_rois.zip",
    }
    for number, kind in enumerate(kinds, 1):
        # notebooks find the class by the brackets
        text = "none" if kind is None else safe_name(re.sub(r"[\[\]]", "_", str(kind))) or "_"
        files[f"crop {number}"] = f"ROIsTif/{name} [{text}] {number:03d}.tif"
    return files


def write_crops(review: Review, name: str, folder: Path) -> Written:
    """Write all annotations of one image, and the image region of each.

    Args:
        review: the review.
        name: the image's name, which the file names begin with.
        folder: all files go here: ``geojsons/NAME.geojson`` and ``ROIs/NAME_rois.zip`` with all
            annotations, and ``ROIsTif/NAME [Class] 001.tif`` for each.

    Returns:
        The files, a part of :func:`crop_files`.

    Raises:
        BadInputError: the image's file is missing, cannot be read, or is not what QuPath shows
            (several files, or a part of one, in one image); a file cannot be written.
    """
    files = crop_files(review, name)
    if not files:
        return Written(files={})
    annotations, path = _annotations(review), _image_file(review)
    with open_image(path) as image:
        shown = (review.detections.image.width, review.detections.image.height)
        if shown[0] is not None and shown != (image.width, image.height):
            # cropped or rotated in QuPath: the outlines belong to other pixels
            raise BadInputError(
                path,
                f"is {image.width} x {image.height} px, and what QuPath shows of it is "
                f"{shown[0]} x {shown[1]} px",
                "export the image from QuPath",
            )
        for key in ("annotations geojson", "annotations rois"):
            annotations.write(folder / files[key])
        pixel_size = image.pixel_size or review.detections.image.pixel_size
        for number, (_, row) in enumerate(annotations.objects.iterrows(), 1):
            left, top, right, bottom = row.geometry.bounds
            y0, x0 = max(math.floor(top), 0), max(math.floor(left), 0)
            y1, x1 = min(math.ceil(bottom), image.height), min(math.ceil(right), image.width)
            if y1 <= y0 or x1 <= x0:
                del files[f"crop {number}"]
                continue
            planes = [
                image.plane(channel, z=int(row["z"]), t=int(row["t"]))[y0:y1, x0:x1]
                for channel in range(len(image.channels))
            ]
            crop = from_array(
                np.stack(planes),
                axes="CYX",
                pixel_size=pixel_size,
                channels=image.channels,
                name=name,
            )
            write_hyperstack(crop, folder / files[f"crop {number}"])
    return Written(files=files, objects=len(annotations))


def _annotations(review: Review) -> Detections:
    return select_objects(review.detections, only="annotations")


def _image_file(review: Review) -> Path:
    """Return the one file that the image's pixels come from."""
    image = review.image
    if not image.paths:
        raise BadInputError(image.name, "has no file of its own", "export it from QuPath")
    if image.missing:
        raise BadInputError(
            image.missing[0], "is not there", "tell the project where it is: --relink FOLDER"
        )
    if len(image.paths) > 1:
        raise BadInputError(image.name, "is made of several files", "export it from QuPath")
    return image.paths[0]
