"""Write how much reviewers changed of what models found: tables and a page."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from bridge.files.atomic import write_bytes
from bridge.pictures.curves import draw_curves
from bridge.pictures.page import Drawing, Section, write_page
from bridge.training.evaluation.review_scores import ReviewScore, pool_pushes, pool_reviews
from bridge.training.evaluation.scoring import IOUS
from bridge.training.evaluation.tables import TITLES, row

FILES = ("pushes.csv", "reviews.csv", "review.html")
"""Files that :func:`write_review_scores` writes."""

_IOU = 0.5
_COUNTS = ("pushed", "kept", "reshaped", "deleted", "added", "carried")
_RESHAPED = "reshaped_iou"
_FIGURES = ("precision", "recall", "f1", "mean_matched_iou")
_TITLES = {**TITLES, _RESHAPED: "IoU of reshaped"}
_FORMATS = dict.fromkeys(("precision", "recall", "F1", "mean IoU", "IoU of reshaped"), ".3f")
_RULE = (
    "What the reviewer left is taken for the truth. A pushed nucleus that was deleted is wrong, "
    "one that was added had been missed, and one that was reshaped is right if it overlaps what "
    "it became by at least half (IoU 0.5). Nuclei whose outline a reviewer had decided before a "
    "push were carried over and say nothing of the model: they are left out."
)


def push_table(scores: Sequence[ReviewScore], ious: Sequence[float] = IOUS) -> pd.DataFrame:
    """Return a row for each push and overlap, all images together.

    Columns: ``push``, ``images``, ``pushed``, ``kept``, ``reshaped``, ``deleted``, ``added``,
    ``carried``, ``reshaped_iou`` (their mean; empty without any), then those of
    :meth:`bridge.training.evaluation.scoring.Score.as_dict`.
    """
    rows: list[dict[str, Any]] = []
    for push, members in pool_pushes(scores).items():
        counts = {name: sum(_counts(one)[name] for one in members) for name in _COUNTS}
        images = len({one.image for one in members})
        sums = sum(one.reshaped * one.reshaped_iou for one in members if one.reshaped)
        mean = sums / counts["reshaped"] if counts["reshaped"] else None
        rows += [
            {"push": push, "images": images, **counts, _RESHAPED: mean, **row(score)}
            for score in pool_reviews(members, ious)
        ]
    return pd.DataFrame(rows)


def review_table(scores: Sequence[ReviewScore]) -> pd.DataFrame:
    """Return a row for each image and push, with the score at an IoU of 0.5.

    Columns: those of :class:`~bridge.training.evaluation.review_scores.ReviewScore`, then those of
    :class:`~bridge.training.evaluation.scoring.Score`, by their ``as_dict``.
    """
    return pd.DataFrame({**one.as_dict(), **row(one.overlap.score(_IOU))} for one in scores)


def write_review_scores(folder: Path, scores: Sequence[ReviewScore]) -> list[Path]:
    """Write ``pushes.csv``, ``reviews.csv`` and ``review.html``.

    Args:
        folder: where to; it is created.
        scores: at least one.

    Returns:
        The files that were written.

    Raises:
        BadInputError: a file cannot be written.
        MissingPartError: jinja2, which fills in the page, is not installed.
    """
    paths = [folder / name for name in FILES]
    pushes, images = push_table(scores), review_table(scores)
    for path, table in zip(paths, (pushes, images), strict=False):
        write_bytes(path, table.to_csv(index=False).encode("utf-8", "replace"))
    pushes = pushes[pushes["iou"] == _IOU]
    shown = pushes[["push", "images", *_COUNTS, _RESHAPED, *_FIGURES]].rename(columns=_TITLES)
    lines = {
        title: list(zip(pushes["push"], pushes[name], strict=True))
        for name, title in (("f1", "F1"), ("precision", "precision"), ("recall", "recall"))
    }
    curves = draw_curves(
        lines, x_title="push", y_title="agreement with the review", y_range=(0, 1), whole_x=True
    )
    columns = ["image", "push", "time", "kept", "reshaped", "deleted", "added"]
    columns += [_RESHAPED, *_FIGURES]
    sections = [
        Section("Push by push", shown, _RULE, _FORMATS),
        *([Section("Is it getting better?", Drawing(curves))] if len(pushes) > 1 else []),
        Section("Images", images[columns].rename(columns=_TITLES), formats=_FORMATS),
    ]
    count = len({one.image for one in scores})
    write_page(
        paths[-1], "How much did reviewers change?", sections, subtitle=f"{count} images reviewed"
    )
    return paths


def _counts(one: ReviewScore) -> dict[str, int]:
    pushed = one.kept + one.reshaped + one.deleted
    return {"pushed": pushed} | {name: getattr(one, name) for name in _COUNTS[1:]}
