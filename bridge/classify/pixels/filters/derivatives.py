"""Derivatives of a smoothed image, each computed once however many features use it."""

from __future__ import annotations

from functools import cache
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from bridge.classify.pixels.filters.convolving import convolve
from bridge.classify.pixels.filters.kernels import Kernel, gaussian_kernel

Spans: TypeAlias = tuple[tuple[int, int], ...]
"""First and one past the last position along each axis of an array."""

WINDOW = 2.0
"""Radius of the kernels of ilastik's features, in standard deviations."""


class Derivatives:
    """A plane or volume, and its Gaussian derivatives within a part of it.

    Attributes:
        source: C-contiguous float32 (y, x) or (z, y, x).
        sigma: standard deviation, in pixels, at which it is smoothed.
        spans: part of ``source`` in which the derivatives are wanted.

    >>> ramp = np.tile(np.arange(9, dtype=np.float32), (9, 1))
    >>> Derivatives(ramp, 1.0, ((4, 5), (4, 6))).by(1)
    array([[1., 1.]], dtype=float32)
    """

    def __init__(self, source: NDArray[np.float32], sigma: float, spans: Spans) -> None:
        self.source = source
        self.sigma = sigma
        self.spans = spans
        self._partial: dict[tuple[int, ...], NDArray[np.float32]] = {}

    @property
    def axes(self) -> tuple[int, ...]:
        """Axes of the source: x, y, and z where it has one."""
        return tuple(reversed(range(self.source.ndim)))

    def by(self, *axes: int, out: NDArray[np.float32] | None = None) -> NDArray[np.float32]:
        """Return the derivative along some axes within the spans, the smoothed image along none.

        Args:
            axes: axes along which the derivative is taken, at most two; twice the same for the
                second derivative along it.
            out: C-contiguous array for the result; a new one when ``None``.
        """
        result = self._pass(tuple(axes.count(axis) for axis in self.axes), out)
        if out is not None and result is not out:
            out[...] = result
        return result

    def _pass(
        self, orders: tuple[int, ...], out: NDArray[np.float32] | None = None
    ) -> NDArray[np.float32]:
        """Return what convolving along the last axes gives: first x, then y, then z."""
        if not orders:
            return self.source
        if orders not in self._partial:
            axis = self.source.ndim - len(orders)
            kernel = _kernel(self.sigma, orders[-1])
            is_last = len(orders) == self.source.ndim
            self._partial[orders] = convolve(
                self._pass(orders[:-1]), kernel, axis, self.spans[axis], out if is_last else None
            )
        return self._partial[orders]


def smooth(
    source: NDArray[np.float32],
    sigma: float,
    spans: Spans,
    window: float = WINDOW,
    out: NDArray[np.float32] | None = None,
) -> NDArray[np.float32]:
    """Smooth an array within a part of it by a Gaussian, first along x, then y, then z.

    Args:
        source: C-contiguous float32 (y, x) or (z, y, x).
        sigma: standard deviation in pixels.
        spans: part of ``source`` in which the result is wanted.
        window: radius of the kernel in standard deviations.
        out: C-contiguous array for the result; a new one when ``None``.
    """
    kernel = _kernel(sigma, 0, window)
    for axis in reversed(range(source.ndim)):
        source = convolve(source, kernel, axis, spans[axis], None if axis else out)
    return source


def widen(spans: Spans, radius: int, shape: tuple[int, ...]) -> tuple[Spans, Spans]:
    """Widen spans to each side, as far as an array reaches.

    Returns:
        The wider spans, and the place of the given ones in them.

    >>> widen(((0, 4), (5, 9)), 2, (10, 10))
    (((0, 6), (3, 10)), ((0, 4), (2, 6)))
    """
    wide = tuple(
        (max(0, start - radius), min(length, stop + radius))
        for (start, stop), length in zip(spans, shape, strict=True)
    )
    inside = tuple(
        (start - low, stop - low) for (start, stop), (low, _) in zip(spans, wide, strict=True)
    )
    return wide, inside


@cache
def _kernel(sigma: float, order: int, window: float = WINDOW) -> Kernel:
    return gaussian_kernel(sigma, order, window)
