"""Training sets: the image region of every annotation, with what is drawn in it."""

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


def write_crops(review: Review, name: str, out: Path) -> list[Path]:
    """Write a training set of one image.

    Args:
        review: the review.
        name: what to call the files.
        out: the folder; in it ``geojsons/NAME.geojson`` gets all annotations,
            ``ROIs/NAME_rois.zip`` the same for ImageJ, and ``ROIsTif/NAME [Class] 001.tif`` the
            image region of each.

    Returns:
        The files. Nothing is written of an image without annotations.

    Raises:
        BadInputError: the image's file is not there, cannot be read, or is not what QuPath shows
            (several files, or a part of one, in one image); a file cannot be written.
    """
    frame = review.detections.objects
    regions = frame[frame["object_type"] == "annotation"]
    if regions.empty:
        return []
    annotations = Detections(regions, review.detections.image)
    if not review.image.paths:
        raise BadInputError(review.image.name, "has no file of its own", "export it from QuPath")
    if review.image.missing:
        raise BadInputError(
            review.image.missing[0], "is not there", "tell the project where it is: --relink FOLDER"
        )
    if len(review.image.paths) > 1:
        raise BadInputError(review.image.name, "is made of several files", "export it from QuPath")
    written = [out / "geojsons" / f"{name}.geojson", out / "ROIs" / f"{name}_rois.zip"]
    with open_image(review.image.paths[0]) as image:
        shown = (review.detections.image.width, review.detections.image.height)
        if shown[0] is not None and shown != (image.width, image.height):
            # cut out or turned in QuPath: the outlines belong to other pixels
            raise BadInputError(
                review.image.paths[0],
                f"is {image.width} x {image.height} px, and what QuPath shows of it is "
                f"{shown[0]} x {shown[1]} px",
                "export the image from QuPath",
            )
        for path in written:
            annotations.write(path)
        pixel_size = image.pixel_size or review.detections.image.pixel_size
        for number, (_, row) in enumerate(annotations.objects.iterrows(), 1):
            left, top, right, bottom = row.geometry.bounds
            y0, x0 = max(math.floor(top), 0), max(math.floor(left), 0)
            y1, x1 = min(math.ceil(bottom), image.height), min(math.ceil(right), image.width)
            if y1 <= y0 or x1 <= x0:
                continue  # drawn outside of the image
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
            # brackets are what the class is found by
            kind = "none" if row["class"] is None else re.sub(r"[\[\]]", "_", str(row["class"]))
            kind = safe_name(kind) or "_"
            path = out / "ROIsTif" / f"{name} [{kind}] {number:03d}.tif"
            write_hyperstack(crop, path)
            written.append(path)
    return written
