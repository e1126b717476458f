"""Registry of the models."""

from __future__ import annotations

from bridge.classify.objects.models.base import CropModel, ObjectModel
from bridge.classify.objects.models.convolutional import ConvolutionalModel
from bridge.classify.objects.models.forest import ForestModel
from bridge.classify.objects.models.logistic import LogisticModel
from bridge.classify.objects.models.trees import TreesModel
from bridge.classify.objects.models.vectors import VectorModel

MODELS: dict[str, type[ObjectModel]] = {
    model.kind: model for model in (LogisticModel, VectorModel, TreesModel, ForestModel)
}
"""Models on features by their kind, the simplest first."""

COMPARED = tuple(kind for kind in MODELS if kind != ForestModel.kind)
"""Kinds that are compared where nobody says which. A forest is much like trees; it is for those who
expect the classes of ilastik."""

CROP_MODELS: dict[str, type[CropModel]] = {ConvolutionalModel.kind: ConvolutionalModel}
"""Models on masked crops by their kind: those that are tried on request only."""
