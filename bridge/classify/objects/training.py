"""Train a classifier of objects on examples."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from bridge.classify.objects.classifier import ObjectClassifier
from bridge.classify.objects.examples import check_class_names
from bridge.classify.objects.features.settings import FeatureSettings
from bridge.classify.objects.masked_crops import MaskedCrops
from bridge.classify.objects.models.base import CropModel, ObjectModel
from bridge.classify.objects.models.fitting import calibrate, candidates, finish, fit
from bridge.classify.objects.models.network_fitting import fit_network
from bridge.classify.objects.models.registry import COMPARED, CROP_MODELS
from bridge.classify.objects.scaling import FeatureScaling
from bridge.classify.objects.validation import (
    CrossValidation,
    Validation,
    choose_folds,
    join_groups,
)
from bridge.errors import BadInputError

Note = Callable[[str], None]

KEYS = ("image", "group", "object", "class", "hash")
"""Columns of a table of examples that are no features."""

_MOST_CLASSES = 255
_SHOWN = 3  # names in a sentence


@dataclass(frozen=True, eq=False)
class TrainedClassifier:
    """A classifier and what cross-validation says of it.

    Attributes:
        classifier: trained on all examples.
        examples: the rows of the table that were used.
        truth: (n,) number of the class of each of them.
        validation: scores and probabilities of examples that were held out.
    """

    classifier: ObjectClassifier
    examples: pd.DataFrame
    truth: NDArray[np.int64]
    validation: Validation


def train_object_classifier(
    examples: pd.DataFrame,
    settings: FeatureSettings | None = None,
    *,
    features: Sequence[str] | None = None,
    kinds: Sequence[str] = COMPARED,
    crops: MaskedCrops | None = None,
    seed: int = 0,
    logs: Path | None = None,
    note: Note = lambda line: None,
    progress: Note = lambda line: None,
) -> TrainedClassifier:
    """Train a classifier: the best of a small grid by cross-validation grouped by image.

    Args:
        examples: a row an object with the columns ``class`` and features, and ``group`` (image or
            organoid; else ``image``) and ``hash`` (of the content; optional). Examples of one group
            or of one content are never on both sides of a split. Without a class: left out.
        settings: with which the features were computed; ``None`` for those of a table.
        features: names of the features; those of ``settings``, else all numeric columns.
        kinds: of models to try: ``logistic``, ``svc``, ``trees``, ``forest``, and on crops ``cnn``.
        crops: of the examples, row by row; needed for a model on crops.
        seed: the same examples, seed and versions give the same classifier.
        logs: folder in which networks are logged for TensorBoard.
        note: called with sentences for the user: features that are missing, classes that are in one
            image only.
        progress: called with a line for each model that was tried.

    Raises:
        BadInputError: fewer than two classes, a class with one example, class names that differ in
            case or blanks only, an object with two classes, no features, or no crops for a model
            on crops.
        MissingPartError: scikit-learn is not installed, or TensorFlow for a model on crops.

    Example::

        trained = train_object_classifier(table, settings)
        trained.classifier.write("organoids.classifier")
    """
    on_crops = [kind for kind in kinds if kind in CROP_MODELS]
    if on_crops and (crops is None or settings is None):
        raise BadInputError(
            f"--model {on_crops[0]}", "looks at pixels", "give images, not a table of features"
        )
    whole = examples.reset_index(drop=True)
    table: pd.DataFrame = whole.dropna(subset=["class"])
    classes = check_classes(table)
    names = _feature_names(table, settings, features)
    x = _matrix(table, names)
    is_usable = np.asarray(np.isfinite(x).any(axis=1), np.bool_)
    if not is_usable.all():
        note(f"{int((~is_usable).sum()):,} examples have no feature: nothing of them was drawn")
        table, x = table[is_usable], x[is_usable]
        classes = check_classes(table)
    names, x = _informative(names, x, note)
    is_first = _find_first(table, note)
    if not is_first.all():
        table, x = table[is_first], x[is_first]
        check_classes(table)
    y = np.array([classes.index(name) for name in table["class"]], np.int64)
    own_crops = None if crops is None or not on_crops else crops[table.index.to_numpy()]
    table = table.reset_index(drop=True)
    groups = _groups(table)
    validation = CrossValidation(
        x=x,
        y=y,
        groups=groups,
        classes=classes,
        folds=choose_folds(y, groups, classes, seed, note),
        crops=own_crops,
        seed=seed,
        logs=logs,
        note=progress,
    ).run(candidates(kinds, len(names)))
    best = validation.best
    scaling = FeatureScaling.of(x)
    model: ObjectModel | CropModel
    if best.candidate.kind in CROP_MODELS:
        assert own_crops is not None and validation.epochs is not None  # noqa: S101, PT018
        model = fit_network(
            best.candidate.settings,
            own_crops,
            y,
            len(classes),
            seed,
            epochs=validation.epochs,
            logs=None if logs is None else logs / "all examples",
        ).model
        names, scaling = (), FeatureScaling.of(x[:, :0])
    else:
        fitted = fit(best.candidate, scaling.standardise(x), y, len(classes), seed)
        margins = validation.calibration_margins
        calibration = None if margins is None else calibrate(margins, y, len(classes))
        model = finish(fitted, calibration)
    classifier = ObjectClassifier(
        classes=classes,
        feature_names=names,
        settings=settings,
        scaling=scaling,
        model=model,
        counts=tuple(int(count) for count in np.bincount(y, minlength=len(classes))),
        choice=best.candidate.settings,
        accuracy=best.accuracy,
        balanced_accuracy=best.balanced_accuracy,
    )
    return TrainedClassifier(classifier, table, y, validation)


def check_classes(table: pd.DataFrame) -> tuple[str, ...]:
    """Return the names of the classes of examples, in alphabetical order.

    Args:
        table: with the column ``class``, and ``image`` where that is known.

    Raises:
        BadInputError: fewer than two, a class with one example, or as
            :func:`bridge.classify.objects.examples.check_class_names`.

    >>> check_classes(pd.DataFrame({"class": ["dense", "cyst", "cyst", "dense"]}))
    ('cyst', 'dense')
    """
    given = table["class"].astype(str)
    sources = (
        table["image"].astype(str) if "image" in table.columns else ["the examples"] * len(table)
    )
    check_class_names(zip(given, sources, strict=True))
    counts = given.value_counts()
    names = sorted(counts.index)
    if len(names) < 2:
        raise BadInputError(
            "the examples",
            f"are of the class {names[0]!r} only" if names else "have no class",
            "class objects of at least two classes",
        )
    if len(names) > _MOST_CLASSES:
        raise BadInputError(
            "the examples", f"have {len(names):,} classes", f"give at most {_MOST_CLASSES}"
        )
    single = [name for name in names if counts[name] < 2]
    if single:
        raise BadInputError(
            "the examples",
            f"have one object only of the class {', '.join(map(repr, single[:_SHOWN]))}",
            "class one more, or take the class away",
        )
    return tuple(names)


def _feature_names(
    table: pd.DataFrame, settings: FeatureSettings | None, features: Sequence[str] | None
) -> tuple[str, ...]:
    if features is not None:
        names = tuple(features)
    elif settings is not None:
        names = settings.names
    else:
        numeric = table.select_dtypes("number").columns
        names = tuple(str(name) for name in numeric if name not in KEYS)
    missing = [name for name in names if name not in table.columns]
    if missing or not names:
        shown = ", ".join(map(repr, missing[:_SHOWN]))
        raise BadInputError(
            "the examples",
            f"have no column {shown}" if missing else "have no features",
            "measure them with the same channels and settings, or name the columns of features",
        )
    return names


def _matrix(table: pd.DataFrame, names: Sequence[str]) -> NDArray[np.float64]:
    try:
        return table[list(names)].to_numpy(np.float64)
    except (TypeError, ValueError) as error:
        raise BadInputError(
            "the examples", f"have text among the features ({error})", "give numbers there"
        ) from error


def _informative(
    names: tuple[str, ...], x: NDArray[np.float64], note: Note
) -> tuple[tuple[str, ...], NDArray[np.float64]]:
    """Return the features that are known and vary."""
    is_known = np.isfinite(x)
    (empty,) = np.nonzero(~is_known.any(axis=0))
    if len(empty):
        note(
            f"{len(empty):,} features are no numbers in any example and are left out: "
            f"{_listed(names, empty)}"
        )
    (partly,) = np.nonzero(is_known.any(axis=0) & ~is_known.all(axis=0))
    if len(partly):
        rows = int((~is_known[:, partly]).any(axis=1).sum())
        note(
            f"{rows:,} examples have features that are no numbers; the median stands for them: "
            f"{_listed(names, partly)}"
        )
    low = np.where(is_known, x, np.inf).min(axis=0)
    high = np.where(is_known, x, -np.inf).max(axis=0)
    (kept,) = np.nonzero(is_known.any(axis=0) & (high > low))
    if not len(kept):
        raise BadInputError(
            "the examples",
            "have no feature that differs between them",
            "check the image and the channels that they were measured in",
        )
    return tuple(names[number] for number in kept), x[:, kept]


def _listed(names: Sequence[str], numbers: NDArray[np.intp]) -> str:
    shown = ", ".join(repr(names[number]) for number in numbers[:_SHOWN])
    return f"{shown} and {len(numbers) - _SHOWN:,} more" if len(numbers) > _SHOWN else shown


def _find_first(table: pd.DataFrame, note: Note) -> NDArray[np.bool_]:
    """Return which rows (n,) show an object for the first time.

    Raises:
        BadInputError: an object has two classes.
    """
    if not {"image", "object"} <= set(table.columns):
        return np.ones(len(table), np.bool_)
    keys = table[["image", "object"]].astype(str)
    repeated = keys.duplicated() & table["object"].notna()
    if not repeated.any():
        return np.ones(len(table), np.bool_)
    by_object = table["class"].groupby([keys["image"], keys["object"]]).nunique()
    two = by_object[by_object > 1]
    if len(two):
        image, number = two.index[0]
        raise BadInputError(
            image, f"has the object {number} with two classes", "give it one class in the sources"
        )
    note(f"{int(repeated.sum()):,} examples are given twice and count once")
    found: NDArray[np.bool_] = ~repeated.to_numpy(np.bool_)
    return found


def _groups(table: pd.DataFrame) -> NDArray[np.int64]:
    for name in ("group", "image"):
        if name in table.columns and table[name].notna().any():
            groups = table[name].astype(object).where(table[name].notna(), None).tolist()
            break
    else:
        groups = list(range(len(table)))
    # Of an example whose group is not known, nothing else is known to be of the same image.
    groups = [("alone", k) if group is None else group for k, group in enumerate(groups)]
    hashes = table["hash"].tolist() if "hash" in table.columns else [None] * len(table)
    return join_groups(groups, hashes)
