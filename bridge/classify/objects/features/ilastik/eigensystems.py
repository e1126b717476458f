"""Eigenvectors of small symmetric matrices, with the signs that vigra gives to them.

Householder's reduction to a tridiagonal matrix and implicit QL steps, in the order of EISPACK's
``tred2`` and ``tql2`` as JAMA has them (both in the public domain): any other order finds the same
vectors with other signs.
"""

# numba's decorators carry no types
# mypy: disallow-untyped-decorators=False

from __future__ import annotations

from typing import Any

import numpy as np

from bridge.files.compiled import compiled

_MOST_STEPS = 50


@compiled()
def symmetric_eigensystem(matrix: Any) -> Any:
    """Return the eigenvalues (n,) in descending order, and the vectors (n, n) as columns.

    Args:
        matrix: (n, n) float64, symmetric and finite.

    >>> values, vectors = symmetric_eigensystem(np.array([[2.0, 1.0], [1.0, 2.0]]))
    >>> values.round(6).tolist(), np.abs(vectors).round(3).tolist()
    ([3.0, 1.0], [[0.707, 0.707], [0.707, 0.707]])
    """
    n = len(matrix)
    vectors = matrix.copy()
    diagonal = matrix[n - 1].copy()
    beside = np.zeros(n)
    _reduce(vectors, diagonal, beside)
    _diagonalise(vectors, diagonal, beside)
    for i in range(n - 1):
        largest = i
        for j in range(i + 1, n):
            if diagonal[j] > diagonal[largest]:
                largest = j
        if largest != i:
            diagonal[i], diagonal[largest] = diagonal[largest], diagonal[i]
            for k in range(n):
                vectors[k, i], vectors[k, largest] = vectors[k, largest], vectors[k, i]
    return diagonal, vectors


@compiled()
def _reduce(a: Any, d: Any, e: Any) -> None:
    """Reduce a matrix to a tridiagonal one; ``a`` becomes the product of the reflections."""
    n = len(d)
    for i in range(n - 1, 0, -1):
        scale = np.abs(d[:i]).sum()
        h = 0.0
        if scale == 0.0:
            e[i] = d[i - 1]
            for j in range(i):
                d[j] = a[i - 1, j]
                a[i, j] = 0.0
                a[j, i] = 0.0
        else:
            for k in range(i):
                d[k] /= scale
                h += d[k] * d[k]
            f = d[i - 1]
            g = -np.sqrt(h) if f > 0 else np.sqrt(h)
            e[i] = scale * g
            h -= f * g
            d[i - 1] = f - g
            e[:i] = 0.0
            for j in range(i):
                f = d[j]
                a[j, i] = f
                g = e[j] + a[j, j] * f
                for k in range(j + 1, i):
                    g += a[k, j] * d[k]
                    e[k] += a[k, j] * f
                e[j] = g
            f = 0.0
            for j in range(i):
                e[j] /= h
                f += e[j] * d[j]
            half = f / (h + h)
            for j in range(i):
                e[j] -= half * d[j]
            for j in range(i):
                f = d[j]
                g = e[j]
                for k in range(j, i):
                    a[k, j] -= f * e[k] + g * d[k]
                d[j] = a[i - 1, j]
                a[i, j] = 0.0
        d[i] = h
    for i in range(n - 1):
        a[n - 1, i] = a[i, i]
        a[i, i] = 1.0
        h = d[i + 1]
        if h != 0.0:
            for k in range(i + 1):
                d[k] = a[k, i + 1] / h
            for j in range(i + 1):
                g = 0.0
                for k in range(i + 1):
                    g += a[k, i + 1] * a[k, j]
                for k in range(i + 1):
                    a[k, j] -= g * d[k]
        for k in range(i + 1):
            a[k, i + 1] = 0.0
    for j in range(n):
        d[j] = a[n - 1, j]
        a[n - 1, j] = 0.0
    a[n - 1, n - 1] = 1.0
    e[0] = 0.0


@compiled()
def _diagonalise(z: Any, d: Any, e: Any) -> None:
    """Turn a tridiagonal matrix into a diagonal one by implicit QL steps."""
    n = len(d)
    for i in range(1, n):
        e[i - 1] = e[i]
    e[n - 1] = 0.0
    shift = 0.0
    scale = 0.0
    for least in range(n):
        scale = max(scale, abs(d[least]) + abs(e[least]))
        m = least
        while m < n - 1 and abs(e[m]) > 2.0**-52 * scale:
            m += 1
        if m > least:
            for _ in range(_MOST_STEPS):
                g = d[least]
                p = (d[least + 1] - g) / (2.0 * e[least])
                r = np.hypot(p, 1.0)
                if p < 0:
                    r = -r
                d[least] = e[least] / (p + r)
                d[least + 1] = e[least] * (p + r)
                dl1 = d[least + 1]
                h = g - d[least]
                for i in range(least + 2, n):
                    d[i] -= h
                shift += h
                p = d[m]
                c = c2 = c3 = 1.0
                el1 = e[least + 1]
                s = s2 = 0.0
                for i in range(m - 1, least - 1, -1):
                    c3 = c2
                    c2 = c
                    s2 = s
                    g = c * e[i]
                    h = c * p
                    r = np.hypot(p, e[i])
                    e[i + 1] = s * r
                    s = e[i] / r
                    c = p / r
                    p = c * d[i] - s * g
                    d[i + 1] = h + s * (c * g + s * d[i])
                    for k in range(n):
                        h = z[k, i + 1]
                        z[k, i + 1] = s * z[k, i] + c * h
                        z[k, i] = c * z[k, i] - s * h
                p = -s * s2 * c3 * el1 * e[least] / dl1
                e[least] = s * p
                d[least] = c * p
                if abs(e[least]) <= 2.0**-52 * scale:
                    break
        d[least] += shift
        e[least] = 0.0
