"""Tables of evaluations: a row a score, for CSV, JSON, the terminal and pages."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import pandas as pd

from bridge.training.evaluation.evaluating import Evaluation
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
    :meth:`bridge.training.evaluation.scoring.Score.as_dict`.
    """
    rows: list[dict[str, Any]] = []
    for evaluation in evaluations:
        members = [image.group or image.name for image in evaluation.images]
        groups = {ALL: (len(members), evaluation.scores)}
        for name, scores in evaluation.groups.items():
            groups[ALL + " (group)" if name == ALL else name] = (members.count(name), scores)
        rows += [
            {"model": evaluation.model, "group": name, "images": count, **row(score)}
            for name, (count, scores) in groups.items()
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
            **row(score),
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
    scores = [(image.overlap.score(iou), image.name) for image in evaluation.images]
    scores.sort(key=lambda both: (both[0].is_empty, both[0].f1))
    table = pd.DataFrame({"image": name, **row(score)} for score, name in scores)
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
        "scores": _rows(evaluation.scores),
        "groups": {name: _rows(scores) for name, scores in evaluation.groups.items()},
        "size_bounds_px": list(evaluation.bounds),
        "sizes": sizes,
        "by_image": [
            {
                "image": image.name,
                "group": image.group,
                "source": image.source,
                "scores": _rows(image.overlap.scores(evaluation.ious)),
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


def row(score: Score) -> dict[str, Any]:
    """Return the columns of a score."""
    figures = score.as_dict()
    return {"iou": figures.pop("iou"), "n_true": score.n_true, **figures}


def _rows(scores: Iterable[Score]) -> list[dict[str, Any]]:
    return [row(score) for score in scores]
