"""Layers of a network, computed for a range of squares, so that threads can share a layer.

Layers are float32 arrays of (height + 1, width + 1, channels), at least :data:`vectors.WIDTH`
channels; the last row and the last column hold zeros and stand for all that is outside. Where rows
and columns of a layer are found is said by tables of offsets, so that a layer may be seen enlarged
or in part.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numba
import numpy as np

from bridge.segment.engines.winograd.products import (
    add_bounded,
    dot,
    multiply_one,
    multiply_one_at,
    multiply_two,
    multiply_two_at,
    multiply_two_at_past_caches,
    sigmoid,
)
from bridge.segment.engines.winograd.transforms import (
    POINTS,
    STEP,
    transform_back,
    transform_back_past_caches,
    transform_back_pooled,
    transform_back_pooled_past_caches,
    transform_seen,
)
from bridge.segment.engines.winograd.vectors import LINE, ROWS, WIDTH, publish

_NUMBER = 4  # bytes of a float32
_OFFSET = 8  # bytes of an offset
_SQUARE = STEP * STEP


class Seen(NamedTuple):
    """A layer as the squares of another see it.

    Attributes:
        values: (height + 1, width + 1, channels) float32.
        rows: offsets (``intp``) of the rows from one above the first square's to one below the
            last one's.
        columns: likewise.
    """

    values: Any
    rows: Any
    columns: Any


class Kernel(NamedTuple):
    """A transformed convolution of 3 x 3.

    Attributes:
        panels: a matrix for each of the 36 points, as :func:`products.in_panels` lays it.
        starts: (36,) ``intp``, where each begins.
        left_out: (36,) ``intp``, channels at the beginning that are zero at that point.
        bias: of the channels out, zeros after it to whole vectors.
        least: the least that they may be.
    """

    panels: Any
    starts: Any
    left_out: Any
    bias: Any
    least: Any


class Heads(NamedTuple):
    """Convolutions of 1 x 1 that see the same channels.

    Attributes:
        panels: of all but probability, side by side, as :func:`products.in_panels` lays them.
        bias: of their channels, zeros after it to whole vectors.
        least: the least that they may be.
        prob: factors of the logit, as :func:`products.in_vectors` lays them; none where probability
            is not among the heads.
        prob_bias: its bias.
    """

    panels: Any
    bias: Any
    least: Any
    prob: Any
    prob_bias: Any


@numba.njit(nogil=True, cache=True)
def multiply(
    left: Any, stride: Any, rows: Any, count: Any, right: Any, columns: Any, to: Any
) -> None:
    """Multiply two matrices.

    Args:
        left: address of the first.
        stride: numbers from one of its rows to the next.
        rows: how many, a multiple of ``ROWS``.
        count: its columns.
        right: address of the second, as :func:`products.in_panels` lays it.
        columns: of the second, a multiple of ``WIDTH``.
        to: address of the (rows, columns) result.
    """
    for column in range(0, columns, 2 * WIDTH):
        panel = right + _NUMBER * column * count
        two = columns - column > WIDTH
        for row in range(0, rows, ROWS):
            first = left + _NUMBER * row * stride
            result = to + _NUMBER * (row * columns + column)
            if two:
                multiply_two(first, stride, panel, result, columns, count)
            else:
                multiply_one(first, stride, panel, result, columns, count)


@numba.njit(nogil=True, cache=True)
def _transform(
    first: Any, squares: Any, across: Any, source: Any, to: Any, stride: Any, width: Any
) -> None:
    """Transform what squares see of one source, a row of ``width`` numbers each."""
    source_at = source.values.ctypes.data
    rows_at, columns_at = source.rows.ctypes.data, source.columns.ctypes.data
    channels = source.values.shape[2]
    for i in range(squares):
        y, x = divmod(first + i, across)
        ys, xs = rows_at + _OFFSET * STEP * y, columns_at + _OFFSET * STEP * x
        for channel in range(0, channels, WIDTH):
            c = min(channel, channels - WIDTH)
            transform_seen(source_at + _NUMBER * c, ys, xs, to + _NUMBER * (i * width + c), stride)


@numba.njit(nogil=True, cache=True)
def _products(
    first: Any,
    squares: Any,
    across: Any,
    one: Any,
    other: Any,
    kernel: Any,
    seen: Any,
    products: Any,
) -> Any:
    """The 36 products of squares; gives the offset from one to the next."""
    channels, wide = one.values.shape[2], kernel.bias.size
    count = channels + other.values.shape[2]
    rows = -(-squares // ROWS) * ROWS
    seen_at, stride = seen.ctypes.data, rows * count
    _transform(first, squares, across, one, seen_at, stride, count)
    if count > channels:
        _transform(first, squares, across, other, seen_at + _NUMBER * channels, stride, count)
    for point in range(POINTS):
        left_out = kernel.left_out[point]
        multiply(
            seen_at + _NUMBER * (point * stride + left_out),
            count,
            rows,
            count - left_out,
            kernel.panels.ctypes.data + _NUMBER * kernel.starts[point],
            wide,
            products.ctypes.data + _NUMBER * point * rows * wide,
        )
    return rows * wide


@numba.njit(nogil=True, cache=True)
def convolve(
    first: Any,
    last: Any,
    block: Any,
    across: Any,
    one: Any,
    other: Any,
    kernel: Any,
    seen: Any,
    products: Any,
    square: Any,
    to: Any,
    pooled: Any,
) -> None:
    """Convolve, add the bias, and cut off what is less than the least.

    Args:
        first: square of the result, row by row.
        last: square after the last.
        block: squares that are computed together, a multiple of ``ROWS``.
        across: squares in a row.
        one: what is seen, its channels first.
        other: the same for the channels after them; without channels where there are none.
        kernel: the convolution.
        seen: memory for what a block sees, transformed.
        products: memory for its products.
        square: memory for a square of the result.
        to: the result.
        pooled: the largest of every 2 x 2 pixels of it; without channels where that is not wanted.
    """
    wide = kernel.bias.size
    height, width, channels = to.shape[0] - 1, to.shape[1] - 1, to.shape[2]
    bias_at, least_at = kernel.bias.ctypes.data, kernel.least.ctypes.data
    to_at, pooled_at, square_at = to.ctypes.data, pooled.ctypes.data, square.ctypes.data
    row, pooled_row = (width + 1) * channels, pooled.shape[1] * channels
    pools = pooled.shape[2] > 0
    # Past the caches, half a line of memory takes longer than all of it.
    streams = channels % WIDTH == 0 and _NUMBER * WIDTH == LINE and to_at % LINE == 0
    for begin in range(first, last, block):
        squares = min(block, last - begin)
        stride = _products(begin, squares, across, one, other, kernel, seen, products)
        for i in range(squares):
            y, x = divmod(begin + i, across)
            y, x = STEP * y, STEP * x
            whole = y + STEP <= height and x + STEP <= width
            for channel in range(0, channels, WIDTH):
                c = min(channel, channels - WIDTH)
                product_at = products.ctypes.data + _NUMBER * (i * wide + c)
                bias_c, least_c = bias_at + _NUMBER * c, least_at + _NUMBER * c
                result_at = to_at + _NUMBER * (y * row + x * channels + c)
                pooled_c = pooled_at + _NUMBER * (y // 2 * pooled_row + x // 2 * channels + c)
                if not whole:
                    transform_back(
                        product_at,
                        stride,
                        bias_c,
                        least_c,
                        square_at + _NUMBER * c,
                        STEP * channels,
                        channels,
                    )
                elif pools and streams:
                    transform_back_pooled_past_caches(
                        product_at,
                        stride,
                        bias_c,
                        least_c,
                        result_at,
                        row,
                        channels,
                        pooled_c,
                        pooled_row,
                        channels,
                    )
                elif pools:
                    transform_back_pooled(
                        product_at,
                        stride,
                        bias_c,
                        least_c,
                        result_at,
                        row,
                        channels,
                        pooled_c,
                        pooled_row,
                        channels,
                    )
                elif streams:
                    transform_back_past_caches(
                        product_at, stride, bias_c, least_c, result_at, row, channels
                    )
                else:
                    transform_back(product_at, stride, bias_c, least_c, result_at, row, channels)
            if not whole:
                _store_part(square, to, y, x)
                if pools:
                    _pool_part(to, pooled, y, x)
            _frame(to, y, x, STEP)
            if pools:
                _frame(pooled, y // 2, x // 2, STEP // 2)
    publish()


@numba.njit(nogil=True, cache=True)
def _frame(to: Any, y: Any, x: Any, step: Any) -> None:
    """Write the zeros beside a square that lies at the end of rows or columns."""
    height, width = to.shape[0] - 1, to.shape[1] - 1
    if x + step >= width:
        to[y : min(y + step, height), width] = 0
    if y + step >= height:
        to[height, x : x + step] = 0
        if x + step >= width:
            to[height, width] = 0


@numba.njit(nogil=True, cache=True)
def _store_part(square: Any, to: Any, y: Any, x: Any) -> None:
    """Write what of a square lies within the layer."""
    height, width, channels = to.shape[0] - 1, to.shape[1] - 1, to.shape[2]
    for j in range(min(STEP, height - y)):
        for k in range(min(STEP, width - x)):
            for c in range(channels):
                to[y + j, x + k, c] = square[(STEP * j + k) * channels + c]


@numba.njit(nogil=True, cache=True)
def _pool_part(source: Any, to: Any, y: Any, x: Any) -> None:
    """The same for the largest of every 2 x 2 pixels."""
    height, width = source.shape[0] - 1, source.shape[1] - 1
    for j in range(y // 2, min(y + STEP, height) // 2):
        for k in range(x // 2, min(x + STEP, width) // 2):
            for c in range(source.shape[2]):
                above = max(source[2 * j, 2 * k, c], source[2 * j, 2 * k + 1, c])
                below = max(source[2 * j + 1, 2 * k, c], source[2 * j + 1, 2 * k + 1, c])
                to[j, k, c] = max(above, below)


@numba.njit(nogil=True, cache=True)
def convolve_to_heads(
    first: Any,
    last: Any,
    block: Any,
    across: Any,
    one: Any,
    other: Any,
    kernel: Any,
    heads: Any,
    seen: Any,
    products: Any,
    features: Any,
    chosen: Any,
    values: Any,
    prob: Any,
    least_prob: Any,
    to: Any,
) -> None:
    """Convolve as :func:`convolve` does, and make the heads of what comes out, which is not kept.

    Args:
        first: as for :func:`convolve`, like all others that it has.
        last: likewise.
        block: likewise.
        across: likewise.
        one: likewise.
        other: likewise.
        kernel: likewise.
        heads: the heads.
        seen: as for :func:`convolve`.
        products: likewise.
        features: memory for the results of a block.
        chosen: the same again.
        values: memory for its heads.
        prob: (height, width) probability; empty where it is not among the heads.
        least_prob: the other heads are only made where it is more.
        to: (height, width, channels) the other heads, at least ``WIDTH`` channels.
    """
    wide, wide_heads = kernel.bias.size, heads.bias.size
    height, width = to.shape[:2]
    channels = features.size // (_SQUARE * block)
    features_at, chosen_at, values_at = (
        features.ctypes.data,
        chosen.ctypes.data,
        values.ctypes.data,
    )
    probs = np.empty(_SQUARE * block, np.float32)
    probs_at = probs.ctypes.data
    places = np.empty((_SQUARE * block, 2), np.intp)
    for begin in range(first, last, block):
        squares = min(block, last - begin)
        stride = _products(begin, squares, across, one, other, kernel, seen, products)
        count = 0
        for i in range(squares):
            for channel in range(0, channels, WIDTH):
                c = min(channel, channels - WIDTH)
                transform_back(
                    products.ctypes.data + _NUMBER * (i * wide + c),
                    stride,
                    kernel.bias.ctypes.data + _NUMBER * c,
                    kernel.least.ctypes.data + _NUMBER * c,
                    features_at + _NUMBER * (i * _SQUARE * channels + c),
                    STEP * channels,
                    channels,
                )
            if prob.size:
                for pixel in range(_SQUARE * i, _SQUARE * (i + 1)):
                    dot(
                        features_at + _NUMBER * pixel * channels,
                        heads.prob.ctypes.data,
                        channels,
                        probs_at + _NUMBER * pixel,
                    )
                    probs[pixel] += heads.prob_bias
                for pixel in range(_SQUARE * i, _SQUARE * (i + 1), WIDTH):
                    sigmoid(probs_at + _NUMBER * pixel)
            y, x = divmod(begin + i, across)
            y, x = STEP * y, STEP * x
            for j in range(min(STEP, height - y)):
                for k in range(min(STEP, width - x)):
                    pixel = _SQUARE * i + STEP * j + k
                    if prob.size:
                        prob[y + j, x + k] = probs[pixel]
                        if not probs[pixel] > least_prob:
                            continue
                    for c in range(channels):
                        chosen[count * channels + c] = features[pixel * channels + c]
                    places[count] = y + j, x + k
                    count += 1
        rows = -(-count // ROWS) * ROWS
        multiply(
            chosen_at, channels, rows, channels, heads.panels.ctypes.data, wide_heads, values_at
        )
        for i in range(count):
            _store(
                values_at, i * wide_heads, heads.bias, heads.least, to, places[i, 0], places[i, 1]
            )


@numba.njit(nogil=True, cache=True)
def _store(values_at: Any, begin: Any, offsets: Any, bounds: Any, to: Any, y: Any, x: Any) -> None:
    """Write a pixel's values with their offsets, none below its bound."""
    channels = to.shape[2]
    to_at = to.ctypes.data + _NUMBER * (y * to.shape[1] + x) * channels
    for channel in range(0, channels, WIDTH):
        c = min(channel, channels - WIDTH)
        add_bounded(
            values_at + _NUMBER * (begin + c),
            offsets.ctypes.data + _NUMBER * c,
            bounds.ctypes.data + _NUMBER * c,
            to_at + _NUMBER * c,
        )


