"""The results of a network that was read from a file: which is probability, which distances."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from bridge.errors import BadInputError
from bridge.model.network import (
    INPUT,
    Activation,
    Concatenation,
    Convolution,
    Network,
    SparseUpsampling,
    Step,
    Upsampling,
)


def name_heads(network: Network, source: Path) -> Network:
    """Return a network whose heads are probability, distances and, where there are any, classes.

    A file's results may be joined into one, and enlarged to the size of the image, as Fiji takes
    them. Both is undone, and steps that no head needs are left out.

    Args:
        network: with the file's results as its heads.
        source: the file, for errors.

    Raises:
        BadInputError: the results are not those of a StarDist network.
    """
    steps = {step.name: step for step in network.steps}
    heads: dict[str, str] = {}
    waiting = list(reversed(network.heads))
    while waiting:
        step = steps.get(waiting.pop())
        while isinstance(step, Upsampling | SparseUpsampling):
            step = steps.get(step.inputs[0])
        if isinstance(step, Concatenation):
            waiting += reversed(step.inputs)
            continue
        kind = _kind(step, steps)
        if kind == "" or step is None:
            name = "its input" if step is None else f"{step.name!r}"
            raise BadInputError(
                source,
                f"is no StarDist network: {name} is no probability, distances or classes",
                "give a file that was exported from a StarDist model",
            )
        heads.setdefault(kind, step.name)
    if "probability" not in heads or "distances" not in heads:
        missing = "distances" if "probability" in heads else "a probability"
        raise BadInputError(
            source,
            f"is no StarDist network: its results lack {missing}",
            "give a file that was exported from a StarDist model",
        )
    ordered = tuple(
        heads[kind] for kind in ("probability", "distances", "classes") if kind in heads
    )
    return replace(network, steps=tuple(_needed(network, ordered)), heads=ordered)


def _kind(step: Step | None, steps: dict[str, Step]) -> str:
    """Return what a result is, or ``""``."""
    if isinstance(step, Activation):
        before = steps.get(step.inputs[0])
        if isinstance(before, Convolution) and set(before.kernel.shape[:-2]) == {1}:
            if step.function == "sigmoid" and before.kernel.shape[-1] == 1:
                return "probability"
            if step.function == "softmax":
                return "classes"
    if isinstance(step, Convolution) and set(step.kernel.shape[:-2]) == {1}:
        return "distances"
    return ""


def _needed(network: Network, heads: tuple[str, ...]) -> list[Step]:
    wanted = set(heads)
    for step in reversed(network.steps):
        if step.name in wanted:
            wanted |= set(step.inputs) - {INPUT}
    return [step for step in network.steps if step.name in wanted]
