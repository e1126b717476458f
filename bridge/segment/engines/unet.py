"""StarDist's 2D network, read from ``config.json`` and its weights without TensorFlow.

The layers are those that StarDist builds (``StarDist2D._build`` and csbdeep's ``unet_block``).
Keras numbers weights by the order of the layers, in both of its file layouts; so does this module.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bridge.errors import BadInputError
from bridge.files.hdf5_claims import refuse_links
from bridge.model.config import default_config
from bridge.model.folder import ModelFolder
from bridge.model.network import (
    ACTIVATIONS,
    INPUT,
    Activation,
    BatchNormalization,
    Concatenation,
    Convolution,
    MaxPooling,
    Network,
    Step,
    Upsampling,
)
from bridge.segment.engines.receptive_field import ReceptiveField

_EPSILON = 1e-3  # Keras's own, which StarDist leaves as it is

_Next = Callable[[list[tuple[int, ...]]], list[NDArray[np.float32]]]
"""Returns the next layer's arrays, of the shapes that it has to have."""


def read_unet(model: ModelFolder) -> Network:
    """Read a trained network as plain steps, batch normalisation folded into the convolutions.

    Args:
        model: the model folder.

    Returns:
        A network with the heads probability, distances and, for a model of several classes, their
        probabilities.

    Raises:
        BadInputError: a network of another kind than StarDist's own U-Net, or weights that are
            damaged or belong to another architecture.

    >>> from bridge.model.folder import open_model
    >>> read_unet(open_model("demo")).heads
    ('prob', 'dist_conv')
    """
    import h5py

    settings = default_config(2) | model.config
    for key in ("unet_activation", "unet_last_activation"):
        function = settings[key]
        if function not in (*ACTIVATIONS, "linear"):
            raise _refusal(model, f"has the activation {function!r}")
    try:
        with h5py.File(model.weights) as file:
            refuse_links(model.weights, file)
            stored = _Stored(file)
            network = _Builder(model, stored.convolution, stored.normalisation).build()
            if stored.left:
                raise _other_weights(model)
            return network.folded()
    except (OSError, RuntimeError) as error:  # h5py raises both of damaged files
        raise BadInputError(
            model.weights, "is not an HDF5 file, or a damaged one", "copy the weights again"
        ) from error
    except (KeyError, TypeError, ValueError, AttributeError, IndexError) as error:
        raise _other_weights(model) from error


class UnetTiles:
    """A base of engines: how tiles are cut for a U-Net, whatever runs it.

    StarDist's own halo comes from one impulse, which misses what pooling shifts, and a deep
    network's whole receptive field.

    Args:
        model: the model folder.
    """

    def __init__(self, model: ModelFolder) -> None:
        self._folder = model

    @property
    def divisor(self) -> tuple[int, int]:
        """Height and width of a tile are multiples of these: pooling and grid together."""
        settings = default_config(2) | self._folder.config
        depth = int(settings["unet_n_depth"])
        y, x = (
            int(by) ** depth * grid
            for by, grid in zip(settings["unet_pool"], self._folder.grid, strict=True)
        )
        return y, x

    @property
    def alignment(self) -> tuple[int, int]:
        """Tiles and their cores begin at multiples of these: pooling falls on the same pixels."""
        return self.divisor

    @cached_property
    def halo(self) -> tuple[int, int]:
        """Receptive field of a prediction (y, x), pixels to either side, whatever the weights.

        Raises:
            BadInputError: a network of another kind than StarDist's own U-Net.
        """

        def untrained(shapes: list[tuple[int, ...]]) -> list[NDArray[np.float32]]:
            return [np.broadcast_to(np.float32(0), shape) for shape in shapes]

        network = _Builder(self._folder, untrained, untrained).build()
        y, x = (ReceptiveField(network, axis).reach() for axis in (0, 1))
        return y, x

    @property
    def bytes_per_pixel(self) -> float:
        """Memory that TensorFlow was measured to hold for a pixel of a tile."""
        config = self._folder.config
        base = float(config.get("unet_n_filter_base", config.get("resnet_n_filter_base", 32)))
        head = float(config.get("net_conv_after_unet", config.get("net_conv_after_resnet", 128)))
        area = math.prod(config["grid"])
        return 4.0 * (8 * base + 3 * (head + float(config["n_rays"]) + 1)) / math.sqrt(area)


