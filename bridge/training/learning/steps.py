"""One step of training in Keras: losses, gradients, and the running mean of the weights."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from bridge.errors import BadInputError

if TYPE_CHECKING:
    from bridge.training.learning.sampling import Batch

_TINY = 1e-7
_WITH_ACTIVATION = ("prob", "prob_class")
"""StarDist's names of the heads that end in a sigmoid and in a softmax."""

_LONGEST_MEMORY = 0.998
"""Share of the running mean that a step keeps, once there were many steps."""


@dataclass(frozen=True)
class StepLoss:
    """The losses of a step; ``total`` is what falls.

    Attributes:
        total: weighted sum.
        prob: binary cross entropy of the object probability.
        dist: mean absolute error of the distances in pixels, weighted by the probability.
    """

    total: float
    prob: float
    dist: float


class Trainee:
    """A StarDist network in Keras that is trained, and the running mean of its weights.

    Validation and the finished model take the mean (Polyak and Juditsky 1992): it is steadier than
    any single step of a short training.

    Args:
        network: ``StarDist2D.keras_model``.
        config: the model's ``config.json``.
        peak: highest learning rate.
        steps: steps of the whole training.
        warm_up: steps in which the rate rises from a hundredth of the peak.
    """

    def __init__(
        self,
        network: Any,
        config: dict[str, Any],
        *,
        peak: float,
        steps: int,
        warm_up: int,
    ) -> None:
        import keras
        import tensorflow as tf

        self.network = network
        self._config = config
        self._rate = keras.optimizers.schedules.CosineDecay(
            peak / 100,
            max(steps - warm_up, 1),
            alpha=0.01,
            warmup_target=peak,
            warmup_steps=warm_up,
        )
        self.optimizer = keras.optimizers.Adam(self._rate, global_clipnorm=10.0)
        self.optimizer.build(network.trainable_variables)
        weights = network.weights
        self.mean = [tf.Variable(w, trainable=False, dtype=w.dtype) for w in weights]
        self._taken = tf.Variable(0.0, trainable=False)
        self._step = tf.function(self._take, reduce_retracing=True)

    def step(self, batch: Batch) -> StepLoss:
        """Take one step."""
        with _without_activation(self.network):
            total, prob, dist = self._step(batch.pixels, batch.targets.arrays())
        return StepLoss(float(total), float(prob), float(dist))

    def _take(self, pixels: Any, targets: Any) -> Any:
        import tensorflow as tf

        variables = self.network.trainable_variables
        with tf.GradientTape() as tape:
            outputs = self.network(pixels, training=True)
            total, prob, dist = stardist_loss(outputs, targets, self._config)
        self.optimizer.apply_gradients(zip(tape.gradient(total, variables), variables, strict=True))
        self._taken.assign_add(1.0)
        keep = tf.minimum(_LONGEST_MEMORY, self._taken / (self._taken + 10.0))
        for mean, weight in zip(self.mean, self.network.weights, strict=True):
            mean.assign(mean * keep + weight * (1 - keep))
        return total, prob, dist

    def rate(self, step: int) -> float:
        """Return the learning rate of a step, from 1."""
        return float(self._rate(step - 1))

    def state(self) -> list[NDArray[Any]]:
        """Return all that a training needs to go on: weights, their mean, the optimizer's state."""
        return [variable.numpy() for variable in self._variables()]

    def set_state(self, state: Sequence[NDArray[Any]]) -> None:
        """Go on from a state that :meth:`state` returned.

        Raises:
            BadInputError: it is of another network.
        """
        variables = self._variables()
        if [a.shape for a in state] != [tuple(v.shape) for v in variables]:
            raise BadInputError(
                "state of the training", "is of another network", "begin anew without --resume"
            )
        for variable, array in zip(variables, state, strict=True):
            variable.assign(array)

    def _variables(self) -> list[Any]:
        return [*self.network.weights, *self.mean, *self.optimizer.variables, self._taken]

    def mean_weights(self) -> list[NDArray[np.float32]]:
        """Return the running mean, in the order of the network's weights."""
        return [mean.numpy() for mean in self.mean]


