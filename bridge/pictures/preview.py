"""Draw the detections over their image, to check them at a glance."""

from __future__ import annotations

import math
from dataclasses import dataclass
from os import PathLike
from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray
from PIL import Image as Picture
from PIL import ImageDraw, ImageFont

from bridge.detections import Detections
from bridge.files.atomic import writing
from bridge.outlines import rasterize
from bridge.outlines.rasterize import label_dtype

_PANEL = 1024  # pixels of a panel's longer side
_CROP_ZOOM = 2
_GAP = 12
_CAPTION = 40
_FILL = 0.45
_FINER = 2
_SAMPLE = 1_000_000  # pixels of which the range of intensities is estimated
_PALETTE = np.array(
    [
        (255, 89, 94), (255, 202, 58), (138, 201, 38), (25, 211, 243), (140, 120, 255),
        (255, 146, 43), (64, 224, 160), (255, 120, 214), (120, 170, 255), (220, 240, 120),
    ],
    np.uint8,
)  # fmt: skip


@dataclass(frozen=True)
class _View:
    """A shown part of the plane: its top-left pixel, its size, and its zoom."""

    x: int
    y: int
    width: int
    height: int
    zoom: float


def write_preview(
    detections: Detections,
    plane: NDArray[Any],
    path: str | PathLike[str],
    *,
    z: int = 0,
    t: int = 0,
) -> None:
    """Write a PNG of one plane with its objects.

    Neighbours have different colours. A plane that fits is shown whole, with outlines. A larger one
    is shown twice: whole and reduced, its objects filled, and beside it the place with the most
    objects at twice its size, with outlines.

    Args:
        detections: objects of the image.
        plane: (height, width) intensities, any number type.
        path: the PNG.
        z: the plane's slice, from 0.
        t: its time point, from 0.

    Raises:
        BadInputError: the file cannot be written.
    """
    picture = draw_preview(detections, plane, z=z, t=t)
    with writing(path) as part:
        picture.save(part, format="PNG", compress_level=1)


def draw_preview(
    detections: Detections, plane: NDArray[Any], *, z: int = 0, t: int = 0
) -> Picture.Image:
    """Draw the picture that :func:`write_preview` writes (RGB)."""
    frame = detections.objects
    here = ((frame["z"] == z) & (frame["t"] == t)).to_numpy()
    polygons = frame.geometry.to_numpy()[here]
    colors = _PALETTE[neighbour_colors(polygons) % len(_PALETTE)]
    height, width = plane.shape
    limits = _limits(plane)
    zoom = _PANEL / max(height, width)
    if zoom >= 1:
        whole = _View(0, 0, width, height, min(4, math.floor(zoom)))
        panels = [_outlined(plane, limits, polygons, colors, whole)]
    else:
        whole = _View(0, 0, width, height, zoom)
        side = _PANEL // _CROP_ZOOM
        x, y = _fullest_window(polygons, width, height, side)
        crop = _View(x, y, min(side, width), min(side, height), _CROP_ZOOM)
        overview = _filled(plane, limits, polygons, colors, zoom)
        box = [v * zoom for v in (x, y, x + crop.width, y + crop.height)]
        ImageDraw.Draw(overview).rectangle(box, outline=(255, 255, 255), width=2)
        panels = [overview, _outlined(plane, limits, polygons, colors, crop)]
    scale = panels[-1].width / (whole.width if len(panels) == 1 else crop.width)
    return _composed(panels, len(polygons), detections.image.pixel_size, scale)


def neighbour_colors(polygons: NDArray[np.object_], distance: float = 3.0) -> NDArray[np.int64]:
    """Assign different numbers to objects within a distance (pixels) of each other.

    Greedy graph colouring; numbers begin at 0 and rarely pass 8.

    >>> neighbour_colors(shapely.box([0, 1, 50], 0, [9, 12, 60], 9)).tolist()
    [0, 1, 2]
    """
    n = len(polygons)
    numbers = np.full(n, -1)
    if not n:
        return numbers
    boxes = shapely.box(*(shapely.bounds(polygons) + distance * np.array([-1, -1, 1, 1])).T)
    first, second = shapely.STRtree(boxes).query(boxes)
    order = np.argsort(first, kind="stable")
    first, second = first[order], second[order]
    starts = np.searchsorted(first, np.arange(n + 1))
    for i in range(n):
        taken = set(numbers[second[starts[i] : starts[i + 1]]].tolist())
        # Begin at another number each time: otherwise most objects would share the first.
        number = i % len(_PALETTE)
        tries = 0
        while number in taken:
            tries += 1
            number = (i + tries) % len(_PALETTE) if tries < len(_PALETTE) else tries
        numbers[i] = number
    return numbers


