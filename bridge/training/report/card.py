"""The model card of a trained model: what it is, what made it, how good it is, what it is not for.

``README.md`` and ``card.html`` in the model's folder say the same.
"""

from __future__ import annotations

import importlib.util
import logging
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from bridge.files.atomic import write_bytes
from bridge.pictures.curves import draw_curves
from bridge.pictures.markdown import render_markdown
from bridge.pictures.page import Code, Drawing, Gallery, Section, write_page
from bridge.training.evaluation.fields import IOU, LEGEND, Field
from bridge.training.record import Comparison, HistoryStep, TrainingRecord

if TYPE_CHECKING:
    from bridge.model.folder import ModelFolder

log = logging.getLogger(__name__)

CARD_FILE = "README.md"
PAGE_FILE = "card.html"
PICTURES_FOLDER = "card"

_MOST_STEPS = 12  # rows of the table of the training's course
_FIGURES = ".3f"
_RULE = (
    "A found nucleus is right where it overlaps a true one with at least this intersection over "
    "union (IoU), one to one. F1 is the harmonic mean of precision (found nuclei that are right) "
    "and recall (true nuclei that were found); PQ is panoptic quality. The objects of all images "
    "are counted together."
)
_LEGEND = (
    f"At an IoU of {IOU:g}. White: true outline; blue: found; red: missed; yellow: found, but "
    "wrong. Of large images the part with the most errors."
)
_COMMON_LIMITS = (
    "Expect less on images that are unlike those above: another stain, tissue, magnification or "
    "microscope. Measure it on some of yours first: starbridge evaluate.",
)


@dataclass(frozen=True, kw_only=True)
class CardFacts:
    """Facts of which a model card is written.

    Attributes:
        model: the model's folder.
        record: what made it.
        about: a sentence or two on what it is for.
        best: pictures of the best fields.
        worst: pictures of the worst fields.
        licence: of the model, or ``""`` where nobody has said.
        limits: sentences on what it is not for, beside the usual ones.
        title: of the card; the model's name where it is ``""``.
        commands: commands that repeat the training, where one is not enough.
    """

    model: ModelFolder
    record: TrainingRecord
    about: str = ""
    best: Sequence[Field] = ()
    worst: Sequence[Field] = ()
    licence: str = ""
    limits: Sequence[str] = ()
    title: str = ""
    commands: Sequence[str] = ()


def write_card(folder: Path, facts: CardFacts) -> list[Path]:
    """Write ``README.md``, ``card.html`` and the pictures of the former.

    Without jinja2, which fills in pages, ``card.html`` is left out, and the log says so.

    Args:
        folder: the model's folder.
        facts: what the card says.

    Returns:
        The files that were written.

    Raises:
        BadInputError: a file cannot be written.
    """
    text, files = card_markdown(facts)
    contents = {**files, CARD_FILE: text.encode("utf-8", "replace")}
    for name, content in contents.items():
        write_bytes(folder / name, content)
    paths = [folder / name for name in contents]
    if importlib.util.find_spec("jinja2") is None:
        log.warning("%s was left out: it needs jinja2 (starbridge[train])", PAGE_FILE)
        return paths
    page = folder / PAGE_FILE
    write_page(page, _title(facts), card_sections(facts), subtitle=facts.about)
    return [*paths, page]


def card_markdown(facts: CardFacts) -> tuple[str, dict[str, bytes]]:
    """Return the card as Markdown, and its pictures by their paths."""
    return render_markdown(
        _title(facts), card_sections(facts), subtitle=facts.about, assets=PICTURES_FOLDER
    )


def card_sections(facts: CardFacts) -> list[Section]:
    """Return the parts of the card."""
    record = facts.record
    sections = [Section("What it is", _pairs(_identity(facts)))]
    sections += _quality(record.comparisons)
    for heading, fields in (("The best fields", facts.best), ("The worst fields", facts.worst)):
        if fields:
            sections.append(Section(heading, _gallery(fields), _LEGEND))
    if record.data:
        sections.append(Section("What it was trained on", _data(record)))
    sections += _training(facts)
    limits = [*facts.limits, *_COMMON_LIMITS]
    sections.append(Section("Its limits", "\n".join(f"- {line}" for line in limits)))
    if record.versions:
        sections.append(Section("Versions", _pairs(record.versions.items())))
    if record.notes:
        sections.append(Section("Notes", "\n".join(f"- {line}" for line in record.notes)))
    return sections


def draw_history(history: Sequence[HistoryStep]) -> list[Drawing]:
    """Return the course of a training as drawings: the losses, and F1 on new and old images."""
    losses = {
        "loss": [(one.step, one.loss) for one in history if one.loss is not None],
        "validation loss": [
            (one.step, one.validation_loss) for one in history if one.validation_loss is not None
        ],
    }
    scores = {
        "validation F1": [
            (one.step, one.validation_f1) for one in history if one.validation_f1 is not None
        ],
        "F1 on old images": [(one.step, one.old_f1) for one in history if one.old_f1 is not None],
    }
    scores = {name: points for name, points in scores.items() if points}
    losses = {name: points for name, points in losses.items() if points}
    drawings = []
    if losses:
        svg = draw_curves(losses, x_title="step", y_title="loss", whole_x=True)
        drawings.append(Drawing(svg))
    if scores:
        svg = draw_curves(scores, x_title="step", y_title="F1", y_range=(0, 1), whole_x=True)
        drawings.append(Drawing(svg))
    return drawings


def _title(facts: CardFacts) -> str:
    return facts.title or facts.record.model or facts.model.name


