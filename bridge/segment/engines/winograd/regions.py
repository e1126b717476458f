"""The region of each layer that is computed for the core of a tile.

A result depends on the whole square that it is computed in, if only in its last digits. So squares
lie on the same pixels of a plane however it is cut into tiles, and whatever a square looks at is
computed too.
"""

from __future__ import annotations

import math

from bridge.model.network import INPUT, Step
from bridge.segment.engines.receptive_field import Interval, ReceptiveField, Widen
from bridge.segment.engines.winograd.stages import is_winograd
from bridge.segment.engines.winograd.transforms import OUTPUTS


def find_regions(
    field: ReceptiveField, core: Interval, size: int | None = None
) -> dict[str, Interval]:
    """Return the interval of every layer that the predictions of a core need.

    Args:
        field: of a U-Net, along one axis.
        core: pixels of the tile, of which it is a part; both ends at pixels of the heads.
        size: of the tile; ``None`` for one that goes on without end.

    Returns:
        By layer, ``INPUT`` among them, in the layers' own pixels.
    """
    predictions = core[0] // field.grid, core[1] // field.grid
    found = field.backproject(predictions, _whole_squares(field, size))
    return found | {INPUT: _clip(*found[INPUT], size, 1)}


def alignment(field: ReceptiveField, divisor: int) -> int:
    """Return the pixels that tiles and cores begin at multiples of: whole squares of all layers."""
    steps = field.network.steps
    return math.lcm(divisor, *(OUTPUTS * field.scales[s.name] for s in steps if is_winograd(s)))


def reach(field: ReceptiveField, period: int) -> int:
    """Return how far in pixels a prediction looks, with all that its squares look at.

    Args:
        field: of a U-Net, along one axis.
        period: pixels after which the squares of all layers repeat.
    """
    return field.reach(period, _whole_squares(field, None))


def _whole_squares(field: ReceptiveField, size: int | None) -> Widen:
    """Widen layers that are computed in squares to whole ones, within the tile."""

    def widen(step: Step, needed: Interval) -> Interval:
        first, last = needed
        if is_winograd(step):
            first, last = first // OUTPUTS * OUTPUTS, -(-last // OUTPUTS) * OUTPUTS
        return _clip(first, last, size, field.scales[step.name])

    return widen


def _clip(first: int, last: int, size: int | None, scale: int) -> Interval:
    return (first, last) if size is None else (max(first, 0), min(last, size // scale))
