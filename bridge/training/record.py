"""The record of a training, ``training.json`` in the model's folder: what made the model."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields
from os import PathLike
from pathlib import Path
from typing import Any, ClassVar, TypeVar

from bridge import __version__
from bridge.errors import BadInputError
from bridge.files.atomic import write_bytes
from bridge.training.evaluation.scoring import Score

RECORD_FILE = "training.json"
"""Name of the record in a model folder."""
VERSION = 1

_FORMAT = "starbridge training record"
_REMEDY = "restore it from a backup, or train again"

Part = TypeVar("Part")


@dataclass(frozen=True, kw_only=True)
class DataPart:
    """Images of one role in a training.

    Attributes:
        role: ``train``, ``validation``, ``test`` or ``rehearsal``.
        source: where they come from, in words or as a path.
        images: number of images or regions.
        objects: number of objects in them.
        licence: their licence, or ``""`` where it is not known.
    """

    role: str
    source: str
    images: int
    objects: int
    licence: str = ""


@dataclass(frozen=True, kw_only=True)
class PairNote:
    """Entry of a training pair in the record.

    Attributes:
        name: as in :class:`bridge.training.pairs.TrainingPair`.
        role: as in :class:`DataPart`.
        sha256: of the image's pixels (``TrainingPair.content_hash``).
        objects: number of objects.
        source: file or project.
        group: what is never divided between training and test.
    """

    name: str
    role: str
    sha256: str
    objects: int
    source: str = ""
    group: str = ""


@dataclass(frozen=True, kw_only=True)
class HistoryStep:
    """A moment of a training at which it was looked at.

    Attributes:
        step: number of batches so far.
        loss: on the training patches since the moment before.
        validation_loss: on the validation images; ``None`` where it was not measured.
        validation_f1: mean F1 at an IoU of 0.5 and 0.7 on the validation images; likewise.
        old_f1: the same on images of the old domain; likewise.
        learning_rate: likewise.
        seconds: since the training began; likewise.
    """

    step: int
    loss: float | None = None
    validation_loss: float | None = None
    validation_f1: float | None = None
    old_f1: float | None = None
    learning_rate: float | None = None
    seconds: float | None = None


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """Scores on the same images before and after a training.

    Attributes:
        name: of the images, for people ("new images, held out").
        images: number of images.
        objects: number of true objects in them.
        before: scores of the model that the training began with, one for each overlap; empty where
            it began with random weights.
        after: scores of the trained model, for the same overlaps.
    """

    name: str
    images: int
    objects: int
    before: tuple[Score, ...] = ()
    after: tuple[Score, ...]


@dataclass(frozen=True, kw_only=True)
class TrainingRecord:
    """Record of what made a model, so that it can be judged and made again.

    Attributes:
        model: name of the model.
        start: the model that the training began with (``name``, ``sha256``, …); empty for random
            weights.
        command: the command that repeats the training.
        settings: settings of the training by name.
        versions: versions of Python and of the packages, by name.
        data: the images by role and source.
        pairs: each of them with the hash of its pixels.
        history: the course of the training, in order.
        best_step: the step whose weights were kept.
        thresholds: what was chosen after the training (``prob``, ``nms``).
        comparisons: scores before and after.
        started: when it began (ISO 8601, UTC).
        seconds: how long it took.
        notes: sentences for whoever reads the model card.

    >>> record = TrainingRecord(model="nuclei", history=(HistoryStep(step=100, loss=0.5),))
    >>> TrainingRecord.from_json(record.to_json()) == record
    True
    """

    model: str
    start: Mapping[str, Any] = field(default_factory=dict)
    command: str = ""
    settings: Mapping[str, Any] = field(default_factory=dict)
    versions: Mapping[str, str] = field(default_factory=dict)
    data: tuple[DataPart, ...] = ()
    pairs: tuple[PairNote, ...] = ()
    history: tuple[HistoryStep, ...] = ()
    best_step: int | None = None
    thresholds: Mapping[str, float] = field(default_factory=dict)
    comparisons: tuple[Comparison, ...] = ()
    started: str = ""
    seconds: float | None = None
    notes: tuple[str, ...] = ()

    _PARTS: ClassVar[dict[str, type[Any]]] = {
        "data": DataPart,
        "pairs": PairNote,
        "history": HistoryStep,
        "comparisons": Comparison,
    }

    def to_json(self) -> dict[str, Any]:
        """Return the record as JSON values; numbers that are none are ``null``."""
        content = {"format": _FORMAT, "version": VERSION, "starbridge": __version__}
        return {**content, **_plain(asdict(self))}

    @classmethod
    def from_json(cls, content: Any, source: str | PathLike[str] = RECORD_FILE) -> TrainingRecord:
        """Return the record of JSON values.

        Args:
            content: what :meth:`to_json` returned; entries that are not known are left out.
            source: what errors call it.

        Raises:
            BadInputError: no record, one that was written by a newer starbridge, or a damaged one.
        """
        if not isinstance(content, Mapping) or content.get("format") != _FORMAT:
            raise BadInputError(source, "is no record of a training", f"give a {RECORD_FILE}")
        version = content.get("version")
        if isinstance(version, int) and version > VERSION:
            raise BadInputError(
                source,
                f"was written by a newer starbridge ({content.get('starbridge')})",
                "update starbridge",
            )
        try:
            given: dict[str, Any] = {
                name: tuple(_part(cls._PARTS[name], part) for part in value)
                if name in cls._PARTS
                else tuple(value)
                if name == "notes"
                else value
                for name, value in content.items()
                if name in {f.name for f in fields(cls)}
            }
            return cls(**given)
        except (TypeError, ValueError, AttributeError, KeyError) as error:
            raise BadInputError(source, f"is damaged ({error})", _REMEDY) from error


def save_training_record(path: str | PathLike[str], record: TrainingRecord) -> None:
    """Write a record, completely or not at all.

    Raises:
        BadInputError: it cannot be written.
    """
    text = json.dumps(record.to_json(), indent=1, ensure_ascii=False, allow_nan=False)
    write_bytes(path, (text + "\n").encode("utf-8", "replace"))


def load_training_record(path: str | PathLike[str]) -> TrainingRecord:
    """Read a record, or that of a model folder.

    Raises:
        BadInputError: there is none, it is damaged, or a newer starbridge wrote it.

    >>> load_training_record("none")
    Traceback (most recent call last):
        ...
    bridge.errors.BadInputError: none: does not exist; give a model folder with a training.json
    """
    file = Path(path)
    if file.is_dir():
        file /= RECORD_FILE
    try:
        content = json.loads(file.read_text("utf-8"))
    except FileNotFoundError as error:
        raise BadInputError(
            file, "does not exist", f"give a model folder with a {RECORD_FILE}"
        ) from error
    except OSError as error:
        raise BadInputError(file, f"cannot be read: {error.strerror}") from error
    except ValueError as error:
        raise BadInputError(file, f"is damaged ({error})", _REMEDY) from error
    return TrainingRecord.from_json(content, file)


def _part(kind: type[Part], content: Mapping[str, Any]) -> Part:
    """Return an entry of a list."""
    known = {f.name for f in fields(kind)}  # type: ignore[arg-type]
    given = {name: value for name, value in content.items() if name in known}
    for name in ("before", "after"):
        if name in given and kind is Comparison:
            given[name] = tuple(Score(**score) for score in given[name])
    return kind(**given)


def _plain(value: Any) -> Any:
    """Return values as JSON takes them."""
    if isinstance(value, Mapping):
        return {str(name): _plain(part) for name, part in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, str):
        return [_plain(part) for part in value]
    if hasattr(value, "item"):  # numpy's numbers
        value = value.item()
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, PathLike):
        return str(value)
    return value
