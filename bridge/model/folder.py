"""A StarDist model folder and its recipe.

The folder is the one StarDist writes: ``config.json`` (architecture), ``thresholds.json`` and
``weights_*.h5``. How the model is to be used, its recipe, may lie beside them as ``recipe.json``;
for stardist_haug2 it is built in.
"""

from __future__ import annotations

import hashlib
import json
import math
from dataclasses import asdict, dataclass, fields, replace
from os import PathLike
from pathlib import Path
from typing import Any

from bridge.errors import BadInputError

DEMO = "demo"
"""Name that stands for the model that comes with starbridge."""

RECIPE_FILE = "recipe.json"

_HAUG2_THRESHOLDS = {"prob": 0.5104581312705648, "nms": 0.3}
_STARDIST_THRESHOLDS = {"prob": 0.5, "nms": 0.4}  # what StarDist takes where it has no file


@dataclass(frozen=True)
class Recipe:
    """How a model is to be applied.

    Attributes:
        percentiles: (low, high) of the whole plane that are brought to 0 and 1.
        prob: an object needs a probability above this, 0 to 1.
        nms: of two objects that overlap by more than this share of the smaller one, the less
            probable goes, 0 to 1.
        channel: index or name of the channel the model was trained on; a tuple for a model of
            several input channels.
        pixel_size: µm a pixel of the images it was trained on; an image of another known pixel
            size is resampled to it. ``None``: images are taken as they are.

    Raises:
        BadInputError: a value that cannot be.
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
        if self.pixel_size is not None and not (
            math.isfinite(self.pixel_size) and self.pixel_size > 0
        ):
            raise BadInputError(
                "pixel size", f"{self.pixel_size} µm is not a length", "give a number above 0"
            )

    def with_changes(self, **changes: Any) -> Recipe:
        """A copy in which everything that is not ``None`` is replaced."""
        return replace(self, **{k: v for k, v in changes.items() if v is not None})


@dataclass(frozen=True)
class ModelFolder:
    """A StarDist 2D model on disk, checked but not loaded.

    Attributes:
        path: the folder.
        name: its name, or ``demo``.
        config: ``config.json``.
        weights: the weights file that is used.
        recipe: how to apply the model.
        recipe_source: where the recipe comes from, in words.
        sha256: hash of configuration and weights together.
    """

    path: Path
    name: str
    config: dict[str, Any]
    weights: Path
    recipe: Recipe
    recipe_source: str
    sha256: str

    @property
    def grid(self) -> tuple[int, int]:
        """Pixels (y, x) between neighbouring predictions."""
        return int(self.config["grid"][0]), int(self.config["grid"][1])

    @property
    def n_channels(self) -> int:
        """Number of channels that the network takes."""
        return int(self.config["n_channel_in"])

    @property
    def n_rays(self) -> int:
        """Rays of an outline."""
        return int(self.config["n_rays"])

    def to_json(self) -> dict[str, Any]:
        """What a run's record says of the model."""
        return {
            "name": self.name,
            "folder": str(self.path),
            "weights": self.weights.name,
            "sha256": self.sha256,
            "recipe_source": self.recipe_source,
            "grid": list(self.grid),
            "rays": self.n_rays,
        }


def open_model(model: str | PathLike[str]) -> ModelFolder:
    """Check a model folder and read its recipe.

    Thresholds come from ``thresholds.json``, everything else from ``recipe.json`` where there is
    one. stardist_haug2, known by its published thresholds or its folder's name, is applied with
    percentiles 0.2 and 99.8 to channel 0; any other model with StarDist's usual 1 and 99.8.

    Args:
        model: the folder, or ``demo``.

    Raises:
        BadInputError: no such folder, a file that is missing or damaged, a 3D model.
    """
    if str(model) == DEMO:
        folder, name = demo_model_folder(), DEMO
    else:
        folder = Path(model).expanduser()
        name = folder.resolve().name
    if not folder.is_dir():
        problem = "is a file, not a model folder" if folder.exists() else "does not exist"
        raise BadInputError(
            folder, problem, "give the folder that holds config.json and weights_best.h5, or demo"
        )
    config = _read_config(folder)
    thresholds = _read_thresholds(folder)
    weights = find_weights(folder)
    recipe, source = _read_recipe(folder, name, thresholds)
    return ModelFolder(folder, name, config, weights, recipe, source, hash_model(folder, weights))


def _read_json(path: Path) -> dict[str, Any]:
    try:
        content = json.loads(path.read_bytes())
    except (ValueError, RecursionError) as error:
        raise BadInputError(
            path, f"is not valid JSON ({error})", "copy the model folder again"
        ) from error
    except OSError as error:
        raise BadInputError(
            path, f"cannot be read: {error.strerror}", "check its permissions"
        ) from error
    if not isinstance(content, dict):
        raise BadInputError(path, "is JSON of another kind", "copy the model folder again")
    return content