def _identity(facts: CardFacts) -> Iterable[tuple[str, Any]]:
    from bridge.model.description import network_line

    model, record = facts.model, facts.record
    recipe = model.recipe
    low, high = recipe.percentiles
    yield "architecture", f"StarDist, {network_line(model)}"
    channels, each = f"{model.n_channels} channels", "each of them"
    if model.n_channels == 1:
        channels, each = "one channel", "the plane"
    elif recipe.normalize == "joint":
        each = "all of them together"
    yield "input", f"{channels}; percentiles {low:g} and {high:g} of {each} become 0 and 1"
    if recipe.diameter is not None:
        yield "nuclei", f"typically {recipe.diameter:g} pixels across"
    if recipe.pixel_size is not None:
        yield "pixel size", f"{recipe.pixel_size:g} µm"
    yield "thresholds", f"probability {recipe.prob:.3f}, overlap {recipe.nms:.2g}"
    if model.n_classes:
        yield "classes", ", ".join(recipe.class_name(k) for k in range(1, model.n_classes + 1))
    yield "began with", _start(record)
    yield "SHA-256", model.sha256
    yield "licence", facts.licence or "not stated"


def _start(record: TrainingRecord) -> str:
    if not record.start:
        return "random weights"
    name, digest = record.start.get("name", "a model"), record.start.get("sha256")
    return f"{name} (SHA-256 {str(digest)[:12]}…)" if digest else str(name)


def _quality(comparisons: Sequence[Comparison]) -> list[Section]:
    """Return a table for each set of images, before and after the training."""
    sections = []
    for number, one in enumerate(comparisons):
        rows = []
        before = {score.iou: score for score in one.before}
        for score in one.after:
            earlier = before.get(score.iou)
            line: dict[str, Any] = {"IoU": score.iou}
            if one.before:
                line |= {"F1 before": earlier.f1 if earlier else None, "F1 after": score.f1}
            else:
                line["F1"] = score.f1
            line |= {
                "precision": score.precision,
                "recall": score.recall,
                "mean IoU": score.mean_matched_iou,
            }
            if one.before:
                quality = earlier.panoptic_quality if earlier else None
                line |= {"PQ before": quality, "PQ after": score.panoptic_quality}
            else:
                line["PQ"] = score.panoptic_quality
            rows.append(line)
        table = pd.DataFrame(rows)
        formats = {name: "g" if name == "IoU" else _FIGURES for name in table.columns}
        counted = f"{one.name}: {_count(one.images, 'image')}, {_count(one.objects, 'nucleus')}"
        sections.append(
            Section(
                "" if number else "How good it is",
                table,
                f"{counted}." if number else f"{_RULE}\n\n{counted}.",
                formats,
            )
        )
    return sections


def _gallery(fields: Sequence[Field]) -> Gallery:
    colors = [(text, f"#{r:02x}{g:02x}{b:02x}") for text, (r, g, b) in LEGEND]
    return Gallery([(field.caption, field.png) for field in fields], colors)


def _data(record: TrainingRecord) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "used for": part.role,
            "source": part.source,
            "images": part.images,
            "nuclei": part.objects,
            "licence": part.licence or "not stated",
        }
        for part in record.data
    )


def _training(facts: CardFacts) -> list[Section]:
    record = facts.record
    lines = []
    if record.started:
        lines.append(f"Began at {record.started}.")
    if record.seconds is not None:
        lines.append(f"It took {_duration(record.seconds)}.")
    if record.best_step is not None:
        lines.append(f"The weights are those of step {record.best_step:,}.")
    sections = [Section("How it was trained", _pairs(record.settings.items()), " ".join(lines))]
    drawings = draw_history(record.history)
    sections += [Section("", drawing) for drawing in drawings]
    if record.history:
        sections.append(Section("", _course(record.history)))
    if commands := [*facts.commands] or ([record.command] if record.command else []):
        sections.append(
            Section(
                "Make it again",
                Code("\n".join(commands)),
                "The same data and versions on the same kind of processor give the same weights; "
                "elsewhere they differ in the last digits, and the figures a little.",
            )
        )
    return sections


def _course(history: Sequence[HistoryStep]) -> pd.DataFrame:
    """Return some moments of a training, the first and the last among them."""
    count = min(len(history), _MOST_STEPS)
    places = {round(k * (len(history) - 1) / max(count - 1, 1)) for k in range(count)}
    table = pd.DataFrame(
        {
            "step": one.step,
            "loss": one.loss,
            "validation loss": one.validation_loss,
            "validation F1": one.validation_f1,
            "F1 on old images": one.old_f1,
            "learning rate": one.learning_rate,
        }
        for one in (history[place] for place in sorted(places))
    )
    return table.dropna(axis="columns", how="all")


def _pairs(items: Iterable[tuple[str, Any]]) -> pd.DataFrame:
    rows = [(str(name), _shown(value)) for name, value in items]
    return pd.DataFrame(rows, columns=["what", "value"])


def _shown(value: Any) -> str:
    if value is None:
        return "–"
    if isinstance(value, list | tuple):
        return ", ".join(map(_shown, value))
    if isinstance(value, dict):
        return "; ".join(f"{name} {_shown(part)}" for name, part in value.items())
    return f"{value:g}" if isinstance(value, float) else str(value)


def _count(number: int, noun: str) -> str:
    plural = "nuclei" if noun == "nucleus" else f"{noun}s"
    return f"{number:,} {noun if number == 1 else plural}"


def _duration(seconds: float) -> str:
    if seconds < 90:
        return f"{seconds:.0f} seconds"
    minutes = seconds / 60
    return f"{minutes:.0f} minutes" if minutes < 90 else f"{minutes / 60:.1f} hours"
