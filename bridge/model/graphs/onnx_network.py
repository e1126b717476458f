"""An ONNX model as the plain steps of a network.

Read are the operations that :mod:`bridge.model.onnx_graph` writes.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bridge.errors import BadInputError, MissingPartError
from bridge.model.graphs.heads import name_heads
from bridge.model.graphs.tensorflow_network import refuse_node
from bridge.model.network import (
    INPUT,
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

_AGAIN = "download or export it again"
_FUNCTIONS = {
    name.capitalize(): name
    for name in ("elu", "relu", "selu", "sigmoid", "softmax", "softplus", "softsign", "tanh")
}


def read_onnx(source: Path, data: bytes) -> tuple[Network, dict[str, str]]:
    """Read the network of an ONNX model, and the notes that its writer left in it.

    Args:
        source: the file, for errors.
        data: its content.

    Raises:
        BadInputError: a damaged file, an operation that no StarDist network has, results that are
            not StarDist's.
        MissingPartError: onnx is not installed.
    """
    try:
        import onnx
        from google.protobuf.message import DecodeError
    except ImportError as error:
        raise MissingPartError("export", f"read {source.name}", "onnx") from error
    try:
        model = onnx.ModelProto.FromString(data)
    except DecodeError as error:
        raise BadInputError(
            source, "is no ONNX model, or one that ends too early", _AGAIN
        ) from error
    if any(tensor.external_data for tensor in model.graph.initializer):
        raise BadInputError(source, "has its weights in another file", "export it as one file")
    reader = _Reader(source, model.graph)
    try:
        for node in model.graph.node:
            reader.read(node)
        outputs = tuple(reader.names[value.name] for value in model.graph.output)
    except (KeyError, ValueError, IndexError) as error:
        raise BadInputError(source, f"its graph is damaged ({error})", _AGAIN) from error
    network = Network(reader.n_dim, reader.channels, tuple(reader.steps), outputs)
    return name_heads(network, source), {p.key: p.value for p in model.metadata_props}


class _Reader:
    """Turns nodes into steps, in their order."""

    def __init__(self, source: Path, graph: Any) -> None:
        from onnx import numpy_helper

        self._source = source
        self._arrays: dict[str, NDArray[Any]] = {
            tensor.name: np.asarray(numpy_helper.to_array(tensor)) for tensor in graph.initializer
        }
        self.steps: list[Step] = []
        self.names = {v.name: INPUT for v in graph.input if v.name not in self._arrays}
        self.n_dim = 2
        self.channels = 1

    def read(self, node: Any) -> None:
        """Add the step of a node."""
        name = node.output[0]
        attributes = {a.name: a for a in node.attribute}
        inputs = tuple(self.names[n] for n in node.input if n and n not in self._arrays)
        arrays = [self._arrays[n] for n in node.input if n in self._arrays]
        self.names[name] = name
        self.steps.append(self._step(node, name, inputs, arrays, attributes))

    def _step(
        self,
        node: Any,
        name: str,
        inputs: tuple[str, ...],
        arrays: list[NDArray[Any]],
        attributes: dict[str, Any],
    ) -> Step:
        def numbers(key: str) -> tuple[int, ...]:
            return tuple(attributes[key].ints) if key in attributes else ()

        match node.op_type:
            case "Conv":
                kernel = np.moveaxis(arrays[0], (0, 1), (-1, -2))
                self.n_dim = kernel.ndim - 2
                if inputs[0] == INPUT:
                    self.channels = int(kernel.shape[-2])
                if any(d != 1 for d in numbers("dilations")):
                    raise self._refusal(node, "is dilated")
                bias = arrays[1] if len(arrays) > 1 else np.zeros(kernel.shape[-1], np.float32)
                strides = numbers("strides") or (1,) * self.n_dim
                kernel = np.ascontiguousarray(kernel, np.float32)
                return Convolution(name, inputs, kernel, bias, strides, _is_padded(attributes))
            case "BatchNormalization":
                gamma, beta, mean, variance = arrays
                epsilon = float(attributes["epsilon"].f) if "epsilon" in attributes else 1e-5
                return BatchNormalization(name, inputs, gamma, beta, mean, variance, epsilon)
            case "MaxPool":
                size = numbers("kernel_shape")
                strides = numbers("strides") or (1,) * self.n_dim
                return MaxPooling(name, inputs, size, strides, _is_padded(attributes))
            case "Resize" if attributes["mode"].s == b"nearest" and arrays:
                return Upsampling(name, inputs, tuple(int(v) for v in arrays[-1][2:]))
            case "Concat" if attributes["axis"].i == 1:
                return Concatenation(name, inputs)
            case "Add" if len(inputs) == 2:
                return Addition(name, inputs)
            case "Clip" if [float(a) for a in arrays] == [0, 6]:
                return Activation(name, inputs, "relu6")
            case kind if kind in _FUNCTIONS:
                return Activation(name, inputs, _FUNCTIONS[kind])
        raise self._refusal(node, "belongs to none")

    def _refusal(self, node: Any, problem: str) -> BadInputError:
        return refuse_node(self._source, node.output[0], node.op_type, problem)


def _is_padded(attributes: dict[str, Any]) -> bool:
    if "auto_pad" in attributes:
        return bool(attributes["auto_pad"].s.startswith(b"SAME"))
    if any(attributes["pads"].ints if "pads" in attributes else ()):
        return True
    # A kernel of one pixel needs no padding.
    return all(size == 1 for size in attributes["kernel_shape"].ints)
