"""A network as a TensorFlow 1 graph whose weights are constants.

Built from operations that TensorFlow knows since 1.4, without any attribute that came later, so
that one graph runs in every TensorFlow 1 and in OpenCV.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

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

PRODUCERS = {"1.12": 27, "1.15": 134}
"""Version of the graph format that each TensorFlow writes (``versions.producer``)."""


def build_meta_graph(network: Network, tensorflow: str) -> Any:
    """Build the ``MetaGraphDef`` of a network.

    Args:
        network: with one output (:meth:`Network.with_one_output`).
        tensorflow: the oldest TensorFlow that must load it, a key of :data:`PRODUCERS`.

    Returns:
        A ``MetaGraphDef``: input (batch, spatial…, channels) and output float32, defaults stripped.
    """
    import tensorflow as tf

    graph = tf.Graph()
    with graph.as_default():
        shape = [None] * (network.n_dim + 1) + [network.channels]
        builder = _Builder(tf, network.n_dim)
        builder.results[INPUT] = tf.compat.v1.placeholder(tf.float32, shape, name=INPUT)
        for step in network.steps:
            builder.add(step)
        meta = tf.compat.v1.train.export_meta_graph(clear_devices=True, strip_default_attrs=True)
    # A graph names the version that wrote it, and an old TensorFlow warns of newer ones or refuses.
    meta.graph_def.versions.producer = PRODUCERS[tensorflow]
    for node in meta.graph_def.node:
        # Attributes of the newest TensorFlow's shape inference, unknown to the old ones.
        for key in [key for key in node.attr if key.startswith("_")]:
            del node.attr[key]
    return meta


class _Builder:
    """Adds the operations of each step to the current graph."""

    def __init__(self, tf: Any, n_dim: int) -> None:
        self._tf = tf
        self._ops = tf.raw_ops
        self._n_dim = n_dim
        self.results: dict[str, Any] = {}

    def add(self, step: Step) -> None:
        inputs = [self.results[name] for name in step.inputs]
        self.results[step.name] = self._build(step, inputs)

    def _build(self, step: Step, inputs: list[Any]) -> Any:
        ops, name = self._ops, step.name
        match step:
            case Convolution():
                convolve = ops.Conv2D if self._n_dim == 2 else ops.Conv3D
                convolved = convolve(
                    input=inputs[0],
                    filter=self._constant(step.kernel, f"{name}/kernel"),
                    strides=[1, *step.strides, 1],
                    padding="SAME" if step.same else "VALID",
                    name=f"{name}/convolved",
                )
                bias = self._constant(step.bias, f"{name}/bias")
                return ops.BiasAdd(value=convolved, bias=bias, name=name)
            case BatchNormalization():
                return self._normalize(step, inputs[0])
            case Activation():
                return self._activation(step, inputs[0])
            case MaxPooling():
                pool = ops.MaxPool if self._n_dim == 2 else ops.MaxPool3D
                return pool(
                    input=inputs[0],
                    ksize=[1, *step.size, 1],
                    strides=[1, *step.strides, 1],
                    padding="SAME" if step.same else "VALID",
                    name=name,
                )
            case Upsampling() if self._n_dim == 2:
                return self._resize(inputs[0], step.size, name)
            case Upsampling():
                # TensorFlow 1 has no resize of volumes.
                each_channel = np.eye(int(inputs[0].shape[-1]), dtype=np.float32)
                kernel = np.ones((*step.size, 1, 1), np.float32) * each_channel
                return self._convolve_transposed(inputs[0], kernel, step.size, name)
            case SparseUpsampling():
                kernel = np.ones((1,) * (self._n_dim + 2), np.float32)
                return self._convolve_transposed(inputs[0], kernel, step.size, name)
            case Concatenation():
                axis = self._constant(np.int32(self._n_dim + 1), f"{name}/axis")
                return ops.ConcatV2(values=inputs, axis=axis, name=name)
            case Addition():
                return ops.Add(x=inputs[0], y=inputs[1], name=name)
        raise TypeError(step)

    def _normalize(self, step: BatchNormalization, x: Any) -> Any:
        ops, name = self._ops, step.name
        gamma, beta, mean, variance = (
            self._constant(array, f"{name}/{word}")
            for word, array in (
                ("gamma", step.gamma),
                ("beta", step.beta),
                ("mean", step.mean),
                ("variance", step.variance),
            )
        )
        if self._n_dim == 2:
            return ops.FusedBatchNorm(
                x=x,
                scale=gamma,
                offset=beta,
                mean=mean,
                variance=variance,
                epsilon=step.epsilon,
                is_training=False,
                name=name,
            )[0]
        # TensorFlow 1 has no operation for volumes; these are the ones that Keras writes.
        epsilon = self._constant(np.float32(step.epsilon), f"{name}/epsilon")
        root = ops.Rsqrt(x=ops.Add(x=variance, y=epsilon, name=f"{name}/add"), name=f"{name}/rsqrt")
        factor = ops.Mul(x=root, y=gamma, name=f"{name}/factor")
        shift = ops.Mul(x=mean, y=factor, name=f"{name}/shift")
        offset = ops.Sub(x=beta, y=shift, name=f"{name}/offset")
        return ops.Add(x=ops.Mul(x=x, y=factor, name=f"{name}/mul"), y=offset, name=name)

    def _activation(self, step: Activation, x: Any) -> Any:
        ops, name = self._ops, step.name
        match step.function:
            case "sigmoid":
                return ops.Sigmoid(x=x, name=name)
            case "tanh":
                return ops.Tanh(x=x, name=name)
            case "softmax":
                return self._softmax(x, name)
        by_features = {
            "elu": ops.Elu,
            "relu": ops.Relu,
            "relu6": ops.Relu6,
            "selu": ops.Selu,
            "softplus": ops.Softplus,
            "softsign": ops.Softsign,
        }
        return by_features[step.function](features=x, name=name)

    def _softmax(self, x: Any, name: str) -> Any:
        """Add a softmax in single operations: OpenCV runs TensorFlow's along the image's rows."""
        ops, channels = self._ops, int(x.shape[-1])
        # Around their mean, so that large numbers do not overflow.
        around_mean = np.eye(channels) - 1 / channels
        centred = self._mix(x, around_mean, f"{name}/centred")
        exponential = ops.Exp(x=centred, name=f"{name}/exponential")
        total = self._mix(exponential, np.ones((channels, channels)), f"{name}/total")
        return ops.RealDiv(x=exponential, y=total, name=name)

    def _mix(self, x: Any, matrix: NDArray[Any], name: str) -> Any:
        """Replace every channel by a weighted sum of all channels."""
        size = (1,) * self._n_dim + matrix.shape
        kernel = self._constant(matrix.reshape(size).astype(np.float32), f"{name}/kernel")
        convolve = self._ops.Conv2D if self._n_dim == 2 else self._ops.Conv3D
        strides = [1] * (self._n_dim + 2)
        return convolve(input=x, filter=kernel, strides=strides, padding="SAME", name=name)

    def _resize(self, x: Any, size: tuple[int, ...], name: str) -> Any:
        # OpenCV recognises exactly this chain of operations as an upsampling.
        begin, end, step = (
            self._constant(np.array([value], np.int32), f"{name}/height_width/{word}")
            for word, value in (("begin", 1), ("end", 3), ("step", 1))
        )
        shape = self._shape(x, name)
        height_width = self._ops.StridedSlice(
            input=shape, begin=begin, end=end, strides=step, name=f"{name}/height_width"
        )
        factor = self._constant(np.array(size, np.int32), f"{name}/factor")
        target = self._ops.Mul(x=height_width, y=factor, name=f"{name}/size")
        return self._ops.ResizeNearestNeighbor(images=x, size=target, name=name)

    def _convolve_transposed(
        self, x: Any, kernel: NDArray[Any], size: tuple[int, ...], name: str
    ) -> Any:
        """Add a transposed convolution whose output is ``size`` times larger along each axis."""
        ops = self._ops
        convolve = ops.Conv2DBackpropInput if self._n_dim == 2 else ops.Conv3DBackpropInputV2
        factor = self._constant(np.array([1, *size, 1], np.int32), f"{name}/factor")
        return convolve(
            input_sizes=ops.Mul(x=self._shape(x, name), y=factor, name=f"{name}/size"),
            filter=self._constant(kernel, f"{name}/kernel"),
            out_backprop=x,
            strides=[1, *size, 1],
            padding="SAME",
            name=name,
        )

    def _shape(self, x: Any, name: str) -> Any:
        return self._ops.Shape(input=x, name=f"{name}/shape")

    def _constant(self, value: Any, name: str) -> Any:
        return self._tf.constant(value, name=name)
