"""A trained network as plain steps and numbers, from which every target is written.

Arrays and axes follow TensorFlow: spatial axes (y, x) or (z, y, x), channels last. Kernels are
(spatial…, channels in, channels out), float32.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

INPUT = "input"
"""Name of the input image."""

OUTPUT = "output"
"""Name of the one output: probability, then the rays, then classes where wanted."""

ACTIVATIONS = ("elu", "relu", "relu6", "selu", "sigmoid", "softmax", "softplus", "softsign", "tanh")
"""Functions that every target has."""


@dataclass(frozen=True)
class Step:
    """One operation. Its name is also that of its result.

    Attributes:
        name: unique within the network.
        inputs: names of the steps (or ``input``) that it takes.
    """

    name: str
    inputs: tuple[str, ...]


@dataclass(frozen=True)
class Convolution(Step):
    """A convolution with bias.

    Attributes:
        kernel: (spatial…, channels in, channels out) float32.
        bias: (channels out,) float32.
        strides: pixels from one result to the next, an axis each.
        same: whether the image is padded with zeros so that only the strides shrink it; where the
            padding is uneven, the end gets more.
    """

    kernel: NDArray[Any]
    bias: NDArray[Any]
    strides: tuple[int, ...]
    same: bool


@dataclass(frozen=True)
class BatchNormalization(Step):
    """Batch normalisation of a trained network (Ioffe and Szegedy 2015), a channel each.

    Its four arrays are kept as they were trained, so that nothing is lost in a file.

    Attributes:
        gamma: (channels,) float32.
        beta: (channels,) float32.
        mean: (channels,) float32, of the training images.
        variance: (channels,) float32, of the training images.
        epsilon: what is added to the variance.
    """

    gamma: NDArray[Any]
    beta: NDArray[Any]
    mean: NDArray[Any]
    variance: NDArray[Any]
    epsilon: float

    @property
    def factor(self) -> NDArray[Any]:
        """Number that each channel is multiplied by, float64."""
        variance = self.variance.astype(np.float64)
        result: NDArray[Any] = self.gamma.astype(np.float64) / np.sqrt(variance + self.epsilon)
        return result

    @property
    def offset(self) -> NDArray[Any]:
        """Number that is added to each channel afterwards, float64."""
        result: NDArray[Any] = (
            self.beta.astype(np.float64) - self.mean.astype(np.float64) * self.factor
        )
        return result


@dataclass(frozen=True)
class Activation(Step):
    """An element-wise function, one of :data:`ACTIVATIONS` (softmax runs over the channels)."""

    function: str


@dataclass(frozen=True)
class MaxPooling(Step):
    """The maximum of each window; ``size`` and ``strides`` are pixels, an axis each."""

    size: tuple[int, ...]
    strides: tuple[int, ...]
    same: bool


@dataclass(frozen=True)
class Upsampling(Step):
    """The repetition of every pixel, ``size`` times along each axis."""

    size: tuple[int, ...]


@dataclass(frozen=True)
class SparseUpsampling(Step):
    """The insertion of ``size - 1`` zeros after every pixel along each axis; for one channel."""

    size: tuple[int, ...]


@dataclass(frozen=True)
class Concatenation(Step):
    """The channels of all inputs, one after another."""


@dataclass(frozen=True)
class Addition(Step):
    """The sum of two inputs of the same shape."""


@dataclass(frozen=True)
class Network:
    """A StarDist network.

    Attributes:
        n_dim: spatial axes, 2 or 3.
        channels: channels of the input.
        steps: in an order in which they can be computed.
        heads: names of the results: probability, distances and, for a model of several classes,
            the classes' probabilities.

    Example:
        >>> kernel, bias = np.ones((1, 1, 1, 8), np.float32), np.zeros(8, np.float32)
        >>> step = Convolution("rays", (INPUT,), kernel, bias, (1, 1), same=True)
        >>> Network(n_dim=2, channels=1, steps=(step,), heads=("rays",)).width_of("rays")
        8
    """

    n_dim: int
    channels: int
    steps: tuple[Step, ...]
    heads: tuple[str, ...]

    def width_of(self, name: str) -> int:
        """Return the number of channels of a step's result."""
        if name == INPUT:
            return self.channels
        step = next(step for step in self.steps if step.name == name)
        if isinstance(step, Convolution):
            return int(step.kernel.shape[-1])
        if isinstance(step, Concatenation):
            return sum(self.width_of(part) for part in step.inputs)
        return self.width_of(step.inputs[0])

    def folded(self) -> Network:
        """Return the network with batch normalisations multiplied into the convolutions before."""
        uses = Counter(name for step in self.steps for name in step.inputs)
        done: dict[str, Step] = {}
        renamed: dict[str, str] = {}
        for step in self.steps:
            step = replace(step, inputs=tuple(renamed.get(n, n) for n in step.inputs))  # noqa: PLW2901
            before = done.get(step.inputs[0])
            if (
                isinstance(step, BatchNormalization)
                and isinstance(before, Convolution)
                and uses[before.name] == 1
                and before.name not in self.heads
            ):
                factor = step.factor
                done[before.name] = replace(
                    before,
                    kernel=(before.kernel * factor).astype(np.float32),
                    bias=(before.bias * factor + step.offset).astype(np.float32),
                )
                renamed[step.name] = before.name
                uses[before.name] = uses[step.name]
            else:
                done[step.name] = step
        heads = tuple(renamed.get(name, name) for name in self.heads)
        return replace(self, steps=tuple(done.values()), heads=heads)

    def with_one_output(self, *, classes: bool, upsample: tuple[int, ...] | None = None) -> Network:
        """Return the network with its results joined into one tensor named ``output``.

        Args:
            classes: whether the classes' probabilities follow the rays.
            upsample: the grid, where the output must have the input's size: probabilities get zeros
                between them, everything else is repeated. That keeps one candidate a grid point.
        """
        taken = list(self.heads if classes else self.heads[:2])
        added: list[Step] = []
        if upsample is not None and any(size > 1 for size in upsample):
            for index, head in enumerate(taken):
                name = f"{head}_upsampled"
                kind = SparseUpsampling if index == 0 else Upsampling
                added.append(kind(name, (head,), upsample))
                taken[index] = name
        added.append(Concatenation(OUTPUT, tuple(taken)))
        return replace(self, steps=(*self.steps, *added), heads=(OUTPUT,))
