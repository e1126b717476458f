"""Permutation importance: how much worse it gets when a feature says nothing (Breiman 2001)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from bridge.classify.objects.features.names import family
from bridge.classify.objects.training import TrainedClassifier

_REPEATS = 3
_MOST_EXAMPLES = 1_000  # more make the figures little steadier, and take minutes


def importance_table(trained: TrainedClassifier, *, seed: int = 0) -> pd.DataFrame:
    """Return how much the accuracy falls when features are shuffled among held-out examples.

    Features that say nearly the same stand in for each other, so that each alone may matter little;
    the rows of a family, whose features are shuffled together, show that.

    Args:
        trained: the classifier; of more than 1,000 examples so many are taken by chance.
        seed: of the shuffling.

    Returns:
        Columns ``feature`` (a name, or ``all of`` a family), ``family``, ``accuracy_lost`` (mean of
        three times) and ``log_loss_gained``; families first, then features, the most important
        first.
    """
    classifier = trained.classifier
    x = trained.examples[list(classifier.feature_names)].to_numpy(np.float64)
    rng = np.random.default_rng(seed)
    kept = np.arange(len(x))
    if len(x) > _MOST_EXAMPLES:
        kept = np.sort(rng.choice(len(x), _MOST_EXAMPLES, replace=False))
    truth, folds = trained.truth[kept], trained.validation.folds[kept]
    scaled = [scaling.standardise(x[kept]) for scaling, _ in trained.validation.fold_models]
    orders = [rng.permutation(len(kept)) for _ in range(_REPEATS)]

    def loss(columns: Sequence[int]) -> tuple[float, float]:
        right, log_loss, count = 0.0, 0.0, 0
        for number, (values, (_, model)) in enumerate(
            zip(scaled, trained.validation.fold_models, strict=True)
        ):
            (rows,) = np.nonzero(folds == number)
            if not len(rows):
                continue
            shuffled = [_shuffled(values, rows, columns, order) for order in orders]
            found = model.predict_proba(np.concatenate(shuffled if len(columns) else shuffled[:1]))
            true = np.tile(truth[rows], len(found) // len(rows))
            right += float((found.argmax(axis=1) == true).sum())
            of_true = found[np.arange(len(true)), true]
            log_loss += float(-np.log(np.maximum(of_true, 1e-15)).sum())
            count += len(true)
        return right / count, log_loss / count

    accuracy, log_loss = loss([])
    families: dict[str, list[int]] = {}
    for number, name in enumerate(classifier.feature_names):
        families.setdefault(family(name), []).append(number)
    groups = [(f"all of {name}", name, numbers) for name, numbers in families.items()]
    single = [(name, family(name), [k]) for k, name in enumerate(classifier.feature_names)]
    parts = []
    for part in (groups, single):
        rows = []
        for name, own_family, numbers in part:
            without, log_loss_without = loss(numbers)
            rows.append(
                {
                    "feature": name,
                    "family": own_family,
                    "accuracy_lost": accuracy - without,
                    "log_loss_gained": log_loss_without - log_loss,
                }
            )
        by = ["accuracy_lost", "log_loss_gained"]
        parts.append(pd.DataFrame(rows).sort_values(by, ascending=False, kind="stable"))
    return pd.concat(parts, ignore_index=True)


def _shuffled(
    values: NDArray[np.float64],
    rows: NDArray[np.intp],
    columns: Sequence[int],
    order: NDArray[np.intp],
) -> NDArray[np.float64]:
    """Return the rows with columns taken from other rows of the same fold."""
    changed = values[rows]
    if len(columns):
        others = rows[np.argsort(order[rows], kind="stable")]
        changed[:, columns] = values[others][:, columns]
    return changed
