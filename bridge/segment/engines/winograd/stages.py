"""Stages of a network: layers that are computed in one go."""

from __future__ import annotations

from dataclasses import dataclass

from bridge.model.network import (
    INPUT,
    Activation,
    Concatenation,
    Convolution,
    MaxPooling,
    Network,
    Step,
    Upsampling,
)


@dataclass(frozen=True)
class Source:
    """An input of a convolution, every pixel of it repeated ``enlarged`` times along y and x."""

    name: str
    enlarged: tuple[int, int]


@dataclass(frozen=True)
class ConvolutionStage:
    """A convolution and what is computed in one go with it.

    Attributes:
        step: the convolution.
        name: of the resulting layer; where only heads use it, it is not kept.
        sources: its inputs, their channels side by side.
        rectified: whether ``relu`` follows.
        pooled: name of the layer of the largest of every 2 x 2 pixels, computed as well.
        heads: the convolutions of 1 x 1 of the result, where nothing else uses it.
    """

    step: Convolution
    name: str
    sources: tuple[Source, ...]
    rectified: bool
    pooled: str | None
    heads: tuple[Convolution, ...]


@dataclass(frozen=True)
class PoolingStage:
    """A pooling by itself.

    Attributes:
        step: the pooling.
        sources: its input.
    """

    step: MaxPooling
    sources: tuple[Source, ...]

    @property
    def name(self) -> str:
        """Name of the resulting layer."""
        return self.step.name


Stage = ConvolutionStage | PoolingStage
"""Layers that are computed in one go."""


def is_winograd(step: Step) -> bool:
    """Tell whether a step is a convolution that is computed in squares."""
    return (
        isinstance(step, Convolution)
        and step.kernel.shape[:2] == (3, 3)
        and step.inputs != (INPUT,)
    )


def plan_stages(network: Network) -> list[Stage]:
    """Group the layers of a U-Net into stages, in order.

    Raises:
        NotImplementedError: a kernel, activation or arrangement that is not supported.
    """
    by_name = {step.name: step for step in network.steps}
    following: dict[str, list[Step]] = {}
    for step in network.steps:
        for name in step.inputs:
            following.setdefault(name, []).append(step)
    heads = {_convolution(by_name, name).name for name in network.heads}
    stages: list[Stage] = []
    made: set[str] = set()
    for step in network.steps:
        if step.name in made or step.name in heads:
            continue
        if isinstance(step, MaxPooling):
            stages.append(PoolingStage(step, _sources(by_name, step.inputs)))
        if not isinstance(step, Convolution):
            continue
        if not is_winograd(step) and step.inputs != (INPUT,):
            raise NotImplementedError("kernels of {} x {}".format(*step.kernel.shape[:2]))
        name, rectified = _activated(step, following)
        after = following.get(name, [])
        pools = [
            layer
            for layer in after
            if isinstance(layer, MaxPooling) and layer.size == layer.strides == (2, 2)
        ]
        pooled = pools[0].name if pools and is_winograd(step) else None
        ends = tuple(
            layer for layer in after if isinstance(layer, Convolution) and layer.name in heads
        )
        stages.append(
            ConvolutionStage(
                step,
                name,
                _sources(by_name, step.inputs),
                rectified,
                pooled,
                ends if ends and len(ends) == len(after) and is_winograd(step) else (),
            )
        )
        made |= {name, pooled or name}
    if {
        head.name for stage in stages if isinstance(stage, ConvolutionStage) for head in stage.heads
    } != heads:
        raise NotImplementedError("an arrangement of its last layers")
    return stages


def _convolution(by_name: dict[str, Step], head: str) -> Convolution:
    step = by_name[head]
    if isinstance(step, Activation):
        step = by_name[step.inputs[0]]
    if not isinstance(step, Convolution) or step.kernel.shape[:2] != (1, 1):
        raise NotImplementedError("a head")
    return step


def _activated(step: Convolution, following: dict[str, list[Step]]) -> tuple[str, bool]:
    after = following.get(step.name, [])
    if len(after) == 1 and isinstance(after[0], Activation):
        if after[0].function != "relu":
            raise NotImplementedError(f"the activation {after[0].function}")
        return after[0].name, True
    if any(isinstance(layer, Activation) for layer in after):
        raise NotImplementedError("an arrangement of activations")
    return step.name, False


def _sources(by_name: dict[str, Step], names: tuple[str, ...]) -> tuple[Source, ...]:
    found: list[Source] = []
    for name in names:
        step = by_name.get(name)
        if isinstance(step, Concatenation):
            found += _sources(by_name, step.inputs)
        elif isinstance(step, Upsampling):
            y, x = step.size
            found += [
                Source(layer.name, (layer.enlarged[0] * y, layer.enlarged[1] * x))
                for layer in _sources(by_name, step.inputs)
            ]
        else:
            found.append(Source(name, (1, 1)))
    return tuple(found)
