"""Cross-validation that never has the same image, organoid or content on both sides."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bridge.classify.objects.models.base import ObjectModel
from bridge.classify.objects.models.fitting import (
    Candidate,
    Fitted,
    calibrate,
    finish,
    fit,
    predict,
)
from bridge.classify.objects.models.vectors import VectorMargins
from bridge.classify.objects.scaling import FeatureScaling
from bridge.errors import MissingPartError

FOLDS = 5

Note = Callable[[str], None]


@dataclass(frozen=True)
class CandidateScore:
    """Scores of a candidate on the examples that were held out.

    Attributes:
        candidate: the model and its settings.
        accuracy: part of the examples that are right.
        balanced_accuracy: mean over classes of the part that is right.
        log_loss: mean of -log(probability of the true class), natural logarithm.
    """

    candidate: Candidate
    accuracy: float
    balanced_accuracy: float
    log_loss: float


@dataclass(frozen=True, eq=False)
class Validation:
    """Result of the cross-validation.

    Attributes:
        scores: of each candidate, in the order in which they were tried.
        best: the candidate that was chosen.
        probabilities: (n, classes) of the best one, for each example by a model that has not seen
            its group.
        folds: (n,) in which each example was held out, from 0.
        fold_models: scaling and model of the best one for each fold.
        calibration_margins: (n, pairs) margins of support vectors that were held out, else
            ``None``.
    """

    scores: tuple[CandidateScore, ...]
    best: CandidateScore
    probabilities: NDArray[np.float64]
    folds: NDArray[np.int64]
    fold_models: tuple[tuple[FeatureScaling, ObjectModel], ...]
    calibration_margins: NDArray[np.float64] | None


def join_groups(groups: Sequence[Hashable], hashes: Sequence[Hashable]) -> NDArray[np.int64]:
    """Return group numbers in which examples of one group or of one content are together.

    Args:
        groups: of each example: its image, or the organoid that its name says.
        hashes: of each example's content; ``None`` or ``""`` where unknown.

    >>> join_groups(["a", "b", "c", "c"], ["1", "2", "2", ""]).tolist()
    [0, 1, 1, 1]
    """
    parents: dict[Hashable, Hashable] = {}

    def root(key: Hashable) -> Hashable:
        parents.setdefault(key, key)
        while parents[key] != key:
            parents[key] = parents[parents[key]]
            key = parents[key]
        return key

    for group, content in zip(groups, hashes, strict=True):
        own = root(("group", group))
        if content is not None and content == content and content != "":
            parents[root(("content", content))] = own
    roots = [root(("group", group)) for group in groups]
    numbers = {key: number for number, key in enumerate(dict.fromkeys(roots))}
    return np.array([numbers[key] for key in roots], np.int64)


def choose_folds(
    y: NDArray[np.int64], groups: NDArray[np.int64], classes: Sequence[str], seed: int, note: Note
) -> NDArray[np.int64]:
    """Return in which fold each example is held out, whole groups together.

    Where examples of all classes are in too few groups for that, examples are held out one by one,
    which the user is told.

    Args:
        y: (n,) numbers of the classes.
        groups: (n,) numbers of the groups.
        classes: names of the classes.
        seed: of the choice.
        note: called with sentences for the user.
    """
    try:
        from sklearn.model_selection import StratifiedGroupKFold, StratifiedKFold
    except ImportError as error:
        raise MissingPartError(
            "classify", "train a classifier of objects", error.name or "sklearn"
        ) from error
    n_groups = len(np.unique(groups))
    per_class = [len(np.unique(groups[y == number])) for number in range(len(classes))]
    folds = np.zeros(len(y), np.int64)
    if n_groups > 1 and max(per_class) > 1:
        most = int(max(2, min(FOLDS, *per_class)))
        splitter = StratifiedGroupKFold(most, shuffle=True, random_state=seed)
        for number, (_, held_out) in enumerate(_quiet(splitter.split, y, groups)):
            folds[held_out] = number
        used = np.unique(folds)
        if len(used) > 1 and all(len(np.unique(y[folds != k])) > 1 for k in used):
            for name, count in zip(classes, per_class, strict=True):
                if count == 1:
                    note(
                        f"the class {name!r} has examples in one image or group only: what the "
                        "scores say of it is too bad"
                    )
            return np.unique(folds, return_inverse=True)[1].astype(np.int64)
    note(
        "the examples are of one image or group, or each class of its own: the scores say how well "
        "it does there, not in other images"
    )
    most = max(2, min(FOLDS, int(np.bincount(y).min())))
    by_example = StratifiedKFold(most, shuffle=True, random_state=seed)
    for number, (_, held_out) in enumerate(_quiet(by_example.split, y, None)):
        folds[held_out] = number
    return folds


def _quiet(
    split: Callable[..., object], y: NDArray[np.int64], groups: NDArray[np.int64] | None
) -> list[tuple[NDArray[np.int64], NDArray[np.int64]]]:
    import warnings

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of classes with fewer examples than folds
        return list(split(y, y, groups))  # type: ignore[call-overload,no-any-return]


def cross_validate(
    tried: Sequence[Candidate],
    x: NDArray[np.float64],
    y: NDArray[np.int64],
    n_classes: int,
    folds: NDArray[np.int64],
    seed: int,
    note: Note = lambda line: None,
) -> Validation:
    """Try candidates and choose the best one by its balanced accuracy, of equal ones by log loss.

    Features are standardised anew in each fold, by its training part.

    Args:
        tried: the candidates.
        x: (n, features) as measured.
        y: (n,) numbers of the classes.
        n_classes: number of classes.
        folds: (n,) of :func:`choose_folds`.
        seed: of the trees.
        note: called with a line for each candidate.
    """
    parts = []
    for number in range(int(folds.max()) + 1):
        held_out = folds == number
        scaling = FeatureScaling.of(x[~held_out])
        parts.append((held_out, scaling, scaling.standardise(x)))
    scores: list[CandidateScore] = []
    best: tuple[CandidateScore, NDArray[np.float64], list[Fitted]] | None = None
    for candidate in tried:
        fitted: list[Fitted] = []
        raw: NDArray[np.float64] | None = None
        for held_out, _, scaled in parts:
            one = fit(candidate, scaled[~held_out], y[~held_out], n_classes, seed)
            found = predict(one, scaled[held_out])
            raw = np.empty((len(y), found.shape[1])) if raw is None else raw
            raw[held_out] = found
            fitted.append(one)
        assert raw is not None  # noqa: S101 - there are two folds at least
        score = _score(candidate, _probabilities(fitted[0], raw, y, n_classes, folds), y)
        scores.append(score)
        note(f"{candidate}: balanced accuracy {score.balanced_accuracy:.3f}")
        if best is None or _rank(score) > _rank(best[0]):
            best = score, raw, fitted
    assert best is not None  # noqa: S101 - candidates() returns some
    score, raw, fitted = best
    is_margin = isinstance(fitted[0], VectorMargins)
    models = []
    for (held_out, scaling, _), one in zip(parts, fitted, strict=True):
        own = calibrate(raw[~held_out], y[~held_out], n_classes) if is_margin else None
        models.append((scaling, finish(one, own)))
    return Validation(
        scores=tuple(scores),
        best=score,
        probabilities=_probabilities(fitted[0], raw, y, n_classes, folds),
        folds=folds,
        fold_models=tuple(models),
        calibration_margins=raw if is_margin else None,
    )


def _probabilities(
    fitted: Fitted,
    raw: NDArray[np.float64],
    y: NDArray[np.int64],
    n_classes: int,
    folds: NDArray[np.int64],
) -> NDArray[np.float64]:
    """Return probabilities; those of margins by a calibration on the other folds."""
    if not isinstance(fitted, VectorMargins):
        return raw
    found = np.empty((len(y), n_classes))
    for number in range(int(folds.max()) + 1):
        held_out = folds == number
        calibration = calibrate(raw[~held_out], y[~held_out], n_classes)
        found[held_out] = calibration.predict_proba(raw[held_out])
    return found


def _score(
    candidate: Candidate, probabilities: NDArray[np.float64], y: NDArray[np.int64]
) -> CandidateScore:
    is_right = probabilities.argmax(axis=1) == y
    recalls = [is_right[y == number].mean() for number in np.unique(y)]
    of_true = probabilities[np.arange(len(y)), y]
    return CandidateScore(
        candidate=candidate,
        accuracy=float(is_right.mean()),
        balanced_accuracy=float(np.mean(recalls)),
        log_loss=float(-np.log(np.maximum(of_true, 1e-15)).mean()),
    )


def _rank(score: CandidateScore) -> tuple[float, float]:
    return round(score.balanced_accuracy, 9), -round(score.log_loss, 9)
