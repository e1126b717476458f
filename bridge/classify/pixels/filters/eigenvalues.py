"""Eigenvalues of a symmetric matrix in each pixel, in closed form, the largest first.

Everything is float32 and in fastfilters' order, because the closed form of three dimensions loses
half of the digits where two eigenvalues are nearly equal: an exact solver would differ from what a
forest of ilastik was trained on.
"""

# numba's decorators carry no types
# mypy: disallow-untyped-decorators=False, disallow-untyped-calls=False

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bridge.files.compiled import compiled

_HALF = np.float32(0.5)
_ONE = np.float32(1)
_TWO = np.float32(2)
_ZERO = np.float32(0)
_THIRD = np.float32(1 / 3)
_ROOT_3 = np.sqrt(np.float32(3))
_PI = np.float32(math.pi)
_HALF_PI = np.float32(math.pi / 2)
_TINY = np.float32(1e-37)

# Polynomials in the argument's square, interpolated at Chebyshev's points; largest error 2e-8.
_ARCTANGENT = tuple(
    np.float32(c)
    for c in (
        0.99999998,
        -0.33333037,
        0.19991872,
        -0.14197798,
        0.10618371,
        -0.07456855,
        0.04213762,
        -0.01573125,
        0.00276628,
    )
)
"""The arctangent of 0 to 1, divided by its argument."""
_COSINE = tuple(
    np.float32(c)
    for c in (9.99999999e-01, -4.99999962e-01, 4.16663882e-02, -1.38817660e-03, 2.40561312e-05)
)
"""The cosine of 0 to 60 degrees."""
_SINE = tuple(
    np.float32(c) for c in (1.0, -1.66666663e-01, 8.33330794e-03, -1.98347767e-04, 2.68782248e-06)
)
"""The sine of 0 to 60 degrees, divided by its argument."""


def eigenvalues(
    tensor: list[NDArray[np.float32]], out: NDArray[np.float32] | None = None
) -> NDArray[np.float32]:
    """Return the eigenvalues of symmetric 2 x 2 or 3 x 3 matrices, the largest first.

    Args:
        tensor: C-contiguous float32 arrays of one shape, the entries xx, xy, yy, and for three
            dimensions xx, xy, xz, yy, yz, zz.
        out: float32 (eigenvalue, …) for the result, each eigenvalue C-contiguous; a new array when
            ``None``.

    >>> xx, xy, yy = (np.array([value], np.float32) for value in (2, 1, 2))
    >>> eigenvalues([xx, xy, yy]).tolist()
    [[3.0], [1.0]]
    """
    number = 2 if len(tensor) == 3 else 3
    if out is None:
        out = np.empty((number, *tensor[0].shape), np.float32)
    flat = [entry.reshape(-1) for entry in (*tensor, *out)]
    (_of_2_by_2 if number == 2 else _of_3_by_3)(*flat)
    return out


@compiled(nogil=True)
def _of_2_by_2(xx: Any, xy: Any, yy: Any, large: Any, small: Any) -> None:
    """Solve the quadratic equation."""
    for i in range(len(xx)):
        mean = (xx[i] + yy[i]) * _HALF
        deviation = (xx[i] - yy[i]) * _HALF
        root = np.sqrt(deviation * deviation + xy[i] * xy[i])
        large[i] = mean + root
        small[i] = mean - root


@compiled(nogil=True)
def _of_3_by_3(
    xx: Any, xy: Any, xz: Any, yy: Any, yz: Any, zz: Any, largest: Any, middle: Any, smallest: Any
) -> None:
    """Solve the cubic equation by angles.

    Formula: D. Eberly, "Eigensystems for 3 x 3 symmetric matrices (revisited)", 2006; the matrix
    is divided by its largest entry first.
    """
    for i in range(len(xx)):
        size = max(abs(zz[i]), abs(yz[i]), abs(xz[i]), abs(yy[i]), abs(xy[i]), abs(xx[i]))
        size = _ONE if size == _ZERO else size
        a00, a01, a02 = zz[i] / size, yz[i] / size, xz[i] / size
        a11, a12, a22 = yy[i] / size, xy[i] / size, xx[i] / size
        determinant = (
            a00 * a11 * a22
            + _TWO * a01 * a02 * a12
            - a00 * a12 * a12
            - a11 * a02 * a02
            - a22 * a01 * a01
        )
        minors = a00 * a11 - a01 * a01 + a00 * a22 - a02 * a02 + a11 * a22 - a12 * a12
        trace = a00 + a11 + a22
        mean = trace * _THIRD
        spread = min((minors - trace * mean) * _THIRD, _ZERO)
        skew = _HALF * (determinant + mean * (_TWO * mean * mean - minors))
        rest = min(skew * skew + spread * spread * spread, _ZERO)
        magnitude = np.sqrt(-spread)
        angle = _angle(np.sqrt(-rest), skew) * _THIRD
        square = angle * angle
        cosine = _polynomial(_COSINE, square)
        sine = _polynomial(_SINE, square) * angle
        # 0 to 60 degrees: the first is the largest, and the second the smallest
        r0 = mean + _TWO * magnitude * cosine
        r1 = mean - magnitude * (cosine + _ROOT_3 * sine)
        r2 = mean - magnitude * (cosine - _ROOT_3 * sine)
        low, high = min(r0, r1), max(r0, r1)
        smallest[i] = min(low, r2) * size
        between = max(low, r2)
        middle[i] = min(high, between) * size
        largest[i] = max(high, between) * size


@compiled(nogil=True)
def _angle(y: Any, x: Any) -> Any:
    """Return the angle of (x, y) in radians, for y not below 0, without branches."""
    along = abs(x)
    ratio = min(along, y) / max(along, y, _TINY)
    angle = _polynomial(_ARCTANGENT, ratio * ratio) * ratio
    angle = _HALF_PI - angle if y > along else angle
    return _PI - angle if x < _ZERO else angle


@compiled(nogil=True)
def _polynomial(coefficients: Any, x: Any) -> Any:
    """Evaluate a polynomial, the constant first."""
    value = coefficients[-1]
    for k in range(len(coefficients) - 2, -1, -1):
        value = value * x + coefficients[k]
    return value
