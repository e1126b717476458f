"""Predict the classes of an image's objects, from its pixels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from os import PathLike
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from bridge.classify.objects.classed_images import Note, ignore_note
from bridge.classify.objects.classifier import ObjectClassifier, load_object_classifier
from bridge.classify.objects.features import FeatureSettings, object_features
from bridge.classify.objects.ilastik_projects import classifier_of_project, is_ilastik_project
from bridge.classify.objects.masked_crops import cut_crops
from bridge.detections import Detections
from bridge.errors import BadInputError
from bridge.images import Image
from bridge.objects3d import ObjectRows


@dataclass(frozen=True, kw_only=True)
class ObjectPredictor:
    """A classifier that is called with objects and their image.

    Attributes:
        classifier: the classifier.
        settings: of its features.
        channels: channels of the images that stand for those of training, in their order; those
            of the same names where ``None``.
        note: called with sentences for the user.
    """

    classifier: ObjectClassifier
    settings: FeatureSettings
    channels: Sequence[int | str] | None = None
    note: Note = ignore_note

    @classmethod
    def load(
        cls,
        path: str | PathLike[str],
        *,
        channels: Sequence[int | str] | None = None,
        note: Note = ignore_note,
    ) -> ObjectPredictor:
        """Load a classifier.

        Args:
            path: a folder, as :func:`bridge.classify.objects.classifier.load_object_classifier`
                takes it, or a project of ilastik (``.ilp``) that was saved with a trained
                classifier of objects.
            channels: as the attribute.
            note: as the attribute.

        Raises:
            BadInputError: it cannot be loaded, or was trained on the features of a table.
        """
        is_project = is_ilastik_project(Path(path))
        classifier = classifier_of_project(path) if is_project else load_object_classifier(path)
        if classifier.settings is None:
            raise BadInputError(
                path,
                "was trained on the features of a table, which are not measured in images",
                "train it on images and objects",
            )
        return cls(
            classifier=classifier, settings=classifier.settings, channels=channels, note=note
        )

    def __call__(self, objects: Detections, image: Image) -> NDArray[np.float64]:
        """Return the probabilities (n, classes) of n objects; NaN where nothing is drawn of one.

        All slices of an object of a volume have those of its largest slice
        (:class:`bridge.objects3d.ObjectRows`).

        Raises:
            BadInputError: the image has other channels or another size.
        """
        line = self.settings.check_pixel_size(image)
        if line is not None:
            self.note(line)
        rows = ObjectRows.of(objects)
        if self.classifier.crop_model is not None:
            chosen = np.isin(np.arange(len(objects)), rows.largest)
            found = np.full((len(objects), len(self.classifier.classes)), np.nan)
            for some, crops in cut_crops(
                objects, image, self.settings, channels=self.channels, chosen=chosen
            ):
                found[some] = self.classifier.predict_crops(crops)
            return found[rows.largest][rows.owner]
        features = object_features(objects, image, self.settings, channels=self.channels)
        return self.classifier.predict_proba(features.iloc[rows.largest])[rows.owner]
