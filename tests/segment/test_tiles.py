"""Tiles: every pixel in one core, and pooling as in the whole plane."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Generator
from threading import Event
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.segment.tiles import (
    Tile,
    count_boxes,
    count_tiles,
    pad_shape,
    prefetch,
    tile_boxes,
    tile_rows,
)
from tests.waiting import wait_until

SIDES = st.integers(1, 300)


@given(
    SIDES,
    SIDES,
    st.sampled_from([8, 16, 32]),
    st.integers(0, 40),
    st.integers(1, 6),
    st.integers(1, 6),
)
def test_cores_cover_every_pixel_once_and_begin_where_pooling_does(
    height: int, width: int, divisor: int, halo: int, rows: int, columns: int
) -> None:
    shape = pad_shape((height, width), (divisor, divisor))
    seen = np.zeros(shape, int)

    for row in tile_rows(
        shape, alignment=(divisor, divisor), halo=(halo, halo), counts=(rows, columns)
    ):
        for tile in row:
            (y0, y1), (x0, x1) = tile.core_y, tile.core_x
            seen[y0:y1, x0:x1] += 1
            for core, outer, size in (
                (tile.core_y, tile.outer_y, shape[0]),
                (tile.core_x, tile.outer_x, shape[1]),
            ):
                assert outer[0] % divisor == 0
                assert (outer[1] - outer[0]) % divisor == 0
                assert outer[0] == 0 or core[0] - outer[0] >= halo
                assert outer[1] == size or outer[1] - core[1] >= halo

    assert (seen == 1).all()


def test_tiles_follow_from_memory() -> None:
    assert count_tiles((500, 500), 1000, 1e9) == (1, 1)
    rows, columns = count_tiles((10_000, 5_000), 1000, 1e9)
    assert (10_000 / rows) * (5_000 / columns) * 1000 <= 1e9


def test_tiles_with_their_margins_stay_within_memory() -> None:
    rows, columns = count_tiles((10_000, 5_000), 1000, 1e9, halo=(100, 50))

    assert (10_000 / rows + 200) * (5_000 / columns + 100) * 1000 <= 1e9
    assert count_tiles((1000, 1000), 1000, 1e9, halo=(100, 50)) == (1, 1)


def test_margins_are_what_lies_around_the_core() -> None:
    tile = Tile((32, 64), (0, 48), (16, 96), (0, 64))

    assert tile.margins == (16, 0, 32, 16)


class TestMakingAhead:
    def test_gives_every_item_in_order(self) -> None:
        assert list(prefetch((n for n in range(20)), 3)) == list(range(20))

    def test_makes_no_more_than_may_wait(self) -> None:
        made = []

        def items() -> Generator[int]:
            for n in range(100):
                made.append(n)
                yield n

        found = prefetch(items(), 3)
        assert next(found) == 0
        wait_until(lambda: len(made) >= 1 + 3, "the items that may wait")
        time.sleep(0.1)  # for one too many, if there were one
        waiting = len(made)
        found.close()

        assert waiting == 1 + 3  # given, and made ahead

    def test_what_goes_wrong_is_raised_where_it_is_waited_for(self) -> None:
        def items() -> Generator[int]:
            yield 1
            raise ValueError("no second")

        found = prefetch(items(), 3)

        assert next(found) == 1
        with pytest.raises(ValueError, match="no second"):
            next(found)

    def test_closing_it_closes_what_it_takes_from(self) -> None:
        closed = Event()

        def items() -> Generator[int]:
            try:
                while True:
                    yield 1
            finally:
                closed.set()

        found = prefetch(items(), 2)
        next(found)
        found.close()

        assert closed.is_set()
        assert not [t for t in threading.enumerate() if t.name.startswith("prefetch")]


class TestReadingAhead:
    TILES = tuple(Tile((n, n + 1), (0, 1), (n, n + 1), (0, 1)) for n in range(4))

    def test_gives_every_tile_in_order(self) -> None:
        values = prefetch((np.full((1, 1), tile.core_y[0]) for tile in self.TILES), 1)

        assert [int(v[0, 0]) for v in values] == [0, 1, 2, 3]

    def test_reads_no_more_than_one_tile_too_many(self) -> None:
        read: list[int] = []
        second = Event()

        def note(tile: Tile) -> np.ndarray[tuple[int, int], np.dtype[np.float64]]:
            read.append(tile.core_y[0])
            if tile.core_y[0] == 1:
                second.set()
            return np.zeros((1, 1))

        values = prefetch((note(tile) for tile in self.TILES), 1)
        next(values)
        assert second.wait(10)
        values.close()

        assert read == [0, 1]

    def test_passes_on_what_went_wrong(self) -> None:
        def fail(tile: Tile) -> np.ndarray[tuple[int, int], np.dtype[np.float64]]:
            if tile.core_y[0] == 2:
                raise OSError("cut off")
            return np.zeros((1, 1))

        values = prefetch((fail(tile) for tile in self.TILES), 1)
        next(values), next(values)

        with pytest.raises(OSError, match="cut off"):
            next(values)


@given(
    shape=st.tuples(st.integers(1, 20), st.integers(1, 60), st.integers(1, 60)),
    memory=st.integers(40_000, 10**7),
)
def test_tiles_of_a_volume_fit_into_memory_and_cover_it_once(
    shape: tuple[int, int, int], memory: int
) -> None:
    padded = (shape[0] * 4, shape[1] * 4, shape[2] * 4)
    cut: dict[str, Any] = {"alignment": (4, 4, 4), "halo": (6, 9, 9)}
    counts = count_boxes(padded, **cut, bytes_per_voxel=1, memory=memory)

    covered = np.zeros(padded, int)
    for core, outer in tile_boxes(padded, **cut, counts=counts):
        covered[tuple(slice(*span) for span in core)] += 1
        assert math.prod(last - first for first, last in outer) <= max(memory, 120_000)
    assert (covered == 1).all()


def test_no_tile_of_a_volume_is_nearly_all_halo() -> None:
    counts = count_boxes((128, 2048, 2048), (4, 4, 4), (23, 46, 46), 1000, memory=1)

    assert counts == (5, 40, 40)  # cores as wide as the halo
