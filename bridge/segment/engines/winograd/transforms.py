"""Winograd's minimal filtering F(4 x 4, 3 x 3), with the points 0, 1, -1, 2, -2 and infinity.

The matrices are those of A. Lavin and S. Gray, *Fast algorithms for convolutional neural networks*
(CVPR 2016), section 4.3.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bridge.segment.engines.winograd.vectors import Value, Vectors, instructions, integer, intrinsic

STEP = 4
"""Results of a square along an axis."""

SEEN = 6
"""What they look at."""

POINTS = SEEN * SEEN
"""Products for a square."""

TWICE_ZERO = 2
"""Along an axis where every pixel stands twice, this one of the six transformed values is zero.

Of pixels a, b, b, c, c, d it is (c - 4 b) - (c - 4 b).
"""

_KERNEL = np.array(
    [
        [1 / 4, 0, 0],
        [-1 / 6, -1 / 6, -1 / 6],
        [-1 / 6, 1 / 6, -1 / 6],
        [1 / 24, 1 / 12, 1 / 6],
        [1 / 24, -1 / 12, 1 / 6],
        [0, 0, 1],
    ]
)


def transformed(kernel: NDArray[Any]) -> NDArray[np.float32]:
    """A kernel of (3, 3, channels in, channels out) as (36, channels in, channels out) float32."""
    points = np.einsum("ui,vj,ijkl->uvkl", _KERNEL, _KERNEL, kernel.astype(np.float64))
    return np.asarray(points.reshape(POINTS, *kernel.shape[2:]), np.float32)


def _seen(v: Vectors, d: Callable[[int], Value], points: tuple[int, ...]) -> list[Value]:
    """Those of the six transformed values along an axis that are asked for."""
    match points:
        case (0,):
            return [v.fused(4.0, d(0), v.fused(-5.0, d(2), d(4)))]
        case (1, 2):
            even, odd = v.fused(-4.0, d(2), d(4)), v.fused(-4.0, d(1), d(3))
            return [v.add(even, odd), v.subtract(even, odd)]
        case (3, 4):
            even, odd = v.subtract(d(4), d(2)), v.subtract(d(3), d(1))
            return [v.fused(2.0, odd, even), v.fused(-2.0, odd, even)]
        case _:
            return [v.fused(4.0, d(1), v.fused(-5.0, d(3), d(5)))]


def _point(builder: Any, stride: Value, i: int, j: int) -> tuple[Value, Value]:
    """Offset of one of the 36 values, as a row's and a column's: so LLVM keeps few of them."""
    return builder.mul(stride, integer(i * SEEN)), builder.mul(stride, integer(j))


_TOGETHER = ((1, 2), (3, 4), (0,), (5,))
"""Points whose values have terms in common."""


def _results(v: Vectors, m: Sequence[Value]) -> list[Value]:
    """Four results along an axis, of six products."""
    one = v.add(m[1], m[2]), v.subtract(m[1], m[2])
    two = v.add(m[3], m[4]), v.subtract(m[3], m[4])
    return [
        v.add(v.add(m[0], one[0]), two[0]),
        v.fused(2.0, two[1], one[1]),
        v.fused(4.0, two[0], one[0]),
        v.add(v.fused(8.0, two[1], one[1]), m[5]),
    ]


def _transform_seen(
    builder: Any, v: Vectors, source: Value, rows: Value, columns: Value, to: Value, stride: Value
) -> None:
    def offsets(table: Value) -> list[Value]:
        return [v.load_offset(table, integer(i)) for i in range(SEEN)]

    ys, xs = offsets(rows), offsets(columns)

    def pixels(x: Value) -> Callable[[int], Value]:
        return lambda i: v.load(source, ys[i], x)

    # A square does not fit into the registers. Its pixels are loaded again for each pair of rows.
    for points in _TOGETHER:
        down = [_seen(v, pixels(x), points) for x in xs]
        for i, point in enumerate(points):
            row = [column[i] for column in down]
            for others in _TOGETHER:
                for other, value in zip(others, _seen(v, row.__getitem__, others), strict=True):
                    v.store(value, to, *_point(builder, stride, point, other))


@intrinsic
def transform_seen(
    _context: Any, source: Any, rows: Any, columns: Any, to: Any, stride: Any
) -> Any:
    """Transform a vector of channels of what a square looks at.

    Arguments: address of the first channel at row 0 and column 0 of the layer; addresses of six
    offsets of rows and of six offsets of columns (``intp``); address of the first of 36 results,
    and the offset from one to the next.
    """
    return instructions(5, _transform_seen)


def _results_of(
    builder: Any, v: Vectors, products: Value, stride: Value, bias: Value, least: Value
) -> list[list[Value]]:
    found = [
        [v.load(products, *_point(builder, stride, i, j)) for j in range(SEEN)] for i in range(SEEN)
    ]
    columns = [_results(v, [row[x] for row in found]) for x in range(SEEN)]
    rows = [_results(v, [column[y] for column in columns]) for y in range(STEP)]
    offset, lowest = v.load(bias), v.load(least)
    return [[v.larger(v.add(value, offset), lowest) for value in row] for row in rows]


def _transform_back(*, stream: bool, pool: bool) -> Callable[..., None]:
    def write(
        builder: Any,
        v: Vectors,
        products: Value,
        stride: Value,
        bias: Value,
        least: Value,
        to: Value,
        row: Value,
        column: Value,
        *pooled: Value,
    ) -> None:
        results = _results_of(builder, v, products, stride, bias, least)
        store = v.stream if stream else v.store
        for i, values in enumerate(results):
            for j, value in enumerate(values):
                store(value, to, builder.mul(row, integer(i)), builder.mul(column, integer(j)))
        if not pool:
            return
        at, pooled_row, pooled_column = pooled
        for i in range(0, STEP, 2):
            for j in range(0, STEP, 2):
                above = v.larger(results[i][j], results[i][j + 1])
                below = v.larger(results[i + 1][j], results[i + 1][j + 1])
                y = builder.mul(pooled_row, integer(i // 2))
                x = builder.mul(pooled_column, integer(j // 2))
                v.store(v.larger(above, below), at, y, x)

    return write


def _transforming_back(*, stream: bool) -> Any:
    @intrinsic
    def transform(
        _context: Any,
        products: Any,
        stride: Any,
        bias: Any,
        least: Any,
        to: Any,
        row: Any,
        column: Any,
    ) -> Any:
        return instructions(7, _transform_back(stream=stream, pool=False))

    return transform


def _transforming_back_pooled(*, stream: bool) -> Any:
    @intrinsic
    def transform(
        _context: Any,
        products: Any,
        stride: Any,
        bias: Any,
        least: Any,
        to: Any,
        row: Any,
        column: Any,
        pooled: Any,
        pooled_row: Any,
        pooled_column: Any,
    ) -> Any:
        return instructions(10, _transform_back(stream=stream, pool=True))

    return transform


transform_back = _transforming_back(stream=False)
"""Make a vector of channels of a square's 16 results from its 36 products.

Arguments: address of the first product, and the offset from one to the next; addresses of the
channels' bias and of the least value that they may have; address of the first result, and the
offsets from one row and from one column to the next.
"""

transform_back_past_caches = _transforming_back(stream=True)
"""The same, where all results stand at multiples of a vector's bytes and are not soon read."""

transform_back_pooled = _transforming_back_pooled(stream=False)
"""As :func:`transform_back`, and the largest of every 2 x 2 results.

Further arguments: address of the first of these, and the offsets from one row and from one column
to the next.
"""

transform_back_pooled_past_caches = _transforming_back_pooled(stream=True)
"""Both."""
