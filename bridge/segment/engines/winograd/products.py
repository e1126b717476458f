"""Products of matrices and what follows them, on the processor's vectors."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from bridge.segment.engines.winograd.vectors import (
    ROWS,
    WIDTH,
    Value,
    Vectors,
    emit,
    integer,
)


def pack_panels(matrices: NDArray[Any]) -> NDArray[np.float32]:
    """Lay out matrices of (…, rows, columns) as :func:`layers.multiply` takes them.

    Columns stand side by side two vectors at a time, the last ones one vector where that is enough;
    columns that do not fill a vector are followed by zeros.

    Returns:
        One axis, float32.
    """
    *before, rows, columns = matrices.shape
    wide = -(-columns // WIDTH) * WIDTH
    whole = np.zeros((int(np.prod(before)), rows, wide), np.float32)
    whole[..., :columns] = matrices.reshape(-1, rows, columns)
    return np.concatenate(
        [
            matrix[:, first : first + 2 * WIDTH].ravel()
            for matrix in whole
            for first in range(0, wide, 2 * WIDTH)
        ]
    )


def pack_vectors(numbers: NDArray[Any]) -> NDArray[np.float32]:
    """Lay out factors as :func:`dot` takes them: the last vector ends with the numbers.

    Args:
        numbers: at least ``WIDTH``.
    """
    parts = [numbers[: len(numbers) // WIDTH * WIDTH]]
    if rest := len(numbers) % WIDTH:
        parts.append(np.concatenate([np.zeros(WIDTH - rest), numbers[-rest:]]))
    return np.concatenate(parts).astype(np.float32)


def _write_product(
    vectors: int,
    builder: Any,
    v: Vectors,
    left: tuple[Value, Value, Value | None],
    right: Value,
    out: tuple[Value, Value],
    count: Value,
    bounds: tuple[Value, Value] | None = None,
    *,
    stream: bool = False,
) -> None:
    """Write the product of ``ROWS`` rows with vectors of columns.

    Args:
        vectors: of columns, 1 or 2.
        builder: LLVM's.
        v: of the builder.
        left: address of the first row, offset from one to the next, and address of the offsets of
            its numbers, ``None`` where they follow each other.
        right: address of the columns.
        out: address of the first result, and offset from one row to the next.
        count: numbers in a row.
        bounds: addresses of the columns' bias and lower bound.
        stream: whether results are stored past the caches.
    """
    at, stride, offsets = left
    before = builder.block
    loop, after = builder.append_basic_block("sum"), builder.append_basic_block("summed")
    zero = v.constant(0.0)
    rows = [builder.mul(stride, integer(i)) for i in range(ROWS)]
    builder.branch(loop)
    builder.position_at_end(loop)
    k = builder.phi(integer(0).type)
    k.add_incoming(integer(0), before)
    sums = [[builder.phi(zero.type) for _ in range(vectors)] for _ in range(ROWS)]
    column = builder.mul(k, integer(vectors * WIDTH))
    factors = [v.load(right, column, integer(i * WIDTH)) for i in range(vectors)]
    place = k if offsets is None else v.load_offset(offsets, k)
    for totals, offset in zip(sums, rows, strict=True):
        factor = v.broadcast(v.load_number(at, offset, place))
        for total, column_of in zip(totals, factors, strict=True):
            total.add_incoming(zero, before)
            total.add_incoming(v.fused(factor, column_of, total), loop)
    following = builder.add(k, integer(1))
    k.add_incoming(following, loop)
    builder.cbranch(builder.icmp_signed("<", following, count), loop, after)
    builder.position_at_end(after)
    store = v.stream if stream else v.store
    for i, totals in enumerate(sums):
        for j, total in enumerate(totals):
            (_, (result, _)) = total.incomings
            if bounds is not None:
                added, bound = (v.load(b, integer(j * WIDTH)) for b in bounds)
                result = v.larger(v.add(result, added), bound)
            store(result, out[0], builder.mul(out[1], integer(i)), integer(j * WIDTH))


def _multiply(vectors: int) -> Any:
    def write(
        builder: Any,
        v: Vectors,
        left: Value,
        stride: Value,
        right: Value,
        out: Value,
        row: Value,
        count: Value,
    ) -> None:
        _write_product(vectors, builder, v, (left, stride, None), right, (out, row), count)

    return emit(write)


multiply_two = _multiply(2)
"""Multiply ``ROWS`` rows of one matrix with two vectors of columns of another.

Arguments: address of the first row, and the offset from one to the next; address of the columns, of
which those for a product follow each other; address of the first result, and the offset from one
row to the next; numbers in a row, at least 1.
"""

multiply_one = _multiply(1)
"""As :func:`multiply_two`, with one vector of columns."""


def _multiply_at(vectors: int, *, stream: bool) -> Any:
    def write(
        builder: Any,
        v: Vectors,
        left: Value,
        stride: Value,
        offsets: Value,
        right: Value,
        out: Value,
        row: Value,
        count: Value,
        bias: Value,
        lower_bound: Value,
    ) -> None:
        rows, to = (left, stride, offsets), (out, row)
        bounds = bias, lower_bound
        _write_product(vectors, builder, v, rows, right, to, count, bounds, stream=stream)

    return emit(write)


multiply_one_at = _multiply_at(1, stream=False)
"""As :func:`multiply_one`, where the numbers of a row are found at offsets (address of ``intp``).

They come after the offset of rows. Further arguments at the end: addresses of the columns' bias and
lower bound.
"""

multiply_two_at = _multiply_at(2, stream=False)
"""As :func:`multiply_one_at`, with two vectors of columns."""

multiply_two_at_streaming = _multiply_at(2, stream=True)
"""As :func:`multiply_two_at`, past the caches: for results at multiples of a vector's bytes."""


@emit
def add_bounded(
    _builder: Any, v: Vectors, values: Value, bias: Value, bounds: Value, out: Value
) -> None:
    """Add a vector to another; what is below its bound becomes the bound. Addresses of all."""
    v.store(v.larger(v.add(v.load(values), v.load(bias)), v.load(bounds)), out)


@emit
def dot(builder: Any, v: Vectors, values: Value, factors: Value, count: Value, out: Value) -> None:
    """Add up products: addresses of numbers and :func:`pack_vectors`, count, address of the sum."""
    before = builder.block
    loop, after = builder.append_basic_block("sum"), builder.append_basic_block("summed")
    last = builder.sub(count, integer(WIDTH))
    builder.branch(loop)
    builder.position_at_end(loop)
    k = builder.phi(integer(0).type)
    k.add_incoming(integer(0), before)
    zero = v.constant(0.0)
    total = builder.phi(zero.type)
    total.add_incoming(zero, before)
    begin = builder.select(builder.icmp_signed("<", k, last), k, last)
    added = v.fused(v.load(values, begin), v.load(factors, k), total)
    total.add_incoming(added, loop)
    following = builder.add(k, integer(WIDTH))
    k.add_incoming(following, loop)
    builder.cbranch(builder.icmp_signed("<", following, count), loop, after)
    builder.position_at_end(after)
    v.store_number(v.sum(added), out)


@emit
def sigmoid(_builder: Any, v: Vectors, values: Value) -> None:
    """Replace a vector at an address by its 1 / (1 + exp(-x))."""
    far = 87.0
    x = v.larger(v.smaller(v.load(values), v.constant(far)), v.constant(-far))
    one = v.constant(1.0)
    v.store(v.divide(one, v.add(one, v.exponential(v.subtract(v.constant(0.0), x)))), values)
