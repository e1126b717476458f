"""A classifier of objects: features, classes and model, in a folder without pickles.

A folder has ``classes.json`` and the arrays of the model as ``.npy``, which any program reads.
Nothing but NumPy is needed to apply it.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from os import PathLike
from pathlib import Path
from typing import Any, cast

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from bridge.classify.folders import read_description, write_classifier
from bridge.classify.objects.features.settings import FeatureSettings
from bridge.classify.objects.masked_crops import MaskedCrops
from bridge.classify.objects.models.base import CropModel, ObjectModel
from bridge.classify.objects.models.registry import CROP_MODELS, MODELS
from bridge.classify.objects.scaling import FeatureScaling
from bridge.errors import BadInputError
from bridge.files.arrays import array_bytes, read_array

DESCRIPTION = "classes.json"
"""Name of the file by which the folder of a classifier is recognised."""

_FORMAT = "starbridge object classifier"
_VERSION = 1
_SCALING = ("medians", "means", "deviations")
_MOST_TEXT = 2**24
_DAMAGED = "train it again, or take a copy of it"
_SHOWN = 3  # names of missing features
_KINDS: dict[str, type[ObjectModel | CropModel]] = {**MODELS, **CROP_MODELS}


@dataclass(frozen=True, kw_only=True, eq=False)
class ObjectClassifier:
    """A model that gives each object, by its features or its crop, the probability of each class.

    Attributes:
        classes: names of the classes.
        feature_names: columns that the model looks at, in order; none of a model on crops.
        settings: of the features that starbridge computes, and of crops; ``None`` where features
            came with a table.
        scaling: of the features in training.
        model: the model.
        counts: examples of each class in training.
        choice: settings of the model that cross-validation chose.
        accuracy: part of the examples that models which had not seen their group classified right;
            ``None`` where unknown.
        balanced_accuracy: the mean of that part over classes.
        dead: those of ``classes`` that are dead cells: proportions are shown without them, too.
        unstained: those that are living cells without any marker: they count among the living, and
            stand behind the others.

    Raises:
        ValueError: parts that do not fit each other.
    """

    classes: tuple[str, ...]
    feature_names: tuple[str, ...]
    settings: FeatureSettings | None
    scaling: FeatureScaling
    model: ObjectModel | CropModel
    counts: tuple[int, ...]
    choice: Mapping[str, float | str] = field(default_factory=dict)
    accuracy: float | None = None
    balanced_accuracy: float | None = None
    dead: tuple[str, ...] = ()
    unstained: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Check that features, classes and model fit each other."""
        n_classes, n_features = len(self.classes), len(self.feature_names)
        if n_classes < 2 or len(set(self.classes)) < n_classes:
            raise ValueError(f"its classes are {', '.join(self.classes)[:60] or 'none'}")
        if len(set(self.feature_names)) < n_features:
            raise ValueError("it has one feature twice")
        if not n_features and self.crop_model is None:
            raise ValueError("it has no features")
        if self.model.n_classes != n_classes or len(self.counts) != n_classes:
            raise ValueError(f"its model has {self.model.n_classes} classes, not {n_classes}")
        if self.model.n_features != n_features or len(self.scaling.means) != n_features:
            raise ValueError(f"its model has {self.model.n_features} features, not {n_features}")
        named = (*self.dead, *self.unstained)
        if not set(named) <= set(self.classes) or len(set(named)) < len(named):
            raise ValueError("its dead and unstained cells are no classes, or a class is both")
        if self.settings is not None:
            foreign = set(self.feature_names) - set(self.settings.names)
            if foreign:
                raise ValueError(f"it has the feature {min(foreign)}, which nobody computes")
        if self.crop_model is not None:
            given = 0 if self.settings is None else len(self.settings.channels)
            if self.crop_model.n_channels != given:
                raise ValueError(f"its model has {self.crop_model.n_channels} channels")

    @property
    def crop_model(self) -> CropModel | None:
        """The model where it looks at crops, else ``None``."""
        return None if self.model.kind in MODELS else cast(CropModel, self.model)

    @cached_property
    def sha256(self) -> str:
        """Hash of all that decides the probabilities."""
        files = self._files()
        described = json.loads(files[DESCRIPTION])
        decisive = {key: described[key] for key in ("classes", "features", "settings", "model")}
        parts = [json.dumps(decisive).encode(), *(v for k, v in files.items() if k != DESCRIPTION)]
        return hashlib.sha256(b"".join(parts)).hexdigest()

    def predict_proba(self, features: pd.DataFrame) -> NDArray[np.float64]:
        """Return the probability of each class for each object.

        A feature that is not a number counts as the median in training.

        Args:
            features: n rows, with at least the columns ``feature_names``.

        Returns:
            (n, classes); NaN for objects without any feature, of which nothing was drawn.

        Raises:
            BadInputError: columns that are missing or hold text, or the model looks at crops.
        """
        if self.crop_model is not None:
            raise BadInputError(
                "the classifier", "looks at pixels, not at features", "give it images and objects"
            )
        model = cast(ObjectModel, self.model)
        missing = [name for name in self.feature_names if name not in features.columns]
        if missing:
            shown = ", ".join(repr(name) for name in missing[:_SHOWN])
            more = f" and {len(missing) - _SHOWN:,} more" if len(missing) > _SHOWN else ""
            raise BadInputError(
                "the features",
                f"have no column {shown}{more}, which the classifier was trained on",
                "measure these objects with the channels and settings of training",
            )
        try:
            x = features[list(self.feature_names)].to_numpy(np.float64)
        except (TypeError, ValueError) as error:
            raise BadInputError(
                "the features", f"hold text ({error})", "give numbers in every column of features"
            ) from error
        found = np.full((len(x), len(self.classes)), np.nan)
        is_known = np.isfinite(x).any(axis=1)
        if is_known.any():
            found[is_known] = model.predict_proba(self.scaling.standardise(x[is_known]))
        return found

    def predict_crops(self, crops: MaskedCrops) -> NDArray[np.float64]:
        """Return the probability (n, classes) of each class for crops of n objects.

        Returns:
            As :meth:`predict_proba`.

        Raises:
            BadInputError: the model looks at features.
        """
        if self.crop_model is None:
            raise BadInputError(
                "the classifier", "looks at features, not at pixels", "give it their table"
            )
        found = np.full((len(crops), len(self.classes)), np.nan)
        is_drawn = crops.is_drawn
        if is_drawn.any():
            found[is_drawn] = self.crop_model.predict_proba(crops[is_drawn])
        return found

    def predict(self, features: pd.DataFrame, *, threshold: float = 0.0) -> NDArray[np.object_]:
        """Return the most probable class of each object.

        Args:
            features: as :meth:`predict_proba` takes them.
            threshold: objects whose most probable class is less probable stay without a class.

        Returns:
            (n,) names; ``None`` without a class.

        Raises:
            BadInputError: columns that are missing or hold text.
        """
        return self.name_classes(self.predict_proba(features), threshold=threshold)

    def name_classes(
        self, probabilities: NDArray[np.float64], *, threshold: float = 0.0
    ) -> NDArray[np.object_]:
        """Return the names (n,) of the most probable classes, ``None`` below the threshold."""
        names = np.array([*self.classes, None], object)
        is_sure = np.nan_to_num(probabilities, nan=-1.0).max(axis=1) >= max(threshold, 0.0)
        chosen = np.nan_to_num(probabilities, nan=-1.0).argmax(axis=1)
        found: NDArray[np.object_] = names[np.where(is_sure, chosen, len(self.classes))]
        return found

    def write(self, path: str | PathLike[str]) -> None:
        """Write the classifier as a folder, complete or not at all.

        Args:
            path: the folder. One that is there must be a classifier, which is replaced.

        Raises:
            BadInputError: something else is there, or it cannot be written.
        """
        write_classifier(Path(path), DESCRIPTION, self._files())

    def _files(self) -> dict[str, bytes]:
        description = {
            "format": _FORMAT,
            "version": _VERSION,
            "classes": [
                {"name": name, "examples": count}
                for name, count in zip(self.classes, self.counts, strict=True)
            ],
            "features": list(self.feature_names),
            "settings": None if self.settings is None else self.settings.to_json(),
            "model": {"kind": self.model.kind, "settings": dict(self.choice)},
            "dead": list(self.dead),
            "unstained": list(self.unstained),
            "cross_validation": {
                "accuracy": self.accuracy,
                "balanced_accuracy": self.balanced_accuracy,
            },
        }
        files = {DESCRIPTION: json.dumps(description, indent=1, ensure_ascii=False).encode()}
        for name in _SCALING:
            files[f"{name}.npy"] = array_bytes(getattr(self.scaling, name).astype("<f8"))
        arrays = self.model.arrays()
        for name, dtype in self.model.dtypes.items():
            files[f"{name}.npy"] = array_bytes(np.ascontiguousarray(arrays[name].astype(dtype)))
        return files


