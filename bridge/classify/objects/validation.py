"""Cross-validation that never has the same image, organoid or content on both sides.

The model with the highest balanced accuracy is kept; of equal ones the simplest kind, and of one
kind the settings with the lowest log loss.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from bridge.classify.objects.masked_crops import MaskedCrops
from bridge.classify.objects.models.base import ObjectModel
from bridge.classify.objects.models.fitting import (
    Candidate,
    Fitted,
    calibrate,
    finish,
    fit,
    predict,
)
from bridge.classify.objects.models.network_fitting import NetworkFit, fit_network
from bridge.classify.objects.models.registry import CROP_MODELS
from bridge.classify.objects.models.vectors import VectorMargins
from bridge.classify.objects.scaling import FeatureScaling
from bridge.errors import MissingPartError

FOLDS = 5

_EQUAL = 1e-9  # balanced accuracies that differ by less are equal

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

    def is_better_than(self, simpler: CandidateScore) -> bool:
        """Return whether a candidate is chosen rather than one of its kind or of a simpler one.

        >>> logistic = CandidateScore(Candidate("logistic"), 0.9, 0.94, 0.20)
        >>> CandidateScore(Candidate("svc"), 0.9, 0.95, 0.30).is_better_than(logistic)
        True
        >>> CandidateScore(Candidate("svc"), 0.9, 0.94, 0.10).is_better_than(logistic)
        False
        >>> CandidateScore(Candidate("logistic"), 0.9, 0.94, 0.10).is_better_than(logistic)
        True
        """
        gain = self.balanced_accuracy - simpler.balanced_accuracy
        if abs(gain) > _EQUAL:
            return gain > 0
        return self.candidate.kind == simpler.candidate.kind and self.log_loss < simpler.log_loss


@dataclass(frozen=True, eq=False)
class Validation:
    """Result of the cross-validation.

    Attributes:
        scores: of each candidate, in the order in which they were tried.
        best: the candidate that was chosen.
        probabilities: (n, classes) of the best one, for each example by a model that has not seen
            its group.
        folds: (n,) in which each example was held out, from 0.
        fold_models: scaling and model of the best one for each fold; none of a model on crops.
        calibration_margins: (n, pairs) margins of support vectors that were held out, else
            ``None``.
        epochs: median over folds of the epochs that a network learnt best in, else ``None``.
    """

    scores: tuple[CandidateScore, ...]
    best: CandidateScore
    probabilities: NDArray[np.float64]
    folds: NDArray[np.int64]
    fold_models: tuple[tuple[FeatureScaling, ObjectModel], ...]
    calibration_margins: NDArray[np.float64] | None
    epochs: int | None = None


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


@dataclass(frozen=True, eq=False)
class _Tried:
    """A candidate, and what it was in each fold.

    Attributes:
        score: its scores.
        raw: (n, classes) probabilities, or (n, pairs) margins, of examples that were held out.
        fitted: models on features, one a fold.
        networks: networks on crops, one a fold.
    """

    score: CandidateScore
    raw: NDArray[np.float64]
    fitted: list[Fitted]
    networks: list[NetworkFit]


@dataclass(frozen=True, kw_only=True, eq=False)
class CrossValidation:
    """Examples, and how they are divided.

    Attributes:
        x: (n, features) as measured.
        crops: of the n objects; needed for models on crops.
        y: (n,) numbers of the classes.
        groups: (n,) of :func:`join_groups`.
        classes: names of the classes.
        folds: (n,) of :func:`choose_folds`.
        seed: of the trees and networks.
        logs: folder in which networks are logged for TensorBoard.
        note: called with a line for each candidate.
    """

    x: NDArray[np.float64]
    y: NDArray[np.int64]
    groups: NDArray[np.int64]
    classes: Sequence[str]
    folds: NDArray[np.int64]
    crops: MaskedCrops | None = None
    seed: int = 0
    logs: Path | None = None
    note: Note = lambda line: None

    def run(self, candidates: Sequence[Candidate]) -> Validation:
        """Try candidates and choose the best one, by the rule that the module describes.

        Features are standardised anew in each fold, by its training part.

        Args:
            candidates: the simplest kind first.
        """
        y, n_classes, held_out = self.y, len(self.classes), self._held_out()
        scalings = [FeatureScaling.of(self.x[~rows]) for rows in held_out]
        scaled = [scaling.standardise(self.x) for scaling in scalings]
        scores: list[CandidateScore] = []
        best: _Tried | None = None
        for number, candidate in enumerate(candidates, 1):
            if candidate.kind in CROP_MODELS:
                tried = self._try_network(candidate, number, held_out)
            else:
                tried = self._try_features(candidate, scaled, held_out)
            scores.append(tried.score)
            self.note(f"{candidate}: balanced accuracy {tried.score.balanced_accuracy:.3f}")
            if best is None or tried.score.is_better_than(best.score):
                best = tried
        if best is None:
            raise ValueError("there is no candidate")
        fitted, raw = best.fitted, best.raw
        is_margin = bool(fitted) and isinstance(fitted[0], VectorMargins)
        models = []
        for rows, scaling, one in zip(held_out, scalings, fitted, strict=False):
            own = calibrate(raw[~rows], y[~rows], n_classes) if is_margin else None
            models.append((scaling, finish(one, own)))
        epochs = [network.epochs for network in best.networks]
        return Validation(
            scores=tuple(scores),
            best=best.score,
            probabilities=_probabilities(raw, y, n_classes, self.folds, is_margin=is_margin),
            folds=self.folds,
            fold_models=tuple(models),
            calibration_margins=raw if is_margin else None,
            epochs=int(np.median(epochs)) if epochs else None,
        )

    def _held_out(self) -> list[NDArray[np.bool_]]:
        return [self.folds == number for number in range(int(self.folds.max()) + 1)]

    def _try_features(
        self,
        candidate: Candidate,
        scaled: Sequence[NDArray[np.float64]],
        held_out: Sequence[NDArray[np.bool_]],
    ) -> _Tried:
        y, n_classes = self.y, len(self.classes)
        fitted = [
            fit(candidate, x[~rows], y[~rows], n_classes, self.seed)
            for x, rows in zip(scaled, held_out, strict=True)
        ]
        found = [
            predict(one, x[rows]) for one, x, rows in zip(fitted, scaled, held_out, strict=True)
        ]
        raw = np.empty((len(y), found[0].shape[1]))
        for rows, part in zip(held_out, found, strict=True):
            raw[rows] = part
        is_margin = isinstance(fitted[0], VectorMargins)
        probabilities = _probabilities(raw, y, n_classes, self.folds, is_margin=is_margin)
        return _Tried(_score(candidate, probabilities, y), raw, fitted, [])

    def _try_network(
        self, candidate: Candidate, number: int, held_out: Sequence[NDArray[np.bool_]]
    ) -> _Tried:
        """Fit networks, whose best epochs are chosen on groups that they do not learn."""
        if self.crops is None:
            raise ValueError("a model on crops needs crops")
        y, n_classes = self.y, len(self.classes)
        found = np.empty((len(y), n_classes))
        networks = []
        for fold, rows in enumerate(held_out, 1):
            self.note(f"{candidate}: part {fold} of {len(held_out)}")
            inner = choose_folds(
                y[~rows], self.groups[~rows], self.classes, self.seed, lambda line: None
            )
            fitted = fit_network(
                candidate.settings,
                self.crops[~rows],
                y[~rows],
                n_classes,
                self.seed,
                held_out=inner == 0,
                logs=None if self.logs is None else self.logs / f"network {number} part {fold}",
            )
            found[rows] = fitted.model.predict_proba(self.crops[rows])
            networks.append(fitted)
        return _Tried(_score(candidate, found, y), found, [], networks)


def _probabilities(
    raw: NDArray[np.float64],
    y: NDArray[np.int64],
    n_classes: int,
    folds: NDArray[np.int64],
    *,
    is_margin: bool,
) -> NDArray[np.float64]:
    """Return probabilities; those of margins by a calibration on the other folds."""
    if not is_margin:
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
    of_true = probabilities[np.arange(len(y)), y]
    return CandidateScore(
        candidate=candidate,
        accuracy=float(is_right.mean()),
        balanced_accuracy=_balanced(is_right, y),
        log_loss=float(-np.log(np.maximum(of_true, 1e-15)).mean()),
    )


def _balanced(is_right: NDArray[np.bool_], y: NDArray[np.int64]) -> float:
    """Return the mean over classes of the part that is right."""
    return float(np.mean([is_right[y == number].mean() for number in np.unique(y)]))
