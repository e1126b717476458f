"""Large outlines are filled and compared in parts, with the pixels that they have as a whole."""

from __future__ import annotations

from functools import partial

import numpy as np
import pytest
import shapely

from bridge.formats.roi_shapes.filling import EnclosedArea, Lines, fill, with_imagej_pixels
from bridge.outlines import rasterize

CORNERS = np.array([[3.0, 0.0], [1500.0, 700.0], [2.0, 1400.0], [700.0, 701.0]])


@pytest.mark.parametrize("height", [1, 97, 1000])
def test_bands_of_rows_are_parts_of_the_whole(height: int) -> None:
    whole = fill([CORNERS], (1401, 1501))
    bands = [fill([CORNERS], (height, 1501), row) for row in range(0, 1401, height)]

    assert np.array_equal(np.concatenate(bands)[:1401], whole)


@pytest.mark.parametrize("is_simple", [True, False])
def test_outlines_of_several_bands_get_the_pixels_of_imagej(is_simple: bool) -> None:
    lines = partial(Lines, (0, 0), [CORNERS])
    outlines = with_imagej_pixels([EnclosedArea(shapely.Polygon(CORNERS), is_simple, lines)])

    drawn = rasterize(outlines, np.array([1]), (1401, 1501)) > 0
    assert np.array_equal(drawn, fill([CORNERS], (1401, 1501)))
