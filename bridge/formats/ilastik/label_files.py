"""Brush strokes of a project as files that other programs open: label images and GeoJSON."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import tifffile
from numpy.typing import NDArray

from bridge.errors import BadInputError
from bridge.files.atomic import writing
from bridge.files.names import safe_name
from bridge.formats import geojson
from bridge.formats.ilastik.drawing import outline_strokes
from bridge.formats.ilastik.labels import Strokes
from bridge.formats.ilastik.lanes import LaneImage
from bridge.formats.ilastik.project import IlastikProject, read_label_sets
from bridge.images import image_name
from bridge.images.info import ImageInfo

_CLASSIC_TIFF_LIMIT = 2**32 - 2**25
_STRIP = 2**18
_MOST_VALUES = 2**36  # of a label image: a project may claim any size


@dataclass(frozen=True, kw_only=True)
class LabelFiles:
    """Files of the brush strokes of one image.

    Attributes:
        image: name of the image.
        labels: the label image.
        geojson: the outlines.
        counts: pixels by class number.
    """

    image: str
    labels: Path
    geojson: Path
    counts: dict[int, int]


def write_label_files(project: IlastikProject, out: Path) -> list[LabelFiles]:
    """Write the brush strokes of each image that has some.

    ``NAME_labels.tif`` is uint8 (YX, ZYX, TYX or TZYX): 0 where there is no stroke, else the class
    from 1. ``NAME.geojson`` has an annotation with its class for each stroke.

    Args:
        project: the project.
        out: the folder.

    Returns:
        The files, in the order of the images.

    Raises:
        BadInputError: damaged strokes, or a file that cannot be written.
    """
    written = []
    for name, lane, strokes in zip(
        names_of_lanes(project), project.lanes, read_label_sets(project), strict=True
    ):
        if not strokes.blocks or lane.raw is None:
            continue
        labels, outlines = out / f"{name}_labels.tif", out / f"{name}.geojson"
        try:
            _write_image(strokes, labels, project.path)
        except MemoryError as error:
            raise BadInputError(
                project.path,
                f"has an image of {strokes.shape[3]} × {strokes.shape[2]} pixels a plane, more "
                "than fits in memory",
                "close other programs, or use a larger machine",
            ) from error
        info = ImageInfo(
            name=name,
            width=strokes.shape[3],
            height=strokes.shape[2],
            size_z=strokes.shape[1],
            size_t=strokes.shape[0],
        )
        geojson.write(outline_strokes(strokes, project.classes, info), outlines)
        files = LabelFiles(image=name, labels=labels, geojson=outlines, counts=strokes.counts())
        written.append(files)
    return written


def names_of_lanes(project: IlastikProject) -> list[str]:
    """Return a name for each image of a project: of its file, else of the project, each once.

    >>> names_of_lanes(read_project("cells.ilp"))  # doctest: +SKIP
    ['section 1', 'section 2']
    """
    own = [_name(lane.raw) for lane in project.lanes]
    nicknames = [safe_name(lane.raw.nickname) if lane.raw else "" for lane in project.lanes]
    names: list[str] = []
    for number, (name, nickname) in enumerate(zip(own, nicknames, strict=True)):
        chosen = name if own.count(name) == 1 else nickname
        if not chosen or chosen.casefold() in {each.casefold() for each in names}:
            chosen = f"{chosen or 'image'}_{number}"
        names.append(chosen)
    return names


def _name(image: LaneImage | None) -> str:
    if image is None:
        return ""
    return safe_name(image_name(image.files[0]) if image.files else image.nickname)


def _write_image(strokes: Strokes, path: Path, project: Path) -> None:
    times, slices, height, width = strokes.shape
    if times * slices * height * width > _MOST_VALUES:
        raise BadInputError(
            project,
            f"claims an image of {strokes.shape} (T, Z, Y, X) pixels",
            "open the project in ilastik and choose the image again",
        )
    is_small = times * slices * height * width < _CLASSIC_TIFF_LIMIT
    axes = "".join(a for a, n in zip("TZYX", strokes.shape, strict=True) if n > 1 or a in "YX")
    shape = tuple(n for a, n in zip("TZYX", strokes.shape, strict=True) if a in axes)
    # With all its axes spelled out, ImageJ does not take an image of one column for something else.
    options: dict[str, Any] = {"imagej": True, "metadata": {"axes": "TZCYXS"}}
    if not is_small:
        options = {"bigtiff": True, "metadata": {"axes": axes}}
    with writing(path) as part:
        tifffile.imwrite(
            part,
            _planes(strokes),
            shape=(times, slices, 1, height, width, 1) if is_small else shape,
            dtype=np.uint8,
            photometric="minisblack",
            compression="zlib",
            rowsperstrip=min(height, max(1, _STRIP // width)),
            **options,
        )


def _planes(strokes: Strokes) -> Iterator[NDArray[np.uint8]]:
    there = strokes.plane_numbers()
    empty = np.zeros(strokes.shape[2:], np.uint8)
    for t in range(strokes.shape[0]):
        for z in range(strokes.shape[1]):
            yield strokes.plane(t, z) if (t, z) in there else empty
