"""Write the image region of every annotation, for training."""

from __future__ import annotations

import math
import re
from os import PathLike
from pathlib import Path

import numpy as np

from bridge.apps.qupath.shown_image import open_shown
from bridge.apps.qupath.sync import Review
from bridge.errors import BadInputError
from bridge.files.names import safe_name
from bridge.formats import write_all
from bridge.images import from_array
from bridge.images.hyperstack import write_hyperstack
from bridge.review.results import select_objects


def write_crops(review: Review, name: str, folder: str | PathLike[str]) -> dict[str, str]:
    """Write all annotations of one image, and the image region of each, as QuPath shows them.

    Where the image is its file rotated, cropped or rescaled, regions and outlines are so too.

    Args:
        review: the review.
        name: the beginning of the file names.
        folder: the folder for all files.

    Returns:
        Relative paths by key: ``annotations geojson`` (``export/geojsons/NAME.geojson``),
        ``annotations rois`` (``export/ROIs/NAME_rois.zip``) and, for each annotation in the image,
        ``crop 1``, … (``export/ROIsTif/NAME [Class] 001.tif``). Empty without annotations.

    Raises:
        BadInputError: the image's file is missing, cannot be read, or is not what QuPath shows
            (several files, or a part of one, in one image); a file cannot be written.
    """
    annotations = select_objects(review.detections, only="annotations")
    if not len(annotations):
        return {}
    out = Path(folder)
    files = {
        "annotations geojson": f"export/geojsons/{name}.geojson",
        "annotations rois": f"export/ROIs/{name}_rois.zip",
    }
    with open_shown(review.image) as image:
        annotations = review.image.transform.detections_to_shown(annotations)
        shown = (annotations.image.width, annotations.image.height)
        if shown[0] is not None and shown != (image.width, image.height):
            raise BadInputError(
                review.image.paths[0],
                f"is {image.width} x {image.height} px, and what QuPath shows of it is "
                f"{shown[0]} x {shown[1]} px",
                "export the image from QuPath",
            )
        write_all(annotations, [out / file for file in files.values()])
        pixel_size = image.pixel_size or annotations.image.pixel_size
        for number, (_, row) in enumerate(annotations.objects.iterrows(), 1):
            left, top, right, bottom = row.geometry.bounds
            y0, x0 = max(math.floor(top), 0), max(math.floor(left), 0)
            y1, x1 = min(math.ceil(bottom), image.height), min(math.ceil(right), image.width)
            if y1 <= y0 or x1 <= x0:
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
            # The notebooks for training find the class by the brackets.
            kind = re.sub(r"[\[\]]", "_", row["class"] or "none")
            file = f"export/ROIsTif/{name} [{safe_name(kind) or '_'}] {number:03d}.tif"
            write_hyperstack(crop, out / file)
            files[f"crop {number}"] = file
    return files
