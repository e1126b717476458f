"""``starbridge evaluate --review``: how much reviewers changed."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from bridge.cli.output import note, print_json, print_table
from bridge.errors import BadInputError, StarbridgeError

if TYPE_CHECKING:
    from pandas import DataFrame

    from bridge.training.evaluation.review_scores import ReviewScore


@dataclass(frozen=True)
class Source:
    """Settings by which data and reviews are read."""

    options: dict[str, Any]
    qupath: Path | None
    heap: str | None


def check_free(out: Path | None, files: Sequence[str], *, overwrite: bool) -> None:
    """Refuse to replace an evaluation.

    Raises:
        BadInputError: one is there, and ``--overwrite`` was not given.
    """
    there = next((out / name for name in files if out and (out / name).exists()), None)
    if there is not None and not overwrite:
        raise BadInputError(there, "is there already", "give --overwrite to replace it")


def evaluate_reviews(
    items: list[str], source: Source, out: Path | None, *, overwrite: bool, as_json: bool
) -> None:
    """Score reviews, print what was found, and write it.

    Args:
        items: review folders and projects.
        source: how they are read.
        out: folder for tables and page; nothing is written where ``None``.
        overwrite: replace what is there.
        as_json: print JSON.
    """
    from bridge.apps.review_scores import score_reviews
    from bridge.training.evaluation.review_page import (
        FILES,
        push_table,
        review_table,
        write_review_scores,
    )
    from bridge.training.sources import ReadOptions

    check_free(out, FILES, overwrite=overwrite)
    failed: list[str] = []

    def fail(error: StarbridgeError) -> None:
        failed.append(str(error))
        note(str(error))

    scores: list[ReviewScore] = []
    for item in items:
        try:
            found = score_reviews(
                Path(item),
                ReadOptions(**source.options),
                note=note,
                on_error=fail,
                qupath=source.qupath,
                heap=source.heap,
            )
            # images of two reviews may have the same name
            several = len(items) > 1
            scores += [
                replace(one, image=f"{item}: {one.image}") if several else one for one in found
            ]
        except StarbridgeError as error:
            if len(items) == 1:
                raise
            fail(error)
    if as_json:
        tables = {"pushes": push_table(scores), "images": review_table(scores)}
        # pandas writes numbers that are none as null
        rows = {name: json.loads(table.to_json(orient="records")) for name, table in tables.items()}
        print_json({**rows, "failed": failed})
    elif scores:
        _print_pushes(push_table(scores, (0.5,)))
    else:
        note("nothing was reviewed yet")
    if out is not None and scores:
        write_review_scores(out, scores)
        note(f"tables and page in {out}")
    if failed:
        raise typer.Exit(1)


def _print_pushes(table: DataFrame) -> None:
    counts = ("push", "images", "pushed", "kept", "reshaped", "deleted", "added")
    rows = [
        (
            *(f"{one[name]:,}" for name in counts),
            *(f"{one[name]:.3f}" for name in ("f1", "precision", "recall", "mean_matched_iou")),
        )
        for one in table.to_dict("records")
    ]
    print_table((*counts, "F1", "precision", "recall", "mean IoU"), rows)
