"""What of each layer must be computed for the core of a tile.

A result depends on the whole square that it is computed in, if only in its last digits. So squares
lie on the same pixels of a plane however it is cut into tiles, and whatever a square looks at is
computed too.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

from bridge.backends.winograd.plan import minimal
from bridge.backends.winograd.transforms import STEP
from models_export.network import INPUT, Convolution, MaxPooling, Network, Upsampling

Interval = tuple[int, int]
"""First pixel, and the first one after the last, along an axis of a layer."""


def scales(network: Network, axis: int) -> dict[str, int]:
    """Pixels of the image for one of each layer."""
    found = {INPUT: 1}
    for step in network.steps:
        scale = found[step.inputs[0]]
        if isinstance(step, MaxPooling):
            scale *= step.size[axis]
        if isinstance(step, Upsampling):
            scale //= step.size[axis]
        found[step.name] = scale
    return found


def needed(
    network: Network, axis: int, core: Interval, size: int | None = None
) -> dict[str, Interval]:
    """Intervals of all layers for the predictions of a core.

    Args:
        network: a U-Net.
        axis: 0 for y, 1 for x.
        core: pixels of the tile, of which it is a part; both ends at pixels of the heads.
        size: of the tile; ``None`` for one that goes on without end.

    Returns:
        By layer, ``INPUT`` among them, in the layers' own pixels.
    """
    scale = scales(network, axis)
    first, last = (edge // scale[network.heads[0]] for edge in core)
    seen = dict.fromkeys(network.heads, (first, last))
    for step in reversed(network.steps):
        first, last = seen[step.name]
        if minimal(step):
            first, last = first // STEP * STEP, -(-last // STEP) * STEP
            first, last = seen[step.name] = _within(first, last, size, scale[step.name])
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
            whole = min(first, there[0]), max(last, there[1])
            seen[name] = _within(*whole, size, scale[name])
    return seen


def _within(first: int, last: int, size: int | None, scale: int) -> Interval:
    return (first, last) if size is None else (max(first, 0), min(last, size // scale))


def alignment(network: Network, axis: int, divisor: int) -> int:
    """What pixels tiles and cores begin at multiples of, so that squares always lie alike."""
    scale = scales(network, axis)
    return math.lcm(divisor, *(STEP * scale[step.name] for step in network.steps if minimal(step)))


def reach(network: Network, axis: int, aligned: int) -> int:
    """How far in pixels a prediction looks, whatever the weights, with all that squares look at.

    Args:
        network: a U-Net.
        axis: 0 for y, 1 for x.
        aligned: after how many pixels squares lie alike.
    """
    grid = scales(network, axis)[network.heads[0]]

    def distances() -> Iterator[int]:
        for position in range(0, aligned, grid):
            first, last = needed(network, axis, (position, position + grid))[INPUT]
            yield max(position - first, last - 1 - position)

    return max(distances())
