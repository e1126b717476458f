"""Layers of a network, computed for a range of squares, so that threads can share a layer.

A square is what Lavin and Gray call a tile: 4 x 4 results of a convolution, made from 6 x 6 pixels.
(A tile is a part of a plane here.) Layers are float32 arrays of (height + 1, width + 1, channels),
at least :data:`vectors.WIDTH` channels; the last row and the last column hold the zeros of all that
is outside. Tables of offsets give the rows and columns of a layer, so that a layer may be addressed
enlarged or in part.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from bridge.files.compiled import compiled
from bridge.segment.engines.winograd.products import (
    add_bounded,
    dot,
    multiply_one,
    multiply_one_at,
    multiply_two,
    multiply_two_at,
    multiply_two_at_streaming,
    sigmoid,
)
from bridge.segment.engines.winograd.transforms import (
    OUTPUTS,
    POINTS,
    transform_input,
    transform_output,
    transform_output_pooled,
    transform_output_pooled_streaming,
    transform_output_streaming,
)
from bridge.segment.engines.winograd.vectors import LINE, ROWS, WIDTH, fence

_FLOAT = 4  # bytes of a float32
_OFFSET = 8  # bytes of an offset
_SQUARE = OUTPUTS * OUTPUTS


class LayerView(NamedTuple):
    """A layer addressed through row and column offsets.

    Attributes:
        values: (height + 1, width + 1, channels) float32.
        rows: offsets (``intp``, in numbers) of the rows from one above the first square's to one
            below the last one's.
        columns: likewise.
    """

    values: Any
    rows: Any
    columns: Any


class Kernel(NamedTuple):
    """A convolution's weights, those of 3 x 3 transformed.

    Attributes:
        panels: a matrix for each of the 36 points, as :func:`products.pack_panels` lays it out.
        starts: (36,) ``intp``, where each begins.
        skipped: (36,) ``intp``, channels at the beginning that are zero at that point.
        bias: of the channels out, zeros after it to whole vectors.
        lower_bound: of the channels out: 0 for ``relu``, else minus infinity.
    """

    panels: Any
    starts: Any
    skipped: Any
    bias: Any
    lower_bound: Any


class Heads(NamedTuple):
    """Convolutions of 1 x 1 with the same input.

    Attributes:
        panels: of all but probability, side by side, as :func:`products.pack_panels` lays them out.
        bias: of their channels, zeros after it to whole vectors.
        lower_bound: of their channels.
        prob: factors of the logit, as :func:`products.pack_vectors` lays them out; none where
            probability is not among the heads.
        prob_bias: its bias.
    """

    panels: Any
    bias: Any
    lower_bound: Any
    prob: Any
    prob_bias: Any


class Convolution(NamedTuple):
    """A convolution of 3 x 3: the channels of ``input_a``, then those of ``input_b``.

    ``input_b`` has no channels where there is one input only.
    """

    input_a: Any
    input_b: Any
    kernel: Any


class Squares(NamedTuple):
    """A range of squares of a layer, row by row.

    Attributes:
        first, last: the first square, and the first one after the last.
        block: squares that are computed together, a multiple of ``ROWS``.
        across: squares in a row of the layer.
    """

    first: Any
    last: Any
    block: Any
    across: Any


class Buffers(NamedTuple):
    """A thread's memory, one-dimensional float32.

    Attributes:
        transformed: for a block's input at the 36 points.
        products: for a block's products.
        results: for one square of the result, or, before heads, for all of a block.
        chosen: for as many results; empty without heads.
        values: for a block's heads; empty without heads.
    """

    transformed: Any
    products: Any
    results: Any
    chosen: Any
    values: Any


@compiled(nogil=True)
def multiply(
    left: Any, stride: Any, rows: Any, count: Any, right: Any, columns: Any, out: Any
) -> None:
    """Multiply two matrices.

    Args:
        left: address of the first.
        stride: numbers from one of its rows to the next.
        rows: how many, a multiple of ``ROWS``.
        count: its columns.
        right: address of the second, as :func:`products.pack_panels` lays it out.
        columns: of the second, a multiple of ``WIDTH``.
        out: address of the (rows, columns) result.
    """
    for column in range(0, columns, 2 * WIDTH):
        panel = right + _FLOAT * column * count
        two = columns - column > WIDTH
        for row in range(0, rows, ROWS):
            first = left + _FLOAT * row * stride
            result = out + _FLOAT * (row * columns + column)
            if two:
                multiply_two(first, stride, panel, result, columns, count)
            else:
                multiply_one(first, stride, panel, result, columns, count)


@compiled(nogil=True)
def _transform(
    first: Any, squares: Any, across: Any, source: Any, out: Any, stride: Any, channels_in: Any
) -> None:
    """Transform the 6 x 6 pixels of squares of one input, a row of ``channels_in`` numbers each."""
    source_at = source.values.ctypes.data
    rows_at, columns_at = source.rows.ctypes.data, source.columns.ctypes.data
    channels = source.values.shape[2]
    for i in range(squares):
        y, x = divmod(first + i, across)
        ys, xs = rows_at + _OFFSET * OUTPUTS * y, columns_at + _OFFSET * OUTPUTS * x
        for channel in range(0, channels, WIDTH):
            c = min(channel, channels - WIDTH)
            out_c = out + _FLOAT * (i * channels_in + c)
            transform_input(source_at + _FLOAT * c, ys, xs, out_c, stride)


@compiled(nogil=True)
def _products(first: Any, squares: Any, across: Any, layer: Any, buffers: Any) -> Any:
    """Compute the 36 products of squares; return the offset from one to the next."""
    kernel, transformed = layer.kernel, buffers.transformed
    channels, padded = layer.input_a.values.shape[2], kernel.bias.size
    count = channels + layer.input_b.values.shape[2]
    rows = -(-squares // ROWS) * ROWS
    transformed_at, stride = transformed.ctypes.data, rows * count
    _transform(first, squares, across, layer.input_a, transformed_at, stride, count)
    if count > channels:
        b_at = transformed_at + _FLOAT * channels
        _transform(first, squares, across, layer.input_b, b_at, stride, count)
    for point in range(POINTS):
        skipped = kernel.skipped[point]
        multiply(
            transformed_at + _FLOAT * (point * stride + skipped),
            count,
            rows,
            count - skipped,
            kernel.panels.ctypes.data + _FLOAT * kernel.starts[point],
            padded,
            buffers.products.ctypes.data + _FLOAT * point * rows * padded,
        )
    return rows * padded


@compiled(nogil=True)
def convolve(squares: Any, layer: Any, buffers: Any, out: Any, pooled: Any) -> None:
    """Convolve, add the bias, and raise what is below the lower bound to it.

    Args:
        squares: which of the result (:class:`Squares`).
        layer: inputs and weights (:class:`Convolution`).
        buffers: memory (:class:`Buffers`).
        out: the result.
        pooled: the largest of every 2 x 2 pixels of it; without channels where that is not wanted.
    """
    kernel, square = layer.kernel, buffers.results
    padded = kernel.bias.size
    height, width, channels = out.shape[0] - 1, out.shape[1] - 1, out.shape[2]
    bias_at, bound_at = kernel.bias.ctypes.data, kernel.lower_bound.ctypes.data
    out_at, pooled_at, square_at = out.ctypes.data, pooled.ctypes.data, square.ctypes.data
    row, pooled_row = (width + 1) * channels, pooled.shape[1] * channels
    pools = pooled.shape[2] > 0
    # Past the caches, half a cache line takes longer than all of it.
    streams = channels % WIDTH == 0 and _FLOAT * WIDTH == LINE and out_at % LINE == 0
    for begin in range(squares.first, squares.last, squares.block):
        count = min(squares.block, squares.last - begin)
        stride = _products(begin, count, squares.across, layer, buffers)
        for i in range(count):
            y, x = divmod(begin + i, squares.across)
            y, x = OUTPUTS * y, OUTPUTS * x
            whole = y + OUTPUTS <= height and x + OUTPUTS <= width
            for channel in range(0, channels, WIDTH):
                c = min(channel, channels - WIDTH)
                product = buffers.products.ctypes.data + _FLOAT * (i * padded + c)
                bias, bound = bias_at + _FLOAT * c, bound_at + _FLOAT * c
                if not whole:
                    at, part_row = square_at + _FLOAT * c, OUTPUTS * channels
                    transform_output(product, stride, bias, bound, at, part_row, channels)
                    continue
                at = out_at + _FLOAT * (y * row + x * channels + c)
                to = product, stride, bias, bound, at, row, channels
                pooled_c = pooled_at + _FLOAT * (y // 2 * pooled_row + x // 2 * channels + c)
                if pools and streams:
                    transform_output_pooled_streaming(*to, pooled_c, pooled_row, channels)
                elif pools:
                    transform_output_pooled(*to, pooled_c, pooled_row, channels)
                elif streams:
                    transform_output_streaming(*to)
                else:
                    transform_output(*to)
            if not whole:
                _store_part(square, out, y, x)
                if pools:
                    _pool_part(out, pooled, y, x)
            _zero_frame(out, y, x, OUTPUTS)
            if pools:
                _zero_frame(pooled, y // 2, x // 2, OUTPUTS // 2)
    fence()


@compiled(nogil=True)
def _zero_frame(out: Any, y: Any, x: Any, size: Any) -> None:
    """Write the zeros beside a square that lies at the end of rows or columns."""
    height, width = out.shape[0] - 1, out.shape[1] - 1
    if x + size >= width:
        out[y : min(y + size, height), width] = 0
    if y + size >= height:
        out[height, x : x + size] = 0
        if x + size >= width:
            out[height, width] = 0


@compiled(nogil=True)
def _store_part(square: Any, out: Any, y: Any, x: Any) -> None:
    """Write the part of a square that lies within the layer."""
    height, width, channels = out.shape[0] - 1, out.shape[1] - 1, out.shape[2]
    for j in range(min(OUTPUTS, height - y)):
        for k in range(min(OUTPUTS, width - x)):
            for c in range(channels):
                out[y + j, x + k, c] = square[(OUTPUTS * j + k) * channels + c]


@compiled(nogil=True)
def _pool_part(source: Any, out: Any, y: Any, x: Any) -> None:
    """Pool the part of a square that lies within the layer, 2 x 2 pixels each."""
    height, width = source.shape[0] - 1, source.shape[1] - 1
    for j in range(y // 2, min(y + OUTPUTS, height) // 2):
        for k in range(x // 2, min(x + OUTPUTS, width) // 2):
            for c in range(source.shape[2]):
                above = max(source[2 * j, 2 * k, c], source[2 * j, 2 * k + 1, c])
                below = max(source[2 * j + 1, 2 * k, c], source[2 * j + 1, 2 * k + 1, c])
                out[j, k, c] = max(above, below)


@compiled(nogil=True)
def convolve_to_heads(
    squares: Any, layer: Any, heads: Any, buffers: Any, prob: Any, min_prob: Any, out: Any
) -> None:
    """Convolve as :func:`convolve` does, and compute the heads of the result, which is not kept.

    Args:
        squares: as for :func:`convolve`.
        layer: likewise.
        buffers: likewise.
        heads: the heads (:class:`Heads`).
        prob: (height, width) probability; empty where it is not among the heads.
        min_prob: the other heads are only computed where probability is more.
        out: (height, width, channels) the other heads, at least ``WIDTH`` channels.
    """
    kernel, features, chosen = layer.kernel, buffers.results, buffers.chosen
    padded, padded_heads = kernel.bias.size, heads.bias.size
    height, width = out.shape[:2]
    channels = features.size // (_SQUARE * squares.block)
    features_at, values_at = features.ctypes.data, buffers.values.ctypes.data
    probs = np.empty(_SQUARE * squares.block, np.float32)
    probs_at = probs.ctypes.data
    pixels = np.empty((_SQUARE * squares.block, 2), np.intp)
    for begin in range(squares.first, squares.last, squares.block):
        in_block = min(squares.block, squares.last - begin)
        stride = _products(begin, in_block, squares.across, layer, buffers)
        count = 0
        for i in range(in_block):
            for channel in range(0, channels, WIDTH):
                c = min(channel, channels - WIDTH)
                transform_output(
                    buffers.products.ctypes.data + _FLOAT * (i * padded + c),
                    stride,
                    kernel.bias.ctypes.data + _FLOAT * c,
                    kernel.lower_bound.ctypes.data + _FLOAT * c,
                    features_at + _FLOAT * (i * _SQUARE * channels + c),
                    OUTPUTS * channels,
                    channels,
                )
            if prob.size:
                for pixel in range(_SQUARE * i, _SQUARE * (i + 1)):
                    feature_at = features_at + _FLOAT * pixel * channels
                    dot(feature_at, heads.prob.ctypes.data, channels, probs_at + _FLOAT * pixel)
                    probs[pixel] += heads.prob_bias
                for pixel in range(_SQUARE * i, _SQUARE * (i + 1), WIDTH):
                    sigmoid(probs_at + _FLOAT * pixel)
            y, x = divmod(begin + i, squares.across)
            y, x = OUTPUTS * y, OUTPUTS * x
            for j in range(min(OUTPUTS, height - y)):
                for k in range(min(OUTPUTS, width - x)):
                    pixel = _SQUARE * i + OUTPUTS * j + k
                    if prob.size:
                        prob[y + j, x + k] = probs[pixel]
                        if not probs[pixel] > min_prob:
                            continue
                    for c in range(channels):
                        chosen[count * channels + c] = features[pixel * channels + c]
                    pixels[count] = y + j, x + k
                    count += 1
        rows, panels_at = -(-count // ROWS) * ROWS, heads.panels.ctypes.data
        chosen_at = chosen.ctypes.data
        multiply(chosen_at, channels, rows, channels, panels_at, padded_heads, values_at)
        for i in range(count):
            at = values_at + _FLOAT * i * padded_heads
            _store_heads(at, heads, out, pixels[i, 0], pixels[i, 1])


@compiled(nogil=True)
def _store_heads(values_at: Any, heads: Any, out: Any, y: Any, x: Any) -> None:
    """Write a pixel's heads: its values with their bias, none below its bound."""
    channels = out.shape[2]
    out_at = out.ctypes.data + _FLOAT * (y * out.shape[1] + x) * channels
    for channel in range(0, channels, WIDTH):
        c = _FLOAT * min(channel, channels - WIDTH)
        bias, bound = heads.bias.ctypes.data + c, heads.lower_bound.ctypes.data + c
        add_bounded(values_at + c, bias, bound, out_at + c)


