"""Settings with which a model is applied: percentiles, thresholds, channels and pixel size."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from pathlib import Path
from typing import Any, Literal, get_args

from bridge.errors import BadInputError
from bridge.model.bioimageio import read_settings
from bridge.model.config import DEFAULT_THRESHOLDS, read_json

RECIPE_FILE = "recipe.json"

Normalization = Literal["channels", "joint"]
"""Percentiles of several channels: of each channel, or of all of them together."""


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
        normalize: ``channels`` (percentiles of each channel, as in StarDist's notebooks) or
            ``joint`` (one pair of percentiles for all channels, which keeps colours).
        classes: names of the model's classes, the first one first; those that are missing are
            called ``class 2`` and so on.
        diameter: diameter in pixels that the nuclei of a training image typically have (the median
            over the images of each one's median, of discs of the same area); ``None`` where it is
            not known.
        is_channel_chosen: whether a user chose the channel, which then also counts for an image
            whose channels are colours; no part of the settings by which recipes are compared.

    Raises:
        BadInputError: a value out of its range.

    Example:
        >>> Recipe(prob=0.6).with_changes(nms=0.3, channel=None).to_json()["nms"]
        0.3
    """

    percentiles: tuple[float, float] = (1.0, 99.8)
    prob: float = DEFAULT_THRESHOLDS["prob"]
    nms: float = DEFAULT_THRESHOLDS["nms"]
    channel: int | str | tuple[int | str, ...] = 0
    pixel_size: float | None = None
    normalize: Normalization = "channels"
    classes: tuple[str, ...] = ()
    diameter: float | None = None
    is_channel_chosen: bool = field(default=False, compare=False)

    def __post_init__(self) -> None:
        low, high = self.percentiles
        if not 0 <= low < high <= 100:
            raise BadInputError(
                "percentiles", f"{low:g} and {high:g} do not rise within 0 to 100", "try 1 and 99.8"
            )
        for name, value in (("prob", self.prob), ("nms", self.nms)):
            if not 0 <= value <= 1:
                raise BadInputError(name, f"{value:g} is no threshold", "give a number from 0 to 1")
        for name, size in (("pixel size", self.pixel_size), ("diameter", self.diameter)):
            if size is not None and not (math.isfinite(size) and size > 0):
                raise BadInputError(name, f"{size} is not a length", "give a number above 0")
        if self.normalize not in get_args(Normalization):
            raise BadInputError(
                "normalize", f"{self.normalize!r} is unknown", "use channels or joint"
            )
        if not all(isinstance(name, str) and name.strip() for name in self.classes):
            raise BadInputError("classes", "are not all names", 'give them as ["Neuron", "Glia"]')

    @classmethod
    def from_json(cls, content: Mapping[str, Any], source: Path) -> Recipe:
        """Return the recipe of settings as JSON has them; ``null`` is StarDist's default.

        Args:
            content: settings by name.
            source: their file, for errors.

        Raises:
            BadInputError: an unknown or impossible setting.

        >>> Recipe.from_json({"prob": 0.6, "percentiles": [0, 100]}, Path("a.zip")).percentiles
        (0, 100)
        """
        if unknown := sorted(content.keys() - {f.name for f in fields(cls)}):
            raise BadInputError(
                source, f"has the unknown setting {unknown[0]!r}", "update starbridge"
            )
        given: dict[str, Any] = {
            k: tuple(v) if isinstance(v, list) else v for k, v in content.items() if v is not None
        }
        try:
            return cls(**given)
        except BadInputError as error:
            raise BadInputError(source, f"{error.source}: {error.problem}", error.remedy) from error
        except (TypeError, ValueError) as error:
            raise BadInputError(
                source, f"has a value of the wrong kind ({error})", "correct it"
            ) from error

    def with_changes(self, **changes: Any) -> Recipe:
        """Return a copy in which every setting given and not ``None`` is replaced."""
        given = {k: v for k, v in changes.items() if v is not None}
        return replace(self, **({"is_channel_chosen": True} if "channel" in given else {}) | given)

    def class_name(self, number: int) -> str:
        """Return the name of a class, numbered from 1.

        >>> Recipe(classes=("Neuron",)).class_name(2)
        'class 2'
        """
        return self.classes[number - 1] if number <= len(self.classes) else f"class {number}"

    def to_json(self) -> dict[str, Any]:
        """Return the settings by name, as JSON takes them."""
        settings = asdict(self)
        del settings["is_channel_chosen"]
        return settings


