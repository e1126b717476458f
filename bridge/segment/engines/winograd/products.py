"""Products of matrices and what follows them, on the processor's vectors."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bridge.segment.engines.winograd.vectors import (
    ROWS,
    WIDTH,
    Value,
    Vectors,
    instructions,
    integer,
    intrinsic,
)


def in_panels(matrices: NDArray[Any]) -> NDArray[np.float32]:
    """Matrices of (…, rows, columns) as :func:`layers.multiply` takes them.

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


def in_vectors(numbers: NDArray[Any]) -> NDArray[np.float32]:
    """Factors as :func:`dot` takes them: the last vector begins where it ends with the numbers.

    Args:
        numbers: at least ``WIDTH``.
    """
    parts = [numbers[: len(numbers) // WIDTH * WIDTH]]
    if rest := len(numbers) % WIDTH:
        parts.append(np.concatenate([np.zeros(WIDTH - rest), numbers[-rest:]]))
    return np.concatenate(parts).astype(np.float32)


def _multiply(vectors: int, *, stream: bool = False) -> Callable[..., None]:
    def write(
        builder: Any,
        v: Vectors,
        left: Value,
        stride: Value,
        places: Value,
        right: Value,
        to: Value,
        row: Value,
        count: Value,
        bias: Value = None,
        least: Value = None,
    ) -> None:
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
        place = k if places is None else v.load_offset(places, k)
        for totals, offset in zip(sums, rows, strict=True):
            factor = v.spread(v.load_number(left, offset, place))
            for total, other in zip(totals, factors, strict=True):
                total.add_incoming(zero, before)
                total.add_incoming(v.fused(factor, other, total), loop)
        following = builder.add(k, integer(1))
        k.add_incoming(following, loop)
        builder.cbranch(builder.icmp_signed("<", following, count), loop, after)
        builder.position_at_end(after)
        store = v.stream if stream else v.store
        for i, totals in enumerate(sums):
            for j, total in enumerate(totals):
                (_, (result, _)) = total.incomings
                if bias is not None:
                    offset, bound = (v.load(at, integer(j * WIDTH)) for at in (bias, least))
                    result = v.larger(v.add(result, offset), bound)
                store(result, to, builder.mul(row, integer(i)), integer(j * WIDTH))

    return write


def _in_order(write: Callable[..., None]) -> Callable[..., None]:
    def written(builder: Any, v: Vectors, left: Value, stride: Value, *others: Value) -> None:
        write(builder, v, left, stride, None, *others)

    return written


@intrinsic
def multiply_two(
    _context: Any, left: Any, stride: Any, right: Any, to: Any, row: Any, count: Any
) -> Any:
    """Multiply ``ROWS`` rows of one matrix with two vectors of columns of another.

    Arguments: address of the first row, and the offset from one to the next; address of the
    columns, of which those for a product follow each other; address of the first result, and the
    offset from one row to the next; numbers in a row, at least 1.
    """
    return instructions(6, _in_order(_multiply(2)))


@intrinsic
def multiply_one(
    _context: Any, left: Any, stride: Any, right: Any, to: Any, row: Any, count: Any
) -> Any:
    """The same with one vector of columns."""
    return instructions(6, _in_order(_multiply(1)))


def _multiplying_at(vectors: int, *, stream: bool) -> Any:
    @intrinsic
    def multiply_at(
        _context: Any,
        left: Any,
        stride: Any,
        places: Any,
        right: Any,
        to: Any,
        row: Any,
        count: Any,
        bias: Any,
        least: Any,
    ) -> Any:
        return instructions(9, _multiply(vectors, stream=stream))

    return multiply_at


multiply_one_at = _multiplying_at(1, stream=False)
"""As :func:`multiply_one`, where the numbers of a row are found at offsets (address of ``intp``).

They come after the offset of rows. Further arguments at the end: addresses of what is added to the
columns, and of the least that they may be.
"""

multiply_two_at = _multiplying_at(2, stream=False)
"""The same with two vectors of columns."""

multiply_two_at_past_caches = _multiplying_at(2, stream=True)
"""The same, where results stand at multiples of a vector's bytes and are not soon read."""


def _add_bounded(
    _builder: Any, v: Vectors, values: Value, offsets: Value, bounds: Value, to: Value
) -> None:
    v.store(v.larger(v.add(v.load(values), v.load(offsets)), v.load(bounds)), to)


@intrinsic
def add_bounded(_context: Any, values: Any, offsets: Any, bounds: Any, to: Any) -> Any:
    """Add a vector to another; what is less than its bound becomes the bound. Addresses of all."""
    return instructions(4, _add_bounded)


def _dot(builder: Any, v: Vectors, values: Value, factors: Value, count: Value, to: Value) -> None:
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
    v.store_number(v.sum(added), to)


@intrinsic
def dot(_context: Any, values: Any, factors: Any, count: Any, to: Any) -> Any:
    """Add up products: addresses of numbers, of :func:`in_vectors`, their count, and where to."""
    return instructions(4, _dot)


def _sigmoid(_builder: Any, v: Vectors, values: Value) -> None:
    far = 87.0
    x = v.larger(v.smaller(v.load(values), v.constant(far)), v.constant(-far))
    one = v.constant(1.0)
    v.store(v.divide(one, v.add(one, v.exponential(v.subtract(v.constant(0.0), x)))), values)


@intrinsic
def sigmoid(_context: Any, values: Any) -> Any:
    """Put 1 / (1 + exp(-x)) in place of a vector at an address."""
    return instructions(1, _sigmoid)
