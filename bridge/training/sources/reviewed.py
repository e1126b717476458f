"""Draw what a reviewer looked at: labels inside of finished regions, the rest ignored."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import shapely
from numpy.typing import NDArray

from bridge.outlines.rasterize import rasterize
from bridge.training.pairs import IGNORED
from bridge.training.sources.options import ReadOptions

if TYPE_CHECKING:
    import pandas as pd
    from geopandas import GeoDataFrame

_OBJECTS = ("detection", "cell")
_LARGEST_LABEL = 2**24  # there is a counter for each number up to the largest
_ROWS = 256


@dataclass(frozen=True, kw_only=True)
class Drawn:
    """Labels of a plane.

    Attributes:
        labels: (height, width) int32, as of :class:`bridge.training.pairs.TrainingPair`.
        classes: class names by label.
        notes: clauses for the user.
    """

    labels: NDArray[np.int32]
    classes: Mapping[int, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Selected:
    """Objects to learn from, and the regions that were reviewed.

    Attributes:
        objects: rows of the table of detections.
        regions: likewise.
        notes: clauses for the user.
    """

    objects: GeoDataFrame
    regions: GeoDataFrame
    notes: tuple[str, ...] = ()


def select_training_objects(
    frame: GeoDataFrame, options: ReadOptions, *, is_typed: bool = True
) -> Selected:
    """Tell objects to learn from and finished regions apart.

    Args:
        frame: objects of one image, as of :class:`bridge.detections.Detections`.
        options: classes of regions, and which objects count.
        is_typed: annotations are told from detections, as in QuPath. ImageJ's ROIs are not, and a
            new one has a name only: there every ROI is a region that has one of the classes for
            its class or name (or ``NAME-1``, as ImageJ calls the second one).
    """
    named = frame["class"].isin(list(options.inside)).to_numpy(bool)
    kinds = frame["object_type"]
    drawn = (kinds == "annotation").to_numpy(bool)
    is_region = named & drawn
    if not is_typed and options.inside:
        is_region |= named | _are_called(frame["name"], options.inside)
    is_object = kinds.isin(_OBJECTS).to_numpy(bool) & ~is_region
    others = drawn & ~is_region
    notes = []
    if options.annotations:
        is_object |= others
    elif others.any() and not is_object.any():
        is_object = others
        notes.append("has no detections: its annotations are the objects")
    elif others.any():
        notes.append(
            f"{int(others.sum())} annotations beside the detections are left out; "
            "--annotations takes them as objects"
        )
    objects = frame[is_object]
    if "nucleus" in frame.columns and len(objects):
        nuclei = objects["nucleus"]
        has_one = nuclei.notna().to_numpy(bool)
        if options.nuclei and has_one.any():
            objects = objects.assign(geometry=nuclei.where(has_one, objects.geometry))
        elif has_one.any():
            notes.append("cells are drawn whole; --nuclei takes their nuclei")
    return Selected(objects=objects, regions=frame[is_region], notes=tuple(notes))


def _are_called(names: pd.Series[Any], wanted: Collection[str]) -> NDArray[np.bool_]:
    """Return which names are wanted, up to the number that ImageJ adds to a second one."""
    any_of = re.compile("(?:" + "|".join(map(re.escape, wanted)) + r")(?:-\d+)?")
    return np.array(
        [isinstance(name, str) and any_of.fullmatch(name) is not None for name in names], bool
    )


def draw_reviewed(
    objects: GeoDataFrame, shape: tuple[int, int], *, regions: GeoDataFrame | None = None
) -> Drawn:
    """Draw the labels of one plane.

    An object on a region's border counts, with all of its pixels, where its centroid or more than
    half of it lies in a region; all pixels of any other become
    :data:`bridge.training.pairs.IGNORED`.

    Args:
        objects: on this plane.
        shape: (height, width).
        regions: outlines that were reviewed, on this plane; the whole plane where ``None``.

    Returns:
        The labels; objects keep their numbers, which are counted anew beyond 16,777,216.

    >>> import shapely
    >>> from bridge import Detections
    >>> two = Detections.from_polygons([shapely.box(1, 0, 3, 1), shapely.box(4, 0, 6, 1)]).objects
    >>> done = Detections.from_polygons([shapely.box(0, 0, 4, 1)]).objects
    >>> draw_reviewed(two, (1, 7), regions=done).labels
    array([[ 0,  1,  1,  0, -1, -1, -1]], dtype=int32)
    """
    numbers = objects["label"].to_numpy(np.int64)
    notes = []
    if numbers.max(initial=0) > _LARGEST_LABEL:
        numbers = np.arange(1, len(objects) + 1, dtype=np.int64)
    # The most probable object lies on top, as in Detections.to_labels.
    order = np.argsort(objects["prob"].fillna(-np.inf).to_numpy(), kind="stable")
    outlines = objects.geometry.to_numpy()
    labels = rasterize(
        outlines[order], numbers[order], shape, out=np.zeros(shape, np.uint32)
    ).astype(np.int32)
    if regions is not None:
        labels = _only_inside(labels, _region_mask(regions, shape))
    left = np.isin(numbers, np.unique(labels))
    if (around := _count_around_others(outlines)) > 0:
        notes.append(
            f"{around} objects have several others inside of them; if they are regions, name their "
            "class: --inside CLASS"
        )
    if regions is None and not left.all():
        notes.append(f"{int((~left).sum())} objects have no pixel of their own and are left out")
    kinds = objects["class"].to_numpy(object)
    classes = {
        int(number): str(kind)
        for number, kind, there in zip(numbers, kinds, left, strict=True)
        if there and isinstance(kind, str) and kind
    }
    return Drawn(labels=labels, classes=classes, notes=tuple(notes))


def _count_around_others(outlines: NDArray[np.object_]) -> int:
    """Return the number of objects that hold the centres of at least two others."""
    if len(outlines) < 3:
        return 0
    tree = shapely.STRtree(shapely.point_on_surface(outlines))
    holder, _ = tree.query(outlines, predicate="intersects")
    return int((np.bincount(holder, minlength=len(outlines)) > 2).sum())  # itself is one


def _region_mask(regions: GeoDataFrame, shape: tuple[int, int]) -> NDArray[np.bool_]:
    outlines = regions.geometry.to_numpy()
    drawn: NDArray[Any] = rasterize(outlines, np.ones(len(outlines), np.int64), shape)
    return drawn > 0


def _only_inside(labels: NDArray[np.int32], inside: NDArray[np.bool_]) -> NDArray[np.int32]:
    """Keep the labels of objects that lie inside, and the background there; ignore the rest."""
    count = int(labels.max(initial=0)) + 1
    height, width = labels.shape
    area, area_inside, sum_y, sum_x = (np.zeros(count) for _ in range(4))
    columns = np.tile(np.arange(width), min(_ROWS, height))
    for top in range(0, height, _ROWS):  # bincount widens its input to 64 bits
        block = labels[top : top + _ROWS]
        flat = block.ravel()
        rows = np.repeat(np.arange(top, top + len(block)), width)
        area += np.bincount(flat, minlength=count)
        area_inside += np.bincount(block[inside[top : top + _ROWS]], minlength=count)
        sum_y += np.bincount(flat, rows, count)
        sum_x += np.bincount(flat, columns[: len(flat)], count)
    drawn = np.maximum(area, 1)
    has_centre = inside[np.rint(sum_y / drawn).astype(int), np.rint(sum_x / drawn).astype(int)]
    kept = (2 * area_inside > area) | has_centre
    kept[0] = False  # the background
    kept_here = kept[labels]
    result = np.full(labels.shape, IGNORED, np.int32)
    result[inside & (labels == 0)] = 0
    result[kept_here] = labels[kept_here]
    return result
