"""Tracks of objects over time: what is linked, what divides, what is told."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from bridge import Detections, ImageInfo, PixelSize
from bridge.errors import BadInputError
from bridge.examples.moving_nuclei import MovingNuclei, simulate_moving_nuclei
from bridge.objects3d import from_volume
from bridge.track import LINEAGE, PARENT, TRACK, track, track_table


def series(
    objects: Sequence[tuple[int, float, float, float]], *, pixel_size: float | None = None
) -> Detections:
    """Return squares: time point, y and x of the centre and side, in pixels."""
    return Detections.from_polygons(
        [shapely.box(x - r / 2, y - r / 2, x + r / 2, y + r / 2) for _, y, x, r in objects],
        columns={"t": [t for t, *_ in objects]},
        image=ImageInfo(
            name="series",
            width=1_000,
            height=1_000,
            size_t=1 + max(t for t, *_ in objects),
            pixel_size=PixelSize(pixel_size, pixel_size) if pixel_size else None,
        ),
    )


def as_detections(found: MovingNuclei) -> Detections:
    """Return circles of the simulated areas, with their intensity."""
    circles = shapely.buffer(
        shapely.points(found.position[:, ::-1]), np.sqrt(found.area / np.pi), quad_segs=4
    )
    return Detections.from_polygons(
        circles,
        columns={"t": found.frame, "Nucleus: DAPI: Mean": found.intensity},
        image=ImageInfo(name="moving", size_t=int(found.frame.max()) + 1),
    )


def links_of(tracked: Detections) -> set[tuple[int, int]]:
    frame = tracked.objects.reset_index(drop=True)
    rows = [group.sort_values("t").index.to_numpy() for _, group in frame.groupby(TRACK)]
    return {(int(a), int(b)) for each in rows for a, b in pairwise(each)}


def tracks_of(tracked: Detections) -> set[frozenset[Any]]:
    return {frozenset(group.index) for _, group in tracked.objects.groupby(TRACK)}


def f1(found: set[Any], true: set[Any]) -> float:
    return 2 * len(found & true) / (len(found) + len(true))


def divisions_of(tracked: Detections, nucleus: Any) -> set[tuple[int, frozenset[int]]]:
    """Return each mother with its daughters, by true number, from their first and last objects."""
    frame = tracked.objects.reset_index(drop=True).assign(nucleus=nucleus)
    frame = frame.sort_values("t", kind="stable")
    ends = frame.groupby(TRACK).agg(first=("nucleus", "first"), last=("nucleus", "last"))
    parent = frame.groupby(TRACK)[PARENT].first()
    return {
        (int(ends.at[mother, "last"]), frozenset(int(ends.at[k, "first"]) for k in daughters.index))
        for mother, daughters in parent[parent > 0].groupby(parent)
    }


@pytest.mark.parametrize("seed", [1, 2])
def test_nuclei_of_a_tissue_keep_their_tracks_and_divide(seed: int) -> None:
    found = simulate_moving_nuclei(500, 30, divisions=60, seed=seed)

    tracked = track(as_detections(found), intensities=["Nucleus: DAPI: Mean"])

    assert f1(links_of(tracked), found.true_links()) >= 0.995
    assert f1(divisions_of(tracked, found.nucleus), found.true_divisions()) >= 0.8


def test_nuclei_of_a_volume_keep_their_tracks() -> None:
    from bridge.track.linking import link_points
    from bridge.track.points import Points

    found = simulate_moving_nuclei(500, 30, divisions=60, planes=12, seed=3)
    features = np.log(np.stack([found.area, found.intensity], axis=1))

    before = link_points(Points(found.frame, found.position, features)).before

    links = {(int(a), b) for b, a in enumerate(before) if a >= 0}
    of_divisions = {
        (a, b)
        for a, b in links
        if found.nucleus[b] >= 0 and found.mother[found.nucleus[b]] == found.nucleus[a] >= 0
    }
    assert f1(links - of_divisions, found.true_links()) >= 0.99


@given(st.permutations(range(12)), st.integers(0, 2**32 - 1))
@settings(max_examples=25)
def test_the_order_of_rows_does_not_matter(order: list[int], seed: int) -> None:
    rng = np.random.default_rng(seed)
    places = rng.permutation(4) * 100 + 100
    objects = [(t, 100 + rng.normal(), x + 3 * t, 20) for t in range(3) for x in places]
    detections = series(objects)
    shuffled = Detections(detections.objects.iloc[order], detections.image)

    assert tracks_of(track(detections)) == tracks_of(track(shuffled))


def test_an_object_that_is_missed_keeps_its_track_over_a_gap() -> None:
    objects = [(t, 50, 50 + 4 * t, 20) for t in (0, 1, 4, 5)]

    kept = track(series(objects), max_distance=12, gap=2).objects
    cut = track(series(objects), max_distance=12, gap=1).objects

    assert kept[TRACK].tolist() == [1, 1, 1, 1]
    assert cut[TRACK].tolist() == [1, 1, 2, 2]


def test_a_division_ends_a_track_and_begins_two_of_its_lineage() -> None:
    mother = [(t, 50, 50, 20) for t in range(3)]
    daughters = [(t, 50, 50 + side * (6 + t), 14) for t in range(3, 7) for side in (-1, 1)]
    other = [(t, 200, 200, 20) for t in range(7)]

    frame = track(series([*mother, *daughters, *other]), max_distance=15).objects

    tracks = frame.groupby(TRACK).agg(
        first=("t", "min"), last=("t", "max"), parent=(PARENT, "first"), lineage=(LINEAGE, "first")
    )
    assert tracks.values.tolist() == [[0, 2, 0, 1], [0, 6, 0, 2], [3, 6, 1, 1], [3, 6, 1, 1]]


def test_a_nucleus_that_appears_beside_another_is_no_daughter() -> None:
    still = [(t, 50, 50, 20) for t in range(8)]
    appears = [(t, 50, 74, 20) for t in range(3, 8)]

    frame = track(series([*still, *appears]), max_distance=20).objects

    assert frame[PARENT].tolist() == [0] * 13
    assert frame[TRACK].nunique() == 2


def test_divisions_can_be_left_out() -> None:
    mother = [(t, 50, 50, 20) for t in range(3)]
    daughters = [(t, 50, 50 + side * (6 + t), 14) for t in range(3, 7) for side in (-1, 1)]

    frame = track(series([*mother, *daughters]), max_distance=15, divisions=False).objects

    assert frame[PARENT].tolist() == [0] * 11
    assert frame[TRACK].nunique() == 2


def test_distances_are_in_micrometres_where_pixels_have_a_size() -> None:
    objects = [(t, 50, 50 + 10 * t, 20) for t in range(3)]

    near = track(series(objects, pixel_size=0.5), max_distance=6).objects
    far = track(series(objects, pixel_size=0.5), max_distance=4, divisions=False).objects

    assert near[TRACK].nunique() == 1
    assert far[TRACK].nunique() == 3


def test_all_slices_of_an_object_of_a_volume_have_its_track() -> None:
    labels = np.zeros((3, 4, 12, 20), np.uint16)
    for t in range(3):
        labels[t, 1:3, 2:6, 2 + t : 6 + t] = 1
        labels[t, 0:4, 6:10, 12 - t : 16 - t] = 2
    image = ImageInfo(
        name="stack", width=20, height=12, size_z=4, size_t=3, pixel_size=PixelSize(1, 1, 3)
    )

    frame = track(from_volume(labels, axes="TZYX", image=image), max_distance=4).objects

    assert frame.groupby("label")[TRACK].nunique().tolist() == [1, 1]
    assert frame[TRACK].nunique() == 2


def test_what_a_track_does_is_in_a_table() -> None:
    objects = [(t, 50, 50 + 6 * t, 20) for t in (0, 1, 3)] + [(t, 300, 300, 20) for t in range(4)]

    tracked = track(series(objects, pixel_size=0.5), max_distance=10)
    table = track_table(tracked, interval=60)

    first = table.to_dict("index")[1]
    assert [first[name] for name in ("First frame", "Last frame")] == [1, 4]
    assert [first[name] for name in ("Objects", "Missed")] == [3, 1]
    assert first["Path µm"] == first["Displacement µm"] == pytest.approx(9)
    assert first["Lifetime s"] == 180
    assert first["Mean speed µm/s"] == pytest.approx(9 / 180)
    assert first["Persistence"] == pytest.approx(1)
    assert table["Persistence"].isna().tolist() == [False, True]


@pytest.mark.parametrize(
    ("objects", "options", "message"),
    [
        ([(0, 5, 5, 4), (0, 50, 5, 4)], {}, "one time point only"),
        ([(0, 5, 5, 4), (1, 5, 5, 4)], {"max_distance": -1}, "-1 is no distance"),
        ([(0, 5, 5, 4), (1, 5, 5, 4)], {"gap": -1}, "-1 frames are no gap"),
        ([(0, 5, 5, 4), (1, 5, 5, 4)], {"intensities": ["DAPI"]}, "no measurement 'DAPI'"),
    ],
)
def test_what_cannot_be_tracked_is_said(
    objects: list[tuple[int, float, float, float]], options: dict[str, Any], message: str
) -> None:
    with pytest.raises(BadInputError, match=f"series: .*{message}"):
        track(series(objects), **options)


def test_slices_that_are_no_volumes_are_refused() -> None:
    labels = np.ones((2, 3, 4, 4), np.uint8)

    with pytest.raises(BadInputError, match="not linked to objects of a volume"):
        track(Detections.from_labels(labels, axes="TZYX"))


def test_a_frame_without_objects_and_a_series_without_any_are_tracked() -> None:
    tracked = track(series([(0, 5, 5, 4), (2, 5, 5, 4)]), max_distance=3)
    empty = track(Detections.from_labels(np.zeros((3, 8, 8), int), axes="TYX"))

    assert tracked.objects[TRACK].tolist() == [1, 1]
    assert len(empty) == 0
    assert track_table(empty).empty
