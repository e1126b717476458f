"""Preview: a picture in which every object can be told from its neighbours."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import shapely
from PIL import Image as Picture

from bridge import Detections, ImageInfo, PixelSize
from bridge.pictures.preview import draw_preview, neighbour_colors, write_preview


def grid_of_boxes(n: int, step: int = 8, side: int = 7) -> Detections:
    corners = [(step * i, step * j) for i in range(n) for j in range(n)]
    info = ImageInfo(width=n * step, height=n * step, pixel_size=PixelSize(0.5, 0.5))
    return Detections.from_polygons(
        [shapely.box(x, y, x + side, y + side) for x, y in corners], image=info
    )


def test_neighbours_have_different_colours() -> None:
    polygons = grid_of_boxes(20).objects.geometry.to_numpy()
    colors = neighbour_colors(polygons)
    first, second = shapely.STRtree(polygons).query(polygons, predicate="dwithin", distance=3)

    assert all(colors[a] != colors[b] for a, b in zip(first, second, strict=True) if a != b)
    assert colors.max() < 10


def test_a_small_image_is_shown_whole_and_enlarged() -> None:
    detections = grid_of_boxes(10)
    picture = np.asarray(draw_preview(detections, np.zeros((80, 80), np.uint16)))

    assert picture.shape[1] == 320
    outlined = (picture[:320] != picture[:320, :, :1]).any(axis=2)
    assert outlined[28].mean() > 0.5  # the lower edges of the first row, enlarged four times
    assert not outlined[14, 8:20].any()


def test_a_section_of_ten_thousand_objects_is_shown_whole_and_in_part() -> None:
    detections = grid_of_boxes(110, step=20, side=14)
    picture = draw_preview(detections, np.random.default_rng(0).random((2200, 2200)))

    assert picture.width > 2 * picture.height * 0.9
    assert len(detections) == 12_100


def test_objects_smaller_than_a_pixel_of_the_overview_show_all_the_same() -> None:
    detections = Detections.from_polygons(
        [shapely.box(x, 3000, x + 1, 3001) for x in range(100, 3900, 200)]
    )
    picture = np.asarray(draw_preview(detections, np.zeros((4000, 4000), np.uint8)))

    row = picture[round(3000 * 1024 / 4000), :1024].astype(int)
    colored = np.flatnonzero(np.ptp(row, axis=1) > 5)
    assert len(np.flatnonzero(np.diff(colored, prepend=-9) > 1)) == len(detections)


def test_the_overview_shows_the_mean_of_the_pixels_that_it_stands_for() -> None:
    plane = np.kron([[0, 200], [200, 0]], np.ones((1000, 900), int))
    plane[:, ::2] = 0
    picture = np.asarray(draw_preview(Detections.from_polygons([]), plane.astype(np.uint16)))

    bright, dark = picture[200, 700], picture[200, 200]
    assert dark.tolist() == [0, 0, 0]
    assert bright[0] == pytest.approx(235 * 0.5**0.7, abs=2)


def test_only_the_objects_of_the_plane_are_shown() -> None:
    detections = grid_of_boxes(10)
    detections.objects["z"] = 1

    picture = np.asarray(draw_preview(detections, np.zeros((80, 80)), z=0))[:320]

    assert (picture == picture[..., :1]).all()


def test_nothing_to_show_is_shown(tmp_path: Path) -> None:
    write_preview(
        Detections.from_labels(np.zeros((3, 1), int)), np.zeros((3, 1)), tmp_path / "a.png"
    )

    with Picture.open(tmp_path / "a.png") as picture:
        assert picture.format == "PNG"