@compiled(nogil=True)
def convolve_pixels(
    first: Any, last: Any, source: Any, offsets: Any, kernel: Any, products: Any, out: Any
) -> None:
    """Convolve rows first to last - 1 with a kernel of any size, for few channels in.

    Args:
        first: row of the result.
        last: likewise.
        source: (height, width, channels), with all that the kernel looks at around the result, and
            ``ROWS`` columns more.
        offsets: of the pixels and channels under the kernel, from the first.
        kernel: its panel is of (offsets, channels out).
        products: memory for ``ROWS`` pixels.
        out: the result.
    """
    padded, across, channels, count = kernel.bias.size, out.shape[1] - 1, out.shape[2], offsets.size
    channels_in = source.shape[2]
    products_at, offsets_at, out_at = products.ctypes.data, offsets.ctypes.data, out.ctypes.data
    even = channels % (2 * WIDTH) == 0 and out_at % (_FLOAT * WIDTH) == 0
    for y in range(first, last):
        for begin in range(0, across, ROWS):
            at = source.ctypes.data + _FLOAT * (y * source.shape[1] + begin) * channels_in
            direct = begin + ROWS <= across and even
            for column in range(0, padded, 2 * WIDTH):
                panel = kernel.panels.ctypes.data + _FLOAT * column * count
                bias = kernel.bias.ctypes.data + _FLOAT * column
                bound = kernel.lower_bound.ctypes.data + _FLOAT * column
                left = at, channels_in, offsets_at, panel
                if direct:
                    result = out_at + _FLOAT * ((y * (across + 1) + begin) * channels + column)
                    multiply_two_at_streaming(*left, result, channels, count, bias, bound)
                    continue
                result = products_at + _FLOAT * column
                if padded - column > WIDTH:
                    multiply_two_at(*left, result, padded, count, bias, bound)
                else:
                    multiply_one_at(*left, result, padded, count, bias, bound)
            if not direct:
                for i in range(min(ROWS, across - begin)):
                    for c in range(channels):
                        out[y, begin + i, c] = products[i * padded + c]
        out[y, across] = 0
    if last == out.shape[0] - 1:
        out[last] = 0
    fence()


@compiled(nogil=True)
def pool(
    first: Any, last: Any, source: Any, corner: Any, height: Any, width: Any, out: Any
) -> None:
    """Take the largest value of every height x width pixels, rows first to last - 1.

    Args:
        first: row of the result.
        last: likewise.
        source: the layer.
        corner: (row, column) of it where the result begins.
        height: pixels of the layer for one of the result.
        width: likewise.
        out: the result.
    """
    top, left = corner
    for y in range(first, last):
        for x in range(out.shape[1] - 1):
            for c in range(out.shape[2]):
                largest = source[top + y * height, left + x * width, c]
                for j in range(height):
                    for k in range(width):
                        value = source[top + y * height + j, left + x * width + k, c]
                        largest = max(largest, value)
                out[y, x, c] = largest
        out[y, out.shape[1] - 1] = 0
    if last == out.shape[0] - 1:
        out[last] = 0
