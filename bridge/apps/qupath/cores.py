"""Cores of a tissue microarray (TMA), which objects of a QuPath image lie in."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import shapely

from bridge.apps.qupath.packing import Packed, outlines_of
from bridge.detections import Detections

COLUMN = "TMA core"
"""Column of tables with the name of the core that an object lies in."""


@dataclass(frozen=True)
class Core:
    """A core of a tissue microarray.

    Attributes:
        id: its UUID.
        name: its name in the grid (``A-1``).
        outline: a Polygon or MultiPolygon, corner-origin pixels.
        missing: marked as missing by a reviewer.
        objects: UUIDs of the objects in it, at any depth.
    """

    id: str
    name: str
    outline: Any
    missing: bool
    objects: frozenset[str]


def unpack_cores(packed: Packed, ids: Sequence[str], markers: Sequence[str]) -> tuple[Core, ...]:
    """Return the cores of an image.

    Args:
        packed: what ``PackedObjects.groovy`` read.
        ids: UUIDs of all packed objects with an area, in their order.
        markers: UUIDs of all packed points and lines, in their order.
    """
    arrays, texts = packed.arrays, packed.texts
    identities = [str(identity) for identity in texts.get("coreIds", ())]
    if not identities:
        return ()
    inside = np.concatenate([arrays["coreOf"], arrays["markers.coreOf"]])
    everything = np.array([*ids, *markers], object)
    return tuple(
        Core(
            identity,
            texts["coreNames"][number] or identity,
            outline,
            bool(arrays["coreMissing"][number]),
            frozenset(everything[inside == number].tolist()),
        )
        for number, (identity, outline) in enumerate(
            zip(identities, outlines_of(arrays, "core"), strict=True)
        )
    )


def put_into_cores(
    parents: Sequence[str | None], objects: Detections, cores: Iterable[Core]
) -> list[str | None]:
    """Return the parents of objects that are added, with a core where they had none.

    An object stays in its core. A new one goes into the core that holds its centroid; nothing is
    put into a core that is marked as missing.

    Args:
        parents: for each object the UUID of its parent, ``None`` for the image itself.
        objects: the objects.
        cores: the image's cores.
    """
    found = list(parents)
    for core in cores:
        rows = [row for row, parent in enumerate(found) if parent is None]
        if not rows:
            break
        frame = objects.objects.iloc[rows]
        inside = frame.index.isin(list(core.objects))
        if not core.missing:
            shapely.prepare(core.outline)
            inside |= shapely.contains(core.outline, shapely.centroid(frame.geometry.to_numpy()))
        for row in np.flatnonzero(inside):
            found[rows[row]] = core.id
    return found


def name_cores(detections: Detections, cores: Sequence[Core]) -> Detections:
    """Add the metadata column :data:`COLUMN`; an image without cores gets none."""
    if not cores:
        return detections
    frame = detections.objects.assign(**{COLUMN: core_names(detections.ids, cores)})
    return replace(detections, objects=frame)


def core_names(ids: Iterable[str], cores: Iterable[Core]) -> list[str | None]:
    """Return the name of the core that each object lies in, ``None`` outside of all."""
    names = {identity: core.name for core in cores for identity in core.objects}
    return [names.get(identity) for identity in ids]
