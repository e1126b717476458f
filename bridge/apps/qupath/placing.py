"""Place objects that were found in a file on the project's image that shows it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from bridge.errors import BadInputError

if TYPE_CHECKING:
    from os import PathLike

    from bridge.apps.qupath.project_files import ProjectImage
    from bridge.detections import Detections
    from bridge.images.info import ImageInfo


@dataclass(frozen=True)
class Placed:
    """Objects in the coordinates of QuPath's image.

    Attributes:
        detections: the objects of which QuPath's image shows something.
        left_out: number of objects in parts of the file that it does not show.
    """

    detections: Detections
    left_out: int = 0


def place(
    image: ProjectImage, detections: Detections, shown: ImageInfo, source: str | PathLike[str]
) -> Placed:
    """Return the objects of a file in the coordinates of the project's image that shows it.

    Args:
        image: the image.
        detections: objects in the coordinates of the file, with its size where that is known; those
            that were exported as QuPath shows the image (``image.coordinates``) stay as they are.
        shown: what QuPath says of the image; its size where that is known.
        source: the file, for errors.

    Raises:
        BadInputError: the image cannot be expressed as a part of one file, or has another size
            than the image that the objects were found in.
    """
    transform = image.transform
    transform.check(image.name)
    found, expected = detections.image, transform.file_size
    is_shown = found.coordinates == "shown"
    if is_shown:
        expected = (shown.width, shown.height) if shown.width and shown.height else None
    turned = f" ({', '.join(transform.steps)})" if transform.steps else ""
    if expected is None and transform.keeps_frame and shown.width and shown.height:
        expected = (shown.width, shown.height)
    if found.width and found.height and expected and (found.width, found.height) != expected:
        raise BadInputError(
            source,
            f"has objects that were found in an image of {found.width} x {found.height} px, and "
            f"{image.name} in the project is made of {expected[0]} x {expected[1]} px{turned}",
            "give the image (or the series of the file) that they were found in",
        )
    if is_shown:
        placed = replace(detections, image=replace(found, coordinates="file"))
    else:
        placed = transform.detections_to_shown(detections)
    size = placed.image
    if size.width and shown.width and (size.width, size.height) != (shown.width, shown.height):
        raise BadInputError(
            source,
            f"has objects for an image of {size.width} x {size.height} px{turned}, and QuPath "
            f"shows {image.name} with {shown.width} x {shown.height} px",
            "open and save the image in QuPath, or give the image that they were found in",
        )
    if transform.keeps_frame:
        return Placed(placed)
    return _visible(placed)


def _visible(placed: Detections) -> Placed:
    """Leave out objects of which the image shows nothing."""
    import shapely

    info = placed.image
    if info.width is None or info.height is None:
        return Placed(placed)
    left, top, right, bottom = shapely.bounds(placed.objects.geometry.to_numpy()).T
    seen = (right > 0) & (bottom > 0) & (left < info.width) & (top < info.height)
    kept = replace(placed, objects=placed.objects[seen])
    return Placed(kept, left_out=len(placed) - len(kept))