class _Builder:
    """A builder of StarDist's layers, each with the next weights of the file."""

    def __init__(self, model: ModelFolder, convolution: _Next, normalisation: _Next) -> None:
        self._model = model
        self._settings = default_config(2) | model.config
        self._check()
        self._convolution, self._normalisation = convolution, normalisation
        self._steps: list[Step] = []
        self._width = {INPUT: model.n_channels}

    def build(self) -> Network:
        get = self._settings.__getitem__
        depth, per_level = int(get("unet_n_depth")), int(get("unet_n_conv_per_depth"))
        pool = (int(get("unet_pool")[0]), int(get("unet_pool")[1]))
        kernel = (int(get("unet_kernel_size")[0]), int(get("unet_kernel_size")[1]))
        base, expansion = int(get("unet_n_filter_base")), float(get("unet_expansion"))
        activation = str(get("unet_activation"))
        normalised = bool(get("unet_batch_norm"))

        def block(name: str, x: str, filters: int, function: str = activation) -> str:
            return self._convolve(name, x, filters, kernel, function, normalised=normalised)

        def filters(level: int) -> int:
            try:
                return int(base * expansion ** max(0, level))
            except OverflowError as error:
                raise _refusal(self._model, f"has the unet_expansion {expansion!r}") from error

        x = INPUT
        pooled, level = (1, 1), 0
        while pooled != self._model.grid:
            y_more, x_more = (1 + (g > p) for g, p in zip(self._model.grid, pooled, strict=True))
            pooled = (pooled[0] * y_more, pooled[1] * x_more)
            for i in range(per_level):
                x = self._convolve(f"grid_{level}_no_{i}", x, base, kernel, activation)
            x = self._pool(f"grid_max_{level}", x, (y_more, x_more))
            level += 1
        skipped = []
        for n in range(depth):
            for i in range(per_level):
                x = block(f"down_level_{n}_no_{i}", x, filters(n))
            skipped.append(x)
            x = self._pool(f"max_{n}", x, pool)
        for i in range(per_level - 1):
            x = block(f"middle_{i}", x, filters(depth))
        x = block(f"middle_{per_level}", x, filters(depth - 1))
        for n in reversed(range(depth)):
            x = self._add(Upsampling(f"up_{n}", (x,), pool), self._width[x])
            width = self._width[x] + self._width[skipped[n]]
            x = self._add(Concatenation(f"joined_{n}", (x, skipped[n])), width)
            for i in range(per_level - 1):
                x = block(f"up_level_{n}_no_{i}", x, filters(n))
            function = activation if n > 0 else str(get("unet_last_activation"))
            x = block(f"up_level_{n}_no_{per_level}", x, filters(n - 1), function)
        features, classes = int(get("net_conv_after_unet")), int(get("n_classes") or 0)
        # Keras numbers the layers of both branches level by level.
        shared = classed = x
        if features > 0:
            shared = self._convolve("features", x, features, kernel, activation)
            if classes:
                classed = self._convolve("features_class", x, features, kernel, activation)
        heads = [
            self._convolve("prob", shared, 1, (1, 1), "sigmoid"),
            self._convolve("dist", shared, self._model.n_rays, (1, 1), "linear"),
        ]
        if classes:
            heads.append(self._convolve("prob_class", classed, classes + 1, (1, 1), "softmax"))
        return Network(2, self._model.n_channels, tuple(self._steps), tuple(heads))

    def _check(self) -> None:
        """Refuse settings that StarDist builds otherwise than this class does."""
        settings = self._settings
        if str(settings["backbone"]).lower() != "unet":
            raise _refusal(self._model, f"has the backbone {settings['backbone']!r}")
        for key in settings:
            if key.startswith("unet_") and key not in default_config(2):
                raise _refusal(self._model, f"has the unknown setting {key!r}")
        counts = (
            ("unet_n_depth", 0),
            ("unet_n_filter_base", 1),
            ("unet_n_conv_per_depth", 1),
            ("n_rays", 1),
            ("n_channel_in", 1),
            ("net_conv_after_unet", 0),
        )
        for key, least in counts:
            if not isinstance(settings[key], int) or settings[key] < least:
                raise _refusal(self._model, f"has the {key} {settings[key]!r}")
        for key in ("unet_kernel_size", "unet_pool"):
            pair = settings[key]
            if not (
                isinstance(pair, list | tuple)
                and len(pair) == 2
                and all(isinstance(n, int) and n > 0 for n in pair)
            ):
                raise _refusal(self._model, f"has the {key} {pair!r}")
        if any(g & (g - 1) for g in self._model.grid):
            raise _refusal(
                self._model, f"has the grid {self._model.grid}, which are no powers of 2"
            )

    def _convolve(
        self,
        name: str,
        x: str,
        filters: int,
        kernel: tuple[int, int],
        function: str,
        *,
        normalised: bool = False,
    ) -> str:
        shapes = [(*kernel, self._width[x], filters), (filters,)]
        weights, bias = self._convolution(shapes)
        result = self._add(Convolution(f"{name}_conv", (x,), weights, bias, (1, 1), True), filters)
        if normalised:
            gamma, beta, mean, variance = self._normalisation([(filters,)] * 4)
            scaling = BatchNormalization(
                f"{name}_norm", (result,), gamma, beta, mean, variance, _EPSILON
            )
            result = self._add(scaling, filters)
        if function == "linear":
            return result
        return self._add(Activation(name, (result,), function), filters)

    def _pool(self, name: str, x: str, size: tuple[int, int]) -> str:
        return self._add(MaxPooling(name, (x,), size, size, False), self._width[x])

    def _add(self, step: Step, width: int) -> str:
        self._steps.append(step)
        self._width[step.name] = width
        return step.name


