"""Tables of a cross-validation: confusion, scores of each class, calibration, single examples."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from bridge.classify.objects.training import KEYS, TrainedClassifier

ALL_CELLS, LIVING_CELLS = "all", "without dead"
"""Values of the column ``cells`` of :func:`proportion_table`, as ``starbridge aggregate`` says."""

_BINS = 10


def confusion_table(trained: TrainedClassifier) -> pd.DataFrame:
    """Return how many examples of each class were found to be of which.

    Returns:
        A row a true class: ``class``, then a column for each class that was found.
    """
    classes = list(trained.classifier.classes)
    counts = np.zeros((len(classes), len(classes)), np.int64)
    np.add.at(counts, (trained.truth, found_classes(trained)), 1)
    table = pd.DataFrame(counts, columns=classes)
    table.insert(0, "class", classes, allow_duplicates=True)
    return table


def class_table(trained: TrainedClassifier) -> pd.DataFrame:
    """Return the scores of each class.

    Returns:
        Columns ``class``, ``examples``, ``found``, ``precision`` (found ones that are right),
        ``recall`` (true ones that were found), ``f1`` (their harmonic mean, 0 where none is right).
        Precision is NaN where none was found.
    """
    found, truth = found_classes(trained), trained.truth
    rows = []
    for number, name in enumerate(trained.classifier.classes):
        right = int(((found == number) & (truth == number)).sum())
        n_found, n_true = int((found == number).sum()), int((truth == number).sum())
        rows.append(
            {
                "class": name,
                "examples": n_true,
                "found": n_found,
                "precision": right / n_found if n_found else np.nan,
                "recall": right / n_true,
                "f1": 2 * right / (n_found + n_true),
            }
        )
    return pd.DataFrame(rows)


def proportion_table(trained: TrainedClassifier) -> pd.DataFrame:
    """Return the proportions of classes among the examples, true and found.

    Errors of the classifier that go both ways cancel out in a proportion; those that go one way do
    not: ``difference`` is what they do to the numbers of a study whose cells are like the examples.

    Returns:
        A row a class among all cells, then, where classes are dead, a row a living class among the
        living cells (those found to be living in the column ``found``): ``class``, ``cells``
        (``all`` or ``without dead``), ``true``, ``found``, ``difference`` (found - true), each a
        part from 0 to 1; NaN where there are no such cells. Unstained and dead classes are last.
    """
    classifier = trained.classifier
    classes = np.array(classifier.classes, object)
    last = {**dict.fromkeys(classifier.unstained, 1), **dict.fromkeys(classifier.dead, 2)}
    order = sorted(classifier.classes, key=lambda name: last.get(name, 0))
    living = [name for name in order if name not in classifier.dead]
    true, found = (pd.Series(classes[k]) for k in (trained.truth, found_classes(trained)))
    rows = []
    for cells, names in ((ALL_CELLS, order), (LIVING_CELLS, living if classifier.dead else [])):
        parts = [
            each[each.isin(names)].value_counts(normalize=True).reindex(names, fill_value=0.0)
            if each.isin(names).any()
            else pd.Series(np.nan, names)
            for each in (true, found)
        ]
        rows += [
            {"class": name, "cells": cells, "true": parts[0][name], "found": parts[1][name]}
            for name in names
        ]
    table = pd.DataFrame(rows)
    return table.assign(difference=table["found"] - table["true"])


def calibration_table(trained: TrainedClassifier) -> pd.DataFrame:
    """Return how often the most probable class is right, by its probability.

    Returns:
        A row for each tenth of the probability that holds examples: ``from``, ``to``, ``examples``,
        ``probability`` (mean), ``right`` (part of the examples).
    """
    probabilities = trained.validation.probabilities.max(axis=1)
    is_right = found_classes(trained) == trained.truth
    bins = np.minimum((probabilities * _BINS).astype(np.int64), _BINS - 1)
    rows = [
        {
            "from": number / _BINS,
            "to": (number + 1) / _BINS,
            "examples": int((bins == number).sum()),
            "probability": float(probabilities[bins == number].mean()),
            "right": float(is_right[bins == number].mean()),
        }
        for number in np.unique(bins).tolist()
    ]
    return pd.DataFrame(rows)


def calibration_error(table: pd.DataFrame) -> float:
    """Return the expected calibration error: the mean of |right - probability| over examples.

    Args:
        table: of :func:`calibration_table`.

    >>> rows = {"examples": [1, 3], "probability": [0.5, 0.9], "right": [1.0, 0.9]}
    >>> calibration_error(pd.DataFrame(rows))
    0.125
    """
    gaps = (table["right"] - table["probability"]).abs()
    return float((gaps * table["examples"]).sum() / table["examples"].sum())


def model_table(trained: TrainedClassifier) -> pd.DataFrame:
    """Return the scores of each model that was tried: ``model``, ``chosen``, and its scores."""
    return pd.DataFrame(
        {
            "model": str(score.candidate),
            "chosen": "yes" if score is trained.validation.best else "",
            "balanced_accuracy": score.balanced_accuracy,
            "accuracy": score.accuracy,
            "log_loss": score.log_loss,
        }
        for score in trained.validation.scores
    )


def example_table(trained: TrainedClassifier) -> pd.DataFrame:
    """Return each example with what was found, by a model that has not seen its group.

    Returns:
        Those of ``image``, ``group``, ``object`` that are known, ``class``, ``found``,
        ``probability`` of what was found, ``probability_of_class``, ``uncertainty`` (1 minus
        ``probability``), ``right`` (1 or 0), ``fold`` (from 1); rows as in ``trained.examples``.
    """
    probabilities = trained.validation.probabilities
    names = np.array(trained.classifier.classes, object)
    found = found_classes(trained)
    known = [name for name in KEYS if name in trained.examples.columns and name != "hash"]
    table = trained.examples[known].reset_index(drop=True)
    return table.assign(
        found=names[found],
        probability=probabilities.max(axis=1),
        probability_of_class=probabilities[np.arange(len(table)), trained.truth],
        uncertainty=1 - probabilities.max(axis=1),
        right=(found == trained.truth).astype(np.int64),
        fold=trained.validation.folds + 1,
    )


def found_classes(trained: TrainedClassifier) -> NDArray[np.int64]:
    """Return the number (n,) of the class that was found for each example."""
    found: NDArray[np.int64] = trained.validation.probabilities.argmax(axis=1).astype(np.int64)
    return found