def load_object_classifier(path: str | PathLike[str]) -> ObjectClassifier:
    """Load a classifier of objects.

    Args:
        path: a folder that :meth:`ObjectClassifier.write` wrote.

    Raises:
        BadInputError: it is something else, or is damaged.

    >>> load_object_classifier("organoids.classifier").classes  # doctest: +SKIP
    ('Cyst', 'Dense')
    """
    folder = Path(path)
    file = folder / DESCRIPTION
    if not file.is_file():
        raise BadInputError(
            folder,
            f"is no classifier: it has no {DESCRIPTION}" if folder.exists() else "is not there",
            "give the folder that classes train wrote",
        )
    try:
        description = read_description(file, _MOST_TEXT)
        kind, version = description["format"], description["version"]
    except (ValueError, KeyError, TypeError, RecursionError, OSError) as error:
        raise BadInputError(file, f"is damaged ({_reason(error)})", _DAMAGED) from error
    if kind != _FORMAT:
        raise BadInputError(
            file, f"is no classifier of objects but a {str(kind)[:60]}", "give one of classes train"
        )
    if version != _VERSION:
        raise BadInputError(
            file, f"is of version {version}", "install a newer starbridge, or train it again"
        )
    try:
        model = _KINDS[description["model"]["kind"]]
    except (KeyError, TypeError) as error:
        raise BadInputError(file, "is damaged (its model is not known)", _DAMAGED) from error
    scaling = {name: read_array(folder / f"{name}.npy", "<f8", _DAMAGED) for name in _SCALING}
    arrays = {
        name: read_array(folder / f"{name}.npy", dtype, _DAMAGED)
        for name, dtype in model.dtypes.items()
    }
    try:
        return _build(description, model, arrays, FeatureScaling(**scaling))
    except (ValueError, KeyError, TypeError, AttributeError, OverflowError) as error:
        raise BadInputError(file, f"is damaged ({_reason(error)})", _DAMAGED) from error


