"""Accuracy that is promised of classifiers of objects."""

from __future__ import annotations

import pytest

from benchmarks.object_classes import organoids
from bridge.classify.objects.training import train_object_classifier


@pytest.mark.slow
def test_600_organoids_of_six_classes_are_told_apart_from_60_examples_of_each() -> None:
    examples, settings = organoids(60, 10, seed=1)
    new, _ = organoids(100, 10, seed=2)
    assert (len(examples), len(new)) == (360, 600)
    trained = train_object_classifier(examples, settings)
    assert (trained.classifier.predict(new) == new["class"]).mean() >= 0.94
