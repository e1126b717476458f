"""A step of training: StarDist's loss, its gradients, the mean of the weights."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from bridge.errors import BadInputError
from bridge.model.recipe import Recipe
from bridge.model.stardist_keras import build_stardist
from bridge.training.learning.augment import Augmentation
from bridge.training.learning.sampling import Batch, PatchSampler
from bridge.training.learning.steps import Trainee, save_weights, stardist_loss
from bridge.training.learning.targets import make_targets
from bridge.training.pairs import IGNORED
from tests.training.scenes import TINY, disc_pair, discs

pytestmark = pytest.mark.model


def network(n_classes: int = 0, **changes: Any) -> tuple[Any, dict[str, Any]]:
    """A StarDist model with random weights, the same ones each time, and its configuration."""
    import keras

    config = TINY.config(1, n_classes) | changes
    keras.utils.set_random_seed(2)
    return build_stardist(config, Path("config.json"), "test", ""), config


def targets(n_classes: int, ignored: bool, *, weird: bool = False) -> tuple[NDArray[Any], ...]:
    """Targets of two patches; ``weird`` has other objects where the pixels are ignored."""
    parts = []
    for seed in (1, 2):
        labels = discs(seed, (32, 32), radius=5)
        numbers = np.unique(labels[labels > 0])
        known = {int(n): 1 + int(n) % n_classes for n in numbers if n % 3} if n_classes else {}
        if ignored:
            labels[:16, :20] = IGNORED
        made = make_targets(
            labels, grid=(2, 2), n_rays=16, class_numbers=known, n_classes=n_classes
        )
        parts.append(made.arrays())
    arrays = tuple(np.stack(part) for part in zip(*parts, strict=True))
    if weird:
        hidden = arrays[0][..., 0] == IGNORED
        arrays[1][hidden, :-1] = 77
    return arrays


def logits(seed: int, n_classes: int) -> list[NDArray[np.float32]]:
    rng = np.random.default_rng(seed)
    sizes = (1, 16, n_classes + 1) if n_classes else (1, 16)
    outputs = [rng.normal(0, 2, (2, 16, 16, n)).astype(np.float32) for n in sizes]
    outputs[1] = np.abs(outputs[1]) * 3 - 1
    return outputs


def of_stardist(
    outputs: list[NDArray[np.float32]], true: tuple[NDArray[Any], ...], config: dict[str, Any]
) -> float:
    """The total that Keras computes with StarDist's own losses."""
    import keras

    stardist = build_stardist(config, Path("config.json"), "test", "")
    stardist.prepare_for_training()
    heads = [
        keras.ops.sigmoid(outputs[0]),
        keras.ops.convert_to_tensor(outputs[1]),
        *(keras.ops.softmax(part) for part in outputs[2:]),
    ]
    model = stardist.keras_model
    return float(model.compute_loss(y=[keras.ops.convert_to_tensor(t) for t in true], y_pred=heads))


@pytest.mark.parametrize("ignored", [False, True])
@pytest.mark.parametrize("n_classes", [0, 2])
@pytest.mark.parametrize("kind", ["mae", "mse", "iou"])
def test_the_loss_is_that_of_stardist(kind: str, n_classes: int, ignored: bool) -> None:
    config = TINY.config(1, n_classes) | {"train_dist_loss": kind}
    if n_classes:
        config["train_class_weights"] = [0.5, 1.0, 2.0]
    outputs, true = logits(1, n_classes), targets(n_classes, ignored)

    total, prob, dist = (float(loss) for loss in stardist_loss(outputs, true, config))

    # StarDist also draws the distances of ignored pixels to 0
    hidden = np.mean((true[0] == IGNORED) * np.abs(outputs[1]))
    theirs = of_stardist(outputs, true, config) - 0.2 * 1e-4 * float(hidden)
    assert total == pytest.approx(theirs, rel=1e-5)
    if not n_classes:
        assert total == pytest.approx(prob + 0.2 * dist, rel=1e-6)
    assert (hidden > 0) == ignored


@pytest.mark.parametrize("n_classes", [0, 2])
def test_ignored_pixels_give_no_gradient_and_what_is_there_does_not_matter(n_classes: int) -> None:
    import tensorflow as tf

    config = TINY.config(1, n_classes)
    true = targets(n_classes, ignored=True)
    hidden = true[0][..., 0] == IGNORED
    outputs = [tf.constant(part) for part in logits(2, n_classes)]

    with tf.GradientTape() as tape:
        tape.watch(outputs)
        total, _, _ = stardist_loss(outputs, true, config)
    gradients = [part.numpy() for part in tape.gradient(total, outputs)]

    for gradient in gradients:
        assert not gradient[hidden].any()
        assert gradient[~hidden].any()
    weird = stardist_loss(outputs, targets(n_classes, ignored=True, weird=True), config)
    assert float(weird[0]) == float(total)


