"""The part of an image that a push is about."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import geopandas as gpd
import numpy as np
import shapely
from numpy.typing import NDArray

from bridge.detections import Detections


@dataclass(frozen=True, kw_only=True)
class Scope:
    """The objects that a push may replace or remove; all others stay as they are.

    Attributes:
        regions: objects whose centroid lies in one of these outlines, on its slice and time point
            (``geometry``, ``z``, ``t``); everywhere where ``None``.
        planes: objects on these slices and time points (z, t); on all where ``None``.
        classes: objects of these classes; of all where ``None``.
        layer: objects of this layer. Layers are for objects that lie over each other, such as
            nuclei and spots in them: objects of different layers are never compared.

    >>> objects = Detections.from_labels(np.eye(2, dtype=int)).objects
    >>> Scope(planes=frozenset([(1, 0)])).covers(objects).tolist()
    [False]
    """

    regions: gpd.GeoDataFrame | None = None
    planes: frozenset[tuple[int, int]] | None = None
    classes: frozenset[str] | None = None
    layer: str = ""

    @property
    def is_partial(self) -> bool:
        """True where objects of this layer may be out of scope."""
        return not (self.regions is None and self.planes is None and self.classes is None)

    def covers(self, objects: gpd.GeoDataFrame) -> NDArray[np.bool_]:
        """Return which objects lie in the regions and planes, and are of the classes."""
        covered = np.ones(len(objects), bool)
        if self.planes is not None:
            on_plane = zip(objects["z"].tolist(), objects["t"].tolist(), strict=True)
            covered &= np.fromiter((plane in self.planes for plane in on_plane), bool, len(objects))
        if self.classes is not None:
            covered &= objects["class"].isin(list(self.classes)).to_numpy(bool)
        if self.regions is not None:
            covered &= _in_regions(objects, self.regions)
        return covered


def segmented_planes(new: Detections, reviewed: Detections) -> frozenset[tuple[int, int]] | None:
    """Return the planes that a segmentation is about: those on which it found anything.

    An empty plane of a stack or time series may as well be one that was not segmented.

    Args:
        new: the segmentation.
        reviewed: the objects that are there.

    Returns:
        Slices and time points (z, t); ``None`` for an image of one plane.

    >>> objects = Detections.from_labels(np.eye(2, dtype=int))
    >>> print(segmented_planes(objects, objects))
    None
    """
    tables = [detections.objects for detections in (new, reviewed)]
    used = [{*zip(t["z"].tolist(), t["t"].tolist(), strict=True)} for t in tables]
    planes = max(d.image.size_z * d.image.size_t for d in (new, reviewed))
    return frozenset(used[0]) if planes > 1 or len(used[0] | used[1]) > 1 else None


def _in_regions(objects: gpd.GeoDataFrame, regions: gpd.GeoDataFrame) -> NDArray[np.bool_]:
    inside = np.zeros(len(objects), bool)
    if not len(objects) or not len(regions):
        return inside
    outlines: Any = regions.geometry.to_numpy()
    outlines = np.where(shapely.is_valid(outlines), outlines, shapely.make_valid(outlines))
    shapely.prepare(outlines)
    centers = shapely.centroid(objects.geometry.to_numpy())
    region, row = shapely.STRtree(centers).query(outlines, predicate="contains")
    here, there = (frame[["z", "t"]].to_numpy() for frame in (objects, regions))
    inside[row[(here[row] == there[region]).all(axis=1)]] = True
    return inside
