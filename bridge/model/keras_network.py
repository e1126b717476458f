"""A Keras model as plain steps."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from typing import Any

import numpy as np

from bridge.errors import BadInputError
from bridge.model.network import (
    ACTIVATIONS,
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


def read_network(model: Any, source: str) -> Network:
    """Turn a Keras model of one input into plain steps.

    Args:
        model: a functional Keras model (Keras 2 or 3), channels last.
        source: the model's name in errors.

    Raises:
        BadInputError: a layer, or a setting of one, without counterpart in TensorFlow 1.
    """
    return read_layers(model, source)[0]


def read_layers(model: Any, source: str) -> tuple[Network, dict[str, Any]]:
    """Turn a Keras model of one input into plain steps, and say which layer each came from.

    Args:
        model: as for :func:`read_network`.
        source: likewise.

    Returns:
        The network, and the Keras layer of each convolution and batch normalisation by its name.

    Raises:
        BadInputError: as :func:`read_network`.
    """
    reader = _Reader(source)
    config = model.get_config()
    for entry in config["layers"]:
        reader.read(entry, model.get_layer(entry["config"]["name"]))
    # Keras 3 writes a single head without the outer list.
    outputs = config["output_layers"]
    heads = [outputs] if isinstance(outputs[0], str) else outputs
    network = Network(
        len(model.inputs[0].shape) - 2,
        int(model.inputs[0].shape[-1]),
        tuple(reader.steps),
        tuple(reader.result_of[head[0]] for head in heads),
    )
    return network, reader.layers


Config = dict[str, Any]
Inputs = tuple[str, ...]


class _Reader:
    """Turns Keras layers into steps, one after another."""

    def __init__(self, source: str) -> None:
        self.source = source
        self.steps: list[Step] = []
        self.layers: dict[str, Any] = {}
        self.result_of: dict[str, str] = {}
        self._numbers: Counter[str] = Counter()
        self._keras_name: dict[str, str] = {}

    def read(self, entry: dict[str, Any], layer: Any) -> None:
        kind, config = str(entry["class_name"]), entry["config"]
        name = str(config["name"])
        if kind == "InputLayer":
            self.result_of[name] = INPUT
            return
        if len(entry["inbound_nodes"]) != 1:
            raise self._refusal(kind, name, "is used more than once")
        inputs = tuple(self.result_of[n] for n in _layer_names(entry["inbound_nodes"][0]))
        step = self._step_name(kind, name)
        self.result_of[name] = self._read(kind, step, inputs, config, layer)

    def _read(self, kind: str, name: str, inputs: Inputs, config: Config, layer: Any) -> str:
        """Add the steps of a layer and return the name of its result."""
        match kind:
            case "Conv2D" | "Conv3D":
                return self._convolution(kind, name, inputs, config, layer)
            case "BatchNormalization":
                return self._batch_normalization(name, inputs, config, layer)
            case "Activation":
                return self._activated(kind, name, inputs[0], config["activation"])
            case "MaxPooling2D" | "MaxPooling3D":
                self._expect(kind, name, config, data_format="channels_last")
                size = tuple(config["pool_size"])
                strides = tuple(config["strides"] or size)
                return self._add(
                    MaxPooling(name, inputs, size, strides, config["padding"] == "same")
                )
            case "UpSampling2D" | "UpSampling3D":
                self._expect(
                    kind, name, config, data_format="channels_last", interpolation="nearest"
                )
                return self._add(Upsampling(name, inputs, tuple(config["size"])))
            case "Concatenate":
                if config["axis"] not in (-1, len(layer.output.shape) - 1):
                    raise self._refusal(kind, name, "does not join channels")
                return self._add(Concatenation(name, inputs))
            case "Add":
                if len(inputs) != 2:
                    raise self._refusal(kind, name, "has more than two inputs")
                return self._add(Addition(name, inputs))
            case "Dropout":
                return inputs[0]  # it has an effect in training only
        raise self._refusal(kind, name, "has no counterpart in TensorFlow 1")

    def _step_name(self, kind: str, name: str) -> str:
        """Return the layer's name, numbered from 1 where Keras chose it.

        Keras numbers its own names through the whole life of a process, so that the same model has
        other names the second time.
        """
        base = re.sub(r"(?<=[a-z])([A-Z])", r"_\1", kind).lower()
        if not re.fullmatch(rf"{base}(_\d+)?", name):
            return name
        self._numbers[base] += 1
        step = f"{base}_{self._numbers[base]}"
        self._keras_name[step] = name
        return step

    def _add(self, step: Step) -> str:
        self.steps.append(step)
        return step.name

    def _convolution(self, kind: str, name: str, inputs: Inputs, config: Config, layer: Any) -> str:
        self._expect(kind, name, config, data_format="channels_last", groups=1)
        if any(d != 1 for d in config.get("dilation_rate", (1,))):
            raise self._refusal(kind, name, "is dilated, which is not supported")
        weights = [np.asarray(w, np.float32) for w in layer.get_weights()]
        kernel = weights[0]
        bias = weights[1] if len(weights) > 1 else np.zeros(kernel.shape[-1], np.float32)
        same = config["padding"] == "same"
        raw = Convolution(f"{name}_conv", inputs, kernel, bias, tuple(config["strides"]), same)
        self.layers[raw.name] = layer
        return self._activated(kind, name, self._add(raw), config["activation"])

    def _batch_normalization(self, name: str, inputs: Inputs, config: Config, layer: Any) -> str:
        axis = config["axis"]
        if (axis[0] if isinstance(axis, list) else axis) not in (-1, 3, 4):
            raise self._refusal("BatchNormalization", name, "does not run over the channels")
        weights = [np.asarray(w, np.float32) for w in layer.get_weights()]
        gamma = weights.pop(0) if config["scale"] else np.ones_like(weights[-1])
        beta = weights.pop(0) if config["center"] else np.zeros_like(weights[-1])
        mean, variance = weights
        epsilon = float(config["epsilon"])
        self.layers[name] = layer
        return self._add(BatchNormalization(name, inputs, gamma, beta, mean, variance, epsilon))

    def _activated(self, kind: str, name: str, before: str, function: Any) -> str:
        # Keras writes a function from elsewhere as a dictionary.
        word = function.get("config", function) if isinstance(function, dict) else function
        if word == "linear":
            return before
        if word not in ACTIVATIONS:
            raise self._refusal(
                kind, name, f"has the activation {word!r}, which has no counterpart in TensorFlow 1"
            )
        return self._add(Activation(name, (before,), str(word)))

    def _expect(self, kind: str, name: str, config: dict[str, Any], **wanted: Any) -> None:
        for key, value in wanted.items():
            found = config.get(key, value)
            if found != value:
                raise self._refusal(kind, name, f"has {key} {found!r}, only {value!r} is supported")

    def _refusal(self, kind: str, name: str, problem: str) -> BadInputError:
        layer = self._keras_name.get(name, name)
        return BadInputError(
            self.source,
            f"layer {layer!r} ({kind}) {problem}, so the model cannot be exported",
            "train it with StarDist's own layers",
        )


def _layer_names(value: Any) -> Iterator[str]:
    """Yield the names of the layers before a node, in Keras 3's notation or Keras 2's."""
    if isinstance(value, dict):
        if "keras_history" in value:
            yield str(value["keras_history"][0])
        else:
            for part in value.values():
                yield from _layer_names(part)
    elif isinstance(value, list | tuple):
        if len(value) >= 3 and isinstance(value[0], str) and isinstance(value[1], int):
            yield value[0]
        else:
            for part in value:
                yield from _layer_names(part)
