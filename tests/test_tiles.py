"""Tiles: every pixel in one core, and pooling as in the whole plane."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.tiles import Tile, counts_for, one_ahead, padded_shape, reflected, tile_rows

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
    shape = padded_shape((height, width), (divisor, divisor))
    seen = np.zeros(shape, int)

    for row in tile_rows(
        shape, divisor=(divisor, divisor), halo=(halo, halo), counts=(rows, columns)
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


@given(st.integers(1, 20), st.integers(0, 60))
def test_padding_is_numpys_reflect(size: int, more: int) -> None:
    values = np.arange(size)

    assert np.array_equal(
        values[reflected(0, size + more, size)], np.pad(values, (0, more), mode="reflect")
    )


def test_tiles_follow_from_memory() -> None:
    assert counts_for((500, 500), 1000, 1e9) == (1, 1)
    rows, columns = counts_for((10_000, 5_000), 1000, 1e9)
    assert (10_000 / rows) * (5_000 / columns) * 1000 <= 1e9


class TestReadingAhead:
    TILES = tuple(Tile((n, n + 1), (0, 1), (n, n + 1), (0, 1)) for n in range(4))

    def test_gives_every_tile_in_order(self) -> None:
        values = one_ahead(lambda tile: np.full((1, 1), tile.core_y[0]), self.TILES)

        assert [int(v[0, 0]) for v in values] == [0, 1, 2, 3]

    def test_reads_no_more_than_one_tile_too_many(self) -> None:
        read: list[int] = []

        def note(tile: Tile) -> np.ndarray[tuple[int, int], np.dtype[np.float64]]:
            read.append(tile.core_y[0])
            return np.zeros((1, 1))

        values = one_ahead(note, self.TILES)
        next(values)
        values.close()

        assert read == [0, 1]

    def test_passes_on_what_went_wrong(self) -> None:
        def fail(tile: Tile) -> np.ndarray[tuple[int, int], np.dtype[np.float64]]:
            if tile.core_y[0] == 2:
                raise OSError("cut off")
            return np.zeros((1, 1))

        values = one_ahead(fail, self.TILES)
        next(values), next(values)

        with pytest.raises(OSError, match="cut off"):
            next(values)
