"""Link the nuclei of neighbouring slices to objects of a volume, for models that know planes only.

1. Every slice is drawn once. The pixels that two drawings share give all overlaps in one pass;
   pairs are taken from the largest IoU down, each nucleus once. A nucleus that is missed in one
   slice is filled in between its neighbours.
2. Nuclei that lie upon each other become one chain so, because a plane between them shows the blur
   of both. A chain is split where its profile, contrast times diameter, has a valley, and slices
   far below the peak of their object are left out as blur of it (:mod:`bridge.segment.profiles`).

Time and memory grow with the pixels and nuclei of a slice, not with pairs of outlines: three
slices are held at a time.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from bridge.detections import OBJECT, Detections, new_ids
from bridge.errors import BadInputError
from bridge.objects3d import slice_id
from bridge.outlines import rasterize, trace
from bridge.segment.profiles import split_profile

MIN_OVERLAP = 0.25
"""Least overlap (IoU) of two cuts of one nucleus in neighbouring slices."""

MIN_PLANES = 2
"""Least slices of an object; a single one is seldom a nucleus that a stack was made for."""

_BACKGROUND = 25
"""Percentile of a slice that counts as its background."""

Indices = NDArray[np.int64]
ReadPlane = Callable[[int, int], NDArray[Any]]
"""Returns the intensities (height, width) of a slice z at a time point t."""


def link_planes(
    detections: Detections,
    read_plane: ReadPlane,
    *,
    min_planes: int = MIN_PLANES,
    min_overlap: float = MIN_OVERLAP,
) -> Detections:
    """Link the objects of neighbouring slices to objects of a volume.

    Args:
        detections: objects found plane by plane; the image's size must be known. Time points are
            linked each for itself.
        read_plane: reads the intensities that they were found in.
        min_planes: objects in fewer slices are left out, except in an image that has no more;
            slices that are filled in count.
        min_overlap: least overlap (IoU) of two cuts of one object, above 0 to 1.

    Returns:
        Rows as :mod:`bridge.objects3d` has them: one label and UUID an object, labelled from 1 in
        the order of ``prob``, time points one after another. ``prob`` is the largest of an object's
        slices, ``class`` that of most of its pixels.

    Raises:
        BadInputError: a number of slices below 1, an overlap that is none, an image of unknown
            size.

    >>> import shapely
    >>> from bridge import ImageInfo
    >>> image = np.zeros((2, 8, 40))
    >>> image[:, :, :9] = image[1, :, 20:28] = 1
    >>> found = Detections.from_polygons(
    ...     [shapely.box(0, 0, 8, 8), shapely.box(1, 0, 9, 8), shapely.box(20, 0, 28, 8)],
    ...     columns={"z": [0, 1, 1]}, image=ImageInfo(width=40, height=8, size_z=2),
    ... )
    >>> linked = link_planes(found, lambda z, t: image[z])
    >>> linked.objects[["label", "z"]].values.tolist()
    [[1, 0], [1, 1]]
    """
    if min_planes < 1:
        raise BadInputError("planes", f"{min_planes} are too few", "give 1 or more (--min-planes)")
    if not 0 < min_overlap <= 1:
        raise BadInputError(
            "overlap", f"{min_overlap:g} is no overlap", "give a number above 0, at most 1"
        )
    info = detections.image
    if not (info.width and info.height):
        raise BadInputError(
            info.name or "detections", "the size of the image is not known", "give it in image"
        )
    frame, shape = detections.objects, (info.height, info.width)
    t, z = frame["t"].to_numpy(), frame["z"].to_numpy()
    chains = _Chains(len(frame))
    for time in range(info.size_t):
        rows = np.flatnonzero(t == time)
        planes = (
            _Plane.draw(frame, rows[z[rows] == here], here, shape, read_plane(here, time))
            for here in range(info.size_z)
        )
        _link(planes, chains, min_overlap)
    return _linked(detections, chains, min(min_planes, info.size_z))


@dataclass(frozen=True)
class _Plane:
    """The nuclei of a slice, drawn.

    Attributes:
        z: the slice.
        rows: (n,) their rows in the table.
        drawn: (height, width) position in ``rows`` from 1, 0 for background.
        areas: (n,) visible pixels.
        pixels: (height, width) intensities.
        background: its percentile that counts as background.
    """

    z: int
    rows: Indices
    drawn: NDArray[Any]
    areas: Indices
    pixels: NDArray[Any]
    background: float

    @classmethod
    def draw(
        cls,
        frame: gpd.GeoDataFrame,
        rows: Indices,
        z: int,
        shape: tuple[int, int],
        pixels: NDArray[Any],
    ) -> _Plane:
        prob = frame["prob"].to_numpy()[rows]
        order = np.argsort(np.where(np.isnan(prob), -np.inf, prob), kind="stable")
        drawn = rasterize(frame.geometry.to_numpy()[rows[order]], order + 1, shape)
        areas = np.bincount(drawn.ravel(), minlength=len(rows) + 1)[1:]
        return cls(z, rows, drawn, areas, pixels, float(np.percentile(pixels, _BACKGROUND)))

    def brightness(self) -> NDArray[np.float64]:
        """Return the mean intensity of each nucleus, of one that is hidden the background."""
        sums = np.bincount(self.drawn.ravel(), self.pixels.ravel(), len(self.rows) + 1)[1:]
        return np.where(self.areas > 0, sums / np.maximum(self.areas, 1), self.background)


class _Chains:
    """Cuts that follow each other, with what decides where a chain ends.

    Cuts are the rows of the table and, after them, those that are filled in.

    Args:
        rows: number of rows of the table.
    """

    def __init__(self, rows: int) -> None:
        self.rows = rows
        self.chain = list(range(rows))
        self.areas = np.zeros(rows, np.int64).tolist()
        self.brightness = np.zeros(rows).tolist()
        self.backgrounds: list[float] = []
        """Intensity of what is no nucleus at each time point."""
        self.filled: list[tuple[int, Any]] = []
        """Slice and outline of each cut that is filled in."""

    def measure(self, plane: _Plane) -> None:
        for row, area, value in zip(
            plane.rows.tolist(), plane.areas.tolist(), plane.brightness().tolist(), strict=True
        ):
            self.areas[row], self.brightness[row] = area, value

    def fill(self, chain: int, plane: _Plane, mask: NDArray[np.bool_], outline: Any) -> None:
        self.chain.append(chain)
        self.areas.append(int(mask.sum()))
        self.brightness.append(float(plane.pixels[mask].mean()))
        self.filled.append((plane.z, outline))


def _link(planes: Iterator[_Plane], chains: _Chains, min_overlap: float) -> None:
    """Link the slices of a time point."""
    before: _Plane | None = None
    last: _Plane | None = None
    backgrounds: list[float] = []
    missed = np.zeros(0, bool)  # nuclei of ``before`` that none of ``last`` follows
    for plane in planes:
        chains.measure(plane)
        backgrounds.append(plane.background)
        is_new = np.ones(len(plane.rows), bool)
        ends = np.ones(0 if last is None else len(last.rows), bool)
        if last is not None:
            for a, b in _match(last, plane, min_overlap, ends, is_new):
                chains.chain[plane.rows[b]] = chains.chain[last.rows[a]]
                ends[a] = is_new[b] = False
        if before is not None and last is not None:
            for a, b in _match(before, plane, min_overlap, missed, is_new):
                mask = _between(before.drawn == a + 1, plane.drawn == b + 1) & (last.drawn == 0)
                if mask.any():
                    chain = chains.chain[before.rows[a]]
                    chains.chain[plane.rows[b]] = chain
                    chains.fill(chain, last, mask, trace(mask.view(np.uint8))[1][0])
        before, last, missed = last, plane, ends
    chains.backgrounds.append(float(np.mean(backgrounds)))


def _match(
    a: _Plane, b: _Plane, min_overlap: float, free_a: NDArray[np.bool_], free_b: NDArray[np.bool_]
) -> list[tuple[int, int]]:
    """Match the free nuclei of two slices one to one, from the largest IoU down."""
    width = len(b.rows) + 1
    both = (a.drawn > 0) & (b.drawn > 0)
    keys, shared = np.unique(
        a.drawn[both].astype(np.int64) * width + b.drawn[both], return_counts=True
    )
    i, j = keys // width - 1, keys % width - 1
    iou = shared / (a.areas[i] + b.areas[j] - shared)
    order = np.argsort(-iou, kind="stable")
    order = order[(iou >= min_overlap)[order] & free_a[i[order]] & free_b[j[order]]]
    left_a, left_b = free_a.copy(), free_b.copy()
    matches = []
    for p, q in zip(i[order].tolist(), j[order].tolist(), strict=True):
        if left_a[p] and left_b[q]:
            left_a[p] = left_b[q] = False
            matches.append((p, q))
    return matches


def _between(a: NDArray[np.bool_], b: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Interpolate two outlines halfway by their signed distances (Raya and Udupa 1990)."""
    from scipy.ndimage import distance_transform_edt

    either = a | b
    window = tuple(
        slice(max(0, int(hit[0]) - 1), int(hit[-1]) + 2)
        for hit in (np.flatnonzero(either.any(axis=axis)) for axis in (1, 0))
    )
    distances = [
        distance_transform_edt(mask[window]) - distance_transform_edt(~mask[window])
        for mask in (a, b)
    ]
    halfway = np.zeros_like(either)
    halfway[window] = distances[0] + distances[1] > 0
    return halfway