@dataclass(frozen=True)
class BuiltInRecipe:
    """The settings of a published model, which its folder does not hold.

    Attributes:
        model: the model's published name.
        settings: entries of :class:`Recipe`.
        thresholds: (prob, nms) by which a folder of another name is recognised; ``None`` where only
            the name counts.
        word: part of a folder's name that is enough; ``""`` where the whole name counts.
    """

    model: str
    settings: dict[str, Any]
    thresholds: tuple[float, float] | None = None
    word: str = ""

    def fits(self, name: str, thresholds: dict[str, float]) -> bool:
        """Tell whether it belongs to a model folder of a name, with thresholds of its own."""
        # StarDist's downloads are called python_2D_demo.zip.
        if name.removeprefix("python_") == self.model or (self.word and self.word in name.lower()):
            return True
        return self.thresholds is not None and self.thresholds == (
            thresholds.get("prob"),
            thresholds.get("nms"),
        )


# Measured on the outlines of the 479 fluorescence images of BBBC038 (2018 Data Science Bowl, stage
# 1, with the community's corrections), of which StarDist's training images are a subset. 9 of 10 of
# their 20,373 nuclei have 7 to 50 pixels. Over all nuclei alike, not image by image, it is 20.0.
_DSB2018_DIAMETER = 16.5

BUILT_IN = (
    # nuclei_quant, notebook 01; the diameter is that of the median area, 50 pixels, of the 12,551
    # nuclei in its published label image
    BuiltInRecipe(
        "stardist_haug2",
        {"percentiles": (0.2, 99.8), "diameter": 8.0},
        (0.5104581312705648, 0.3),
        word="haug2",
    ),
    # StarDist's authors normalise the channels of colour images together: stardist-napari's
    # plugin does so "always", Fiji's plugin has no other way, QuPath's does by default (its
    # extension's issue #14). StarDist's notebooks take each channel for itself.
    BuiltInRecipe("2D_versatile_he", {"normalize": "joint"}),
    *(
        BuiltInRecipe(name, {"diameter": _DSB2018_DIAMETER})
        for name in ("2D_versatile_fluo", "2D_paper_dsb2018", "2D_demo")
    ),
)
"""Recipes of published models that differ from StarDist's defaults."""


def read_recipe(
    folder: Path, name: str, thresholds: dict[str, float]
) -> tuple[Recipe, dict[str, str]]:
    """Read the recipe of a model.

    ``recipe.json`` comes first, then ``thresholds.json``, then a bioimage.io description
    (``rdf.yaml``), then what is built in for a published model, then StarDist's defaults.

    Args:
        folder: the model folder, with or without ``recipe.json``.
        name: the model's name, by which published models are recognised.
        thresholds: the content of ``thresholds.json``: ``prob`` and ``nms``, as far as given.

    Returns:
        The recipe, and the origin of each of its settings in words.

    Raises:
        BadInputError: ``recipe.json`` is damaged or has an unknown or impossible entry.

    Example:
        >>> recipe, sources = read_recipe(Path("stardist_haug2"), "stardist_haug2", {"prob": 0.6})
        >>> recipe.percentiles, recipe.prob, sources["percentiles"]
        ((0.2, 99.8), 0.6, 'built in for stardist_haug2')
    """
    known = {f.name for f in fields(Recipe) if f.compare}
    sources = dict.fromkeys(sorted(known), "StarDist's default")
    settings: dict[str, Any] = {}

    def take(entries: dict[str, Any], source: str) -> None:
        settings.update(entries)
        sources.update(dict.fromkeys(entries, source))

    described, description = read_settings(folder)
    for published in BUILT_IN:
        if published.fits(name, described | thresholds):
            take(published.settings, f"built in for {published.model}")
            break
    take(described, description)
    take(thresholds, "thresholds.json")
    path = folder / RECIPE_FILE
    if path.exists():
        content = read_json(path)
        unknown = sorted(set(content) - known)
        if unknown:
            raise BadInputError(
                path, f"has the unknown entry {unknown[0]!r}", f"use {', '.join(sorted(known))}"
            )
        # An entry of null leaves what is known without the file.
        given = {k: tuple(v) if isinstance(v, list) else v for k, v in content.items()}
        take({k: v for k, v in given.items() if v is not None}, RECIPE_FILE)
    try:
        return Recipe(**settings), sources
    except BadInputError as error:
        source = path if path.exists() else folder
        raise BadInputError(source, f"{error.source}: {error.problem}", error.remedy) from error
    except (TypeError, ValueError, OverflowError) as error:
        raise BadInputError(
            path, f"has a value of the wrong kind ({error})", "correct it"
        ) from error
