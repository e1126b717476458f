"""The configuration of a StarDist network, told from its layers.

StarDist's builders are ``StarDist2D._build`` and ``StarDist3D._build`` (stardist 0.9.2), with
csbdeep's ``unet_block`` and ``resnet_block``.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from bridge.errors import BadInputError
from bridge.model.config import default_config
from bridge.model.network import (
    Activation,
    Addition,
    BatchNormalization,
    Concatenation,
    Convolution,
    MaxPooling,
    Network,
    Step,
    Upsampling,
)


def infer_configs(network: Network, source: Path) -> Iterator[dict[str, Any]]:
    """Yield configurations that may have built a network, the likeliest first.

    A few settings leave no trace in a network or can be read in two ways, so each has to be tried.

    Args:
        network: with heads as :func:`bridge.model.graphs.heads.name_heads` gives them.
        source: the file, for errors.

    Raises:
        BadInputError: the network has no convolutions.
    """
    layers = _Layers(network)
    if not layers.convolutions:
        raise BadInputError(
            source,
            "is no StarDist network: it has no convolutions",
            "give a file that was exported from a StarDist model",
        )
    heads = [layers.convolution_before(head) for head in network.heads]
    config = default_config(network.n_dim, "resnet" if layers.count(Addition) else "unet") | {
        "n_channel_in": network.channels,
        "n_rays": int(heads[1].kernel.shape[-1]),
        "n_classes": int(heads[2].kernel.shape[-1]) - 1 if len(heads) > 2 else None,
    }
    yield from (_resnets if layers.count(Addition) else _unets)(layers, config)


def is_larger(config: dict[str, Any], network: Network) -> bool:
    """Tell whether a configuration describes a larger network than a file holds.

    It is asked before the configuration is built, which would take the memory that it promises.

    Args:
        config: as :func:`bridge.model.config.complete_config` returns it.
        network: the network of the file.

    Example:
        >>> import numpy as np
        >>> from bridge.model.network import INPUT
        >>> kernel, bias = np.ones((3, 3, 1, 8), np.float32), np.zeros(8, np.float32)
        >>> step = Convolution("a", (INPUT,), kernel, bias, (1, 1), same=True)
        >>> network = Network(2, 1, (step,), ("a",))
        >>> is_larger({"unet_n_filter_base": 8, "n_rays": 8}, network)
        False
        >>> is_larger({"unet_n_filter_base": 80_000}, network)
        True
    """
    convolutions = [step for step in network.steps if isinstance(step, Convolution)]
    widest = max((max(step.kernel.shape[-2:]) for step in convolutions), default=0)
    largest = max((max(step.kernel.shape[:-2]) for step in convolutions), default=0)
    limits = {
        "kernel_size": largest,
        "n_depth": len(convolutions),
        "n_conv_per_depth": len(convolutions),
        "n_conv_per_block": len(convolutions),
        "n_blocks": len(convolutions),
        "n_filter_base": widest,
        "conv_after_unet": widest,
        "conv_after_resnet": widest,
        "n_rays": widest,
        "n_channel_in": widest,
        "n_classes": widest,
    }
    for key, value in config.items():
        limit = limits.get(key.removeprefix("unet_").removeprefix("resnet_").removeprefix("net_"))
        numbers = [n for n in (value if isinstance(value, list) else [value]) if n is not None]
        if limit is not None and not all(isinstance(n, int) and n <= limit for n in numbers):
            return True
    base, depth = config.get("unet_n_filter_base", 1), config.get("unet_n_depth", 0)
    expansion = config.get("unet_expansion", 1)
    if not isinstance(expansion, int | float) or not 0 < expansion <= max(widest, 2):
        return True
    # The last level may be one of a single convolution, which is as wide as the one before.
    return int(base * expansion ** max(depth - 1, 0)) > widest


class _Layers:
    """The steps of a network, and how they are connected."""

    def __init__(self, network: Network) -> None:
        self.n_dim = network.n_dim
        self.heads = network.heads
        self.steps = network.steps
        self.by_name = {step.name: step for step in network.steps}
        self.users: dict[str, list[Step]] = {}
        for step in network.steps:
            for name in step.inputs:
                self.users.setdefault(name, []).append(step)
        self.convolutions = [step for step in network.steps if isinstance(step, Convolution)]

    def count(self, kind: type[Step]) -> int:
        return sum(isinstance(step, kind) for step in self.steps)

    def of(self, kind: type[Step]) -> list[Any]:
        return [step for step in self.steps if isinstance(step, kind)]

    def convolution_before(self, name: str) -> Convolution:
        step = self.by_name[name]
        while not isinstance(step, Convolution):
            step = self.by_name[step.inputs[0]]
        return step

    def function_after(self, step: Step) -> tuple[str, bool]:
        """Return a layer's activation, and whether batch normalisation lies before it."""
        normalised = False
        while users := self.users.get(step.name, []):
            following = users[0]
            if isinstance(following, Activation):
                return following.function, normalised
            if not isinstance(following, BatchNormalization):
                break
            normalised, step = True, following
        return "linear", normalised

    def ancestors(self, name: str) -> set[str]:
        found: set[str] = set()
        waiting = [name]
        while waiting:
            step = self.by_name.get(waiting.pop())
            if step is not None and step.name not in found:
                found.add(step.name)
                waiting += step.inputs
        return found


