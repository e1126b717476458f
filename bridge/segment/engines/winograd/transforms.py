"""Winograd's minimal filtering F(4 x 4, 3 x 3), with the points 0, 1, -1, 2, -2 and infinity.

The matrices are those of A. Lavin and S. Gray, *Fast algorithms for convolutional neural networks*
(CVPR 2016), section 4.3.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bridge.segment.engines.winograd.vectors import Value, Vectors, emit, integer

OUTPUTS = 4
"""Results of a square along an axis: m of F(m x m, r x r)."""

INPUTS = 6
"""Pixels that they look at: m + r - 1."""

POINTS = INPUTS * INPUTS
"""Points, and so products, of a square."""

ENLARGED_ZERO = 2
"""Index of the transformed value that is zero along an axis that is enlarged twofold.

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


def transform_kernel(kernel: NDArray[Any]) -> NDArray[np.float32]:
    """Transform (3, 3, channels in, channels out) to (36, channels in, channels out) float32."""
    points = np.einsum("ui,vj,ijkl->uvkl", _KERNEL, _KERNEL, kernel.astype(np.float64))
    return np.asarray(points.reshape(POINTS, *kernel.shape[2:]), np.float32)


def _transform_inputs(
    v: Vectors, d: Callable[[int], Value], points: tuple[int, ...]
) -> list[Value]:
    """Compute some of the six transformed values along an axis: rows of B^T d."""
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
    """Return the offsets of a value of the 36, a row's and a column's: LLVM then keeps few."""
    return builder.mul(stride, integer(i * INPUTS)), builder.mul(stride, integer(j))


_TOGETHER = ((1, 2), (3, 4), (0,), (5,))
"""Points whose values have terms in common."""


def _transform_products(v: Vectors, m: Sequence[Value]) -> list[Value]:
    """Compute four results along an axis from six products: A^T m."""
    near = v.add(m[1], m[2]), v.subtract(m[1], m[2])
    far = v.add(m[3], m[4]), v.subtract(m[3], m[4])
    return [
        v.add(v.add(m[0], near[0]), far[0]),
        v.fused(2.0, far[1], near[1]),
        v.fused(4.0, far[0], near[0]),
        v.add(v.fused(8.0, far[1], near[1]), m[5]),
    ]


@emit("source rows columns out stride")
def transform_input(builder: Any, v: Vectors, given: Any) -> None:
    """Transform a vector of channels of the 6 x 6 pixels that a square looks at.

    Arguments: address of the first channel at row 0 and column 0 of the layer; addresses of six
    offsets of rows and of six offsets of columns (``intp``); address of the first of 36 results,
    and the offset from one to the next.
    """
    ys, xs = (
        [v.load_offset(table, integer(i)) for i in range(INPUTS)]
        for table in (given.rows, given.columns)
    )

    def pixels(x: Value) -> Callable[[int], Value]:
        return lambda i: v.load(given.source, ys[i], x)

    # A square does not fit into the registers. Its pixels are loaded again for each pair of rows.
    for points in _TOGETHER:
        down = [_transform_inputs(v, pixels(x), points) for x in xs]
        for i, point in enumerate(points):
            row = [column[i] for column in down]
            for pair in _TOGETHER:
                for k, value in zip(pair, _transform_inputs(v, row.__getitem__, pair), strict=True):
                    v.store(value, given.out, *_point(builder, given.stride, point, k))


def _transform_output(*, stream: bool = False, pooled: bool = False) -> Any:
    """Make an intrinsic for the results of a square, and the largest of every 2 x 2 of them."""

    def write(builder: Any, v: Vectors, given: Any) -> None:
        products = [
            [v.load(given.products, *_point(builder, given.stride, i, j)) for j in range(INPUTS)]
            for i in range(INPUTS)
        ]
        columns = [_transform_products(v, [row[x] for row in products]) for x in range(INPUTS)]
        rows = [_transform_products(v, [column[y] for column in columns]) for y in range(OUTPUTS)]
        bias, bound = v.load(given.bias), v.load(given.lower_bound)
        results = [[v.larger(v.add(value, bias), bound) for value in row] for row in rows]
        store = v.stream if stream else v.store
        for i, values in enumerate(results):
            for j, value in enumerate(values):
                y, x = builder.mul(given.row, integer(i)), builder.mul(given.column, integer(j))
                store(value, given.out, y, x)
        if not pooled:
            return
        for i in range(0, OUTPUTS, 2):
            for j in range(0, OUTPUTS, 2):
                above = v.larger(results[i][j], results[i][j + 1])
                below = v.larger(results[i + 1][j], results[i + 1][j + 1])
                y = builder.mul(given.pooled_row, integer(i // 2))
                x = builder.mul(given.pooled_column, integer(j // 2))
                v.store(v.larger(above, below), given.pooled, y, x)

    further = " pooled pooled_row pooled_column" if pooled else ""
    return emit("products stride bias lower_bound out row column" + further)(write)


transform_output = _transform_output()
"""Make a vector of channels of a square's 16 results from its 36 products.

Arguments: address of the first product, and the offset from one to the next; addresses of the
channels' bias and of their lower bound; address of the first result, and the offsets from one row
and from one column to the next.
"""

transform_output_streaming = _transform_output(stream=True)
"""Do so past the caches: for results at multiples of a vector's bytes that are not soon read."""

transform_output_pooled = _transform_output(pooled=True)
"""As :func:`transform_output`, and the largest of every 2 x 2 results.

Further arguments: address of the first of these, and the offsets from one row and from one column
to the next.
"""

transform_output_pooled_streaming = _transform_output(stream=True, pooled=True)
"""As :func:`transform_output_pooled`, the results (not the largest ones) past the caches."""
