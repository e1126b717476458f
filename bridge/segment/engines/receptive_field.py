"""What of its layers a network must compute for the core of a tile.

A tile is larger than its core by what predictions look at. Only the first layers need all of it:
the further a layer is from the image, the less of the margin its successors still look at, and the
layers of the way up, which are most of the work, need a few pixels. They are cropped where the two
ways join. Every number of the core stays what it was.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
from numpy.typing import NDArray

from bridge.model.network import (
    INPUT,
    Concatenation,
    Convolution,
    MaxPooling,
    Network,
    Step,
    Upsampling,
)
from bridge.segment.engines.base import Margins

Interval = tuple[int, int]
"""First pixel, and the first one after the last, along an axis of a layer."""

Computed = Callable[[Step, Interval], Interval]
"""What is computed of a layer so that there is what others see of it."""


def as_seen(_step: Step, seen: Interval) -> Interval:
    """No more than what is seen."""
    return seen


def seen_from(
    network: Network, axis: int, predictions: Interval, computed: Computed = as_seen
) -> dict[str, Interval]:
    """What predictions look at in every layer, followed back through the layers.

    Args:
        network: StarDist's U-Net.
        axis: 0 for y, 1 for x.
        predictions: on the grid.
        computed: what is computed of each layer, and so looks at the layers before.

    Returns:
        Intervals by layer, ``INPUT`` among them, in the layers' own pixels.
    """
    seen = dict.fromkeys(network.heads, predictions)
    for step in reversed(network.steps):
        first, last = seen[step.name] = computed(step, seen[step.name])
        match step:
            case Convolution():
                before = (step.kernel.shape[axis] - 1) // 2
                first, last = first - before, last + step.kernel.shape[axis] - 1 - before
            case MaxPooling():
                first, last = first * step.size[axis], last * step.size[axis]
            case Upsampling():
                first, last = first // step.size[axis], -(-last // step.size[axis])
        for name in step.inputs:
            there = seen.get(name, (first, last))
            seen[name] = min(first, there[0]), max(last, there[1])
    return seen


def period(network: Network, axis: int, grid: int) -> int:
    """After how many predictions their positions relative to the pooling repeat."""
    pools = [step.size[axis] for step in network.steps if isinstance(step, MaxPooling)]
    return int(np.prod(pools)) // grid


class Narrowing:
    """Where a network's layers are cropped, and by how much.

    Args:
        network: StarDist's U-Net, whose ways join in concatenations.
        grid: pixels between its predictions.
    """

    def __init__(self, network: Network, grid: tuple[int, ...]) -> None:
        self._network = network
        self._grid = grid
        self.joins = [step for step in network.steps if isinstance(step, Concatenation)]
        """Where: all inputs of each are cropped."""
        # top, left, bottom, right
        sides = [self._needs(0, 0), self._needs(1, 0), self._needs(0, 1), self._needs(1, 1)]
        self._needed = {join.name: [side[join.name] for side in sides] for join in self.joins}

    def _needs(self, axis: int, end: int) -> dict[str, int]:
        """How far beyond the core, at its beginning or end, each layer is looked at."""
        count = period(self._network, axis, self._grid[axis])
        needs: dict[str, int] = {}
        for position in range(count):
            # predictions 0, 1, … of a core that begins at 0, or -1, -2, … of one that ends there
            first = -1 - position if end else position
            seen = seen_from(self._network, axis, (first, first + 1))
            for name, (first, last) in seen.items():
                beyond = last if end else -first
                needs[name] = max(needs.get(name, 0), beyond)
        return needs

    def crops(self, margins: Margins) -> tuple[NDArray[np.int64], Margins]:
        """Pixels to cut off each input of each join.

        Args:
            margins: of the tile, multiples of what the network's poolings divide.

        Returns:
            (inputs of all joins, 4) pixels of the layer at the top, left, bottom and right; and the
            margins that are left around the predictions, in predictions.
        """
        there: dict[str, list[int]] = {INPUT: list(margins)}
        crops: list[list[int]] = []
        for step in self._network.steps:
            each = [there[name] for name in step.inputs]
            match step:
                case MaxPooling():
                    left = [n // step.size[k % 2] for k, n in enumerate(each[0])]
                case Upsampling():
                    left = [n * step.size[k % 2] for k, n in enumerate(each[0])]
                case Concatenation():
                    left = [
                        min(need, *sides)
                        for need, *sides in zip(self._needed[step.name], *each, strict=True)
                    ]
                    crops += [[n - m for n, m in zip(side, left, strict=True)] for side in each]
                case _:
                    left = each[0]
            there[step.name] = left
        top, left_, bottom, right = there[self._network.heads[0]]
        return np.array(crops, np.int64).reshape(-1, 4), (top, left_, bottom, right)


def reach(
    network: Network,
    axis: int,
    grid: int,
    positions: int | None = None,
    computed: Computed = as_seen,
) -> int:
    """How far in pixels a prediction looks, whatever the weights.

    Args:
        network: StarDist's U-Net.
        axis: 0 for y, 1 for x.
        grid: pixels between its predictions.
        positions: after how many predictions all repeats; ``None``: as pooling does.
        computed: as for :func:`seen_from`.
    """

    def distances() -> Iterator[int]:
        for position in range(positions or period(network, axis, grid)):
            first, last = seen_from(network, axis, (position, position + 1), computed)[INPUT]
            centre = position * grid
            yield max(centre - first, last - 1 - centre)

    return max(distances())
