"""Convolutional networks, beside Keras' own probabilities."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray

from bridge import Detections
from bridge.classify.objects.classifier import load_object_classifier
from bridge.classify.objects.masked_crops import MaskedCrops
from bridge.classify.objects.models.convolutional import ConvolutionalModel
from bridge.classify.objects.models.crop_scaling import CropScaling
from bridge.classify.objects.models.logistic import LogisticModel
from bridge.classify.objects.predicting import ObjectPredictor
from bridge.errors import BadInputError
from bridge.images import from_array
from tests.classify.objects.networks import classifier_of, random_crops, random_model
from tests.classify.objects.shaped import shaped_objects


@pytest.mark.slow
@pytest.mark.parametrize(("network", "n_channels"), [("small", 1), ("large", 3)])
def test_probabilities_are_those_of_keras(network: str, n_channels: int) -> None:
    pytest.importorskip("tensorflow")
    from bridge.classify.objects.models.network_fitting import (
        NETWORKS,
        build_network,
        convert_network,
    )

    built: Any = build_network(NETWORKS[network], n_channels, 5, seed=1)
    rng = np.random.default_rng(2)
    for layer in built.layers:  # the statistics of batches as if it had learnt
        if type(layer).__name__ == "BatchNormalization":
            size = layer.get_weights()[0].size
            low = np.array([[0.5], [-0.5], [-0.5], [0.5]])
            layer.set_weights(list(low + rng.uniform(0, 1, (4, size))))
    head = built.layers[-1]
    head.set_weights([each * 0.1 for each in head.get_weights()])  # so that no class is sure
    crops = random_crops(40, n_channels)
    scaling = CropScaling.of(random_crops(20, n_channels, seed=1))
    found = convert_network(built, scaling, np.arange(5)).predict_proba(crops)
    pixels, numbers = scaling.standardise(crops)
    views = [
        np.rot90(each, turns, (1, 2)) for each in (pixels, pixels[:, ::-1]) for turns in range(4)
    ]
    expected = np.mean([built.predict([view, numbers], verbose=0) for view in views], axis=0)
    assert np.ptp(expected, axis=0).max() > 0.1
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-5)


def test_a_class_that_was_not_there_is_never_found() -> None:
    model = random_model(n_classes=3)
    head = LogisticModel(model.head.coefficients, np.array([0.0, -np.inf, 0.0]))
    found = ConvolutionalModel(model.scaling, model.layers, head).predict_proba(random_crops(9, 1))
    assert (found[:, 1] == 0).all()
    np.testing.assert_allclose(found.sum(axis=1), 1)


def test_an_object_that_is_turned_or_mirrored_is_the_same() -> None:
    model, crops = random_model(), random_crops(5, 1)
    found = model.predict_proba(crops)
    assert np.ptp(found, axis=0).max() > 0.01
    for view in (np.rot90(crops.pixels, 1, (1, 2)), crops.pixels[:, ::-1]):
        turned = MaskedCrops(view, crops.sizes, crops.means, crops.deviations)
        np.testing.assert_allclose(model.predict_proba(turned), found, atol=1e-6)


def test_crops_are_known_by_brightness_and_contrast_too() -> None:
    model, crops = random_model(), random_crops(5, 1)
    found = model.predict_proba(crops)
    brighter = replace(crops, means=crops.means + 3)
    flatter = replace(crops, deviations=crops.deviations * np.float32(0.3))
    for other in (brighter, flatter):
        assert abs(model.predict_proba(other) - found).max() > 0.01


def test_objects_do_not_depend_on_those_beside_them() -> None:
    model, crops = random_model(), random_crops(300, 1)
    whole = model.predict_proba(crops)
    alone = np.concatenate([model.predict_proba(crops[np.array([k])]) for k in (0, 150, 299)])
    np.testing.assert_allclose(whole[[0, 150, 299]], alone, atol=1e-6)


def test_crops_of_other_channels_are_refused() -> None:
    with pytest.raises(ValueError, match="2 channels, not 1"):
        random_model().predict_proba(random_crops(2, 2))


def test_arrays_give_the_model_back() -> None:
    model, crops = random_model(2), random_crops(5, 2)
    read = ConvolutionalModel.from_arrays(model.arrays(), 0)
    np.testing.assert_array_equal(read.predict_proba(crops), model.predict_proba(crops))


@pytest.mark.parametrize(
    ("name", "array"),
    [
        ("layers", np.zeros((0, 4), np.int32)),
        ("layers", np.array([3, 3, 3, 4], np.int32)),
        ("layers", np.array([[3, 3, 2, 4], [3, 3, 4, 6]], np.int32)),
        ("layers", np.array([[3, 3, 3, 4], [3, 3, 5, 6]], np.int32)),
        ("layers", np.array([[3, 3, 3, 4], [3, 3, 4, -6]], np.int32)),
        ("layers", np.array([[1024, 1024, 1024, 1024]] * 12, np.int32)),
        ("kernels", np.zeros(7, np.float32)),
        ("biases", np.zeros((2, 5), np.float32)),
        ("biases", np.full(10, np.nan, np.float32)),
        ("coefficients", np.zeros((2, 5))),
        ("crop_means", np.zeros(5)),
        ("crop_deviations", np.zeros(3)),
        ("crop_medians", np.full(3, 1e300)),
    ],
)
def test_arrays_that_do_not_fit_are_refused(name: str, array: NDArray[Any]) -> None:
    with pytest.raises(ValueError, match=r"\w"):
        ConvolutionalModel.from_arrays({**random_model().arrays(), name: array}, 0)
    with pytest.raises(ValueError, match="looks at crops"):
        ConvolutionalModel.from_arrays(random_model().arrays(), 3)


def test_a_folder_gives_the_classifier_back_without_tensorflow(tmp_path: Path) -> None:
    image, objects, _ = shaped_objects()
    classifier = classifier_of(random_model(), image)
    classifier.write(tmp_path / "c")
    assert {path.suffix for path in (tmp_path / "c").iterdir()} == {".json", ".npy"}
    read = load_object_classifier(tmp_path / "c")
    assert read.sha256 == classifier.sha256
    expected = ObjectPredictor(classifier=classifier, settings=read.settings)(objects, image)  # type: ignore[arg-type]
    np.testing.assert_array_equal(ObjectPredictor.load(tmp_path / "c")(objects, image), expected)
    assert np.isfinite(expected).all()
    code = (
        "import sys; sys.modules.update(tensorflow=None, keras=None, sklearn=None)\n"
        "from bridge.classify.objects.classifier import load_object_classifier\n"
        "from tests.classify.objects.networks import random_crops\n"
        "found = load_object_classifier(sys.argv[1]).predict_crops(random_crops(2, 1))\n"
        "assert abs(found.sum() - 2) < 1e-9\n"
    )
    subprocess.run([sys.executable, "-c", code, str(tmp_path / "c")], check=True)


def test_objects_that_others_cover_have_no_probabilities(tmp_path: Path) -> None:
    image, objects, _ = shaped_objects()
    frame = objects.objects
    frame = frame.assign(geometry=frame.geometry.to_numpy()[[0, 0, *range(2, 16)]])
    twice = Detections(frame.assign(prob=[0.1, 0.9, *[0.5] * 14]), objects.image)
    classifier_of(random_model(), image).write(tmp_path / "c")
    found = ObjectPredictor.load(tmp_path / "c")(twice, image)
    assert np.isnan(found).any(axis=1).tolist() == [True] + [False] * 15


def test_a_classifier_of_other_channels_than_its_model_is_refused() -> None:
    image, _, _ = shaped_objects()
    with pytest.raises(ValueError, match="its model has 2 channels"):
        classifier_of(random_model(2), image)


def test_features_are_not_crops() -> None:
    image = from_array(np.zeros((9, 9)), axes="YX")
    classifier = classifier_of(random_model(), image)
    with pytest.raises(BadInputError, match="looks at pixels"):
        classifier.predict_proba(pd.DataFrame({"size": [1.0]}))