def _unets(layers: _Layers, config: dict[str, Any]) -> Iterator[dict[str, Any]]:
    joins = layers.of(Concatenation)
    depth = len(joins)
    skipped = {name for join in joins for name in join.inputs}
    grid = [1] * layers.n_dim
    for pool in layers.of(MaxPooling):
        if pool.inputs[0] not in skipped:
            grid = [g * s for g, s in zip(grid, pool.size, strict=True)]
    enlarged = layers.of(Upsampling)
    first = layers.convolutions[0]
    per_level = _count_before_first_pooling(layers)
    # Everything after the last join but the heads: the last level, then the features.
    trunk = layers.ancestors(layers.heads[0]) & layers.ancestors(layers.heads[1])
    before = layers.ancestors(joins[-1].name) if joins else set()
    after = [c for c in layers.convolutions if c.name in trunk - before]
    blocks = _block_convolutions(layers, grid, per_level)
    normalised = any(layers.function_after(c)[1] for c in layers.convolutions)
    base = int(first.kernel.shape[-1])
    config = config | {
        "grid": grid,
        "unet_n_depth": depth,
        "unet_kernel_size": list(first.kernel.shape[:-2]),
        "unet_n_filter_base": base,
        "unet_pool": list(enlarged[0].size) if enlarged else config["unet_pool"],
        "unet_activation": layers.function_after(first)[0],
        "unet_batch_norm": normalised,
    }
    widths = [int(c.kernel.shape[-1]) for c in blocks]
    expansions = [2.0, *sorted({w / base for w in widths if w != base}), 1.0]
    for count in dict.fromkeys((per_level, 2, 3, 1, 4)):
        extra = len(after) - count
        if extra not in (0, 1):
            continue
        last = after[count - 1] if after else first
        more = {
            "unet_n_conv_per_depth": count,
            "unet_last_activation": layers.function_after(last)[0],
            "net_conv_after_unet": int(after[-1].kernel.shape[-1]) if extra else 0,
        }
        for expansion in dict.fromkeys(int(e) if e.is_integer() else e for e in expansions):
            yield config | more | {"unet_expansion": expansion}


def _count_before_first_pooling(layers: _Layers) -> int:
    names = [step.name for step in layers.steps if isinstance(step, MaxPooling)]
    if not names:
        return 2
    before = layers.ancestors(names[0])
    return sum(c.name in before for c in layers.convolutions)


def _block_convolutions(layers: _Layers, grid: list[int], per_level: int) -> list[Convolution]:
    """Return the convolutions on the way down, those before the grid left out."""
    levels = max(grid).bit_length() - 1
    return layers.convolutions[levels * per_level : len(layers.convolutions) - 2]


def _resnets(layers: _Layers, config: dict[str, Any]) -> Iterator[dict[str, Any]]:
    sums = layers.of(Addition)
    grid = [1] * layers.n_dim
    blocks = []
    done: set[str] = set()
    for total in sums:
        inside = [c for c in layers.convolutions if c.name in layers.ancestors(total.name) - done]
        done |= layers.ancestors(total.name)
        blocks.append(inside)
    stem = 2  # convolutions of 7 and 3 pixels before the first block
    first = blocks[0][stem:] if blocks else []
    for inside in (first, *blocks[1:]):
        if inside:
            grid = [g * s for g, s in zip(grid, inside[0].strides, strict=True)]
    lengths = Counter(
        sum(set(c.kernel.shape[:-2]) != {1} for c in inside) for inside in (first, *blocks[1:])
    )
    trunk = layers.ancestors(layers.heads[0]) & layers.ancestors(layers.heads[1])
    after = [c for c in layers.convolutions if c.name in trunk - done]
    kernel = list(first[0].kernel.shape[:-2]) if first else config["resnet_kernel_size"]
    yield config | {
        "grid": grid,
        "resnet_n_blocks": len(sums),
        "resnet_kernel_size": kernel,
        "resnet_n_filter_base": int(layers.convolutions[0].kernel.shape[-1]),
        "resnet_n_conv_per_block": max(lengths, default=3),
        "resnet_activation": layers.function_after(sums[-1])[0],
        "resnet_batch_norm": layers.count(BatchNormalization) > 0,
        "net_conv_after_resnet": int(after[-1].kernel.shape[-1]) if after else 0,
    }
