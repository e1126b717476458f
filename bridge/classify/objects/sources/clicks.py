"""Classes from points and lines that people drew on objects of an image."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import shapely

if TYPE_CHECKING:
    from geopandas import GeoDataFrame


@dataclass(frozen=True)
class Clicked:
    """Objects that were clicked on.

    Attributes:
        classes: class by UUID.
        clicks: number of clicks.
        missed: those that lie on no object.
        torn: number of objects with clicks of several classes, which get none.
    """

    classes: Mapping[str, str]
    clicks: int
    missed: int
    torn: int


def classes_of_clicks(
    clicks: GeoDataFrame, objects: GeoDataFrame, classes: tuple[str, ...] = ()
) -> Clicked:
    """Find the objects that points and lines of a class lie on.

    Args:
        clicks: as :func:`bridge.formats.markers.make_markers` makes them; those without a class
            are left out.
        objects: of the same image and coordinates, by UUID.
        classes: those to take; all where empty.

    >>> from bridge import Detections
    >>> from bridge.formats.markers import make_markers
    >>> nucleus = Detections.from_polygons([shapely.box(0, 0, 4, 4)], ids=["n"])
    >>> points = make_markers([shapely.MultiPoint([(2, 3), (9, 9)])], ["m"], {"class": ["Neuron"]})
    >>> classes_of_clicks(points, nucleus.objects)
    Clicked(classes={'n': 'Neuron'}, clicks=2, missed=1, torn=0)
    """
    tree = shapely.STRtree(objects.geometry.to_numpy())
    planes = objects[["z", "t"]].to_numpy(np.int64)
    found: dict[str, set[str]] = {}
    clicked = missed = 0
    for name, plane, part in _parts(clicks, classes):
        clicked += 1
        hit = tree.query(part, predicate="intersects")
        hit = hit[(planes[hit] == plane).all(axis=1)]
        missed += not len(hit)
        for row in hit.tolist():
            found.setdefault(str(objects.index[row]), set()).add(name)
    single = {identity: min(names) for identity, names in found.items() if len(names) == 1}
    return Clicked(single, clicked, missed, len(found) - len(single))


def _parts(
    clicks: GeoDataFrame, classes: tuple[str, ...]
) -> Iterator[tuple[str, tuple[int, int], shapely.Geometry]]:
    """Yield class, plane and geometry of each point and line."""
    for row in clicks.itertuples():
        name = clicks.at[row.Index, "class"]
        if not isinstance(name, str) or (classes and name not in classes):
            continue
        for part in shapely.get_parts(row.geometry):
            yield name, (int(row.z), int(row.t)), part
