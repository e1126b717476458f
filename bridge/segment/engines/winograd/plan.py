"""Which layers of a network are computed in one go."""

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
    """A layer that a convolution sees, every pixel of it ``enlarged`` times along y and x."""

    name: str
    enlarged: tuple[int, int]


@dataclass(frozen=True)
class Convolving:
    """A convolution and what is computed in one go with it.

    Attributes:
        step: the convolution.
        name: of the layer that comes out; where it leads to nothing but heads, it is not kept.
        sources: layers that it sees, their channels side by side.
        rectified: whether what is negative becomes zero.
        pooled: the layer that comes out as well, the largest of every 2 x 2 pixels.
        heads: the convolutions of 1 x 1 that see the result, where nothing else does.
    """

    step: Convolution
    name: str
    sources: tuple[Source, ...]
    rectified: bool
    pooled: str | None
    heads: tuple[Convolution, ...]


@dataclass(frozen=True)
class Pooling:
    """A pooling by itself.

    Attributes:
        step: the pooling.
        sources: the layer that it sees.
    """

    step: MaxPooling
    sources: tuple[Source, ...]

    @property
    def name(self) -> str:
        """Of the layer that comes out."""
        return self.step.name


Work = Convolving | Pooling
"""What is computed in one go."""


def minimal(step: Step) -> bool:
    """Whether a convolution is computed in squares."""
    return (
        isinstance(step, Convolution)
        and step.kernel.shape[:2] == (3, 3)
        and step.inputs != (INPUT,)
    )


def plan(network: Network) -> list[Work]:
    """Put the layers of a U-Net in order.

    Raises:
        NotImplementedError: something that is not known here; it says what.
    """
    by_name = {step.name: step for step in network.steps}
    following: dict[str, list[Step]] = {}
    for step in network.steps:
        for name in step.inputs:
            following.setdefault(name, []).append(step)
    heads = {_convolution(by_name, name).name for name in network.heads}
    works: list[Work] = []
    made: set[str] = set()
    for step in network.steps:
        if step.name in made or step.name in heads:
            continue
        if isinstance(step, MaxPooling):
            works.append(Pooling(step, _sources(by_name, step.inputs)))
        if not isinstance(step, Convolution):
            continue
        if not minimal(step) and step.inputs != (INPUT,):
            raise NotImplementedError("kernels of {} x {}".format(*step.kernel.shape[:2]))
        name, rectified = _activated(step, following)
        after = following.get(name, [])
        pools = [s for s in after if isinstance(s, MaxPooling) and s.size == s.strides == (2, 2)]
        pooled = pools[0].name if pools and minimal(step) else None
        ends = tuple(s for s in after if isinstance(s, Convolution) and s.name in heads)
        works.append(
            Convolving(
                step,
                name,
                _sources(by_name, step.inputs),
                rectified,
                pooled,
                ends if ends and len(ends) == len(after) and minimal(step) else (),
            )
        )
        made |= {name, pooled or name}
    if {head.name for w in works if isinstance(w, Convolving) for head in w.heads} != heads:
        raise NotImplementedError("an arrangement of its last layers")
    return works


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
    if any(isinstance(s, Activation) for s in after):
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
                Source(s.name, (s.enlarged[0] * y, s.enlarged[1] * x))
                for s in _sources(by_name, step.inputs)
            ]
        else:
            found.append(Source(name, (1, 1)))
    return tuple(found)