@contextmanager
def _without_activation(network: Any) -> Iterator[None]:
    """Let the heads give logits: from a probability of 1 or 0 there is no way back in 16 bits."""
    import keras

    heads = [layer for layer in network.layers if layer.name in _WITH_ACTIVATION]
    activations = [head.activation for head in heads]
    for head in heads:
        head.activation = keras.activations.linear
    try:
        yield
    finally:
        for head, activation in zip(heads, activations, strict=True):
            head.activation = activation


def stardist_loss(outputs: Sequence[Any], targets: Sequence[Any], config: dict[str, Any]) -> Any:
    """Return StarDist's loss (its ``models/base.py``), and its parts.

    It differs in one point: ``train_background_reg``, which draws distances of the background to 0,
    does so for ignored pixels, too, in StarDist. Here they give no gradient at all.

    Args:
        outputs: of the network: logit of the probability, distances, logits of the classes where it
            has them.
        targets: :meth:`bridge.training.learning.targets.Targets.arrays`.
        config: the model's: ``train_loss_weights``, ``train_background_reg``, ``train_dist_loss``,
            ``train_class_weights``.

    Returns:
        Total, loss of the probability, loss of the distances: scalars.
    """
    import tensorflow as tf

    prob_true, dist_true = targets[0], targets[1]
    logit, dist = outputs[0], outputs[1]
    seen = tf.cast(prob_true >= 0, tf.float32)
    entropy = tf.nn.sigmoid_cross_entropy_with_logits(tf.maximum(prob_true, 0.0), logit)
    prob_loss = _mean_where(entropy, seen)
    weight = dist_true[..., -1:]
    penalty = _dist_penalty(dist_true[..., :-1], dist, config["train_dist_loss"])
    wrong = tf.reduce_mean(weight * penalty) / (tf.reduce_mean(weight) + _TINY)
    outside = tf.reduce_mean((seen - weight) * tf.abs(dist))
    dist_loss = wrong + config["train_background_reg"] * outside
    weights = config["train_loss_weights"]
    total = weights[0] * prob_loss + weights[1] * dist_loss
    if len(targets) > 2:
        total += weights[2] * _class_loss(outputs[2], targets[2], config["train_class_weights"])
    return total, prob_loss, dist_loss


def _dist_penalty(true: Any, dist: Any, kind: str) -> Any:
    """Return the penalty of wrong distances: (…, rays), or (…, 1) for ``iou``."""
    import tensorflow as tf

    if kind == "mae":
        return tf.abs(true - dist)
    if kind == "mse":
        return tf.square(true - dist)
    # the area that a prediction shares with the truth, ray by ray
    shared = tf.square(tf.minimum(true, dist)) * tf.sign(dist)
    both = tf.square(tf.maximum(true, dist))
    share = tf.reduce_mean(shared, -1, keepdims=True) / (
        tf.reduce_mean(both, -1, keepdims=True) + _TINY
    )
    return 1.0 - share


def _class_loss(logits: Any, true: Any, class_weights: Sequence[float]) -> Any:
    """Return the weighted cross entropy of the classes where they are known.

    As in StarDist it is divided by the number of all pixels.
    """
    import tensorflow as tf

    shares = tf.nn.log_softmax(logits)
    weighted = tf.constant(class_weights, tf.float32) * tf.maximum(true, 0.0) * shares
    return tf.reduce_mean(-tf.reduce_sum(weighted, axis=-1))


def _mean_where(values: Any, seen: Any) -> Any:
    import tensorflow as tf

    return tf.reduce_sum(values * seen) / (tf.reduce_sum(seen) + _TINY)


def save_weights(network: Any, weights: Sequence[NDArray[np.float32]], path: Path) -> None:
    """Write weights as StarDist does (``weights_best.h5``), leaving the network as it is."""
    own = network.get_weights()
    network.set_weights(weights)
    try:
        network.save_weights(str(path))
    finally:
        network.set_weights(own)