@numba.njit(nogil=True, cache=True)
def convolve_pixels(
    first: Any,
    last: Any,
    source: Any,
    places: Any,
    panels: Any,
    bias: Any,
    least: Any,
    products: Any,
    to: Any,
) -> None:
    """Convolve rows first to last - 1 with a kernel of any size, for few channels to see.

    Args:
        first: row of the result.
        last: likewise.
        source: (height, width, channels), with all that the kernel looks at around the result, and
            ``ROWS`` columns more.
        places: offsets of what the kernel looks at, from the first.
        panels: kernel of (places, channels out), as :func:`products.in_panels` lays it.
        bias: of the channels out, zeros after it.
        least: the least that they may be.
        products: memory for ``ROWS`` pixels.
        to: the result.
    """
    wide, across, channels, count = bias.size, to.shape[1] - 1, to.shape[2], places.size
    there = source.shape[2]
    products_at, places_at, to_at = products.ctypes.data, places.ctypes.data, to.ctypes.data
    even = channels % (2 * WIDTH) == 0 and to_at % (_NUMBER * WIDTH) == 0
    for y in range(first, last):
        for begin in range(0, across, ROWS):
            seen = source.ctypes.data + _NUMBER * (y * source.shape[1] + begin) * there
            direct = begin + ROWS <= across and even
            for column in range(0, wide, 2 * WIDTH):
                panel = panels.ctypes.data + _NUMBER * column * count
                offsets = bias.ctypes.data + _NUMBER * column
                bounds = least.ctypes.data + _NUMBER * column
                kept = products_at + _NUMBER * column
                if direct:
                    result = to_at + _NUMBER * ((y * (across + 1) + begin) * channels + column)
                    multiply_two_at_past_caches(
                        seen, there, places_at, panel, result, channels, count, offsets, bounds
                    )
                elif wide - column > WIDTH:
                    multiply_two_at(
                        seen, there, places_at, panel, kept, wide, count, offsets, bounds
                    )
                else:
                    multiply_one_at(
                        seen, there, places_at, panel, kept, wide, count, offsets, bounds
                    )
            if not direct:
                for i in range(min(ROWS, across - begin)):
                    for c in range(channels):
                        to[y, begin + i, c] = products[i * wide + c]
        to[y, across] = 0
    if last == to.shape[0] - 1:
        to[last] = 0
    publish()


@numba.njit(nogil=True, cache=True)
def pool(
    first: Any, last: Any, source: Any, top: Any, left: Any, height: Any, width: Any, to: Any
) -> None:
    """The largest value of every height x width pixels, rows first to last - 1.

    Args:
        first: row of the result.
        last: likewise.
        source: the layer.
        top: row of it where the result begins.
        left: likewise its column.
        height: pixels of the layer for one of the result.
        width: likewise.
        to: the result.
    """
    for y in range(first, last):
        for x in range(to.shape[1] - 1):
            for c in range(to.shape[2]):
                largest = source[top + y * height, left + x * width, c]
                for j in range(height):
                    for k in range(width):
                        value = source[top + y * height + j, left + x * width + k, c]
                        largest = max(largest, value)
                to[y, x, c] = largest
        to[y, to.shape[1] - 1] = 0
    if last == to.shape[0] - 1:
        to[last] = 0
