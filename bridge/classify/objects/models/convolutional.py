"""Convolutional network on masked crops, evaluated with NumPy."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, ClassVar, Self

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from bridge.classify.objects.masked_crops import SIDE, MaskedCrops
from bridge.classify.objects.models.crop_scaling import CropScaling
from bridge.classify.objects.models.logistic import LogisticModel

_MOST_LAYERS, _MOST_MAPS, _WIDEST = 12, 1_024, 7
_MEMORY = 2**26  # bytes of the windows of a layer

_Maps = NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class ConvolutionLayer:
    """A convolution, the greater of its result and 0, and the maxima of squares of 2 × 2.

    Borders are filled with zeros, so that a map keeps its size; then it is halved.

    Attributes:
        kernel: (side, side, inputs, outputs) float32, of an odd side.
        biases: (outputs,) float32.

    Raises:
        ValueError: arrays that do not fit each other.
    """

    kernel: NDArray[np.float32]
    biases: NDArray[np.float32]

    def __post_init__(self) -> None:
        """Check the shapes."""
        side, other, inputs, outputs = self.kernel.shape
        if side != other or side % 2 == 0 or side > _WIDEST:
            raise ValueError(f"a kernel has the size {side} x {other}")
        if not (1 <= inputs <= _MOST_MAPS and 1 <= outputs <= _MOST_MAPS):
            raise ValueError(f"a layer has {inputs} and {outputs} maps")
        if self.biases.shape != (outputs,):
            raise ValueError("a layer has not one bias a map")
        if not (np.isfinite(self.kernel).all() and np.isfinite(self.biases).all()):
            raise ValueError("a weight is no number")

    def __call__(self, maps: _Maps) -> _Maps:
        """Return maps (n, y / 2, x / 2, outputs) of maps (n, y, x, inputs)."""
        n, height, width, _ = maps.shape
        side, _, inputs, outputs = self.kernel.shape
        margin = side // 2
        padded = np.pad(maps, ((0, 0), (margin, margin), (margin, margin), (0, 0)))
        # (n, y, x, inputs, side, side), then a row a pixel
        windows = sliding_window_view(padded, (side, side), axis=(1, 2))
        rows = windows.reshape(n * height * width, inputs * side * side)
        weights = self.kernel.transpose(2, 0, 1, 3).reshape(-1, outputs)
        found = (rows @ weights).reshape(n, height // 2, 2, width // 2, 2, outputs)
        # the bias is the same in all pixels, and 0 is compared with once
        pooled: _Maps = np.maximum(found.max(axis=(2, 4)) + self.biases, 0)
        return pooled


@dataclass(frozen=True, eq=False)
class ConvolutionalModel:
    """Probabilities of a convolutional network.

    After the last layer each map gives its mean and its greatest value; a logistic regression on
    those, and on size, means and deviations of the object, gives the probabilities.

    Attributes:
        scaling: of crops in training.
        layers: the first one's inputs are the 2 · channels + 1 pixels of the scaling.
        head: of 2 · outputs + 1 + 2 · channels features: means and maxima of the maps, then the
            numbers of the scaling.

    Raises:
        ValueError: layers that do not fit each other.
    """

    scaling: CropScaling
    layers: tuple[ConvolutionLayer, ...]
    head: LogisticModel

    kind: ClassVar[str] = "cnn"
    dtypes: ClassVar[Mapping[str, str]] = {
        **CropScaling.dtypes,
        "layers": "<i4",
        "kernels": "<f4",
        "biases": "<f4",
        "coefficients": "<f8",
        "intercepts": "<f8",
    }

    def __post_init__(self) -> None:
        """Check that each layer takes what the one before gives."""
        if not 1 <= len(self.layers) <= _MOST_LAYERS or SIDE % 2 ** len(self.layers):
            raise ValueError(f"it has {len(self.layers)} layers")
        for before, after in pairwise(self.layers):
            if before.kernel.shape[3] != after.kernel.shape[2]:
                raise ValueError("its layers do not fit each other")
        if self.layers[0].kernel.shape[2] != 2 * self.n_channels + 1:
            raise ValueError("its first layer does not fit the channels")
        if self.head.n_features != 2 * len(self.layers[-1].biases) + 1 + 2 * self.n_channels:
            raise ValueError("its last layer does not fit the one before")

    @property
    def n_classes(self) -> int:
        """Number of classes."""
        return self.head.n_classes

    @property
    def n_features(self) -> int:
        """Number of measured features: none."""
        return 0

    @property
    def n_channels(self) -> int:
        """Number of channels of the crops."""
        return self.scaling.n_channels

    def predict_proba(self, crops: MaskedCrops) -> NDArray[np.float64]:
        """Return the probability (n, classes) of each class for crops of n objects.

        The mean of eight looks: turned by right angles, and mirrored.

        Raises:
            ValueError: crops of another number of channels.
        """
        if crops.n_channels != self.n_channels:
            raise ValueError(f"the crops have {crops.n_channels} channels, not {self.n_channels}")
        most = max(
            layer.kernel[..., 0].size * (SIDE >> number) ** 2
            for number, layer in enumerate(self.layers)
        )
        batch = max(1, _MEMORY // (4 * most))
        found = np.empty((len(crops), self.n_classes))
        for start in range(0, len(crops), batch):
            rows = np.arange(start, min(start + batch, len(crops)))
            pixels, numbers = self.scaling.standardise(crops[rows])
            found[rows] = np.mean(
                [self._look(maps, numbers) for maps in _symmetries(pixels)], axis=0
            )
        return found

    def _look(self, maps: _Maps, numbers: NDArray[np.float32]) -> NDArray[np.float64]:
        """Return the probabilities of crops as they lie."""
        for layer in self.layers:
            maps = layer(maps)
        features = np.column_stack([maps.mean(axis=(1, 2)), maps.max(axis=(1, 2)), numbers])
        return self.head.predict_proba(features.astype(np.float64))

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Return scaling, shapes of the kernels, kernels and biases in turn, and the head."""
        return {
            **self.scaling.arrays(),
            "layers": np.array([layer.kernel.shape for layer in self.layers]),
            "kernels": np.concatenate([layer.kernel.ravel() for layer in self.layers]),
            "biases": np.concatenate([layer.biases for layer in self.layers]),
            **self.head.arrays(),
        }

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, NDArray[Any]], n_features: int) -> Self:
        """Return the model of arrays.

        Args:
            arrays: of :meth:`arrays`.
            n_features: 0.

        Raises:
            ValueError: arrays that do not fit each other.
        """
        if n_features:
            raise ValueError(f"it has {n_features} features, and its model looks at crops")
        shapes = arrays["layers"]
        if shapes.ndim != 2 or shapes.shape[1] != 4 or not 1 <= len(shapes) <= _MOST_LAYERS:
            raise ValueError("its layers are none")
        if (shapes < 1).any() or (shapes > _MOST_MAPS).any():
            raise ValueError("a layer has no size")
        sizes = shapes.astype(np.int64)
        kernels = _divide(arrays["kernels"], sizes.prod(axis=1).tolist())
        biases = _divide(arrays["biases"], sizes[:, 3].tolist())
        layers = tuple(
            ConvolutionLayer(kernel.reshape(shape), own)
            for kernel, shape, own in zip(kernels, sizes.tolist(), biases, strict=True)
        )
        head = LogisticModel(arrays["coefficients"], arrays["intercepts"])
        return cls(CropScaling.from_arrays(arrays), layers, head)


def _symmetries(maps: _Maps) -> Iterator[_Maps]:
    """Yield maps (n, y, x, maps) turned by right angles, and those mirrored."""
    for turns in range(4):
        turned = np.rot90(maps, turns, axes=(1, 2))
        yield turned
        yield turned[:, :, ::-1]


def _divide(flat: NDArray[np.float32], sizes: Sequence[int]) -> list[NDArray[np.float32]]:
    """Return the parts of a list.

    Raises:
        ValueError: it is longer or shorter than its parts.
    """
    if flat.ndim != 1 or len(flat) != sum(sizes):
        raise ValueError("weights are missing, or are too many")
    return np.split(flat, np.cumsum(sizes)[:-1])
