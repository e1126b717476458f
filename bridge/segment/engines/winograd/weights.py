"""A network's weights, laid out as :mod:`layers` takes them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bridge.model.network import INPUT, Convolution, Network
from bridge.segment.engines.base import SMALLEST_DISTANCE
from bridge.segment.engines.winograd.layers import Heads, Kernel
from bridge.segment.engines.winograd.memory import copy_aligned
from bridge.segment.engines.winograd.products import pack_panels, pack_vectors
from bridge.segment.engines.winograd.stages import ConvolutionStage, is_winograd
from bridge.segment.engines.winograd.transforms import (
    ENLARGED_ZERO,
    INPUTS,
    POINTS,
    transform_kernel,
)
from bridge.segment.engines.winograd.vectors import WIDTH


def stored_channels(network: Network) -> dict[str, int]:
    """Return the channels that each layer is stored with: a vector or more, the last ones zero."""
    widths = {step.name: max(WIDTH, network.width_of(step.name)) for step in network.steps}
    return widths | {INPUT: network.channels}


def pack_kernel(stage: ConvolutionStage, network: Network, stored: dict[str, int]) -> Kernel:
    """Lay out a convolution's weights, for the channels that its inputs are ``stored`` with."""
    parts, first = [], 0
    for source in stage.sources:
        count = network.width_of(source.name)
        part = stage.step.kernel[:, :, first : first + count]
        parts.append(np.pad(part, ((0, 0), (0, 0), (0, stored[source.name] - count), (0, 0))))
        first += count
    kernel = np.concatenate(parts, axis=2)
    if is_winograd(stage.step):
        matrices, skipped = list(transform_kernel(kernel)), _skipped_channels(stage, stored)
    else:
        matrices, skipped = [kernel.reshape(-1, kernel.shape[-1])], [0]
    panels = [pack_panels(m[n:]) for m, n in zip(matrices, skipped, strict=True)]
    bias = _pad_to_vectors(stage.step.bias)
    return Kernel(
        copy_aligned(np.concatenate(panels)),
        np.cumsum([0, *(len(panel) for panel in panels[:-1])]).astype(np.intp),
        np.array(skipped, np.intp),
        copy_aligned(bias),
        copy_aligned(np.full(len(bias), 0 if stage.rectified else -np.inf)),
    )


def _skipped_channels(stage: ConvolutionStage, stored: dict[str, int]) -> list[int]:
    """Count the first channels that are zero at each of the 36 points: see ENLARGED_ZERO."""
    if len(stage.sources) == 1:
        return [0] * POINTS
    y, x = (by % 2 == 0 for by in stage.sources[0].enlarged)
    return [
        stored[stage.sources[0].name] * ((y and i == ENLARGED_ZERO) or (x and j == ENLARGED_ZERO))
        for i in range(INPUTS)
        for j in range(INPUTS)
    ]


@dataclass(frozen=True)
class HeadWeights:
    """Convolutions of 1 x 1 with the same input.

    Attributes:
        layers: their weights.
        parts: the channels of each but probability, by name.
        prob: name of probability, where it is among them.
    """

    layers: Heads
    parts: dict[str, slice]
    prob: str | None

    @property
    def channels(self) -> int:
        """Numbers that are stored for a pixel, without probability."""
        return max(WIDTH, *(int(part.stop) for part in self.parts.values()))


def pack_heads(
    stage: ConvolutionStage, network: Network, stored: dict[str, int], names: Sequence[str]
) -> HeadWeights:
    """Lay out the weights of the heads of a layer.

    Args:
        stage: the layer.
        network: it belongs to.
        stored: channels that each layer is stored with.
        names: convolutions of all heads of the network: probability, distances, classes.
    """
    prob = next((head for head in stage.heads if head.name == names[0]), None)
    rest = [head for head in stage.heads if head is not prob]
    missing = stored[stage.name] - network.width_of(stage.name)

    def matrix(head: Convolution) -> NDArray[np.float32]:
        return np.pad(head.kernel[0, 0], ((0, missing), (0, 0)))

    parts: dict[str, slice] = {}
    first = 0
    for head in rest:
        parts[head.name] = slice(first, first + len(head.bias))
        first += len(head.bias)
    bias = _pad_to_vectors(np.concatenate([head.bias for head in rest]))
    lower_bound = np.full(len(bias), -np.inf)
    if distances := parts.get(names[1]):
        lower_bound[distances] = SMALLEST_DISTANCE
    weights = Heads(
        copy_aligned(pack_panels(np.concatenate([matrix(head) for head in rest], axis=1))),
        copy_aligned(bias),
        copy_aligned(lower_bound),
        copy_aligned(np.empty(0) if prob is None else pack_vectors(matrix(prob)[:, 0])),
        np.float32(0 if prob is None else prob.bias[0]),
    )
    return HeadWeights(weights, parts, None if prob is None else prob.name)


def _pad_to_vectors(bias: NDArray[np.float32]) -> NDArray[np.float32]:
    """Append zeros up to whole vectors."""
    return np.pad(bias, (0, -len(bias) % WIDTH))
