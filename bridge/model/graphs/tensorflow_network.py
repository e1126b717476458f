"""A TensorFlow graph as the plain steps of a network.

Every operation that StarDist's networks come to is known in each of the forms in which Keras 2 and
3, TensorFlow 1 and starbridge itself write it. Any other operation is refused by its name.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from bridge.errors import BadInputError
from bridge.model.graphs.constants import Constants
from bridge.model.graphs.heads import name_heads
from bridge.model.graphs.saved_files import SavedGraph
from bridge.model.graphs.wiring import Tensor, Wiring
from bridge.model.network import (
    INPUT,
    Activation,
    Addition,
    BatchNormalization,
    Concatenation,
    Convolution,
    MaxPooling,
    Network,
    SparseUpsampling,
    Step,
    Upsampling,
)

_FUNCTIONS = {
    "Elu": "elu",
    "Relu": "relu",
    "Relu6": "relu6",
    "Selu": "selu",
    "Sigmoid": "sigmoid",
    "Softmax": "softmax",
    "Softplus": "softplus",
    "Softsign": "softsign",
    "Tanh": "tanh",
}
_ADDITIONS = ("Add", "AddV2", "BiasAdd")
_CONVOLUTIONS = ("Conv2D", "Conv3D")


def read_tensorflow(saved: SavedGraph) -> Network:
    """Read the network of a TensorFlow graph.

    Args:
        saved: the graph.

    Returns:
        The network, its results on its own grid: a file for Fiji enlarges them, which is undone.
        Names of steps are those of the graph's operations.

    Raises:
        BadInputError: an operation that no StarDist network has, weights that are missing or
            damaged, or results that are not StarDist's.
    """
    reader = _Reader(saved)
    try:
        outputs = [reader.read(reader.wiring.find(name)) for name in saved.outputs]
        further = reader.unused_softmax()
    except RecursionError as error:
        raise BadInputError(
            saved.source, "its graph runs in circles", "export the model again"
        ) from error
    except KeyError as error:
        raise BadInputError(
            saved.source, f"its graph lacks the operation {error}", "export the model again"
        ) from error
    except ValueError as error:
        raise BadInputError(
            saved.source, f"its graph is damaged ({error})", "download or export it again"
        ) from error
    network = Network(
        reader.n_dim, reader.channels, tuple(reader.steps.values()), (*outputs, *further)
    )
    return name_heads(network, saved.source)


def refuse_node(source: Any, name: str, operation: str, problem: str) -> BadInputError:
    """Return the error for an operation that no StarDist network has."""
    return BadInputError(
        source,
        f"is no StarDist network: its operation {name!r} ({operation}) {problem}",
        "give a file that was exported from a StarDist model",
    )


class _Reader:
    """Turns operations into steps, inputs before what uses them."""

    def __init__(self, saved: SavedGraph) -> None:
        self.source = saved.source
        self.wiring = Wiring(saved.graph)
        self.constants = Constants(self.wiring, saved.variables)
        self.steps: dict[str, Step] = {}
        self.n_dim = 2
        self.channels = 1
        self._names: dict[tuple[str, int], str] = {}

    def read(self, tensor: Tensor) -> str:
        """Return the name of the step that gives a tensor, and add it where it is new."""
        if tensor.key not in self._names:
            self._names[tensor.key] = self._read(tensor)
        return self._names[tensor.key]

    def unused_softmax(self) -> list[str]:
        """Return the class head of a file whose result leaves it out, as files for Fiji do."""
        nodes = self.wiring.top.nodes
        consumed = {name.split(":")[0].lstrip("^") for n in nodes.values() for name in n.input}
        found = []
        for name, node in nodes.items():
            if name in consumed or node.op not in ("Softmax", "RealDiv"):
                continue
            try:
                step = self.steps[self.read(self.wiring.find(name))]
            except (BadInputError, KeyError, ValueError):
                continue  # no part of the network; what was read of it is left out later
            if isinstance(step, Activation) and step.function == "softmax":
                found.append(step.name)
        return found

    def _read(self, tensor: Tensor) -> str:
        node, op = tensor.node, tensor.node.op
        if op in ("Placeholder", "PlaceholderV2"):
            return INPUT
        inputs = self.wiring.inputs(tensor)
        match op:
            case "Conv2D" | "Conv3D":
                return self._convolution(tensor, inputs, None)
            case "Add" | "AddV2" | "BiasAdd":
                return self._addition(tensor, inputs)
            case "FusedBatchNorm" | "FusedBatchNormV2" | "FusedBatchNormV3":
                return self._fused_normalization(tensor, inputs)
            case "MaxPool" | "MaxPool3D":
                self._expect_channels_last(tensor)
                size, strides = _spatial(node.attr["ksize"]), _spatial(node.attr["strides"])
                same = node.attr["padding"].s == b"SAME"
                return self._add(
                    MaxPooling(tensor.name, (self.read(inputs[0]),), size, strides, same)
                )
            case "ConcatV2" | "Concat":
                return self._concatenation(tensor, inputs)
            case "ResizeNearestNeighbor":
                return self._resize(tensor, inputs)
            case "Conv2DBackpropInput" | "Conv3DBackpropInputV2":
                return self._transposed(tensor, inputs)
            case "Reshape":
                return self._repetition(tensor, inputs)
            case "RealDiv":
                return self._softmax(tensor, inputs)
            case "Cast":
                return self.read(inputs[0])
        if op in _FUNCTIONS:
            return self._add(Activation(tensor.name, (self.read(inputs[0]),), _FUNCTIONS[op]))
        raise self._refusal(tensor, "belongs to none")

    def _add(self, step: Step) -> str:
        self.steps[step.name] = step
        return step.name

    def _convolution(
        self, tensor: Tensor, inputs: list[Tensor], bias: NDArray[Any] | None, name: str = ""
    ) -> str:
        node = tensor.node
        self._expect_channels_last(tensor)
        if any(d != 1 for d in node.attr["dilations"].list.i):
            raise self._refusal(tensor, "is dilated")
        kernel = self._numbers(inputs[1], tensor)
        n_dim = int(node.op[4])
        if kernel.ndim != n_dim + 2:
            raise self._refusal(tensor, f"has weights of {kernel.ndim} axes")
        before = self.read(inputs[0])
        if before == INPUT:
            self.n_dim, self.channels = n_dim, int(kernel.shape[-2])
        if bias is None:
            bias = np.zeros(kernel.shape[-1], np.float32)
        if bias.size != kernel.shape[-1]:
            raise self._refusal(tensor, "has a bias of another size")
        strides = _spatial(node.attr["strides"])
        same = node.attr["padding"].s == b"SAME"
        return self._add(
            Convolution(name or tensor.name, (before,), kernel, bias.reshape(-1), strides, same)
        )

    def _addition(self, tensor: Tensor, inputs: list[Tensor]) -> str:
        first, second = inputs
        if self._is_constant(first):
            first, second = second, first
        if not self._is_constant(second):
            return self._add(Addition(tensor.name, (self.read(first), self.read(second))))
        if first.node.op in _CONVOLUTIONS:
            bias = self._numbers(second, tensor)
            return self._convolution(first, self.wiring.inputs(first), bias, tensor.name)
        if first.node.op == "Mul":
            return self._normalization(tensor, first, second)
        raise self._refusal(tensor, "adds numbers where StarDist adds none")

    def _fused_normalization(self, tensor: Tensor, inputs: list[Tensor]) -> str:
        attributes = tensor.node.attr
        if "is_training" not in attributes or attributes["is_training"].b:
            raise self._refusal(tensor, "is in training")
        self._expect_channels_last(tensor)
        gamma, beta, mean, variance = (self._numbers(t, tensor) for t in inputs[1:5])
        epsilon = float(attributes["epsilon"].f) if "epsilon" in attributes else 1e-4
        before = self.read(inputs[0])
        return self._add(
            BatchNormalization(tensor.name, (before,), gamma, beta, mean, variance, epsilon)
        )

    def _normalization(self, tensor: Tensor, product: Tensor, offset: Tensor) -> str:
        """Add a batch normalisation in single operations: ``x * f + (beta - mean * f)``."""
        x, factor = self.wiring.inputs(product)
        if self._is_constant(x):
            x, factor = factor, x
        raw = self._raw_normalization(factor, offset)
        before = self.read(x)
        if raw is not None:
            return self._add(BatchNormalization(tensor.name, (before,), *raw))
        gamma, beta = self._numbers(factor, tensor), self._numbers(offset, tensor)
        one, zero = np.ones_like(gamma.ravel()), np.zeros_like(gamma.ravel())
        return self._add(
            BatchNormalization(tensor.name, (before,), gamma.ravel(), beta.ravel(), zero, one, 0.0)
        )

    def _raw_normalization(
        self, factor: Tensor, offset: Tensor
    ) -> tuple[NDArray[Any], NDArray[Any], NDArray[Any], NDArray[Any], float] | None:
        """Return the numbers that were trained, where the operations on them are in the graph."""
        inputs = self.wiring.inputs
        if factor.node.op != "Mul" or offset.node.op != "Sub":
            return None
        root, gamma = inputs(factor)
        if root.node.op != "Rsqrt":
            root, gamma = gamma, root
        beta, shift = inputs(offset)
        if root.node.op != "Rsqrt" or shift.node.op != "Mul":
            return None
        mean, same = inputs(shift)
        if same.key != factor.key:
            mean, same = same, mean
        total = inputs(root)[0]
        if same.key != factor.key or total.node.op not in _ADDITIONS:
            return None
        variance, epsilon = (self.constants.value(t) for t in inputs(total))
        if variance is not None and variance.size == 1 and epsilon is not None:
            variance, epsilon = epsilon, variance
        arrays = [self.constants.value(t) for t in (gamma, beta, mean)]
        if variance is None or epsilon is None or epsilon.size != 1:
            return None
        flat = [np.asarray(a, np.float32).ravel() for a in (*arrays, variance) if a is not None]
        if len(flat) != 4:
            return None
        return flat[0], flat[1], flat[2], flat[3], float(epsilon.ravel()[0])

    def _concatenation(self, tensor: Tensor, inputs: list[Tensor]) -> str:
        axis_first = tensor.node.op == "Concat"
        axis = self.constants.value(inputs[0] if axis_first else inputs[-1])
        parts = inputs[1:] if axis_first else inputs[:-1]
        names = tuple(self.read(part) for part in parts)
        if axis is None or int(axis) not in (-1, self.n_dim + 1):
            raise self._refusal(tensor, "does not join channels")
        return self._add(Concatenation(tensor.name, names)) if len(names) > 1 else names[0]

    def _resize(self, tensor: Tensor, inputs: list[Tensor]) -> str:
        """Add an enlargement to the size of the image times a constant."""
        size = inputs[1]
        if size.node.op == "Mul" and not tensor.node.attr["align_corners"].b:
            for factor in self.wiring.inputs(size):
                value = self.constants.value(factor)
                if (
                    value is not None
                    and value.size == 2
                    and not tensor.node.attr["align_corners"].b
                ):
                    times = tuple(int(v) for v in value.ravel())
                    return self._upsample(tensor.name, self.read(inputs[0]), times)
        raise self._refusal(tensor, "enlarges by no whole number")

    def _transposed(self, tensor: Tensor, inputs: list[Tensor]) -> str:
        """Add an enlargement that is written as a transposed convolution with ones."""
        self._expect_channels_last(tensor)
        kernel = self._numbers(inputs[1], tensor)
        strides = _spatial(tensor.node.attr["strides"])
        before = self.read(inputs[2])
        size, channels = kernel.shape[:-2], np.eye(kernel.shape[-1], dtype=np.float32)
        if kernel.shape[-2:] == channels.shape and (kernel == channels).all():
            if size == (1,) * len(size):
                return self._add(SparseUpsampling(tensor.name, (before,), strides))
            if size == strides:
                return self._upsample(tensor.name, before, strides)
        raise self._refusal(tensor, "does more than enlarge")

    def _repetition(self, tensor: Tensor, inputs: list[Tensor]) -> str:
        """Add a repetition along one axis: a new axis behind it, tiled and merged."""
        tile = inputs[0]
        if tile.node.op == "Tile":
            expanded, multiples = self.wiring.inputs(tile)
            times = self.constants.value(multiples)
            if expanded.node.op == "ExpandDims" and times is not None:
                x, where = self.wiring.inputs(expanded)
                axis = self.constants.value(where)
                repeated = np.flatnonzero(times != 1)
                if axis is not None and (repeated == int(axis)).all() and len(repeated) <= 1:
                    before = self.read(x)
                    size = [1] * self.n_dim
                    if len(repeated):
                        size[int(axis) - 2] = int(times[int(axis)])
                    return self._upsample(tensor.name, before, tuple(size))
        raise self._refusal(tensor, "is no repetition of pixels")

    def _upsample(self, name: str, before: str, size: tuple[int, ...]) -> str:
        """Add an enlargement; those along single axes, one after another, become one."""
        step = self.steps.get(before)
        if isinstance(step, Upsampling) and all(
            1 in pair for pair in zip(step.size, size, strict=True)
        ):
            before = step.inputs[0]
            size = tuple(a * b for a, b in zip(step.size, size, strict=True))
        if all(times == 1 for times in size):
            return before
        return self._add(Upsampling(name, (before,), size))

    def _softmax(self, tensor: Tensor, inputs: list[Tensor]) -> str:
        """Add a softmax in single operations: as Keras 2 writes it, or starbridge for OpenCV."""
        exponential, total = inputs
        if exponential.node.op == "Exp":
            shifted = self.wiring.inputs(exponential)[0]
            kind = (shifted.node.op, total.node.op)
            if kind == ("Sub", "Sum"):
                x, largest = self.wiring.inputs(shifted)
                if largest.node.op == "Max" and self._is_same(total, exponential):
                    return self._add(Activation(tensor.name, (self.read(x),), "softmax"))
            if shifted.node.op in _CONVOLUTIONS and total.node.op == shifted.node.op:
                x, weights = self.wiring.inputs(shifted)
                summed, ones = self.wiring.inputs(total)
                centre = self._numbers(weights, tensor)
                n = centre.shape[-1]
                around_mean = np.asarray(np.eye(n) - 1 / n, np.float32)
                if (
                    summed.key == exponential.key
                    and (self._numbers(ones, tensor) == 1).all()
                    and np.array_equal(centre.reshape(-1, n), around_mean)
                ):
                    return self._add(Activation(tensor.name, (self.read(x),), "softmax"))
        raise self._refusal(tensor, "divides, which no StarDist network does")

    def _is_same(self, after: Tensor, before: Tensor) -> bool:
        return self.wiring.inputs(after)[0].key == before.key

    def _is_constant(self, tensor: Tensor) -> bool:
        return self.constants.result(tensor) is not None

    def _numbers(self, tensor: Tensor, user: Tensor) -> NDArray[Any]:
        value = self.constants.result(tensor)
        if value is None:
            problem = f"has no weights in the file ({tensor.name})"
            raise self._refusal(user, problem)
        return np.asarray(value, np.float32)

    def _expect_channels_last(self, tensor: Tensor) -> None:
        form = tensor.node.attr["data_format"].s
        if form.startswith(b"NC"):
            raise self._refusal(tensor, "has its channels first")

    def _refusal(self, tensor: Tensor, problem: str) -> BadInputError:
        return refuse_node(self.source, tensor.name, tensor.node.op, problem)


def _spatial(attribute: Any) -> tuple[int, ...]:
    return tuple(attribute.list.i)[1:-1]
