"""The part of each layer that predictions depend on.

A tile is larger than its core by what predictions look at. Only the first layers need all of it:
the further a layer is from the image, the less of the margin its successors still look at.
"""

from __future__ import annotations

from collections.abc import Callable

from bridge.model.network import INPUT, Convolution, MaxPooling, Network, Step, Upsampling

Interval = tuple[int, int]
"""First pixel, and the first one after the last, along an axis of a layer."""

Widen = Callable[[Step, Interval], Interval]
"""Widens what is needed of a layer to what is computed of it."""


class ReceptiveField:
    """The receptive field of predictions in each layer of StarDist's networks, along one axis.

    Args:
        network: StarDist's U-Net or ResNet.
        axis: of the image: 0 for y and 1 for x, or 0 for z, 1 for y and 2 for x.

    Attributes:
        scales: pixels of the image for one of each layer, ``INPUT`` among them.
    """

    def __init__(self, network: Network, axis: int) -> None:
        self.network, self.axis = network, axis
        self.scales = {INPUT: 1}
        for step in network.steps:
            scale = self.scales[step.inputs[0]]
            if isinstance(step, MaxPooling):
                scale *= step.size[axis]
            if isinstance(step, Convolution):
                scale *= step.strides[axis]
            if isinstance(step, Upsampling):
                scale //= step.size[axis]
            self.scales[step.name] = scale

    @property
    def grid(self) -> int:
        """Pixels between predictions."""
        return self.scales[self.network.heads[0]]

    def backproject(
        self, predictions: Interval, widen: Widen = lambda _, needed: needed
    ) -> dict[str, Interval]:
        """Follow predictions back through the layers to all that they look at.

        Args:
            predictions: on the grid.
            widen: where more of a layer is computed than is needed, which then looks at more of
                the layers before.

        Returns:
            Intervals by layer, ``INPUT`` among them, in the layers' own pixels.
        """
        axis, found = self.axis, dict.fromkeys(self.network.heads, predictions)
        for step in reversed(self.network.steps):
            first, last = found[step.name] = widen(step, found[step.name])
            match step:
                case Convolution():
                    size, stride = step.kernel.shape[axis], step.strides[axis]
                    before = max(0, size - stride) // 2  # of TensorFlow's padding "same"
                    first, last = first * stride - before, (last - 1) * stride - before + size
                case MaxPooling():
                    first, last = first * step.size[axis], last * step.size[axis]
                case Upsampling():
                    first, last = first // step.size[axis], -(-last // step.size[axis])
            for name in step.inputs:
                known = found.get(name, (first, last))
                found[name] = min(first, known[0]), max(last, known[1])
        return found

    def reach(self, period: int | None = None, widen: Widen = lambda _, needed: needed) -> int:
        """Return how far in pixels a prediction looks, whatever the weights.

        Args:
            period: pixels after which all repeats; ``None``: as pooling does.
            widen: as for :meth:`backproject`.
        """
        furthest = 0
        for position in range((period or max(self.scales.values())) // self.grid):
            first, last = self.backproject((position, position + 1), widen)[INPUT]
            centre = position * self.grid
            furthest = max(furthest, centre - first, last - 1 - centre)
        return furthest
