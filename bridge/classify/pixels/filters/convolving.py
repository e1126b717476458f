"""Convolution along one axis, with the image mirrored at its edges.

A pixel's result depends on its neighbours alone, not on where the array begins or which of the
processor's units computed it: every pixel goes through the same sequence of roundings, products
and sums rounded once (fused multiply-add). So tiles give the bits that the whole image gives, on
any processor.
"""

# numba's decorators carry no types
# mypy: disallow-untyped-decorators=False, disallow-untyped-calls=False

from __future__ import annotations

from typing import Any

import numpy as np
from numba.core import types
from numba.extending import intrinsic as _intrinsic
from numpy.typing import NDArray

from bridge.classify.pixels.filters.kernels import Kernel
from bridge.files.compiled import compiled

intrinsic: Any = _intrinsic

_CHUNK = 2048
"""Pixels of a line that are summed at a time: they stay in the processor's first cache."""


def convolve(
    source: NDArray[np.float32],
    kernel: Kernel,
    axis: int,
    span: tuple[int, int] | None = None,
    out: NDArray[np.float32] | None = None,
) -> NDArray[np.float32]:
    """Convolve along an axis; beyond an edge lies the mirror image, without the edge pixel again.

    Args:
        source: C-contiguous float32 array.
        kernel: kernel to convolve with.
        axis: axis of ``source`` to go along.
        span: first position along that axis whose result is wanted, and the one after the last;
            all of them when ``None``.
        out: C-contiguous float32 array for the result; a new one when ``None``.

    Returns:
        The result, in the shape of ``source`` but for ``axis``, which is as long as the span.

    >>> kernel = Kernel(np.array([0.5, 0.25], np.float32), is_odd=False)
    >>> convolve(np.array([[0, 4, 8]], np.float32), kernel, 1)
    array([[2., 4., 6.]], dtype=float32)
    """
    start, stop = span or (0, source.shape[axis])
    shape = list(source.shape)
    shape[axis] = stop - start
    if out is None:
        out = np.empty(shape, np.float32)
    before = int(np.prod(source.shape[:axis], dtype=np.int64))
    after = int(np.prod(source.shape[axis + 1 :], dtype=np.int64))
    if after == 1:
        _along_lines(
            source.reshape(before, -1), kernel.half, kernel.is_odd, start, out.reshape(before, -1)
        )
    else:
        _across_lines(
            source.reshape(before, source.shape[axis], after),
            kernel.half,
            kernel.is_odd,
            start,
            out.reshape(before, stop - start, after),
        )
    return out


@intrinsic
def _fma(typing: Any, a: Any, b: Any, c: Any) -> Any:
    """Return a * b + c, rounded once."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.fma(*arguments)

    return types.float32(types.float32, types.float32, types.float32), generate


@compiled(nogil=True)
def _mirror(position: int, length: int) -> int:
    """Return the pixel that a position shows, inside or beyond the edges, however far."""
    if length == 1:
        return 0
    period = 2 * (length - 1)
    position %= period
    return position if position < length else period - position


@compiled(nogil=True)
def _along_lines(source: Any, half: Any, is_odd: bool, start: int, out: Any) -> None:
    """Convolve each line of (lines, pixels)."""
    lines, length = source.shape
    width = out.shape[1]
    radius = len(half) - 1
    padded = np.empty(width + 2 * radius, np.float32)
    first = start - radius
    inner_start = max(0, first)
    inner_stop = min(length, first + len(padded))
    for line in range(lines):
        for x in range(inner_start - first):
            padded[x] = source[line, _mirror(first + x, length)]
        padded[inner_start - first : inner_stop - first] = source[line, inner_start:inner_stop]
        for x in range(inner_stop - first, len(padded)):
            padded[x] = source[line, _mirror(first + x, length)]
        for low in range(0, width, _CHUNK):
            high = min(low + _CHUNK, width)
            sums = out[line, low:high]
            centre = padded[low + radius : high + radius]
            for x in range(high - low):
                sums[x] = half[0] * centre[x]
            for k in range(1, radius + 1):
                left = padded[low + radius - k : high + radius - k]
                right = padded[low + radius + k : high + radius + k]
                if is_odd:
                    _add_difference(sums, half[k], right, left)
                else:
                    _add_sum(sums, half[k], right, left)


@compiled(nogil=True)
def _across_lines(source: Any, half: Any, is_odd: bool, start: int, out: Any) -> None:
    """Convolve along the middle axis of (planes, lines, pixels)."""
    planes, length, width = source.shape
    radius = len(half) - 1
    for plane in range(planes):
        for low in range(0, width, _CHUNK):
            high = min(low + _CHUNK, width)
            for line in range(out.shape[1]):
                sums = out[plane, line, low:high]
                centre = source[plane, start + line, low:high]
                for x in range(high - low):
                    sums[x] = half[0] * centre[x]
                for k in range(1, radius + 1):
                    left = source[plane, _mirror(start + line - k, length), low:high]
                    right = source[plane, _mirror(start + line + k, length), low:high]
                    if is_odd:
                        _add_difference(sums, half[k], right, left)
                    else:
                        _add_sum(sums, half[k], right, left)


@compiled(nogil=True)
def _add_sum(sums: Any, weight: Any, right: Any, left: Any) -> None:
    """Add the weighted sum of two lines."""
    for x in range(len(sums)):
        sums[x] = _fma(right[x] + left[x], weight, sums[x])


@compiled(nogil=True)
def _add_difference(sums: Any, weight: Any, right: Any, left: Any) -> None:
    """Add the weighted difference of two lines."""
    for x in range(len(sums)):
        sums[x] = _fma(right[x] - left[x], weight, sums[x])