def _build(
    description: Mapping[str, Any],
    model: type[ObjectModel | CropModel],
    arrays: Mapping[str, NDArray[Any]],
    scaling: FeatureScaling,
) -> ObjectClassifier:
    # Classifiers of earlier versions name none.
    dead, unstained = (tuple(description.get(key, ())) for key in ("dead", "unstained"))
    named = [each["name"] for each in description["classes"]]
    names = [*description["features"], *named, *dead, *unstained]
    if not all(isinstance(name, str) for name in names):
        raise TypeError("a name is no text")
    settings, scores = description["settings"], description["cross_validation"]
    features = tuple(description["features"])
    choice = description["model"]["settings"]
    if not isinstance(choice, dict):
        raise TypeError("the settings of the model are no settings")
    return ObjectClassifier(
        classes=tuple(named),
        feature_names=features,
        settings=None if settings is None else FeatureSettings.from_json(settings),
        scaling=scaling,
        model=model.from_arrays(arrays, len(features)),
        counts=tuple(int(each["examples"]) for each in description["classes"]),
        choice=choice,
        accuracy=_score(scores["accuracy"]),
        balanced_accuracy=_score(scores["balanced_accuracy"]),
        dead=dead,
        unstained=unstained,
    )


def _score(value: Any) -> float | None:
    if value is None:
        return None
    if not math.isfinite(value):
        raise ValueError("a score is no number")
    return float(value)


def _reason(error: Exception) -> str:
    return f"without {error}" if isinstance(error, KeyError) else str(error)[:120]