def test_a_patch_of_ignored_pixels_alone_has_no_loss() -> None:
    config = TINY.config(1)
    true = tuple(np.full_like(part, k) for k, part in zip((-1, 0), targets(0, False), strict=True))

    assert [float(loss) for loss in stardist_loss(logits(1, 0), true, config)] == [0, 0, 0]


def some_batch(number: int = 0, **options: Any) -> Batch:
    sampler = PatchSampler(
        [disc_pair("a", 1)],
        Recipe(),
        32,
        2,
        (2, 2),
        16,
        augmentation=Augmentation(),
        **options,
    )
    return sampler.batch(number)


def trainee(n_classes: int = 0, **options: Any) -> Trainee:
    model, config = network(n_classes)
    given: dict[str, Any] = {"peak": 3e-3, "steps": 50, "warm_up": 2}
    return Trainee(model.keras_model, config, **(given | options))


def test_steps_lower_the_loss_and_leave_the_network_as_stardist_has_it() -> None:
    training, batch = trainee(), some_batch()

    losses = [training.step(batch).total for _ in range(30)]

    assert losses[-1] < 0.8 * losses[0]
    prob, _ = training.network(batch.pixels)
    assert 0 <= float(np.min(prob)) <= float(np.max(prob)) <= 1


def test_the_loss_of_a_step_is_that_of_the_network_before_it() -> None:
    training, batch = trainee(), some_batch()
    prob, dist = (np.asarray(part) for part in training.network(batch.pixels))
    outputs = [np.log(prob / (1 - prob)), dist]
    total, of_prob, of_dist = stardist_loss(outputs, batch.targets.arrays(), TINY.config(1))

    loss = training.step(batch)

    assert loss.total == pytest.approx(float(total), rel=1e-4)
    assert (loss.prob, loss.dist) == pytest.approx((float(of_prob), float(of_dist)), rel=1e-4)


def test_the_rate_rises_to_the_peak_and_falls_to_a_hundredth() -> None:
    training = trainee(peak=1e-3, steps=100, warm_up=10)
    rates = np.array([training.rate(step) for step in range(1, 102)])

    assert rates[0] == pytest.approx(1e-5)
    assert rates[10] == pytest.approx(1e-3)
    assert rates[-1] == pytest.approx(1e-5)
    assert (np.diff(rates[:11]) > 0).all()
    assert (np.diff(rates[10:]) < 0).all()


def test_the_mean_of_the_weights_follows_them() -> None:
    training = trainee()
    first = [weight.copy() for weight in training.network.get_weights()]

    training.step(some_batch())

    keep = 1 / 11
    for mean, before, after in zip(
        training.mean_weights(), first, training.network.get_weights(), strict=True
    ):
        np.testing.assert_allclose(mean, keep * before + (1 - keep) * after, rtol=1e-5, atol=1e-7)


def test_a_state_goes_on_as_if_there_had_been_no_stop() -> None:
    whole, first, second = trainee(), trainee(), trainee()
    for number in range(4):
        whole.step(some_batch(number))
    for number in range(2):
        first.step(some_batch(number))

    second.set_state(first.state())
    for number in range(2, 4):
        second.step(some_batch(number))

    for ours, theirs in zip(second.state(), whole.state(), strict=True):
        np.testing.assert_array_equal(ours, theirs)


def test_a_state_of_another_network_is_refused() -> None:
    with pytest.raises(BadInputError, match="is of another network; begin anew"):
        trainee().set_state(trainee(n_classes=2).state())


def test_weights_are_saved_as_stardist_reads_them(tmp_path: Path) -> None:
    training = trainee()
    own = training.network.get_weights()
    others = [weight + 1 for weight in own]

    save_weights(training.network, others, tmp_path / "weights_best.h5")

    for a, b in zip(training.network.get_weights(), own, strict=True):
        np.testing.assert_array_equal(a, b)
    fresh = network()[0].keras_model
    fresh.load_weights(str(tmp_path / "weights_best.h5"))
    for a, b in zip(fresh.get_weights(), others, strict=True):
        np.testing.assert_array_equal(a, b)
