"""Write the report of a classifier of objects: tables, and a page with pictures."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from PIL import Image as Picture

from bridge.classify.objects.report.importance import importance_table
from bridge.classify.objects.report.tables import (
    ALL_CELLS,
    calibration_error,
    calibration_table,
    class_table,
    confusion_table,
    example_table,
    model_table,
    proportion_table,
)
from bridge.classify.objects.training import TrainedClassifier
from bridge.files.atomic import write_bytes
from bridge.formats.spreadsheet_text import guard_frame
from bridge.pictures.bars import draw_bars
from bridge.pictures.curves import draw_curves
from bridge.pictures.page import Drawing, Gallery, Section, write_page

FILES = (
    "confusion.csv",
    "classes.csv",
    "proportions.csv",
    "calibration.csv",
    "models.csv",
    "importance.csv",
    "examples.csv",
    "report.html",
)
"""Files that :func:`write_class_report` writes; no ``importance.csv`` of a model on crops."""

Crops = Callable[[int], NDArray[Any] | None]
"""Returns the picture of the example in a row of ``trained.examples``: (height, width) of any real
type or (height, width, 3) uint8; ``None`` where there is none."""

_SHOWN = 24  # pictures of each kind
_SIDE = 160  # pixels of a picture's longer side
_MOST_FEATURES = 30  # on the page; the CSV has all
_FORMATS = dict.fromkeys(
    ("precision", "recall", "F1", "balanced accuracy", "accuracy", "log loss"),
    ".3f",
)
_LOST = {"accuracy lost": ".3f", "log loss gained": ".3f"}
_RULE = (
    "Each example was classed by a model that had not seen its image or organoid. The model was "
    "chosen by the same scores, which are therefore a little too good."
)

_BALANCE = (
    "The examples are not your study: where people click as often on rare classes as on frequent "
    "ones, mistakes for a rare class weigh less here than they do in its images."
)


def write_class_report(
    folder: Path, trained: TrainedClassifier, crops: Crops | None = None, *, seed: int = 0
) -> list[Path]:
    """Write the tables of :data:`FILES` and ``report.html``.

    Args:
        folder: where to; it is created.
        trained: the classifier and its cross-validation.
        crops: pictures of the examples.
        seed: of the shuffling that shows which features matter.

    Returns:
        The files that were written.

    Raises:
        BadInputError: a file cannot be written.
        MissingPartError: jinja2, which fills in the page, is not installed.

    >>> trained = train_object_classifier(table, settings)  # doctest: +SKIP
    >>> write_class_report(Path("report"), trained, lambda row: crops[row])  # doctest: +SKIP
    """
    classifier = trained.classifier
    looks_at_crops = classifier.crop_model is not None
    importance = None if looks_at_crops else importance_table(trained, seed=seed)
    tables = {
        "confusion.csv": confusion_table(trained),
        "classes.csv": class_table(trained),
        "proportions.csv": proportion_table(trained),
        "calibration.csv": calibration_table(trained),
        "models.csv": model_table(trained),
        "importance.csv": importance,
        "examples.csv": example_table(trained),
    }
    paths = [folder / name for name in FILES if tables.get(name, "page") is not None]
    for path in paths[:-1]:
        table = tables[path.name]
        assert table is not None  # noqa: S101 - those that are None have no path
        text = guard_frame(table).to_csv(index=False)
        write_bytes(path, text.encode("utf-8", "replace"))
    seen = "crops" if looks_at_crops else f"{len(classifier.feature_names)} features"
    subtitle = (
        f"{len(trained.truth):,} examples of {len(classifier.classes)} classes, {seen}, "
        f"{trained.validation.best.candidate}"
    )
    sections = report_sections(trained, importance, crops)
    write_page(paths[-1], "How good is the classifier?", sections, subtitle=subtitle)
    return paths


def report_sections(
    trained: TrainedClassifier, importance: pd.DataFrame | None, crops: Crops | None = None
) -> list[Section]:
    """Return the parts of the page.

    Args:
        trained: the classifier and its cross-validation.
        importance: of :func:`bridge.classify.objects.report.importance.importance_table`; ``None``
            of a model on crops.
        crops: pictures of the examples.
    """
    best = trained.validation.best
    calibration = calibration_table(trained)
    names = {
        "f1": "F1",
        "balanced_accuracy": "balanced accuracy",
        "log_loss": "log loss",
    }
    return [
        Section(
            "Classes",
            class_table(trained).rename(columns=names),
            f"{best.accuracy:.1%} of the examples are right; the mean over classes is "
            f"{best.balanced_accuracy:.1%}. {_RULE}",
            _FORMATS,
        ),
        Section(
            "Confusion",
            confusion_table(trained),
            "A row for each true class, a column for each class that was found.",
        ),
        *_proportions(trained),
        Section(
            "Can the probabilities be trusted?",
            Drawing(_draw_calibration(calibration)),
            "Of examples with a probability of 0.8, eight of ten should be right; on average the "
            f"two differ by {calibration_error(calibration):.3f}.",
        ),
        *([] if crops is None else _sheets(example_table(trained), crops)),
        *_importance_sections(importance),
        Section(
            "Models",
            model_table(trained).rename(columns=names),
            "The model with the highest balanced accuracy was chosen; of equal ones the simplest "
            "kind, and of one kind the settings with the lowest log loss.",
            _FORMATS,
        ),
    ]


def _importance_sections(importance: pd.DataFrame | None) -> list[Section]:
    if importance is None:
        return []
    lost = importance.rename(
        columns={"accuracy_lost": "accuracy lost", "log_loss_gained": "log loss gained"}
    )
    is_family = lost["feature"].str.startswith("all of ")
    return [
        Section(
            "Groups of features",
            lost[is_family].drop(columns="feature"),
            "How much accuracy is lost when the features of a group are shuffled among examples.",
            _LOST,
        ),
        Section(
            "Features",
            lost[~is_family].head(_MOST_FEATURES),
            "Each alone; features that say nearly the same stand in for each other.",
            _LOST,
        ),
    ]


def _proportions(trained: TrainedClassifier) -> list[Section]:
    """Return a chart of proportions, true and found, among all and among living cells."""
    table = proportion_table(trained)
    dead, unstained = (
        ", ".join(n) for n in (trained.classifier.dead, trained.classifier.unstained)
    )
    sections: list[Section] = []
    for cells, rows in table.groupby("cells", sort=False):
        among = "all examples" if cells == ALL_CELLS else "living examples"
        chart = draw_bars(
            list(rows["class"]),
            {"true": list(rows["true"]), "found": list(rows["found"])},
            y_title=f"part of {among}",
        )
        worst = float(rows["difference"].abs().max())
        said = f"Among {among}, no class is off by more than {100 * worst:.1f} percentage points. "
        if cells != ALL_CELLS:
            said += f"Dead cells, which are left out: {dead}. "
        elif unstained:
            said += f"Unstained cells: {unstained}; they count among the living. "
        heading = "Proportions" if cells == ALL_CELLS else "Proportions without dead cells"
        sections.append(Section(heading, Drawing(chart), said + (_BALANCE if not sections else "")))
    shown = table.rename(columns={"cells": "among"})
    formats = {"true": ".1%", "found": ".1%", "difference": "+.1%"}
    return [*sections, Section("Proportions in numbers", shown, formats=formats)]


def _draw_calibration(table: pd.DataFrame) -> str:
    found = list(zip(table["probability"], table["right"], strict=True))
    return draw_curves(
        {"found": found, "ideal": [(0.0, 0.0), (1.0, 1.0)]},
        x_title="probability",
        y_title="part that is right",
        y_range=(0, 1),
    )


def _sheets(table: pd.DataFrame, crops: Crops) -> list[Section]:
    """Return sheets of the wrong and of the least certain right examples."""
    wrong = table[table["right"] == 0].sort_values("probability", ascending=False, kind="stable")
    unsure = table[table["right"] == 1].sort_values("uncertainty", ascending=False, kind="stable")
    found = [
        ("Wrong", wrong, "The most certain ones first: look whether the example's class is right."),
        ("Least certain", unsure, "Right, but with the lowest probability."),
    ]
    sections = []
    for heading, rows, note in found:
        pictures = []
        for number, row in rows.head(_SHOWN).iterrows():
            pixels = crops(int(str(number)))
            if pixels is None:
                continue
            what = row["class"] if row["right"] else f"{row['class']}, found {row['found']}"
            where = row.get("image", "")
            pictures.append((f"{what} ({row['probability']:.2f}) {where}", _png(pixels)))
        if pictures:
            sections.append(Section(heading, Gallery(pictures), note))
    return sections


def _png(pixels: NDArray[Any]) -> bytes:
    """Return a picture of the size of a thumbnail, greys from the least to the greatest value."""
    shown = pixels
    if pixels.ndim == 2:
        values = np.nan_to_num(pixels.astype(np.float32))
        low, high = float(values.min()), float(values.max())
        shown = (255 * (values - low) / max(high - low, 1e-12)).astype(np.uint8)
    picture = Picture.fromarray(np.ascontiguousarray(shown))
    zoom = _SIDE / max(picture.size)
    size = (max(1, round(picture.width * zoom)), max(1, round(picture.height * zoom)))
    stream = io.BytesIO()
    picture.resize(size, Picture.Resampling.BICUBIC).save(stream, "PNG", optimize=True)
    return stream.getvalue()
