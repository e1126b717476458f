"""The numbers of a TensorFlow graph: constants, and variables by their checkpoint."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bridge.model.graphs.wiring import Tensor, Wiring

_VARIABLES = frozenset({"VarHandleOp", "Variable", "VariableV2"})
_LARGEST_FILL = 2**22
"""Numbers that a constant may have beyond those that are in the file."""


class Constants:
    """The constant tensors of a graph.

    Args:
        wiring: the graph.
        variables: trained numbers by their names in the checkpoint.
    """

    def __init__(self, wiring: Wiring, variables: Mapping[str, NDArray[Any]]) -> None:
        self._wiring = wiring
        self._variables = variables
        self._restored = self._find_restored() if variables else {}

    def value(self, tensor: Tensor) -> NDArray[Any] | None:
        """Return a tensor's numbers, or ``None`` where they depend on the image.

        Raises:
            ValueError: the numbers are damaged.
        """
        node = tensor.node
        match node.op:
            case "Const":
                return _const(node.attr["value"].tensor)
            case "ReadVariableOp":
                return self.value(self._wiring.inputs(tensor)[0])
            case "VarHandleOp" | "Variable" | "VariableV2":
                return self._variable(tensor)
            case "Reshape":
                array, shape = (self.value(t) for t in self._wiring.inputs(tensor))
                return None if array is None or shape is None else array.reshape(shape.tolist())
            case "ExpandDims":
                array, axis = (self.value(t) for t in self._wiring.inputs(tensor))
                return None if array is None or axis is None else np.expand_dims(array, int(axis))
            case "Squeeze":
                array = self.value(self._wiring.inputs(tensor)[0])
                return None if array is None else np.squeeze(array)
            case "Cast":
                return self.value(self._wiring.inputs(tensor)[0])
            case "Pack":
                parts = [self.value(t) for t in self._wiring.inputs(tensor)]
                return np.stack(parts) if parts and _all(parts) else None  # type: ignore[arg-type]
            case "ConcatV2":
                *parts, axis = (self.value(t) for t in self._wiring.inputs(tensor))
                if axis is None or not parts or not _all(parts):
                    return None
                return np.concatenate(parts, axis=int(axis))  # type: ignore[arg-type]
        return None

    def result(self, tensor: Tensor) -> NDArray[Any] | None:
        """Return a tensor's numbers, where they are constants or computed from constants."""
        known = self.value(tensor)
        if known is not None:
            return known
        steps = {
            "Add": np.add,
            "AddV2": np.add,
            "Mul": np.multiply,
            "RealDiv": np.divide,
            "Sub": np.subtract,
        }
        if tensor.node.op in ("Rsqrt", "Sqrt"):
            inner = self.result(self._wiring.inputs(tensor)[0])
            if inner is None:
                return None
            root = np.sqrt(inner)
            return root if tensor.node.op == "Sqrt" else np.asarray(1 / root)
        if tensor.node.op in steps:
            first, second = (self.result(t) for t in self._wiring.inputs(tensor))
            if first is not None and second is not None:
                return np.asarray(steps[tensor.node.op](first, second))
        return None

    def _variable(self, tensor: Tensor) -> NDArray[Any] | None:
        shared = tensor.node.attr["shared_name"].s.decode(errors="replace")
        for name in (self._restored.get(tensor.name), tensor.node.name, shared):
            if name is not None and name in self._variables:
                return self._variables[name]
        return None

    def _find_restored(self) -> dict[str, str]:
        """Return the checkpoint's name of each variable, by the variable's own.

        A graph that restores its variables assigns to each one a result of ``RestoreV2``, whose
        names are a constant.
        """
        found: dict[str, str] = {}
        for frame in self._wiring.frames():
            for node in frame.nodes.values():
                if node.op not in ("Assign", "AssignVariableOp"):
                    continue
                try:
                    variable, value = self._wiring.inputs(Tensor(frame, node, 0))[:2]
                    if value.node.op == "RestoreV2" and variable.node.op in _VARIABLES:
                        names = self._wiring.inputs(value)[1].node.attr["value"].tensor.string_val
                        found[variable.name] = names[value.position].decode(errors="replace")
                except (KeyError, IndexError, ValueError):
                    continue  # an initial value; what misses its numbers is named later
        return found


def _all(parts: list[NDArray[Any] | None]) -> bool:
    return all(part is not None for part in parts)


def _const(tensor: Any) -> NDArray[Any]:
    """Return the numbers of a ``TensorProto``, whose shape may promise more than it holds."""
    import tensorflow as tf

    shape = [dim.size for dim in tensor.tensor_shape.dim]
    if min(shape, default=0) < 0 or np.prod(shape, dtype=float) > max(
        _LARGEST_FILL, tensor.ByteSize()
    ):
        raise ValueError(f"a constant of the shape {shape}")
    return np.asarray(tf.make_ndarray(tensor))
