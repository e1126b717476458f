"""Products of matrices and what follows them, on the processor's vectors."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from bridge.segment.engines.winograd.vectors import (
    ROWS,
    WIDTH,
    Vectors,
    emit,
    integer,
)


def pack_panels(matrices: NDArray[Any]) -> NDArray[np.float32]:
    """Lay out matrices of (…, rows, columns) as :func:`layers.multiply` takes them.

    Two vectors of columns follow each other, at the end one where that is enough;
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


def _multiply(vectors: int, *, gathered: bool = False, stream: bool = False) -> Any:
    """Make an intrinsic that multiplies ``ROWS`` rows with vectors of columns.

    Args:
        vectors: of columns, 1 or 2.
        gathered: whether a row's numbers are found at offsets, and a bias is added to the results.
        stream: whether results are stored past the caches.
    """

    def write(builder: Any, v: Vectors, given: Any) -> None:
        before = builder.block
        loop, after = builder.append_basic_block("sum"), builder.append_basic_block("summed")
        zero = v.constant(0.0)
        rows = [builder.mul(given.stride, integer(i)) for i in range(ROWS)]
        builder.branch(loop)
        builder.position_at_end(loop)
        k = builder.phi(integer(0).type)
        k.add_incoming(integer(0), before)
        sums = [[builder.phi(zero.type) for _ in range(vectors)] for _ in range(ROWS)]
        column = builder.mul(k, integer(vectors * WIDTH))
        factors = [v.load(given.right, column, integer(i * WIDTH)) for i in range(vectors)]
        place = v.load_offset(given.offsets, k) if gathered else k
        for totals, offset in zip(sums, rows, strict=True):
            factor = v.broadcast(v.load_number(given.left, offset, place))
            for total, column_of in zip(totals, factors, strict=True):
                total.add_incoming(zero, before)
                total.add_incoming(v.fused(factor, column_of, total), loop)
        following = builder.add(k, integer(1))
        k.add_incoming(following, loop)
        builder.cbranch(builder.icmp_signed("<", following, given.count), loop, after)
        builder.position_at_end(after)
        store = v.stream if stream else v.store
        for i, totals in enumerate(sums):
            for j, total in enumerate(totals):
                (_, (result, _)) = total.incomings
                at = integer(j * WIDTH)
                if gathered:
                    result = v.add(result, v.load(given.bias, at))
                    result = v.larger(result, v.load(given.lower_bound, at))
                store(result, given.out, builder.mul(given.row, integer(i)), at)

    if gathered:
        return emit("left stride offsets right out row count bias lower_bound")(write)
    return emit("left stride right out row count")(write)


multiply_two = _multiply(2)
"""Multiply ``ROWS`` rows of one matrix with two vectors of columns of another.

Arguments: address of the first row, and the offset from one to the next; address of the columns, of
which those for a product follow each other; address of the first result, and the offset from one
row to the next; numbers in a row, at least 1.
"""

multiply_one = _multiply(1)
"""As :func:`multiply_two`, with one vector of columns."""

multiply_one_at = _multiply(1, gathered=True)
"""As :func:`multiply_one`, where the numbers of a row are found at offsets (address of ``intp``).

They come after the offset of rows. Further arguments at the end: addresses of the columns' bias and
lower bound.
"""

multiply_two_at = _multiply(2, gathered=True)
"""As :func:`multiply_one_at`, with two vectors of columns."""

multiply_two_at_streaming = _multiply(2, gathered=True, stream=True)
"""As :func:`multiply_two_at`, past the caches: for results at multiples of a vector's bytes."""


@emit("values bias lower_bound out")
def add_bounded(_builder: Any, v: Vectors, given: Any) -> None:
    """Add two vectors and raise the result to a lower bound. Addresses of all."""
    total = v.add(v.load(given.values), v.load(given.bias))
    v.store(v.larger(total, v.load(given.lower_bound)), given.out)


@emit("values factors count out")
def dot(builder: Any, v: Vectors, given: Any) -> None:
    """Add up products: addresses of numbers and :func:`pack_vectors`, count, address of the sum."""
    before = builder.block
    loop, after = builder.append_basic_block("sum"), builder.append_basic_block("summed")
    last = builder.sub(given.count, integer(WIDTH))
    builder.branch(loop)
    builder.position_at_end(loop)
    k = builder.phi(integer(0).type)
    k.add_incoming(integer(0), before)
    zero = v.constant(0.0)
    total = builder.phi(zero.type)
    total.add_incoming(zero, before)
    begin = builder.select(builder.icmp_signed("<", k, last), k, last)
    added = v.fused(v.load(given.values, begin), v.load(given.factors, k), total)
    total.add_incoming(added, loop)
    following = builder.add(k, integer(WIDTH))
    k.add_incoming(following, loop)
    builder.cbranch(builder.icmp_signed("<", following, given.count), loop, after)
    builder.position_at_end(after)
    v.store_number(v.sum(added), given.out)


@emit("values")
def sigmoid(_builder: Any, v: Vectors, given: Any) -> None:
    """Replace a vector at an address by its 1 / (1 + exp(-x))."""
    far = 87.0
    x = v.larger(v.smaller(v.load(given.values), v.constant(far)), v.constant(-far))
    one = v.constant(1.0)
    result = v.divide(one, v.add(one, v.exponential(v.subtract(v.constant(0.0), x))))
    v.store(result, given.values)
