"""Keras layers as plain steps, and layers that cannot be."""

from __future__ import annotations

import pytest

from bridge.errors import BadInputError
from bridge.model.keras_network import read_network
from tests.models_export.architectures import SMALL, build

pytestmark = pytest.mark.model


@pytest.mark.parametrize("activation", ["gelu", "mish"])
def test_an_activation_without_counterpart_is_named(activation: str) -> None:
    model, _ = build({**SMALL, "unet_n_depth": 1, "unet_activation": activation})
    with pytest.raises(BadInputError, match=f"down_level_0_no_0.*{activation}"):
        read_network(model, "model")


def test_a_layer_without_counterpart_is_named() -> None:
    import keras

    image = keras.Input((None, None, 1), name="input")
    hidden = keras.layers.Conv2D(4, 3, padding="same")(image)
    hidden = keras.layers.GroupNormalization(2, name="groups")(hidden)
    model = keras.Model(image, [keras.layers.Conv2D(n, 1)(hidden) for n in (1, 8)])
    with pytest.raises(BadInputError, match=r"'groups' \(GroupNormalization\).*TensorFlow 1"):
        read_network(model, "model")
    dilated = keras.layers.Conv2D(4, 3, dilation_rate=2, name="wide")(image)
    with pytest.raises(BadInputError, match="'wide'.*dilated"):
        read_network(keras.Model(image, [dilated, dilated]), "model")
    smooth = keras.layers.UpSampling2D(interpolation="bilinear", name="smooth")(image)
    with pytest.raises(BadInputError, match="'smooth'.*'nearest'"):
        read_network(keras.Model(image, [smooth, smooth]), "model")