def _limits(plane: NDArray[Any]) -> tuple[float, float]:
    """Return the 1st and the 99.8th percentile of the plane's intensities, of a million of them."""
    step = max(1, math.isqrt(plane.size // _SAMPLE))
    low, high = np.percentile(plane[::step, ::step], (1, 99.8))
    return (float(low), float(high)) if high > low else (float(low), float(low) + 1)


def _stretched(plane: NDArray[Any], limits: tuple[float, float]) -> NDArray[np.uint8]:
    """Scale to 8 bits between two intensities, with brighter mid-greys."""
    low, high = limits
    share = np.clip((plane.astype(np.float32) - low) / (high - low), 0, 1)
    grey: NDArray[np.uint8] = (235 * share**0.7).astype(np.uint8)
    return grey


def _outlined(
    plane: NDArray[Any],
    limits: tuple[float, float],
    polygons: NDArray[np.object_],
    colors: NDArray[Any],
    view: _View,
) -> Picture.Image:
    part = _stretched(plane[view.y : view.y + view.height, view.x : view.x + view.width], limits)
    size = (round(view.width * view.zoom), round(view.height * view.zoom))
    panel = Picture.fromarray(part).resize(size, Picture.Resampling.BICUBIC).convert("RGB")
    draw = ImageDraw.Draw(panel)
    frame = shapely.box(view.x, view.y, view.x + view.width, view.y + view.height)
    for k in np.flatnonzero(shapely.intersects(polygons, frame)):
        color = tuple(int(c) for c in colors[k])
        for polygon in shapely.get_parts(polygons[k]):
            for ring in (polygon.exterior, *polygon.interiors):
                xy = (shapely.get_coordinates(ring) - (view.x, view.y)) * view.zoom
                draw.line([tuple(p) for p in xy], fill=color, width=2, joint="curve")
    return panel


def _filled(
    plane: NDArray[Any],
    limits: tuple[float, float],
    polygons: NDArray[np.object_],
    colors: NDArray[Any],
    zoom: float,
) -> Picture.Image:
    height, width = (max(1, round(side * zoom)) for side in plane.shape)
    panel = Picture.fromarray(_stretched(_reduced(plane, height, width), limits))
    # Objects are drawn larger and then reduced, so that each shows as much as it covers.
    numbers = _drawn(polygons, zoom * _FINER, (height * _FINER, width * _FINER))
    paint = np.concatenate([np.zeros((1, 3), np.uint8), colors.reshape(-1, 3)])[numbers]
    cover = np.where(numbers > 0, round(255 * _FILL), 0).astype(np.uint8)
    layer = Picture.fromarray(np.dstack([paint, cover]))
    layer = layer.resize((width, height), Picture.Resampling.BOX)
    return Picture.alpha_composite(panel.convert("RGBA"), layer).convert("RGB")


def _drawn(
    polygons: NDArray[np.object_], scale: float, shape: tuple[int, int]
) -> NDArray[np.unsignedinteger[Any]]:
    """Draw the polygons' numbers from 1 in a picture of another size, each in a pixel at least."""
    numbers = np.arange(1, len(polygons) + 1)
    drawn: NDArray[Any] = np.zeros(shape, label_dtype(len(polygons)))
    if len(polygons):
        scaled = shapely.transform(polygons, lambda xy: xy * scale)
        left, top, right, bottom = shapely.bounds(scaled).T
        x = np.clip((left + right) / 2, 0, shape[1] - 1).astype(int)
        y = np.clip((top + bottom) / 2, 0, shape[0] - 1).astype(int)
        drawn[y, x] = numbers
        rasterize(scaled, numbers, shape, out=drawn)
    return drawn


def _reduced(plane: NDArray[Any], height: int, width: int) -> NDArray[np.float32]:
    """Reduce a plane to the means of its blocks, computed row by row to save memory."""
    rows, columns = (
        np.linspace(0, size, wanted + 1).astype(int)
        for size, wanted in zip(plane.shape, (height, width), strict=True)
    )
    sums = np.empty((height, plane.shape[1]), np.float32)
    for row in range(height):
        plane[rows[row] : rows[row + 1]].sum(axis=0, dtype=np.float32, out=sums[row])
    blocks = np.add.reduceat(sums, columns[:-1], axis=1)
    means: NDArray[np.float32] = blocks / np.outer(np.diff(rows), np.diff(columns))
    return means


def _fullest_window(
    polygons: NDArray[np.object_], width: int, height: int, side: int
) -> tuple[int, int]:
    """Find the top-left corner of the window with the most objects, on a grid of half windows."""
    if not len(polygons):
        return max(0, (width - side) // 2), max(0, (height - side) // 2)
    left, top, right, bottom = shapely.bounds(polygons).T
    step = side // 2
    counts = np.histogram2d(
        (top + bottom) / 2,
        (left + right) / 2,
        bins=[np.arange(0, size + step, step) for size in (height, width)],
    )[0]
    padded = np.pad(counts, ((0, 1), (0, 1)))
    windows = padded[:-1, :-1] + padded[1:, :-1] + padded[:-1, 1:] + padded[1:, 1:]
    row, column = np.unravel_index(np.argmax(windows), windows.shape)
    x = max(0, min(int(column) * step, width - side))
    return x, max(0, min(int(row) * step, height - side))


def _composed(
    panels: list[Picture.Image], count: int, pixel_size: Any, scale: float
) -> Picture.Image:
    width = sum(p.width for p in panels) + _GAP * (len(panels) - 1)
    height = max(p.height for p in panels)
    sheet = Picture.new("RGB", (width, height + _CAPTION), (18, 18, 22))
    x = 0
    for panel in panels:
        sheet.paste(panel, (x, 0))
        x += panel.width + _GAP
    draw = ImageDraw.Draw(sheet)
    font = ImageFont.load_default(20)
    noun = "object" if count == 1 else "objects"
    draw.text((8, height + 8), f"{count:,} {noun}", fill=(235, 235, 235), font=font)
    if pixel_size:
        per_um = scale / pixel_size.x
        length = _round_length(panels[-1].width / 5 / per_um)
        right, y = width - 12, height + _CAPTION // 2
        draw.line([(right - length * per_um, y), (right, y)], fill=(255, 255, 255), width=4)
        # The font that Pillow brings has no µ.
        text = f"{length:g} micron{'' if length == 1 else 's'}"
        left = right - length * per_um - 10 - draw.textlength(text, font=font)
        draw.text((left, height + 8), text, fill=(235, 235, 235), font=font)
    return sheet


def _round_length(length: float) -> float:
    """Return the largest of 1, 2, 5 times a power of ten that is not longer."""
    power = 10.0 ** math.floor(math.log10(length))
    return max(m * power for m in (1, 2, 5) if m * power <= length)
