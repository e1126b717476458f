"""Weights of a network's layers, laid out as :mod:`layers` takes them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bridge.model.network import INPUT, Convolution, Network
from bridge.segment.engines.base import SMALLEST_DISTANCE
from bridge.segment.engines.winograd.layers import Heads, Kernel
from bridge.segment.engines.winograd.memory import aligned_copy
from bridge.segment.engines.winograd.plan import Convolving, minimal
from bridge.segment.engines.winograd.products import in_panels, in_vectors
from bridge.segment.engines.winograd.transforms import POINTS, SEEN, TWICE_ZERO, transformed
from bridge.segment.engines.winograd.vectors import WIDTH


def stored_channels(network: Network) -> dict[str, int]:
    """Channels that each layer is stored with: at least a vector, the last ones zero."""
    widths = {step.name: max(WIDTH, network.width_of(step.name)) for step in network.steps}
    return widths | {INPUT: network.channels}


def kernel_of(work: Convolving, network: Network, stored: dict[str, int]) -> Kernel:
    """A convolution's weights, for the channels that its sources are ``stored`` with."""
    parts, first = [], 0
    for source in work.sources:
        count = network.width_of(source.name)
        part = work.step.kernel[:, :, first : first + count]
        parts.append(np.pad(part, ((0, 0), (0, 0), (0, stored[source.name] - count), (0, 0))))
        first += count
    kernel = np.concatenate(parts, axis=2)
    if minimal(work.step):
        matrices, left_out = list(transformed(kernel)), _left_out(work, stored)
    else:
        matrices, left_out = [kernel.reshape(-1, kernel.shape[-1])], [0]
    panels = [in_panels(m[n:]) for m, n in zip(matrices, left_out, strict=True)]
    bias = _filled(work.step.bias)
    return Kernel(
        aligned_copy(np.concatenate(panels)),
        np.cumsum([0, *(len(panel) for panel in panels[:-1])]).astype(np.intp),
        np.array(left_out, np.intp),
        aligned_copy(bias),
        aligned_copy(np.full(len(bias), 0 if work.rectified else -np.inf)),
    )


def _left_out(work: Convolving, stored: dict[str, int]) -> list[int]:
    """Channels, the first of all, that are zero at each of the 36 points: see TWICE_ZERO."""
    if len(work.sources) == 1:
        return [0] * POINTS
    y, x = (by % 2 == 0 for by in work.sources[0].enlarged)
    return [
        stored[work.sources[0].name] * ((y and i == TWICE_ZERO) or (x and j == TWICE_ZERO))
        for i in range(SEEN)
        for j in range(SEEN)
    ]


@dataclass(frozen=True)
class HeadWeights:
    """Convolutions of 1 x 1 that see the same channels.

    Attributes:
        layers: their weights.
        parts: the channels of each, by name, but of probability.
        prob: name of probability, where it is among them.
    """

    layers: Heads
    parts: dict[str, slice]
    prob: str | None

    @property
    def channels(self) -> int:
        """Numbers that are stored for a pixel, but for probability."""
        return max(WIDTH, *(int(part.stop) for part in self.parts.values()))


def heads_of(
    work: Convolving, network: Network, stored: dict[str, int], names: Sequence[str]
) -> HeadWeights:
    """The weights of what is predicted from a layer.

    Args:
        work: the layer.
        network: it belongs to.
        stored: channels that each layer is stored with.
        names: convolutions of all heads of the network: probability, distances, classes.
    """
    prob = next((head for head in work.heads if head.name == names[0]), None)
    others = [head for head in work.heads if head is not prob]
    missing = stored[work.name] - network.width_of(work.name)

    def matrix(head: Convolution) -> NDArray[np.float32]:
        return np.pad(head.kernel[0, 0], ((0, missing), (0, 0)))

    parts: dict[str, slice] = {}
    first = 0
    for head in others:
        parts[head.name] = slice(first, first + len(head.bias))
        first += len(head.bias)
    bias = _filled(np.concatenate([head.bias for head in others]))
    least = np.full(len(bias), -np.inf)
    if distances := parts.get(names[1]):
        least[distances] = SMALLEST_DISTANCE
    weights = Heads(
        aligned_copy(in_panels(np.concatenate([matrix(head) for head in others], axis=1))),
        aligned_copy(bias),
        aligned_copy(least),
        aligned_copy(np.empty(0) if prob is None else in_vectors(matrix(prob)[:, 0])),
        np.float32(0 if prob is None else prob.bias[0]),
    )
    return HeadWeights(weights, parts, None if prob is None else prob.name)


def _filled(bias: NDArray[np.float32]) -> NDArray[np.float32]:
    """Followed by zeros, to whole vectors."""
    return np.pad(bias, (0, -len(bias) % WIDTH))
