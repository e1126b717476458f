"""Networks on crops with random weights, and small ones that are soon fitted."""

from __future__ import annotations

import numpy as np
import pytest

from bridge.classify.objects.classifier import ObjectClassifier
from bridge.classify.objects.features import FeatureSettings
from bridge.classify.objects.masked_crops import SIDE, MaskedCrops
from bridge.classify.objects.models import fitting, network_fitting
from bridge.classify.objects.models.convolutional import ConvolutionalModel, ConvolutionLayer
from bridge.classify.objects.models.crop_scaling import CropScaling
from bridge.classify.objects.models.logistic import LogisticModel
from bridge.classify.objects.scaling import FeatureScaling
from bridge.images import Image


def random_crops(n: int, n_channels: int, seed: int = 0) -> MaskedCrops:
    """Return crops of coarse squares of any brightness."""
    rng = np.random.default_rng(seed)
    coarse = rng.normal(size=(n, 8, 8, n_channels + 1)) * rng.uniform(0, 3, (n, 1, 1, 1))
    pixels = np.kron(coarse, np.ones((1, SIDE // 8, SIDE // 8, 1)))
    means, deviations = rng.uniform(0, 9, (2, n, n_channels)).astype(np.float32)
    return MaskedCrops(pixels.astype(np.float16), rng.uniform(1, 6, n), means, deviations)


def random_model(n_channels: int = 1, n_classes: int = 2, seed: int = 0) -> ConvolutionalModel:
    """Return a network of two layers with random weights."""
    rng = np.random.default_rng(seed)

    def layer(inputs: int, outputs: int) -> ConvolutionLayer:
        kernel = rng.normal(0, 0.3, (3, 3, inputs, outputs)).astype(np.float32)
        return ConvolutionLayer(kernel, rng.normal(size=outputs).astype(np.float32))

    coefficients = rng.normal(0, 0.1, (n_classes, 13 + 2 * n_channels))
    head = LogisticModel(coefficients, rng.normal(size=n_classes))
    scaling = CropScaling.of(random_crops(20, n_channels, seed=1))
    return ConvolutionalModel(scaling, (layer(2 * n_channels + 1, 4), layer(4, 6)), head)


def classifier_of(model: ConvolutionalModel, image: Image) -> ObjectClassifier:
    """Return a classifier of bars and discs."""
    return ObjectClassifier(
        classes=("bar", "disc"),
        feature_names=(),
        settings=FeatureSettings.of_image(image, neighbours=0),
        scaling=FeatureScaling(np.zeros(0), np.zeros(0), np.ones(0)),
        model=model,
        counts=(8, 8),
    )


def use_tiny_networks(monkeypatch: pytest.MonkeyPatch, epochs: int) -> None:
    """Have one architecture of a few maps fitted for a few epochs; skip without TensorFlow."""
    pytest.importorskip("tensorflow")
    for module in (fitting, network_fitting):
        monkeypatch.setattr(module, "NETWORKS", {"small": (4, 6)})
    monkeypatch.setattr(network_fitting, "MOST_EPOCHS", epochs)
