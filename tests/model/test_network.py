"""A network as plain steps."""

from __future__ import annotations

import numpy as np

from bridge.model.network import (
    INPUT,
    Activation,
    BatchNormalization,
    Concatenation,
    Convolution,
    Network,
    SparseUpsampling,
    Upsampling,
)


def convolution(name: str, before: str, inside: int, outside: int) -> Convolution:
    kernel = np.arange(inside * outside, dtype=np.float32).reshape(1, 1, inside, outside)
    return Convolution(name, (before,), kernel, np.ones(outside, np.float32), (1, 1), True)


def normalization(
    name: str, before: str, factor: list[float], offset: list[float]
) -> BatchNormalization:
    """Return the normalisation that multiplies by ``factor`` and adds ``offset``."""
    gamma, beta = np.array(factor, np.float32), np.array(offset, np.float32)
    one = np.ones_like(gamma)
    return BatchNormalization(name, (before,), gamma * 2, beta + gamma, one, one * 3, epsilon=1.0)


def small() -> Network:
    steps = (
        convolution("a", INPUT, 1, 2),
        normalization("norm", "a", factor=[2, 3], offset=[10, 20]),
        Activation("relu", ("norm",), "relu"),
        convolution("prob", "relu", 2, 1),
        convolution("dist", "relu", 2, 8),
        convolution("class", "relu", 2, 3),
    )
    return Network(2, 1, steps, ("prob", "dist", "class"))


def test_batch_normalisation_is_multiplied_into_the_convolution_before() -> None:
    folded = small().folded()
    assert [step.name for step in folded.steps] == ["a", "relu", "prob", "dist", "class"]
    first = folded.steps[0]
    assert isinstance(first, Convolution)
    np.testing.assert_array_equal(first.kernel.ravel(), [0, 3])
    np.testing.assert_array_equal(first.bias, [12, 23])
    assert folded.steps[1].inputs == ("a",)


def test_a_convolution_that_is_used_twice_is_left_alone() -> None:
    network = small()
    twice = Network(
        2, 1, (*network.steps, Concatenation("both", ("a", "norm"))), (*network.heads, "both")
    )
    assert [step.name for step in twice.folded().steps] == [step.name for step in twice.steps]


def test_one_output_is_upsampled_as_fiji_wants_it() -> None:
    network = small().with_one_output(classes=False, upsample=(2, 4))
    probability, distances, output = network.steps[-3:]
    assert isinstance(probability, SparseUpsampling)
    assert isinstance(distances, Upsampling)
    assert probability.size == distances.size == (2, 4)
    assert output.inputs == (probability.name, distances.name)
    assert network.width_of("output") == 9


def test_without_a_grid_nothing_is_upsampled() -> None:
    network = small().with_one_output(classes=True, upsample=(1, 1))
    assert [step.name for step in network.steps[:-1]] == [step.name for step in small().steps]
    assert network.width_of("output") == 12
