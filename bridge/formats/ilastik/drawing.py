"""Outlines to brush strokes, and brush strokes to outlines."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray

from bridge.colors import distinct_color
from bridge.detections import Detections, check_labels
from bridge.errors import BadInputError
from bridge.formats.ilastik.labels import Block, Strokes, cut_blocks
from bridge.images.info import ImageInfo
from bridge.outlines.rasterize import rasterize
from bridge.outlines.trace import trace

if TYPE_CHECKING:
    from geopandas import GeoDataFrame

    from bridge.images import Image

LINE_WIDTH = 3.0
"""Width, in pixels, at which lines and points are drawn."""

_ROWS = 1024


def class_numbers(
    frame: GeoDataFrame, classes: Sequence[str], *, by_name: bool = False
) -> NDArray[np.int64]:
    """Return the number of each object's class, from 1; 0 for those of no such class.

    Args:
        frame: objects, with the columns ``class`` and ``name``.
        classes: names of the classes; upper and lower case count as the same.
        by_name: an object's name counts where its class does not, as in ImageJ, which calls a
            second ROI of a name ``NAME-1``.

    >>> objects = Detections.from_polygons([shapely.box(0, 0, 1, 1)], columns={"class": ["Soma"]})
    >>> class_numbers(objects.objects, ["background", "soma"])
    array([2])
    """
    known = {name.casefold(): number for number, name in enumerate(classes, 1)}

    def number(text: Any) -> int:
        return known.get(text.strip().casefold(), 0) if isinstance(text, str) else 0

    found = np.array([number(text) for text in frame["class"]], np.int64)
    if by_name:
        names = [re.sub(r"-\d+$", "", n) if isinstance(n, str) else None for n in frame["name"]]
        exact = [number(name) for name in frame["name"]]
        numbered = [number(name) for name in names]
        found = np.where(found, found, np.where(exact, exact, numbered)).astype(np.int64)
    return found


def draw_strokes(
    frame: GeoDataFrame, numbers: NDArray[np.int64], shape: tuple[int, int, int, int]
) -> tuple[Strokes, tuple[str, ...]]:
    """Draw outlines as brush strokes.

    Pixels that belong to two classes get none: nobody can say which of them is meant.

    Args:
        frame: objects: areas, lines or points in corner-origin pixels, with columns ``z`` and
            ``t``; lines and points are drawn 3 pixels wide.
        numbers: class of each, from 1; those of 0 are left out.
        shape: (T, Z, Y, X) of the image.

    Returns:
        The strokes, and notes for the user.
    """
    rows = np.flatnonzero(numbers)
    geometries = _as_areas(frame.geometry.to_numpy()[rows])
    numbers = numbers[rows]
    z = frame["z"].to_numpy(np.int64)[rows]
    t = frame["t"].to_numpy(np.int64)[rows]
    blocks: list[Block] = []
    contested = drawn = 0
    inside = (t >= 0) & (t < shape[0]) & (z >= 0) & (z < shape[1])
    for plane in sorted({*zip(t[inside].tolist(), z[inside].tolist(), strict=True)}):
        here = np.flatnonzero((t == plane[0]) & (z == plane[1]))
        for window in _draw_plane(geometries[here], numbers[here], shape[2:]):
            contested += window.contested
            blocks += cut_blocks(window.values, *plane, window.top, window.left)
            drawn += int(np.count_nonzero(window.values))
    notes = []
    if not inside.all():
        notes.append(f"{int((~inside).sum())} strokes lie in planes that the image does not have")
    if contested:
        notes.append(f"{contested} pixels belong to several classes and are left without a label")
    if len(rows) and not drawn:
        notes.append("all strokes lie outside of the image, or between its pixels")
    return Strokes(shape, tuple(blocks)), tuple(notes)


def strokes_of_image(image: Image, classes: int, source: str) -> Strokes:
    """Read a sparse label image as brush strokes.

    Args:
        image: 0 where there is no label, else the class from 1.
        classes: how many there are.
        source: its file, for errors.

    Raises:
        BadInputError: several channels, or values that are no classes.
    """
    if image.size("C") > 1:
        raise BadInputError(
            source, f"has {image.size('C')} channels", "give an image with a class a pixel"
        )
    shape = (image.size("T"), image.size("Z"), image.height, image.width)
    blocks: list[Block] = []
    for t, z in image.planes():
        plane = check_labels(image.plane(0, z=z, t=t), source)
        largest = int(plane.max(initial=0))
        if largest > classes:
            raise BadInputError(
                source,
                f"has the value {largest}, and there are {classes} classes",
                "give a label image with 0 for no label, and 1, 2, … for the classes in order",
            )
        blocks += cut_blocks(plane.astype(np.uint8), t, z)
    return Strokes(shape, tuple(blocks))


def outline_strokes(strokes: Strokes, classes: Sequence[str], image: ImageInfo) -> Detections:
    """Outline brush strokes as annotations with classes, a connected stroke each.

    Args:
        strokes: the strokes.
        classes: names of the classes.
        image: what is known of the image.
    """
    columns: dict[str, list[Any]] = {"class": [], "class_color": [], "z": [], "t": []}
    outlines: list[Any] = []
    for t, z, plane in strokes.planes():
        for number, outline in _outlines(plane):
            for part in shapely.get_parts(outline):
                outlines.append(part)
                known = 1 <= number <= len(classes)
                columns["class"].append(classes[number - 1] if known else f"Label {number}")
                columns["class_color"].append(distinct_color(number - 1))
                columns["z"].append(z)
                columns["t"].append(t)
    columns["object_type"] = ["annotation"] * len(outlines)
    return Detections.from_polygons(outlines, columns=columns, image=image)


def _outlines(plane: NDArray[np.uint8]) -> Iterator[tuple[int, Any]]:
    rows, columns = np.flatnonzero(plane.any(axis=1)), np.flatnonzero(plane.any(axis=0))
    if not len(rows):
        return
    window = plane[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    numbers, outlines = trace(window)
    corner = np.array([columns[0], rows[0]])
    moved = shapely.transform(outlines, lambda xy: xy + corner)
    yield from zip(numbers.tolist(), moved, strict=True)


def _as_areas(geometries: NDArray[np.object_]) -> NDArray[np.object_]:
    """Give lines and points a width."""
    is_thin = shapely.get_dimensions(geometries) < 2
    areas = geometries.copy()
    areas[is_thin] = shapely.buffer(geometries[is_thin], LINE_WIDTH / 2)
    return areas


@dataclass(frozen=True)
class _Window:
    """Strokes in a part of a plane, with its first row and column."""

    values: NDArray[np.uint8]
    top: int
    left: int
    contested: int


def _draw_plane(
    geometries: NDArray[np.object_], numbers: NDArray[np.int64], size: tuple[int, int]
) -> Iterator[_Window]:
    """Draw the strokes of a plane, some rows at a time: a plane may be as large as a slide."""
    _, tops, _, bottoms = shapely.bounds(geometries).T
    for first in range(0, size[0], _ROWS):
        last = min(first + _ROWS, size[0])
        here = (tops < last) & (bottoms > first)
        if here.any():
            window = _draw_rows(geometries[here], numbers[here], (first, last), size[1])
            if window is not None:
                yield window


def _draw_rows(
    geometries: NDArray[np.object_], numbers: NDArray[np.int64], rows: tuple[int, int], width: int
) -> _Window | None:
    left, top, right, bottom = shapely.total_bounds(geometries)
    x0, y0 = max(0, int(np.floor(left))), max(rows[0], int(np.floor(top)))
    x1, y1 = min(width, int(np.ceil(right))), min(rows[1], int(np.ceil(bottom)))
    if x1 <= x0 or y1 <= y0:
        return None
    corner = np.array([x0, y0])
    moved = shapely.transform(geometries, lambda xy: xy - corner)
    values = np.zeros((y1 - y0, x1 - x0), np.uint8)
    several = np.zeros(values.shape, bool)
    for number in np.unique(numbers):
        of_class = moved[numbers == number]
        here = rasterize(of_class, np.ones(len(of_class), np.int64), values.shape) > 0
        several |= here & (values > 0)
        values[here] = number
    values[several] = 0
    return _Window(values, y0, x0, int(several.sum()))


def keep_annotations(
    frame: GeoDataFrame, numbers: NDArray[np.int64]
) -> tuple[NDArray[np.int64], str]:
    """Take annotations as strokes where there are some, else any object of a class.

    Args:
        frame: objects.
        numbers: class of each; 0 for none.

    Returns:
        The numbers, 0 for what is left out, and a note for the user, or ``""``.
    """
    is_drawn = pd.Series(frame["object_type"]).eq("annotation").to_numpy(bool)
    detections = int(((numbers > 0) & ~is_drawn).sum())
    if not ((numbers > 0) & is_drawn).any():
        note = f"has no annotations of these classes: {detections} detections are the strokes"
        return numbers, note if detections else ""
    note = f"{detections} detections of these classes are left out beside the annotations"
    return np.where(is_drawn, numbers, 0), note if detections else ""