def _read_config(folder: Path) -> dict[str, Any]:
    path = folder / "config.json"
    if not path.exists():
        inside = [p.parent for p in sorted(folder.glob("*/config.json"))]
        remedy = f"did you mean {inside[0]}?" if inside else "give the folder of a StarDist model"
        raise BadInputError(folder, "has no config.json, so it is no StarDist model", remedy)
    config = _read_json(path)
    needed = ("n_dim", "n_rays", "grid", "n_channel_in", "backbone")
    missing = [key for key in needed if key not in config]
    if missing:
        raise BadInputError(
            path,
            f"is not a StarDist configuration ({missing[0]} is missing)",
            "give the folder of a StarDist model",
        )
    if config["n_dim"] != 2:
        raise BadInputError(
            path,
            f"describes a {config['n_dim']}D model",
            "give a 2D model: volumes are not segmented yet",
        )
    grid = config["grid"]
    if not (
        isinstance(grid, list)
        and len(grid) == 2
        and all(isinstance(g, int) and g > 0 for g in grid)
    ):
        raise BadInputError(
            path, f"has the impossible grid {grid!r}", "copy the model folder again"
        )
    return config


def _read_thresholds(folder: Path) -> dict[str, float]:
    path = folder / "thresholds.json"
    if not path.exists():
        return dict(_STARDIST_THRESHOLDS)
    content = _read_json(path)
    try:
        return {key: float(content[key]) for key in ("prob", "nms")}
    except (KeyError, TypeError, ValueError) as error:
        raise BadInputError(
            path, "does not give prob and nms as numbers", "copy the model folder again"
        ) from error


def weight_files(folder: Path) -> list[Path]:
    """All weights files of a model folder, by name."""
    return sorted(p for p in folder.iterdir() if p.suffix in (".h5", ".hdf5") and p.is_file())


def find_weights(folder: Path) -> Path:
    """The best weights if there are any, else the last ones, else the first by name.

    Raises:
        BadInputError: the folder has none.
    """
    files = weight_files(folder)
    if not files:
        raise BadInputError(
            folder, "has no weights (weights_best.h5)", "copy the weights into the model folder"
        )
    for word in ("best", "last"):
        for file in files:
            if word in file.name:
                return file
    return files[0]


def _read_recipe(folder: Path, name: str, thresholds: dict[str, float]) -> tuple[Recipe, str]:
    base = Recipe(prob=thresholds["prob"], nms=thresholds["nms"])
    path = folder / RECIPE_FILE
    if path.exists():
        content = _read_json(path)
        known = {f.name for f in fields(Recipe)}
        unknown = sorted(set(content) - known)
        if unknown:
            raise BadInputError(
                path, f"has the unknown entry {unknown[0]!r}", f"use {', '.join(sorted(known))}"
            )
        try:
            for key in ("percentiles", "channel"):
                if isinstance(content.get(key), list):
                    content[key] = tuple(content[key])
            return base.with_changes(**content), RECIPE_FILE
        except (TypeError, ValueError) as error:
            raise BadInputError(
                path, f"has a value of the wrong kind ({error})", "mend it"
            ) from error
    if thresholds == _HAUG2_THRESHOLDS or "haug2" in name.lower():
        return base.with_changes(percentiles=(0.2, 99.8)), "built in for stardist_haug2"
    return base, "StarDist's defaults"


def hash_model(folder: Path, weights: Path) -> str:
    """SHA-256 (hexadecimal) of ``config.json`` and the weights together.

    Raises:
        BadInputError: the weights cannot be read.
    """
    digest = hashlib.sha256((folder / "config.json").read_bytes())
    try:
        with weights.open("rb") as stream:
            while block := stream.read(2**20):
                digest.update(block)
    except OSError as error:
        raise BadInputError(
            weights, f"cannot be read: {error.strerror}", "check its permissions"
        ) from error
    return digest.hexdigest()


def recipe_json(recipe: Recipe) -> dict[str, Any]:
    """A recipe as plain values."""
    return asdict(recipe)


def demo_model_folder() -> Path:
    """Return the folder of the packaged demo model.

    Returns:
        A StarDist 2D model folder (``config.json``, ``thresholds.json``, ``weights_best.h5``) with
        its recipe (``recipe.json``) and model card (``README.md``).

    Example:
        >>> demo_model_folder().joinpath("config.json").is_file()
        True
    """
    return Path(__file__).parents[1] / "demo" / "model"
