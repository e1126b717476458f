"""Fitting of networks on crops, by Keras."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy.ndimage import label

from bridge.classify.objects.features import FeatureSettings, object_features
from bridge.classify.objects.masked_crops import MaskedCrops, cut_crops
from bridge.classify.objects.models.network_fitting import augment, fit_network, import_keras
from bridge.classify.objects.training import train_object_classifier
from bridge.errors import BadInputError, MissingPartError
from tests.classify.objects.examples import easy_examples
from tests.classify.objects.networks import use_tiny_networks
from tests.classify.objects.shaped import shaped_objects

SETTINGS: dict[str, float | str] = {"network": "small", "learning_rate": 0.01, "batch": 8}


def study() -> tuple[pd.DataFrame, MaskedCrops, FeatureSettings]:
    """Return features and crops of the objects of four images."""
    images = [shaped_objects(12, seed=seed) for seed in range(4)]
    settings = FeatureSettings.of_image(images[0][0], neighbours=0)
    crops = MaskedCrops.empty(48, 1)
    tables = []
    for number, (image, objects, classes) in enumerate(images):
        names = {"image": f"i{number}", "object": objects.ids, "class": classes}
        tables.append(object_features(objects, image, settings).assign(**names))
        [(rows, found)] = cut_crops(objects, image, settings)
        crops[12 * number + rows] = found
    return pd.concat(tables, ignore_index=True), crops, settings


@pytest.fixture
def tiny(monkeypatch: pytest.MonkeyPatch) -> None:
    use_tiny_networks(monkeypatch, epochs=15)


@pytest.mark.slow
@pytest.mark.usefixtures("tiny")
def test_classes_that_differ_by_shape_are_told_apart(tmp_path: Path) -> None:
    table, crops, _ = study()
    y = np.asarray(table["class"] == "disc").astype(np.int64)
    held_out = (table["image"] == "i3").to_numpy()
    first, second = (
        fit_network(SETTINGS, crops, y, 3, 0, held_out=held_out, logs=tmp_path / "logs")
        for _ in range(2)
    )
    found = first.model.predict_proba(crops[held_out])
    assert (found.argmax(axis=1) == y[held_out]).mean() > 0.8
    assert (found[:, 2] == 0).all()  # of the third class there is no example
    np.testing.assert_array_equal(found, second.model.predict_proba(crops[held_out]))
    assert 1 <= first.epochs <= 15
    assert len([*(tmp_path / "logs").glob("events.out.tfevents.*")]) == 1


@pytest.mark.slow
@pytest.mark.usefixtures("tiny")
def test_networks_and_other_models_are_compared_on_the_same_parts() -> None:
    table, crops, settings = study()
    order = np.random.default_rng(0).permutation(len(table))
    unknown = np.isin(order, [3, 17])
    mixed = table.iloc[order].copy()
    crops.means[:, 0] += np.where(table["class"] == "disc", 300, 0)
    mixed["group"] = mixed["image"].isin(["i0", "i1"])  # two parts are soon fitted
    mixed.loc[unknown, "class"] = None  # the rows of crops must not slip
    trained = train_object_classifier(
        mixed, settings, kinds=["logistic", "cnn"], crops=crops[order]
    )
    kinds = [score.candidate.kind for score in trained.validation.scores]
    assert kinds == ["logistic"] * 5 + ["cnn"]
    assert trained.classifier.model.kind == "logistic"  # both are right: the simpler one
    alone = train_object_classifier(mixed, settings, kinds=["cnn"], crops=crops[order])
    assert alone.classifier.crop_model is not None
    np.testing.assert_array_equal(alone.validation.folds, trained.validation.folds)
    found = alone.classifier.name_classes(alone.classifier.predict_crops(crops))
    assert (found == table["class"]).mean() > 0.8


def test_crops_are_turned_and_mirrored_but_nothing_of_them_is_lost() -> None:
    image, objects, _ = shaped_objects(12)
    [(_, crops)] = cut_crops(objects, image, FeatureSettings.of_image(image, neighbours=0))
    found = augment(crops.pixels.astype(np.float32), np.random.default_rng(0))
    for before, after in zip(crops.pixels.astype(np.float32), found, strict=True):
        inside, still_inside = (each[each[..., 1] > 0.9] for each in (before, after))
        np.testing.assert_array_equal(np.sort(inside, axis=0), np.sort(still_inside, axis=0))
        # no object is cut in two at a border
        assert label(after[..., 1] > 0)[1] == 1
    assert (found != crops.pixels).any(axis=(1, 2, 3)).sum() > 6


def test_tensorflow_that_is_missing_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "keras", None)
    with pytest.raises(MissingPartError, match=r"--model cnn.*starbridge\[train\]"):
        import_keras()


def test_features_of_a_table_are_no_crops() -> None:
    with pytest.raises(BadInputError, match="--model cnn: looks at pixels"):
        train_object_classifier(easy_examples(), kinds=["cnn"])
