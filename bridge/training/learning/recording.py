"""Description of a training's network, data and settings for its record."""

from __future__ import annotations

import platform
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

from bridge.training.data import TrainingData
from bridge.training.learning.network import Plan
from bridge.training.learning.precision import choose_precision
from bridge.training.learning.settings import TrainingSettings
from bridge.training.pairs import TrainingPair
from bridge.training.record import DataPart, PairNote, TrainingRecord

_OLD = ("rehearsal", "check of the old domain")
_PACKAGES = ("starbridge", "tensorflow", "keras", "stardist", "csbdeep", "numpy")
_MOST_FOLDERS = 5


def describe_training(
    plan: Plan, data: TrainingData, settings: TrainingSettings, *, patch: int, **course: Any
) -> TrainingRecord:
    """Return the record of a training.

    Args:
        plan: the network.
        data: the pairs.
        settings: of the training.
        patch: side of a patch, pixels.
        course: fields of :class:`bridge.training.record.TrainingRecord` on how it went.
    """
    roles = {role: pairs for role, pairs in data.roles().items() if pairs}
    used = {
        "patch": patch,
        "precision": choose_precision(settings.precision),
        "validate_every": settings.interval,
    }
    return TrainingRecord(
        start=plan.start.to_json() if plan.start else {},
        settings=settings.to_json() | used,
        versions={"python": platform.python_version()}
        | {name: version(name) for name in _PACKAGES},
        data=tuple(
            DataPart(
                role=role,
                source=data.old.about if role in _OLD else _folders(pairs),
                images=len(pairs),
                objects=sum(pair.count for pair in pairs),
                licence=data.old.licence if role in _OLD else "",
            )
            for role, pairs in roles.items()
        ),
        pairs=tuple(_note(role, pair) for role, pairs in roles.items() for pair in pairs),
        **course,
    )


def _note(role: str, pair: TrainingPair) -> PairNote:
    return PairNote(
        name=pair.name,
        role=role,
        sha256=pair.content_hash,
        objects=pair.count,
        source=pair.source,
        group=pair.group,
    )


def _folders(pairs: Sequence[TrainingPair]) -> str:
    """Return the folders that pairs come from, some of many."""
    folders = sorted(
        {str(Path(pair.source).parent) if pair.source else pair.name for pair in pairs}
    )
    more = ", …" if len(folders) > _MOST_FOLDERS else ""
    return ", ".join(folders[:_MOST_FOLDERS]) + more