def _linked(detections: Detections, chains: _Chains, min_planes: int) -> Detections:
    """Return the rows of the objects that chains are split into."""
    frame = detections.objects
    # a cut that is filled in takes its fields from the first one of its chain
    source = np.concatenate([np.arange(chains.rows), chains.chain[chains.rows :]]).astype(np.int64)
    z = np.concatenate([frame["z"].to_numpy(), [z for z, _ in chains.filled]]).astype(np.int64)
    outlines = np.empty(len(z), object)
    outlines[: chains.rows] = frame.geometry.to_numpy()
    outlines[chains.rows :] = [outline for _, outline in chains.filled]
    t = frame["t"].to_numpy()[source]
    part_of = _split(chains, t, z, min_planes)
    kept = np.flatnonzero(part_of)
    cuts = pd.DataFrame(
        {
            "cut": kept,
            "part": part_of[kept],
            "t": t[kept],
            "z": z[kept],
            "prob": frame["prob"].to_numpy()[source[kept]],
            "class": frame["class"].to_numpy()[source[kept]],
            "area": np.array(chains.areas)[kept],
        }
    )
    objects = cuts.groupby("part").agg(t=("t", "first"), prob=("prob", "max"))
    objects["class"] = _main_classes(cuts)
    objects = objects.sort_values(["t", "prob"], ascending=[True, False], kind="stable")
    objects["label"] = np.arange(1, len(objects) + 1)
    objects[OBJECT] = pd.Series(new_ids(len(objects)), index=objects.index, dtype=object)
    cuts = cuts[["cut", "part", "z"]].join(objects, on="part")
    cuts = cuts.sort_values(["t", "z", "label"], kind="stable")
    rows = frame.iloc[source[cuts["cut"].to_numpy()]].copy()
    rows.geometry = outlines[cuts["cut"].to_numpy()]
    for column in ("label", "prob", "class", "z", OBJECT):
        rows[column] = cuts[column].to_numpy()
    ids = [slice_id(of, at) for of, at in zip(cuts[OBJECT], cuts["z"].tolist(), strict=True)]
    rows.index = pd.Index(ids, name="id", dtype=object)
    return replace(detections, objects=rows)


def _split(chains: _Chains, t: Indices, z: Indices, min_planes: int) -> Indices:
    """Return the number of the object that each cut belongs to, from 1; 0 for none."""
    # one background for all slices, as a bright slice has more blur of its neighbours
    contrast = np.array(chains.brightness) - np.array(chains.backgrounds)[t]
    profile = np.maximum(contrast, 0) * np.sqrt(np.array(chains.areas, np.float64))
    chain = np.array(chains.chain, np.int64)
    order = np.lexsort([z, chain])
    part_of = np.zeros(len(z), np.int64)
    count = 0
    for members in np.split(order, np.flatnonzero(np.diff(chain[order])) + 1):
        for part in split_profile(profile[members]):
            if len(part) >= min_planes:
                count += 1
                part_of[members[part]] = count
    return part_of


def _main_classes(cuts: pd.DataFrame) -> list[str | None]:
    """Return the class of most pixels of each object, in the order of the objects."""
    shares = cuts.groupby(["part", "class"], dropna=False, sort=True)["area"].sum()
    main = shares.reset_index().sort_values(["part", "area"], kind="stable")
    main = main.drop_duplicates("part", keep="last")
    return [name if isinstance(name, str) else None for name in main["class"]]
