"""A network as an ONNX model.

Written operation by operation from ONNX's operator set 13. Axes are (batch, channels, spatial…), as
OpenCV and QuPath hand images over; the output has the resolution of the model's grid.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bridge.errors import MissingPartError
from bridge.model.network import (
    INPUT,
    OUTPUT,
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

OPERATOR_SET = 13
IR_VERSION = 7
"""Versions that ONNX Runtime has read since 1.6 (2020)."""

_AXES = {2: ("height", "width"), 3: ("depth", "height", "width")}


def onnx_bytes(
    network: Network,
    grid: tuple[int, ...],
    *,
    size: tuple[int, ...] | None = None,
    settings: Mapping[str, str] | None = None,
) -> bytes:
    """Return a network as the content of an .onnx file.

    The one output holds probability, rays, then classes where the model has them.

    Args:
        network: the network.
        grid: pixels between neighbouring predictions, an axis each.
        size: spatial size of the only image that it takes; ``None`` for any size.
        settings: texts by name that the file carries along, as its metadata.

    Raises:
        MissingPartError: onnx is not installed.

    Example:
        >>> import numpy as np
        >>> from bridge.model.network import Convolution
        >>> weights = np.ones((1, 1, 1, 1), np.float32), np.zeros(1, np.float32)
        >>> heads = [Convolution(name, ("input",), *weights, (1, 1), True) for name in "pd"]
        >>> len(onnx_bytes(Network(2, 1, tuple(heads), ("p", "d")), (1, 1))) > 100
        True
    """
    try:
        import onnx
    except ImportError as error:
        raise MissingPartError("export", "write ONNX", "onnx") from error
    from onnx import TensorProto, helper

    joined = network.with_one_output(classes=True)
    nodes: list[Any] = []
    constants: list[Any] = []
    for step in joined.steps:
        _add(step, joined.n_dim, nodes, constants)
    axes: tuple[int | str, ...] = _AXES[network.n_dim]
    out_axes: tuple[int | str, ...] = tuple(f"{axis}_out" for axis in axes)
    batch: int | str = "batch"
    if size is not None:
        axes, out_axes, batch = size, tuple(s // g for s, g in zip(size, grid, strict=True)), 1
    width = joined.width_of(OUTPUT)
    graph = helper.make_graph(
        nodes,
        "stardist",
        [helper.make_tensor_value_info(INPUT, TensorProto.FLOAT, [batch, joined.channels, *axes])],
        [helper.make_tensor_value_info(OUTPUT, TensorProto.FLOAT, [batch, width, *out_axes])],
        constants,
    )
    model = helper.make_model(
        graph,
        producer_name="starbridge",
        ir_version=IR_VERSION,
        opset_imports=[helper.make_opsetid("", OPERATOR_SET)],
    )
    helper.set_model_props(model, dict(settings or {}))
    onnx.checker.check_model(model)
    return bytes(model.SerializeToString(deterministic=True))


def _add(step: Step, n_dim: int, nodes: list[Any], constants: list[Any]) -> None:
    from onnx import helper, numpy_helper

    def constant(value: NDArray[Any], word: str) -> str:
        name = f"{step.name}/{word}"
        constants.append(numpy_helper.from_array(np.ascontiguousarray(value), name))
        return name

    def node(kind: str, *inputs: str, name: str = step.name, **attributes: Any) -> str:
        nodes.append(helper.make_node(kind, list(inputs), [name], name=name, **attributes))
        return name

    x = step.inputs[0]
    match step:
        case Convolution():
            size = step.kernel.shape[:n_dim]
            kernel = constant(np.moveaxis(step.kernel, (-1, -2), (0, 1)), "kernel")
            bias = constant(step.bias, "bias")
            options: dict[str, Any] = {"kernel_shape": size, "strides": step.strides}
            node("Conv", x, kernel, bias, **options, **_padding(size, step.strides, step.same))
        case BatchNormalization():
            arrays = (step.gamma, step.beta, step.mean, step.variance)
            words = ("gamma", "beta", "mean", "variance")
            given = [constant(array, word) for array, word in zip(arrays, words, strict=True)]
            node("BatchNormalization", x, *given, epsilon=step.epsilon)
        case Activation(function="softmax"):
            node("Softmax", x, axis=1)
        case Activation(function="relu6"):
            low, high = (constant(np.array(v, np.float32), f"limit{v}") for v in (0, 6))
            node("Clip", x, low, high)
        case Activation():
            node(step.function.capitalize(), x)
        case MaxPooling():
            options = {"kernel_shape": step.size, "strides": step.strides}
            node("MaxPool", x, **options, **_padding(step.size, step.strides, step.same))
        case Upsampling():
            scales = constant(np.array([1, 1, *step.size], np.float32), "scales")
            node(
                "Resize",
                x,
                "",
                scales,
                mode="nearest",
                coordinate_transformation_mode="asymmetric",
                nearest_mode="floor",
            )
        case Concatenation():
            node("Concat", *step.inputs, axis=1)
        case Addition():
            node("Add", *step.inputs)
        case SparseUpsampling():
            raise TypeError(step)


def _padding(size: tuple[int, ...], strides: tuple[int, ...], same: bool) -> dict[str, Any]:
    if not same:
        return {}
    if any(stride > 1 for stride in strides):
        return {"auto_pad": "SAME_UPPER"}
    # In numbers where it does not depend on the image's size: not every program knows auto_pad.
    before = [(s - 1) // 2 for s in size]
    after = [s - 1 - b for s, b in zip(size, before, strict=True)]
    return {"pads": [*before, *after]}
