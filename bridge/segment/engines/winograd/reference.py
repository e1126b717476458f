"""A plain numpy reference of the engine: the same algorithm, to read and to test against.

It is slow and keeps every layer in memory. :mod:`layers` computes the same in blocks of squares,
with packed weights and tables of offsets. The README beside this file explains both.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from bridge.model.network import (
    INPUT,
    Activation,
    Concatenation,
    Convolution,
    MaxPooling,
    Network,
    Upsampling,
)

# F(4 x 4, 3 x 3) with the points 0, 1, -1, 2, -2 and infinity: Lavin and Gray 2015, section 4.3.
INPUT_TRANSFORM = np.array(  # B^T
    [
        [4, 0, -5, 0, 1, 0],
        [0, -4, -4, 1, 1, 0],
        [0, 4, -4, -1, 1, 0],
        [0, -2, -1, 2, 1, 0],
        [0, 2, -1, -2, 1, 0],
        [0, 4, 0, -5, 0, 1],
    ]
)
KERNEL_TRANSFORM = np.array(  # G
    [
        [1 / 4, 0, 0],
        [-1 / 6, -1 / 6, -1 / 6],
        [-1 / 6, 1 / 6, -1 / 6],
        [1 / 24, 1 / 12, 1 / 6],
        [1 / 24, -1 / 12, 1 / 6],
        [0, 0, 1],
    ]
)
OUTPUT_TRANSFORM = np.array(  # A^T
    [[1, 1, 1, 1, 1, 0], [0, 1, -1, 2, -2, 0], [0, 1, 1, 4, 4, 0], [0, 1, -1, 8, -8, 1]]
)


def convolve(layer: NDArray[Any], kernel: NDArray[Any], bias: NDArray[Any]) -> NDArray[np.float64]:
    """Convolve a layer with a kernel of 3 x 3 by F(4 x 4, 3 x 3), with zeros around the layer.

    Args:
        layer: (height, width, channels in).
        kernel: (3, 3, channels in, channels out).
        bias: (channels out,).

    Returns:
        (height, width, channels out).

    >>> ones = np.ones((5, 4, 1))
    >>> convolve(ones, np.ones((3, 3, 1, 1)), np.zeros(1))[..., 0].round(6)
    array([[4., 6., 6., 4.],
           [6., 9., 9., 6.],
           [6., 9., 9., 6.],
           [6., 9., 9., 6.],
           [4., 6., 6., 4.]])
    """
    height, width, _ = layer.shape
    rows, columns = -(-height // 4), -(-width // 4)  # squares of 4 x 4 results
    padded = np.pad(layer, ((1, 4 * rows - height + 1), (1, 4 * columns - width + 1), (0, 0)))
    at_points = np.einsum("ui,vj,ijkl->uvkl", KERNEL_TRANSFORM, KERNEL_TRANSFORM, kernel)
    result = np.empty((4 * rows, 4 * columns, kernel.shape[3]))
    for y in range(0, 4 * rows, 4):
        for x in range(0, 4 * columns, 4):
            pixels = padded[y : y + 6, x : x + 6]  # squares overlap by two pixels
            transformed = transform_input(pixels)
            products = np.einsum("uvk,uvkl->uvl", transformed, at_points)  # 36 in place of 144
            result[y : y + 4, x : x + 4] = np.einsum(
                "pu,qv,uvl->pql", OUTPUT_TRANSFORM, OUTPUT_TRANSFORM, products
            )
    return np.asarray(result[:height, :width] + bias)


def transform_input(pixels: NDArray[Any]) -> NDArray[Any]:
    """Transform the (6, 6, channels) pixels that a square looks at to its 36 points."""
    return np.asarray(np.einsum("ui,vj,ijk->uvk", INPUT_TRANSFORM, INPUT_TRANSFORM, pixels))


def pool(layer: NDArray[Any], size: tuple[int, int]) -> NDArray[Any]:
    """Take the largest value of every window; rows and columns that do not fill one are left out.

    >>> pool(np.arange(16.0).reshape(4, 4, 1), (2, 2))[..., 0]
    array([[ 5.,  7.],
           [13., 15.]])
    """
    height, width = (n // by for n, by in zip(layer.shape, size, strict=False))
    whole = layer[: height * size[0], : width * size[1]]
    return np.asarray(whole.reshape(height, size[0], width, size[1], -1).max(axis=(1, 3)))


def enlarge(layer: NDArray[Any], size: tuple[int, int]) -> NDArray[Any]:
    """Repeat every pixel.

    >>> enlarge(np.array([[[1], [2]]]), (1, 2)).ravel()
    array([1, 1, 2, 2])
    """
    return layer.repeat(size[0], axis=0).repeat(size[1], axis=1)


def run(network: Network, tile: NDArray[Any]) -> list[NDArray[np.float64]]:
    """Run a U-Net of 3 x 3 convolutions and ``relu``.

    Args:
        network: as :func:`bridge.segment.engines.unet.read_unet` reads it.
        tile: (height, width, channels), normalised.

    Returns:
        The heads, (height / grid, width / grid, channels): probability, distances, classes.
    """
    layers: dict[str, NDArray[Any]] = {INPUT: tile.astype(np.float64)}
    for step in network.steps:
        inputs = [layers[name] for name in step.inputs]
        match step:
            case Convolution() if step.kernel.shape[:2] == (1, 1):
                layers[step.name] = inputs[0] @ step.kernel[0, 0] + step.bias
            case Convolution():
                layers[step.name] = convolve(inputs[0], step.kernel, step.bias)
            case Activation():
                layers[step.name] = _activate(step.function, inputs[0])
            case MaxPooling():
                layers[step.name] = pool(inputs[0], (step.size[0], step.size[1]))
            case Upsampling():
                layers[step.name] = enlarge(inputs[0], (step.size[0], step.size[1]))
            case Concatenation():
                layers[step.name] = np.concatenate(inputs, axis=2)
    return [layers[name] for name in network.heads]


def _activate(function: str, x: NDArray[Any]) -> NDArray[Any]:
    if function == "relu":
        return np.asarray(np.maximum(x, 0))
    if function == "sigmoid":
        return np.asarray(1 / (1 + np.exp(-x)))
    exponentials = np.exp(x - x.max(axis=-1, keepdims=True))  # softmax
    return np.asarray(exponentials / exponentials.sum(axis=-1, keepdims=True))