class _Stored:
    """The arrays of each convolution and of each batch normalisation, in the layers' order."""

    def __init__(self, file: Any) -> None:
        self._convolutions, self._normalisations = _stored_layers(file)

    @property
    def left(self) -> bool:
        """Is true where layers are left that were not read."""
        return bool(self._convolutions or self._normalisations)

    def convolution(self, shapes: list[tuple[int, ...]]) -> list[NDArray[np.float32]]:
        """Return kernel and bias of the next one."""
        return _read(self._convolutions.pop(0), shapes)

    def normalisation(self, shapes: list[tuple[int, ...]]) -> list[NDArray[np.float32]]:
        """Return gamma, beta, mean and variance of the next one."""
        return _read(self._normalisations.pop(0), shapes)


def _read(arrays: list[Any], shapes: list[tuple[int, ...]]) -> list[NDArray[np.float32]]:
    # Looked at before they are read: a file may promise more than memory holds.
    if [tuple(array.shape) for array in arrays] != shapes:
        raise ValueError(shapes)
    if any(array.dtype.kind != "f" for array in arrays):
        raise TypeError("no weights")
    return [np.asarray(array[()], np.float32) for array in arrays]


def _refusal(model: ModelFolder, problem: str) -> BadInputError:
    return BadInputError(
        model.path / "config.json", f"{problem}, which only TensorFlow runs", "use --engine keras"
    )


def _other_weights(model: ModelFolder) -> BadInputError:
    return BadInputError(
        model.weights,
        "holds the weights of another architecture than config.json describes",
        "copy config.json and weights of the same training",
    )


def _stored_layers(file: Any) -> tuple[list[list[Any]], list[list[Any]]]:
    """Find the datasets of each convolution and batch normalisation, in the layers' order.

    Keras 3 has ``layers/conv2d_3/vars/0``; Keras 2 lists its groups in ``layer_names`` and their
    arrays in ``weight_names``, below ``model_weights`` where the whole model was saved.
    """
    if "layers" in file:
        layers = file["layers"]
        return _numbered(layers, "conv2d"), _numbered(layers, "batch_normalization")
    top = file.get("model_weights", file)
    groups = [top[_text(name)] for name in top.attrs.get("layer_names", ())]
    found = [
        [group[_text(name)] for name in group.attrs.get("weight_names", ())] for group in groups
    ]
    return (
        [arrays for arrays in found if arrays and len(arrays[0].shape) > 1],
        [arrays for arrays in found if arrays and len(arrays[0].shape) == 1],
    )


def _numbered(layers: Any, word: str) -> list[list[Any]]:
    found: list[list[Any]] = []
    while (name := f"{word}_{len(found)}" if found else word) in layers:
        values = layers[name]["vars"]
        found.append([values[str(i)] for i in range(len(values))])
    return found


def _text(name: Any) -> str:
    return name.decode() if isinstance(name, bytes) else str(name)
