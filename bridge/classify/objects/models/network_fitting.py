"""Fit convolutional networks on masked crops with Keras."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bridge.classify.objects.masked_crops import SIDE, MaskedCrops
from bridge.classify.objects.models.convolutional import ConvolutionalModel, ConvolutionLayer
from bridge.classify.objects.models.crop_scaling import CropScaling
from bridge.classify.objects.models.logistic import LogisticModel
from bridge.errors import MissingPartError

NETWORKS: dict[str, tuple[int, ...]] = {
    "small": (8, 16, 32, 48, 64),
    "large": (8, 24, 48, 64, 96),
}
"""Maps of each layer of the architectures.

After five layers a map sees the whole object, after three a quarter of its width.
"""

MOST_EPOCHS = 60
_PATIENCE = 20  # epochs without improvement after which fitting ends
_LEAST_STEPS = 20  # of an epoch; few examples are shown several times
_KERNEL = 3
_SHIFT = 2  # pixels of a crop: as wide as the margin around the object
_DROPOUT = 0.2
_DECAY = 1e-4  # of weights
_MOMENTUM = 0.9  # of the statistics of a batch; there are few steps
_PREDICTED = 128  # crops at once


@dataclass(frozen=True, eq=False)
class NetworkFit:
    """A fitted network.

    Attributes:
        model: the network, of the best epoch.
        epochs: how many epochs led to it.
    """

    model: ConvolutionalModel
    epochs: int


def fit_network(
    settings: Mapping[str, float | str],
    crops: MaskedCrops,
    y: NDArray[np.int64],
    n_classes: int,
    seed: int,
    *,
    held_out: NDArray[np.bool_] | None = None,
    epochs: int | None = None,
    logs: Path | None = None,
) -> NetworkFit:
    """Fit a network by AdamW with a learning rate that falls as a cosine (Loshchilov, Hutter 2019).

    Crops are turned by right angles, mirrored and shifted at random.

    Args:
        settings: ``network`` of :data:`NETWORKS`, ``learning_rate``, ``batch``.
        crops: of n objects.
        y: (n,) numbers of the classes from 0, of which at least two are there.
        n_classes: number of classes.
        seed: of first weights, order and augmentation.
        held_out: (n,) examples on which the best epoch is chosen, and which are not learnt; where
            ``None``, all are learnt in ``epochs`` epochs.
        epochs: after which fitting ends and the learning rate is 0; :data:`MOST_EPOCHS` where
            ``None``.
        logs: folder for TensorBoard.

    Raises:
        MissingPartError: TensorFlow is not installed.
    """
    keras = import_keras()
    learnt = np.arange(len(y)) if held_out is None else np.flatnonzero(~held_out)
    scaling = CropScaling.of(crops[learnt])
    batch = min(int(settings["batch"]), len(learnt))
    steps = max(len(learnt) // batch, _LEAST_STEPS)
    rounds = -(-steps * batch // len(learnt))
    maps = NETWORKS[str(settings["network"])]
    network = build_network(maps, crops.n_channels, n_classes, seed)
    last = MOST_EPOCHS if epochs is None else epochs
    rate = keras.optimizers.schedules.CosineDecay(settings["learning_rate"], last * steps)
    network.compile(
        keras.optimizers.AdamW(rate, weight_decay=_DECAY),
        loss="sparse_categorical_crossentropy",
        jit_compile=False,
    )
    rng = np.random.default_rng(seed)
    best, best_epoch, weights = np.inf, last, None
    with _writer(logs) as write:
        for epoch in range(1, last + 1):
            order = np.concatenate([rng.permutation(learnt) for _ in range(rounds)])
            losses = []
            for step in range(steps):
                rows = order[step * batch : (step + 1) * batch]
                pixels, numbers = scaling.standardise(crops[rows])
                shown = [augment(pixels, rng), numbers]
                losses.append(float(network.train_on_batch(shown, y[rows])))
            write(epoch, "loss", float(np.mean(losses)))
            if held_out is None:
                continue
            asked = list(scaling.standardise(crops[held_out]))
            probabilities = network.predict(asked, batch_size=_PREDICTED, verbose=0)
            of_true = probabilities[np.arange(len(probabilities)), y[held_out]]
            loss = float(-np.log(np.maximum(of_true, 1e-7)).mean())
            write(epoch, "validation loss", loss)
            is_right = probabilities.argmax(axis=1) == y[held_out]
            write(epoch, "validation accuracy", float(is_right.mean()))
            if loss < best:
                best, best_epoch, weights = loss, epoch, network.get_weights()
            elif epoch - best_epoch >= _PATIENCE:
                break
    if weights is not None:
        network.set_weights(weights)
    present = np.unique(y[learnt])
    return NetworkFit(convert_network(network, scaling, present), best_epoch)


def import_keras() -> Any:
    """Return Keras.

    Raises:
        MissingPartError: TensorFlow is not installed.
    """
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    try:
        import keras
        import tensorflow  # noqa: F401 - fits are logged with it
    except ImportError as error:
        raise MissingPartError(
            "train", "train a network on crops (--model cnn)", error.name or "tensorflow"
        ) from error
    return keras


def build_network(maps: Sequence[int], n_channels: int, n_classes: int, seed: int) -> Any:
    """Return the Keras network of :class:`ConvolutionalModel`, with random weights.

    Args:
        maps: of each layer.
        n_channels: of the crops, without the mask.
        n_classes: number of classes.
        seed: of the weights, and of what is left out at random while it learns.

    Returns:
        A model of what :meth:`CropScaling.standardise` returns.
    """
    keras = import_keras()
    layers, initial = keras.layers, keras.initializers
    crops = keras.Input((SIDE, SIDE, 2 * n_channels + 1))
    numbers = keras.Input((1 + 2 * n_channels,))
    found = crops
    for number, width in enumerate(maps):
        first = initial.HeNormal(seed + number)
        found = layers.Conv2D(
            width, _KERNEL, padding="same", use_bias=False, kernel_initializer=first
        )(found)
        found = layers.BatchNormalization(momentum=_MOMENTUM)(found)
        found = layers.MaxPooling2D()(layers.ReLU()(found))
    features = layers.Concatenate()(
        [layers.GlobalAveragePooling2D()(found), layers.GlobalMaxPooling2D()(found), numbers]
    )
    features = layers.Dropout(_DROPOUT, seed=seed)(features)
    head = layers.Dense(
        n_classes, activation="softmax", kernel_initializer=initial.GlorotUniform(seed)
    )
    return keras.Model([crops, numbers], head(features))


def convert_network(
    network: Any, scaling: CropScaling, present: NDArray[np.int64]
) -> ConvolutionalModel:
    """Return the arrays of a Keras network of :func:`build_network`.

    The normalisation of batches goes into the kernels (Ioffe, Szegedy 2015, section 3.1).

    Args:
        network: the network.
        scaling: with which crops are shown to it.
        present: numbers of the classes that it has seen; others are never chosen.
    """
    convolutions = [each for each in network.layers if type(each).__name__ == "Conv2D"]
    norms = [each for each in network.layers if type(each).__name__ == "BatchNormalization"]
    layers = []
    for convolution, norm in zip(convolutions, norms, strict=True):
        gain, offset, mean, variance = (np.asarray(w, np.float64) for w in norm.get_weights())
        factor = gain / np.sqrt(variance + norm.epsilon)
        kernel = np.asarray(convolution.get_weights()[0], np.float64) * factor
        layers.append(
            ConvolutionLayer(kernel.astype(np.float32), (offset - mean * factor).astype(np.float32))
        )
    weights, biases = (np.asarray(w, np.float64) for w in network.layers[-1].get_weights())
    intercepts = np.full(len(biases), -np.inf)
    intercepts[present] = biases[present]
    head = LogisticModel(np.ascontiguousarray(weights.T), intercepts)
    return ConvolutionalModel(scaling, tuple(layers), head)


def augment(pixels: NDArray[np.float32], rng: np.random.Generator) -> NDArray[np.float32]:
    """Return crops that are turned by right angles, mirrored and shifted at random.

    Args:
        pixels: (n, SIDE, SIDE, channels) with a margin of zeros.
        rng: chooses.
    """
    found = np.empty_like(pixels)
    turns = rng.integers(0, 4, len(pixels))
    mirrored = rng.integers(0, 2, len(pixels))
    shifts = rng.integers(-_SHIFT, _SHIFT + 1, (len(pixels), 2))
    for number, crop in enumerate(pixels):
        turned = np.rot90(crop, turns[number])
        turned = turned[:, ::-1] if mirrored[number] else turned
        padded = np.pad(turned, ((_SHIFT, _SHIFT), (_SHIFT, _SHIFT), (0, 0)))
        y, x = _SHIFT + shifts[number]
        found[number] = padded[y : y + SIDE, x : x + SIDE]
    return found


@contextmanager
def _writer(logs: Path | None) -> Iterator[Any]:
    """Yield a function that writes a number of an epoch for TensorBoard."""
    if logs is None:
        yield lambda epoch, name, value: None
        return
    import tensorflow as tf

    for old in logs.glob("events.out.tfevents.*"):
        old.unlink()  # of a training that is replaced: two would be one curve
    writer = tf.summary.create_file_writer(str(logs))

    def write(epoch: int, name: str, value: float) -> None:
        with writer.as_default(step=epoch):
            tf.summary.scalar(name, value)

    try:
        yield write
    finally:
        writer.close()
