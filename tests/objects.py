"""Detections to test with."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import shapely
from geopandas.testing import assert_geodataframe_equal

from bridge import Detections, ImageInfo, PixelSize

TEXTS = ("Tumor", "CD3+: T cell", "Zelle µ/Größe", "a\\b\n c", "核", "100%", "NA")


def reviewed() -> Detections:
    """Six objects with everything that an object can carry: a ring, two pieces, a cell, text."""
    geometry = [
        shapely.Polygon([(1.25, 2), (6.5, 2.125), (5, 7.75)]),
        shapely.box(10, 10, 20, 20).difference(shapely.box(13, 13, 15, 15)),
        shapely.MultiPolygon([shapely.box(30, 1, 33, 4), shapely.box(35, 1, 38, 4)]),
        shapely.box(40, 40, 60, 60),
        shapely.box(32_800.5, 40_000, 32_810, 40_010.25),
        shapely.box(0, 0, 64, 64),
    ]
    nucleus = np.array([None] * 6, object)
    nucleus[3] = shapely.box(45, 45, 50, 51)
    columns: dict[str, Any] = {
        "label": [3, 7, 8, 70_000, 9, 11],
        "prob": [0.875, np.nan, 0.5, 0.25, 1.0, np.nan],
        "class": [TEXTS[0], TEXTS[1], TEXTS[2], None, TEXTS[4], TEXTS[6]],
        "class_color": ["#c80000", "#010203", "#0a0b0c", None, "#fefefe", "#00ff00"],
        "object_type": ["detection", "detection", "detection", "cell", "detection", "annotation"],
        "name": [None, "my nucleus", TEXTS[2], None, "0003", "Region / 1"],
        "color": [None, "#123456", None, None, None, "#ff0000"],
        "locked": [False, True, False, False, False, True],
        "c": [-1, 0, 2, -1, -1, -1],
        "z": [0, 1, 0, 2, 0, 0],
        "t": [0, 0, 1, 0, 0, 0],
        "Nucleus: DAPI mean": [1.5, 2.5, np.nan, -4.0, 1e-9, 1e12],
        "note": ["ok", None, "l1\nl2: x", "ü", " blank ", "="],
        "nucleus": nucleus,
    }
    info = ImageInfo(
        name="Pa_dQ_J70",
        path="/data/Pa_dQ_J70.tif",
        width=60_000,
        height=50_000,
        size_z=3,
        size_t=2,
        pixel_size=PixelSize(0.25, 0.5, 1.5),
        channels=("DAPI", "488"),
    )
    return Detections.from_polygons(geometry, columns=columns, image=info, outline="star")


def assert_same(found: Detections, expected: Detections, *, image: bool = True) -> None:
    """Every object with its UUID, outline (to 1/1000 px), fields, measurements and metadata."""
    assert sorted(found.ids) == sorted(expected.ids)
    ours = expected.objects
    theirs = found.objects.loc[ours.index]
    assert set(theirs.columns) == set(ours.columns)
    plain = [c for c in ours.columns if c not in ("geometry", "nucleus")]
    pd.testing.assert_frame_equal(
        pd.DataFrame(theirs[plain]), pd.DataFrame(ours[plain]), check_dtype=False, rtol=1e-12
    )
    outlines = ["geometry"]
    rounded = [frame[outlines].set_geometry(_rounded(frame.geometry)) for frame in (theirs, ours)]
    assert_geodataframe_equal(rounded[0], rounded[1], normalize=True)
    if "nucleus" in ours.columns:
        same = [
            (a is None and b is None) or (a is not None and shapely.equals_exact(a, b, 1e-3))
            for a, b in zip(
                shapely.normalize(theirs["nucleus"].to_numpy()),
                shapely.normalize(ours["nucleus"].to_numpy()),
                strict=True,
            )
        ]
        assert all(same)
    if image:
        assert found.image == expected.image
        assert found.outline == expected.outline


def _rounded(geometry: Any) -> Any:
    return shapely.transform(geometry.to_numpy(), lambda xy: np.round(xy, 3))
