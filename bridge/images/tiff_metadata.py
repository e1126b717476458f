"""Pixel size and channel names in the TIFF files of microscopes, each format's own.

tifffile reads the tags; what they mean is written here, one function a format. Sources: TIFF 6.0;
Micro-Manager's multipage TIFF (https://micro-manager.org/Micro-Manager_File_Formats); Zeiss' LSM
(voxels in m); MetaMorph's STK and MetaSeries; Olympus' FluoView and SIS (m); Aperio's SVS (``MPP``,
µm); PerkinElmer's and Akoya's QPTIFF (XML in every page).
"""

from __future__ import annotations

import json
import math
from dataclasses import replace
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree as ET

from bridge.errors import BadInputError
from bridge.images.imagej import imagej_channels, imagej_pixel_size
from bridge.images.units import (
    CENTIMETRE,
    INCH,
    METRE,
    is_print_resolution,
    micrometres,
    pixel_size_of,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from tifffile import TiffFile, TiffPageSeries

    from bridge.images.info import PixelSize
    from bridge.images.ome import Ome

    Found = tuple[PixelSize | None, tuple[str, ...]]

_LARGEST_PIXEL = 20.0  # µm: a plain TIFF that claims more was made for paper
_MICRO_MANAGER = 51123  # tag with the JSON of one plane
_NOTHING: Found = (None, ())


def described(file: TiffFile, series: TiffPageSeries, ome: Ome | None) -> Found:
    """Return pixel size (µm) and channel names, from the metadata that describes an image.

    Args:
        file: the open file.
        series: the image.
        ome: the file's OME description, if it has one.

    Returns:
        The pixel size, or None; a name a channel, or none. A damaged field counts as missing.
    """
    size, channels = _NOTHING
    for read in (_ome(ome), *_READERS.get(series.kind, ()), _micro_manager_plane, _metaseries):
        try:
            more_size, more_channels = read(file, series)
        except (BadInputError, ET.ParseError, *_DAMAGED):
            continue
        if size is not None and size.z is None and more_size is not None:
            size = replace(size, z=more_size.z)
        size, channels = size or more_size, channels or more_channels
    if size is None and (ome is None or series.kind != "ome"):
        size = _plain_pixel_size(series.keyframe)
    return size, channels


_DAMAGED = (ArithmeticError, AttributeError, LookupError, TypeError, ValueError)


def _ome(ome: Ome | None) -> Callable[[TiffFile, TiffPageSeries], Found]:
    def read(file: TiffFile, series: TiffPageSeries) -> Found:
        if ome is None or series.kind not in ("ome", "mmstack"):
            return _NOTHING
        page = series.keyframe
        images = [
            image
            for image in ome.images
            if (image.width, image.height) == (page.imagewidth, page.imagelength)
        ]
        same_name = [image for image in images if image.name == series.name]
        if len(ome.images) == len(file.series):
            found = [ome.images[series._index]]
        else:
            found = same_name if len(same_name) == 1 else images if len(images) == 1 else []
        return (found[0].pixel_size, found[0].channels) if found else _NOTHING

    return read


def _imagej(file: TiffFile, series: TiffPageSeries) -> Found:
    metadata = file.imagej_metadata or {}
    page = series.keyframe
    return (
        imagej_pixel_size(page, metadata, _unit_steps(page)),
        imagej_channels(series, metadata),
    )


def _micro_manager(file: TiffFile, _series: TiffPageSeries) -> Found:
    """Read the summary at the beginning of a Micro-Manager stack or an NDTiff file."""
    summary = (file.micromanager_metadata or {}).get("Summary", {})
    return _micro_manager_size(summary), _names(summary.get("ChNames"))


def _micro_manager_plane(_file: TiffFile, series: TiffPageSeries) -> Found:
    """Read what Micro-Manager writes into a tag of every plane."""
    noted = series.keyframe.tags.valueof(_MICRO_MANAGER)
    if isinstance(noted, (bytes, str)):
        noted = json.loads(noted)
    return (_micro_manager_size(noted), ()) if isinstance(noted, dict) else _NOTHING


def _micro_manager_size(noted: Mapping[str, Any]) -> PixelSize | None:
    size = _number(noted.get("PixelSizeUm")) or _number(noted.get("PixelSize_um"))
    aspect = _number(noted.get("PixelAspect")) or 1.0
    z = _number(noted.get("z-step_um"))
    return pixel_size_of(size and size * aspect, size, abs(z) if z else None)


def _lsm(file: TiffFile, _series: TiffPageSeries) -> Found:
    noted: Mapping[str, Any] = file.lsm_metadata or {}
    size = pixel_size_of(*(METRE * float(noted.get(f"VoxelSize{axis}", 0)) for axis in "YXZ"))
    return size, _names(noted.get("ChannelColors", {}).get("ColorNames"))


def _stk(file: TiffFile, series: TiffPageSeries) -> Found:
    noted: Mapping[str, Any] = file.stk_metadata or {}
    unit = micrometres(str(noted.get("CalibrationUnits", "")).strip("\0 "))
    if unit is None or noted.get("SpatialCalibration") == 0:
        return _NOTHING
    y, x = (unit * float(noted.get(f"{axis}Calibration", 0)) for axis in "YX")
    # The distance to the plane before; that of the first plane is to nothing.
    steps = {abs(float(step)) for step in list(noted.get("ZDistance", ()))[1:]}
    z = steps.pop() if len(steps) == 1 and "Z" in series.axes else None
    return pixel_size_of(y, x, z), ()


def _metaseries(_file: TiffFile, series: TiffPageSeries) -> Found:
    """Read the XML of MetaMorph and MetaXpress in the description of a page."""
    page = series.keyframe
    if not page.is_metaseries:
        return _NOTHING
    noted = {e.get("id", ""): e.get("value", "") for e in _xml(page.description).iter("prop")}
    unit = micrometres(noted.get("spatial-calibration-units"))
    if unit is None or noted.get("spatial-calibration-state", "on") == "off":
        return _NOTHING
    y, x = (unit * float(noted[f"spatial-calibration-{axis}"]) for axis in "yx")
    return pixel_size_of(y, x), ()


def _fluoview(file: TiffFile, _series: TiffPageSeries) -> Found:
    steps = {}
    for name, _, _, step, unit in (file.fluoview_metadata or {})["Dimensions"]:
        length = micrometres(unit)
        if length is not None:
            steps[name.upper()] = abs(step) * length
    return pixel_size_of(steps.get("Y"), steps.get("X"), steps.get("Z")), ()


def _sis(file: TiffFile, _series: TiffPageSeries) -> Found:
    noted: Mapping[str, Any] = file.sis_metadata or {}
    return pixel_size_of(METRE * noted["pixelsizey"], METRE * noted["pixelsizex"]), ()


def _aperio(_file: TiffFile, series: TiffPageSeries) -> Found:
    """Read ``|MPP = 0.4990`` of Aperio's description."""
    for item in series.keyframe.description.split("|"):
        name, _, value = item.partition("=")
        if name.strip() == "MPP":
            size = float(value.replace(",", "."))
            return pixel_size_of(size, size), ()
    return _NOTHING


def _qptiff(_file: TiffFile, series: TiffPageSeries) -> Found:
    names = []
    size = None
    for page in series._pages:
        root = _xml(getattr(page, "description", ""))
        names.append(root.findtext("Name") or "")
        micro = next((e.text for e in root.iter("PixelSizeMicrons") if e.text), None)
        size = size or (float(micro) if micro else None)
    # Resolution tags are exact for this image; the scan's profile is that of the whole slide.
    return _plain_pixel_size(series.keyframe) or pixel_size_of(size, size), _names(names)


_READERS: dict[str, tuple[Callable[[TiffFile, TiffPageSeries], Found], ...]] = {
    "imagej": (_imagej,),
    "mmstack": (_micro_manager,),
    "ome": (),
    "ndtiff": (_micro_manager,),
    "lsm": (_lsm,),
    "stk": (_stk,),
    "fluoview": (_fluoview,),
    "sis": (_sis,),
    "svs": (_aperio,),
    "qpi": (_qptiff,),
    "uniform": (_aperio,),
    "generic": (_aperio,),
}


def _plain_pixel_size(page: Any) -> PixelSize | None:
    """Return the resolution of a TIFF without further metadata, if it can be a microscope's."""
    units = {2: INCH, 3: CENTIMETRE, 4: 1_000.0, 5: 1.0}  # 4 and 5: extensions, mm and µm
    unit = units.get(int(page.tags.valueof("ResolutionUnit", 1)))
    if unit is None:
        return None
    y, x = (unit * size if size else None for size in _unit_steps(page))
    if x is None or x > _LARGEST_PIXEL or is_print_resolution(x):
        return None
    return pixel_size_of(y, x)


def _unit_steps(page: Any) -> tuple[float | None, float | None]:
    """Return height and width of a pixel in the file's unit of length."""
    steps: list[float | None] = []
    for tag in ("YResolution", "XResolution"):
        try:
            pixels, length = page.tags.valueof(tag)
            steps.append(length / pixels)
        except (TypeError, ValueError, ZeroDivisionError):
            steps.append(None)
    return steps[0], steps[1]


def _names(found: Any) -> tuple[str, ...]:
    """Return names that say something; none where a file only left room for them."""
    if isinstance(found, str):
        found = json.loads(found)  # Micro-Manager 1.4 keeps lists as text
    names: Sequence[Any] = found if isinstance(found, (list, tuple)) else ()
    texts = tuple(str(name or "").strip("\0 ") for name in names)
    return texts if any(texts) else ()


def _number(value: Any) -> float | None:
    try:
        number = float(value)
    except (TypeError, ValueError):
        return None
    return number if math.isfinite(number) else None


def _xml(text: Any) -> ET.Element:
    """Parse XML without entities of its own, which could fill the memory."""
    if isinstance(text, bytes):
        text = text.decode("utf-16" if text[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8")
    text = str(text).strip("\0 \n\r\t\ufeff")
    if "<!DOCTYPE" in text or "<!ENTITY" in text:
        raise ValueError("XML with entities")
    return ET.fromstring(text)  # noqa: S314 - entities are refused above
