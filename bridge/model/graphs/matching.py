"""The weights of a network from a file, put into StarDist's own network of the same layers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bridge.errors import BadInputError
from bridge.model.network import (
    INPUT,
    Activation,
    BatchNormalization,
    Convolution,
    MaxPooling,
    Network,
    Step,
    Upsampling,
)

Weights = dict[str, Convolution | BatchNormalization]
"""Trained steps of a file by the names of StarDist's own steps."""


def match_networks(stardist: Network, found: Network, source: Path) -> Weights:
    """Match a file's network to one that StarDist builds, step by step.

    Args:
        stardist: the network of a configuration, with any weights.
        found: the network of the file.
        source: the file, for errors.

    Raises:
        BadInputError: the layers differ; the first that does not fit is named.
    """
    matching = _Matching(stardist, found, source)
    if len(stardist.heads) != len(found.heads):
        raise matching.refusal(found.heads[-1], "is one result too many or too few")
    for name, other in zip(stardist.heads, found.heads, strict=True):
        matching.match(name, other)
    return matching.weights


class _Matching:
    def __init__(self, stardist: Network, found: Network, source: Path) -> None:
        self._stardist = {step.name: step for step in stardist.steps}
        self._found = {step.name: step for step in found.steps}
        self._source = source
        self._pairs: dict[str, str] = {INPUT: INPUT}
        self.weights: Weights = {}

    def match(self, name: str, other: str) -> None:
        """Match two steps and everything before them."""
        if name in self._pairs:
            if self._pairs[name] != other:
                raise self.refusal(other, "takes its input from another layer")
            return
        if INPUT in (name, other):
            raise self.refusal(other, "stands where StarDist has another layer")
        step, found = self._stardist[name], self._found[other]
        if type(step) is not type(found) or len(step.inputs) != len(found.inputs):
            raise self.refusal(other, "stands where StarDist has another layer")
        self._pairs[name] = other
        for before, other_before in zip(step.inputs, found.inputs, strict=True):
            self.match(before, other_before)
        problem = _difference(step, found)
        if problem:
            raise self.refusal(other, problem)
        if isinstance(found, Convolution | BatchNormalization):
            self.weights[name] = found

    def refusal(self, name: str, problem: str) -> BadInputError:
        return BadInputError(
            self._source,
            f"is no StarDist network: its operation {name!r} {problem}",
            "give a file that was exported from a StarDist model",
        )


def _difference(step: Step, found: Step) -> str:
    """Return what makes two steps of one kind differ, or ``""``."""
    match step, found:
        case Convolution(), Convolution():
            if step.kernel.shape != found.kernel.shape:
                shapes = (" x ".join(map(str, s.kernel.shape)) for s in (found, step))
                return "has weights of {} where StarDist has {}".format(*shapes)
            if (step.strides, step.same) != (found.strides, found.same):
                return "has other strides or another padding than StarDist's"
        case BatchNormalization(), BatchNormalization():
            if step.gamma.shape != found.gamma.shape:
                return "normalises another number of channels than StarDist's"
            # Files with the product of the numbers only have no epsilon.
            if found.epsilon and not np.isclose(step.epsilon, found.epsilon, rtol=1e-4):
                return f"has the epsilon {found.epsilon:g} where StarDist has {step.epsilon:g}"
        case Activation(), Activation():
            if step.function != found.function:
                return f"is {found.function} where StarDist has {step.function}"
        case MaxPooling(), MaxPooling():
            if (step.size, step.strides) != (found.size, found.strides):
                return "pools another number of pixels than StarDist's"
        case Upsampling(), Upsampling():
            if step.size != found.size:
                return "enlarges by another factor than StarDist's"
    return ""


def arrays_for(layer: Any, step: Convolution | BatchNormalization) -> list[NDArray[Any]] | None:
    """Return a step's numbers as a Keras layer takes them; ``None`` where the layer has no place.

    Args:
        layer: a Keras layer of the same kind.
        step: the step of the file.
    """
    if isinstance(step, BatchNormalization):
        variance = step.variance
        if not step.epsilon:  # only the products are known: undo what the layer adds
            variance = (variance - np.float32(layer.epsilon)).astype(np.float32)
        return [step.gamma, step.beta, step.mean, variance]
    if len(layer.get_weights()) > 1:
        return [step.kernel, step.bias]
    return None if step.bias.any() else [step.kernel]
