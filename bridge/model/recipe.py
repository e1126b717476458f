"""Settings with which a model is applied: percentiles, thresholds, channel and pixel size."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import Any

from bridge.errors import BadInputError
from bridge.model.config import read_json

RECIPE_FILE = "recipe.json"

_HAUG2_THRESHOLDS = (0.5104581312705648, 0.3)


@dataclass(frozen=True)
class Recipe:
    """The settings with which a model is applied.

    Attributes:
        percentiles: (low, high) of the whole plane that are scaled to 0 and 1.
        prob: probability threshold of an object, 0 to 1.
        nms: overlap threshold, 0 to 1: of two objects that share more than this part of the
            smaller one, the less probable is removed.
        channel: index or name of the channel the model was trained on; a tuple for a model of
            several input channels.
        pixel_size: µm a pixel of the training images; an image of another known pixel size is
            resampled to it. ``None``: images are not resampled.

    Raises:
        BadInputError: a value out of its range.

    Example:
        >>> Recipe(prob=0.6).with_changes(nms=0.3, channel=None)
        Recipe(percentiles=(1.0, 99.8), prob=0.6, nms=0.3, channel=0, pixel_size=None)
    """

    percentiles: tuple[float, float] = (1.0, 99.8)
    prob: float = 0.5
    nms: float = 0.4
    channel: int | str | tuple[int | str, ...] = 0
    pixel_size: float | None = None

    def __post_init__(self) -> None:
        low, high = self.percentiles
        if not 0 <= low < high <= 100:
            raise BadInputError(
                "percentiles", f"{low:g} and {high:g} do not rise within 0 to 100", "try 1 and 99.8"
            )
        for name, value in (("prob", self.prob), ("nms", self.nms)):
            if not 0 <= value <= 1:
                raise BadInputError(name, f"{value:g} is no threshold", "give a number from 0 to 1")
        size = self.pixel_size
        if size is not None and not (math.isfinite(size) and size > 0):
            raise BadInputError("pixel size", f"{size} µm is not a length", "give a number above 0")

    def with_changes(self, **changes: Any) -> Recipe:
        """Return a copy in which every setting given and not ``None`` is replaced."""
        return replace(self, **{k: v for k, v in changes.items() if v is not None})

    def to_json(self) -> dict[str, Any]:
        """Return the settings by name, as JSON takes them."""
        return asdict(self)


def read_recipe(folder: Path, name: str, prob: float, nms: float) -> tuple[Recipe, str]:
    """Read the recipe of a model.

    Args:
        folder: the model folder, with or without ``recipe.json``.
        name: the model's name, by which stardist_haug2 is recognised.
        prob: the model's probability threshold, used where the recipe gives none.
        nms: the model's overlap threshold, used where the recipe gives none.

    Returns:
        The recipe, and its origin in words.

    Raises:
        BadInputError: ``recipe.json`` is damaged or has an unknown or impossible entry.

    Example:
        >>> recipe, source = read_recipe(Path("models/stardist_haug2"), "stardist_haug2", 0.6, 0.3)
        >>> recipe.percentiles, recipe.prob, source
        ((0.2, 99.8), 0.6, 'built in for stardist_haug2')
    """
    base = Recipe(prob=prob, nms=nms)
    path = folder / RECIPE_FILE
    if path.exists():
        content = read_json(path)
        known = {f.name for f in fields(Recipe)}
        unknown = sorted(set(content) - known)
        if unknown:
            raise BadInputError(
                path, f"has the unknown entry {unknown[0]!r}", f"use {', '.join(sorted(known))}"
            )
        try:
            settings = {k: tuple(v) if isinstance(v, list) else v for k, v in content.items()}
            return base.with_changes(**settings), RECIPE_FILE
        except (TypeError, ValueError) as error:
            raise BadInputError(
                path, f"has a value of the wrong kind ({error})", "correct it"
            ) from error
    if (prob, nms) == _HAUG2_THRESHOLDS or "haug2" in name.lower():
        return base.with_changes(percentiles=(0.2, 99.8)), "built in for stardist_haug2"
    return base, "StarDist's defaults"
