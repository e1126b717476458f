"""Server builders as QuPath writes them into a project."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from hypothesis import strategies as st
from numpy.typing import NDArray

Json = dict[str, Any]

ROTATIONS = ("ROTATE_NONE", "ROTATE_90", "ROTATE_180", "ROTATE_270")
FLIPS = ("NONE", "HORIZONTAL", "VERTICAL", "BOTH")


def metadata(width: int, height: int, channels: Sequence[str] = ()) -> Json:
    said: Json = {"name": "a.tif", "width": width, "height": height, "sizeZ": 1, "sizeT": 1}
    return said | ({"channels": [{"name": name, "color": -1} for name in channels]})


def uri_builder(
    width: int | None = None,
    height: int | None = None,
    *,
    uri: str = "file:/data/a.tif",
    args: Sequence[str] = (),
    channels: Sequence[str] = (),
) -> Json:
    """A file as it is."""
    builder: Json = {
        "builderType": "uri",
        "providerClassName": "qupath.lib.images.servers.bioformats.BioFormatsServerBuilder",
        "uri": uri,
        "args": list(args),
    }
    if width is not None and height is not None:
        builder["metadata"] = metadata(width, height, channels)
    return builder


def wrapped(kind: str, builder: Json, **more: Any) -> Json:
    """A builder around another one."""
    return {"builderType": kind, "builder": builder, **more}


def affine(xx: float, xy: float, dx: float, yx: float, yy: float, dy: float) -> Json:
    """A matrix as QuPath writes it."""
    return {"m00": xx, "m01": xy, "m02": dx, "m10": yx, "m11": yy, "m12": dy}


@dataclass(frozen=True)
class Example:
    """A builder, and by numpy alone what it shows.

    Attributes:
        builder: the JSON value.
        file: pixels of the file, a number of its own each.
        shown: pixels that are shown.
    """

    builder: Json
    file: NDArray[Any]
    shown: NDArray[Any]


@st.composite
def examples(draw: st.DrawFn, *, scales: bool = True) -> Example:
    """Files that are rotated, flipped, cropped and enlarged, in any order."""
    height, width = draw(st.integers(1, 9)), draw(st.integers(1, 9))
    file = np.arange(1, height * width + 1).reshape(height, width)
    builder, shown = uri_builder(width, height), file
    kinds = ["rotated", "flipped", "cropped", "pyramidize", *(["affine"] if scales else [])]
    for kind in draw(st.lists(st.sampled_from(kinds), max_size=5)):
        high, wide = shown.shape
        more: Json = {}
        if kind == "rotated":
            quarters = draw(st.integers(0, 3))
            shown, more = np.rot90(shown, -quarters), {"rotation": ROTATIONS[quarters]}
        elif kind == "flipped":
            way = draw(st.sampled_from(FLIPS))
            axes = {"NONE": (), "HORIZONTAL": (1,), "VERTICAL": (0,), "BOTH": (0, 1)}[way]
            shown, more = np.flip(shown, axes), {"flip": way}
        elif kind == "cropped":
            x, y = draw(st.integers(0, wide - 1)), draw(st.integers(0, high - 1))
            w, h = draw(st.integers(1, wide - x)), draw(st.integers(1, high - y))
            shown = shown[y : y + h, x : x + w]
            more = {"region": {"x": x, "y": y, "width": w, "height": h, "z": 0, "t": 0}}
        elif kind == "affine":
            across, down = draw(st.integers(1, 2)), draw(st.integers(1, 2))
            shown = shown.repeat(across, axis=1).repeat(down, axis=0)
            more = {"transform": affine(across, 0, 0, 0, down, 0)}
        if draw(st.booleans()):
            more["metadata"] = metadata(shown.shape[1], shown.shape[0])
        builder = wrapped(kind, builder, **more)
    return Example(builder, file, shown)
