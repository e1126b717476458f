"""OME-XML, the description inside an OME-TIFF: pixel sizes, channel names, the files of a set.

Source of the format: https://docs.openmicroscopy.org/ome-model/ (OME-TIFF and OME-XML, 2016-06).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

from bridge.errors import BadInputError
from bridge.images.contents import stays_inside
from bridge.images.units import micrometres, pixel_size_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bridge.images.info import PixelSize
    from bridge.images.locations import Location

_MOST_PLANES = 10_000_000


@dataclass(frozen=True)
class OmeImage:
    """An ``Image`` element: name, size of its planes, pixel size, channel names."""

    name: str
    width: int
    height: int
    pixel_size: PixelSize | None
    channels: tuple[str, ...]


@dataclass(frozen=True)
class Ome:
    """The content of an OME-XML text.

    Args:
        text: the XML, mended where a renamed file would not be found (see :func:`read_ome`).
        images: the ``Image`` elements.
        files: names of the other files that hold pixels.
        described_in: name of the file with the real description, for a file that has none.
    """

    text: str
    images: tuple[OmeImage, ...]
    files: tuple[str, ...]
    described_in: str | None = None


def read_ome(path: Location, text: str) -> Ome | None:
    """Read OME-XML, and refuse what would lead out of the folder or out of memory.

    Args:
        path: the file that the text is from, named in errors.
        text: the XML.

    Returns:
        What it says; None where it is not well-formed. A text that names a single file, and does
        not say that this is another file, means the file it is in: the name is dropped, so that
        the image can be renamed.

    Raises:
        BadInputError: for a set of files outside the folder, sizes that no microscope makes, or
            XML with entities of its own.
    """
    if "<!DOCTYPE" in text or "<!ENTITY" in text:
        raise BadInputError(
            path,
            "has an OME description with XML entities, which no microscope writes",
            "export the file again as OME-TIFF",
        )
    try:
        root = ET.fromstring(text)  # noqa: S314 - entities are refused above
    except ET.ParseError:
        return None
    pixels = [(image, found) for image in _all(root, "Image") for found in _all(image, "Pixels")]
    for _, found in pixels:
        _check_sizes(path, found)
    named = {
        (uuid.text, uuid.get("FileName", ""))
        for _, found in pixels
        for data in _all(found, "TiffData")
        for uuid in _all(data, "UUID")
    }
    only_this_file = len(named) == 1 and root.get("UUID") is None
    if only_this_file:
        for _, found in pixels:
            for data in _all(found, "TiffData"):
                for uuid in list(_all(data, "UUID")):
                    data.remove(uuid)
        text = ET.tostring(root, encoding="unicode")
    files = tuple(sorted(name for uuid, name in named if uuid != root.get("UUID") and name))
    described_in = next((e.get("MetadataFile", "") for e in _all(root, "BinaryOnly")), None)
    for name in (*files, *((described_in,) if described_in else ())):
        if not stays_inside(name):
            raise BadInputError(
                path,
                f"refers to {name!r}, outside its own folder",
                "export the file again, with all its files in one folder",
            )
    return Ome(
        text,
        tuple(_image(image, found) for image, found in pixels),
        () if only_this_file else files,
        described_in,
    )


def _image(image: ET.Element, pixels: ET.Element) -> OmeImage:
    sizes = {axis: _length(pixels, axis) for axis in "YXZ"}
    return OmeImage(
        name=image.get("Name", ""),
        width=int(pixels.get("SizeX", "0")),
        height=int(pixels.get("SizeY", "0")),
        pixel_size=pixel_size_of(sizes["Y"], sizes["X"], sizes["Z"]),
        channels=tuple(channel.get("Name", "") for channel in _all(pixels, "Channel")),
    )


def _length(pixels: ET.Element, axis: str) -> float | None:
    unit = micrometres(pixels.get(f"PhysicalSize{axis}Unit", "µm"))
    try:
        size = float(pixels.get(f"PhysicalSize{axis}", ""))
    except ValueError:
        return None
    return None if unit is None else size * unit


def _check_sizes(path: Location, pixels: ET.Element) -> None:
    """Refuse numbers that would make a reader set up lists of that length."""
    try:
        sizes = [int(pixels.get(f"Size{axis}", "")) for axis in "TCZYX"]
        counts = [
            int(data.get(name, "0"))
            for data in _all(pixels, "TiffData")
            for name in ("IFD", "NumPlanes", "PlaneCount", "FirstT", "FirstC", "FirstZ")
        ]
    except ValueError:
        sizes, counts = [0], []
    if (
        min(sizes) < 1
        or math.prod(sizes[:3]) > _MOST_PLANES
        or max(counts, default=0) > _MOST_PLANES
    ):
        raise BadInputError(
            path,
            "has an OME description with impossible sizes",
            "export the file again as OME-TIFF",
        )

    listed = sum(
        int(data.get("PlaneCount", data.get("NumPlanes", "IFD" in data.attrib)))
        for data in _all(pixels, "TiffData")
    )
    if listed > math.prod(sizes[:3]):
        raise BadInputError(
            path,
            f"has an OME description of {listed} planes whose sizes are those of "
            f"{math.prod(sizes[:3])}",
            "export the file again as OME-TIFF",
        )


def _all(element: ET.Element, name: str) -> Iterator[ET.Element]:
    """Return children by name, whatever the year in their namespace."""
    return (child for child in element if child.tag.rpartition("}")[2] == name)
