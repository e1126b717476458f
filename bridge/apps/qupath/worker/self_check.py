"""Sample objects by which a QuPath is checked before it opens a project.

Versions of QuPath differ in how they keep objects: some round measurements, simplify outlines or
lose the names of classes. The sample is saved and loaded in memory, and compared. Java compiles
what it needs meanwhile, so that the first real section is not the slowest.
"""

from __future__ import annotations

from itertools import pairwise
from typing import Any
from uuid import UUID

import numpy as np
from numpy.typing import NDArray

from bridge.apps.qupath.packing import NO_COLOR, Packed

_OBJECTS = 2_000
_POINTS = 16
_COMPARED = (
    "types",
    "planes",
    "locks",
    "names",
    "classes",
    "measurements",
    "outlines",
    "nuclei",
)
_NUMBERS = ("starbridge check a", "starbridge check b")


def sample() -> Packed:
    """Return detections and cells, some locked, some with a class, with 64-bit measurements."""
    n = _OBJECTS
    rng = np.random.default_rng(0)
    kind = (np.arange(n) % 2).astype(np.int8)
    outlines, nuclei = _circles(n, 8.0), _circles(n, 3.0)
    # Only cells have a nucleus.
    has_nucleus = np.concatenate([[0], np.cumsum(kind)]).astype(np.int32)
    points = nuclei.reshape(n, -1)[kind == 1].ravel()
    return Packed(
        {
            "kind": kind,
            "plane": np.tile(np.array([-1, 0, 0], np.int32), n),
            "classOf": (np.arange(n) % 3 - 1).astype(np.int32),
            "color": np.full(n, NO_COLOR, np.int32),
            "locked": (np.arange(n) % 5 == 0).astype(np.int8),
            "classColors": np.array([-1, -2], np.int32),
            "measurements": rng.normal(size=len(_NUMBERS) * n),
            "measured": np.ones(len(_NUMBERS) * n, np.int8),
            "Xy": outlines.ravel(),
            "Rings": _steps(n, _POINTS + 1),
            "Polygons": _steps(n, 1),
            "Outlines": _steps(n, 1),
            "nucleusXy": points,
            "nucleusRings": _steps(int(kind.sum()), _POINTS + 1),
            "nucleusPolygons": _steps(int(kind.sum()), 1),
            "nucleusOutlines": has_nucleus,
        },
        {
            "ids": [str(UUID(int=number + 1)) for number in range(n)],
            "names": [None if number % 7 else f"nucleus {number}" for number in range(n)],
            "classNames": ["starbridge check", "starbridge check: second"],
            "measurementNames": list(_NUMBERS),
            "metadataNames": [],
            "metadata": [],
        },
    )


def differences(given: Packed, found: Packed) -> list[str]:
    """Return the names of properties that changed; the order of objects does not matter."""
    went, came = _by_id(given), _by_id(found)
    if went.keys() != came.keys():
        return ["objects"]
    return [
        what
        for column, what in enumerate(_COMPARED)
        if any(row[column] != came[identity][column] for identity, row in went.items())
    ]


def _circles(n: int, radius: float) -> NDArray[np.float64]:
    angle = np.linspace(0, 2 * np.pi, _POINTS, endpoint=False)
    ring = radius * np.stack([np.cos(angle), np.sin(angle)], axis=1)
    center = np.stack([20.0 + 20 * (np.arange(n) % 50), 20.0 + 20 * (np.arange(n) // 50)], axis=1)
    # Quarters of a pixel are exact in 32 bits, the precision of QuPath's coordinates.
    ring = np.rint(4 * np.concatenate([ring, ring[:1]])) / 4
    circles: NDArray[np.float64] = center[:, None] + ring[None]
    return circles


def _steps(n: int, step: int) -> NDArray[np.int32]:
    return np.arange(0, (n + 1) * step, step, dtype=np.int32)


def _by_id(packed: Packed) -> dict[str | None, tuple[Any, ...]]:
    """Return the compared properties of each object; coordinates to a hundredth of a pixel."""
    arrays, texts = packed.arrays, packed.texts
    names = [*texts["classNames"], None]  # without a class: -1
    columns = (
        arrays["kind"].tolist(),
        arrays["plane"].reshape(-1, 3).tolist(),
        arrays["locked"].tolist(),
        texts["names"],
        [names[number] for number in arrays["classOf"].tolist()],
        arrays["measurements"].reshape(-1, len(_NUMBERS)).tolist(),
        _outlines(packed, ""),
        _outlines(packed, "nucleus"),
    )
    return dict(zip(texts["ids"], zip(*columns, strict=True), strict=True))


def _outlines(packed: Packed, which: str) -> list[list[int]]:
    """Return each object's only ring in hundredths of a pixel, empty without an outline."""
    points = np.rint(packed.arrays[which + "Xy"] * 100).astype(int).tolist()
    ends = 2 * packed.arrays[which + "Rings"][packed.arrays[which + "Outlines"]]
    return [points[a:b] for a, b in pairwise(ends.tolist())]
