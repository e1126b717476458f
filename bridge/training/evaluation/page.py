"""Write evaluations of models as tables and a page."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from bridge.files.atomic import write_bytes
from bridge.pictures.curves import draw_curves
from bridge.pictures.page import Drawing, Gallery, Section, write_page
from bridge.training.evaluation.evaluating import Evaluation
from bridge.training.evaluation.fields import IOU, LEGEND, Field
from bridge.training.evaluation.scoring import SIZES
from bridge.training.evaluation.tables import (
    ALL,
    TITLES,
    image_table,
    score_table,
    size_names,
    size_table,
    worst_images,
)

FILES = ("scores.csv", "images.csv", "sizes.csv", "evaluation.html")
"""Files that :func:`write_evaluation` writes."""

_CURVE = tuple(round(0.5 + 0.05 * step, 2) for step in range(10))
_COUNTS = ("n_true", "tp", "fp", "fn", "merged", "split", "faint")
_SHOWN = (*_COUNTS, "precision", "recall", "f1", "mean_matched_iou", "panoptic_quality")
_FORMATS = dict.fromkeys(("precision", "recall", "F1", "mean IoU", "PQ"), ".3f") | {"IoU": "g"}
_RULE = (
    "A found nucleus is right where it overlaps a true one with at least this intersection over "
    "union (IoU), one to one. F1 is the harmonic mean of precision (found nuclei that are right) "
    "and recall (true nuclei that were found); PQ is panoptic quality. Of the missed ones, merged "
    "lie in a found nucleus that holds another true one, too; split hold several found ones; faint "
    "are neither, and among the dimmest quarter of their image."
)


def write_evaluation(
    folder: Path,
    evaluations: Sequence[Evaluation],
    fields: Sequence[Field] = (),
    *,
    title: str = "How good are the models?",
    subtitle: str = "",
) -> list[Path]:
    """Write ``scores.csv``, ``images.csv``, ``sizes.csv`` and ``evaluation.html``.

    Args:
        folder: where to; it is created.
        evaluations: of each model, on the same images.
        fields: pictures for the page.
        title: of the page.
        subtitle: a line under it.

    Returns:
        The files that were written.

    Raises:
        BadInputError: a file cannot be written.
        MissingPartError: jinja2, which fills in the page, is not installed.
    """
    tables = (score_table(evaluations), image_table(evaluations), size_table(evaluations))
    paths = [folder / name for name in FILES]
    for path, table in zip(paths, tables, strict=False):
        write_bytes(path, table.to_csv(index=False).encode("utf-8", "replace"))
    write_page(paths[-1], title, evaluation_sections(evaluations, fields), subtitle=subtitle)
    return paths


def evaluation_sections(
    evaluations: Sequence[Evaluation], fields: Sequence[Field] = ()
) -> list[Section]:
    """Return the parts of the page."""
    small, _, large = size_names(evaluations[0].bounds)
    sections = [
        Section("Scores", _shown(_of_all(evaluations), "model", "iou"), _RULE, _FORMATS),
        Section(
            "F1 and overlap",
            Drawing(draw_score_curves(evaluations)),
            "How the F1 falls as a match has to overlap more closely.",
        ),
        Section(
            "Small and large nuclei",
            _sizes(evaluations),
            f"At an IoU of {IOU:g}. Each class holds a third of the true nuclei: {small}, {large} "
            "(diameter of a disc of the same area). A wrong nucleus counts in the class of its own "
            "size.",
            _FORMATS,
        ),
    ]
    groups = score_table(evaluations)
    groups = groups[(groups["group"] != ALL) & (groups["iou"] == IOU)]
    if len(groups):
        shown = _shown(groups, "model", "group")
        sections.append(Section("Groups of images", shown, f"At an IoU of {IOU:g}.", _FORMATS))
    if fields:
        legend = [(text, f"#{r:02x}{g:02x}{b:02x}") for text, (r, g, b) in LEGEND]
        several = len(evaluations) > 1
        pictures = [
            (f"{field.model}: {field.caption}" if several else field.caption, field.png)
            for field in fields
        ]
        sections.append(
            Section(
                "The worst fields",
                Gallery(pictures, legend),
                f"At an IoU of {IOU:g}; of large images the part with the most errors.",
            )
        )
    for evaluation in evaluations:
        table = _shown(worst_images(evaluation, IOU), "image")
        heading = f"Images: {evaluation.model}" if len(evaluations) > 1 else "Images"
        note = f"At an IoU of {IOU:g}, the worst first. A click on a title sorts."
        sections.append(Section(heading, table, note, _FORMATS))
    return sections


def draw_score_curves(evaluations: Sequence[Evaluation]) -> str:
    """Return the F1 of each model over the overlap, as SVG."""
    series = {
        evaluation.model: [(iou, evaluation.score(iou).f1) for iou in _CURVE]
        for evaluation in evaluations
    }
    return draw_curves(series, x_title="IoU of a match", y_title="F1", y_range=(0, 1))


def _of_all(evaluations: Sequence[Evaluation]) -> pd.DataFrame:
    table = score_table(evaluations)
    return table[table["group"] == ALL]


def _sizes(evaluations: Sequence[Evaluation]) -> pd.DataFrame:
    table = size_table(evaluations)
    table = table[table["iou"] == IOU] if IOU in table["iou"].to_numpy() else table
    names = dict(zip(SIZES, size_names(evaluations[0].bounds), strict=True))
    return _shown(table.assign(size=table["size"].map(names)), "model", "size")


def _shown(table: pd.DataFrame, *first: str) -> pd.DataFrame:
    """Return the columns that people read, under titles."""
    columns = [*first, *(name for name in _SHOWN if name in table)]
    return table[columns].rename(columns=TITLES)
