"""Tables of evaluations: a row a score, for CSV, JSON, the terminal and pages."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import pandas as pd

from bridge.training.evaluation.evaluating import Evaluation
from bridge.training.evaluation.mistakes import Mistakes
from bridge.training.evaluation.scoring import SIZES, Score

ALL = "all"
"""Group of all images together."""

TITLES = {
    "model": "model",
    "group": "images",
    "image": "image",
    "size": "nuclei",
    "iou": "IoU",
    "n_true": "true",
    "tp": "right",
    "fp": "wrong",
    "fn": "missed",
    "merged": "merged",
    "split": "split",
    "faint": "faint",
    "precision": "precision",
    "recall": "recall",
    "f1": "F1",
    "mean_matched_iou": "mean IoU",
    "panoptic_quality": "PQ",
}
"""Titles of columns for people."""


def score_table(evaluations: Iterable[Evaluation]) -> pd.DataFrame:
    """Return the scores of each model, of all images and of each group of them.

    Columns: ``model``, ``group`` (:data:`ALL`, or its name), ``images``, then those of
    :meth:`bridge.training.evaluation.scoring.Score.as_dict`, and ``merged``, ``split`` and
    ``faint`` of the missed objects (:class:`bridge.training.evaluation.mistakes.Mistakes`).
    """
    rows: list[dict[str, Any]] = []
    for evaluation in evaluations:
        members = [image.group or image.name for image in evaluation.images]
        groups: dict[str, tuple[int, tuple[Score, ...], str | None]] = {
            ALL: (len(members), evaluation.scores, None)
        }
        for name, scores in evaluation.groups.items():
            shown = ALL + " (group)" if name == ALL else name
            groups[shown] = (members.count(name), scores, name)
        rows += [
            {
                "model": evaluation.model,
                "group": shown,
                "images": count,
                **row(score, evaluation.mistakes(score.iou, name)),
            }
            for shown, (count, scores, name) in groups.items()
            for score in scores
        ]
    return pd.DataFrame(rows)


def image_table(evaluations: Iterable[Evaluation]) -> pd.DataFrame:
    """Return the scores of each image.

    Columns: ``model``, ``image``, ``group``, ``source``, then those of
    :meth:`bridge.training.evaluation.scoring.Score.as_dict`.
    """
    return pd.DataFrame(
        {
            "model": evaluation.model,
            "image": image.name,
            "group": image.group,
            "source": image.source,
            **row(score, image.mistakes(score.iou)),
        }
        for evaluation in evaluations
        for image in evaluation.images
        for score in image.overlap.scores(evaluation.ious)
    )


def size_table(evaluations: Iterable[Evaluation]) -> pd.DataFrame:
    """Return the scores of small, medium and large objects.

    Columns: ``model``, ``size``, ``from_px`` and ``to_px`` (equivalent diameters; the last class
    has no end), then those of :meth:`bridge.training.evaluation.scoring.Score.as_dict`.
    """
    rows = []
    for evaluation in evaluations:
        limits = (0.0, *evaluation.bounds, None)
        for iou in evaluation.ious:
            for number, score in enumerate(evaluation.sizes(iou)):
                low, high = limits[number], limits[number + 1]
                place = {"size": SIZES[number], "from_px": low, "to_px": high}
                rows.append({"model": evaluation.model, **place, **row(score)})
    return pd.DataFrame(rows)


def worst_images(evaluation: Evaluation, iou: float) -> pd.DataFrame:
    """Return a row an image, the worst F1 first; images without any object come last.

    Columns: ``image``, then those of :meth:`bridge.training.evaluation.scoring.Score.as_dict`.
    """
    scores = [(image.overlap.score(iou), image) for image in evaluation.images]
    scores.sort(key=lambda both: (both[0].is_empty, both[0].f1))
    table = pd.DataFrame(
        {"image": image.name, **row(score, image.mistakes(iou))} for score, image in scores
    )
    figures = ["precision", "recall", "f1", "mean_matched_iou", "panoptic_quality"]
    table.loc[[score.is_empty for score, _ in scores], figures] = None
    return table


def evaluation_json(evaluation: Evaluation) -> dict[str, Any]:
    """Return an evaluation as JSON values."""
    sizes = [
        {"size": SIZES[number], **row(score)}
        for iou in evaluation.ious
        for number, score in enumerate(evaluation.sizes(iou))
    ]
    return {
        "model": evaluation.model,
        "images": len(evaluation.images),
        "scores": [row(score, evaluation.mistakes(score.iou)) for score in evaluation.scores],
        "groups": {
            name: [row(score, evaluation.mistakes(score.iou, name)) for score in scores]
            for name, scores in evaluation.groups.items()
        },
        "size_bounds_px": list(evaluation.bounds),
        "sizes": sizes,
        "by_image": [
            {
                "image": image.name,
                "group": image.group,
                "source": image.source,
                "scores": [
                    row(score, image.mistakes(score.iou))
                    for score in image.overlap.scores(evaluation.ious)
                ],
            }
            for image in evaluation.images
        ],
    }


def size_names(bounds: Sequence[float]) -> tuple[str, str, str]:
    """Return names of the size classes with their limits.

    >>> size_names((8.04, 12))
    ('small (< 8.0 px)', 'medium', 'large (≥ 12.0 px)')
    """
    small, medium, large = SIZES
    return f"{small} (< {bounds[0]:.1f} px)", medium, f"{large} (≥ {bounds[1]:.1f} px)"


def row(score: Score, mistakes: Mistakes | None = None) -> dict[str, Any]:
    """Return the columns of a score, and of what became of the missed objects."""
    figures = score.as_dict()
    columns = {"iou": figures.pop("iou"), "n_true": score.n_true, **figures}
    if mistakes is not None:
        columns |= {
            "merged": mistakes.merged,
            "split": mistakes.split,
            "faint": mistakes.faint,
        }
    return columns
