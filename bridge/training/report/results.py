"""Results of a training beside the model: its card, a table for people, JSON for programs."""

from __future__ import annotations

from typing import Any

from bridge.model.folder import open_model
from bridge.training.evaluation.evaluating import evaluate
from bridge.training.evaluation.fields import FieldCollector
from bridge.training.learning.comparing import mean_f1
from bridge.training.learning.training import Trained
from bridge.training.report.card import CardFacts, write_card

HEADS = ("images", "IoU", "F1 before", "F1 after", "precision", "recall")
"""Heads of the columns of :func:`result_rows`."""

_PICTURES = 6  # of fields in a card


def add_card(trained: Trained) -> None:
    """Write the model card into a trained model's folder, with its best and worst fields.

    The pictures are of the test images, or of those that validated where there are none.

    Raises:
        BadInputError: a file cannot be written.
    """
    model = open_model(trained.path)
    pairs = trained.data.test or trained.data.validation
    shown = min(len(pairs), _PICTURES)
    collector = FieldCollector(model.name, best=shown // 2, worst=shown - shown // 2)
    evaluate(
        trained.path,
        pairs,
        on_image=lambda _number, pair, score, found: collector.add(pair, score, found),
    )
    write_card(
        trained.path,
        CardFacts(
            model=model,
            record=trained.record,
            about=_about(trained),
            best=collector.best,
            worst=collector.worst,
        ),
    )


def result_rows(trained: Trained) -> list[tuple[str, ...]]:
    """Return the scores before and after as a table's rows, with the columns :data:`HEADS`."""
    rows: list[tuple[str, ...]] = []
    for part in trained.record.comparisons:
        before = {score.iou: score for score in part.before}
        for number, score in enumerate(part.after):
            earlier = before.get(score.iou)
            rows.append(
                (
                    f"{part.name} ({part.images})" if not number else "",
                    f"{score.iou:g}",
                    f"{earlier.f1:.3f}" if earlier else "–",
                    f"{score.f1:.3f}",
                    f"{score.precision:.3f}",
                    f"{score.recall:.3f}",
                )
            )
    return rows


def result_json(trained: Trained) -> dict[str, Any]:
    """Return the result of a training for programs."""
    record = trained.record.to_json()
    keys = ("start", "settings", "best_step", "thresholds", "comparisons", "seconds", "notes")
    return {
        "model": str(trained.path),
        "is_better": trained.is_better,
        **{key: record[key] for key in keys},
    }


def failure_line(trained: Trained) -> str:
    """Return the sentence that says why a model is not better than the one before, with figures."""
    start = trained.record.start.get("name", "the model before")
    figures = "; ".join(
        f"{mean_f1(part.before):.3f} before and {mean_f1(part.after):.3f} after on the {part.name}"
        for part in trained.record.comparisons
        if part.before
    )
    return (
        f"not better than {start}, which stays as it is: F1 {figures}. "
        f"The new one lies in {trained.path}"
    )


def _about(trained: Trained) -> str:
    record = trained.record
    learnt = next(part for part in record.data if part.role == "train")
    start = record.start.get("name")
    how = f"made from {start} by learning" if start else "learnt from random weights"
    better = "" if trained.is_better else " It is not better than the model that it was made from."
    return (
        f"A StarDist 2D model, {how} {'on' if start else 'with'} {learnt.objects:,} outlined "
        f"objects in {learnt.images:,} images.{better}"
    )
