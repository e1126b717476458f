"""What of each layer must be computed for the core of a tile.

A result depends on the whole square that it is computed in, if only in its last digits. So squares
lie on the same pixels of a plane however it is cut into tiles, and whatever a square looks at is
computed too.
"""

from __future__ import annotations

import math

from bridge.model.network import INPUT, MaxPooling, Network, Step, Upsampling
from bridge.segment.engines import receptive_field
from bridge.segment.engines.receptive_field import Computed, Interval, seen_from
from bridge.segment.engines.winograd.plan import minimal
from bridge.segment.engines.winograd.transforms import STEP


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
    seen = seen_from(network, axis, (first, last), _in_squares(scale, size))
    return seen | {INPUT: _within(*seen[INPUT], size, 1)}


def _in_squares(scale: dict[str, int], size: int | None) -> Computed:
    """Whole squares are computed of the layers that consist of them, within the tile."""

    def computed(step: Step, seen: Interval) -> Interval:
        first, last = seen
        if minimal(step):
            first, last = first // STEP * STEP, -(-last // STEP) * STEP
        return _within(first, last, size, scale[step.name])

    return computed


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
    scale = scales(network, axis)
    grid = scale[network.heads[0]]
    return receptive_field.reach(network, axis, grid, aligned // grid, _in_squares(scale, None))
