"""The model folder that is exported: 2D or 3D, with the weights that were chosen."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from typing import Any

from bridge.errors import BadInputError
from bridge.model.folder import DEMO, Recipe, find_weights, hash_model, open_model, weight_files


@dataclass(frozen=True)
class Source:
    """A StarDist model on disk, checked but not loaded.

    Attributes:
        folder: the model folder.
        name: what the exported files are called.
        config: ``config.json``.
        weights: the weights file that is used.
        recipe: percentiles, thresholds, channel and pixel size.
        sha256: hash of configuration and weights together.
        origin: what :func:`open_source` must be given to open it again.
    """

    folder: Path
    name: str
    config: dict[str, Any]
    weights: Path
    recipe: Recipe
    sha256: str
    origin: str

    @property
    def n_dim(self) -> int:
        """2 or 3."""
        return int(self.config["n_dim"])

    @property
    def grid(self) -> tuple[int, ...]:
        """Pixels between neighbouring predictions, an axis each."""
        return tuple(int(n) for n in self.config["grid"])

    @property
    def n_channels(self) -> int:
        """Channels that the network takes."""
        return int(self.config["n_channel_in"])

    @property
    def n_rays(self) -> int:
        """Rays of an outline."""
        return int(self.config["n_rays"])

    @property
    def n_classes(self) -> int:
        """Classes without background; 0 for a model that does not classify."""
        return int(self.config.get("n_classes") or 0)


def open_source(model: str | PathLike[str], weights: str | PathLike[str] | None = None) -> Source:
    """Check a model folder.

    Args:
        model: the folder, or ``demo``.
        weights: a weights file (in the folder, or anywhere), or ``best`` or ``last``; left out, the
            best weights if there are any.

    Raises:
        BadInputError: not a StarDist model, or no such weights.
    """
    folder = Path(model).expanduser()
    config = _peek(folder)
    if config.get("n_dim") == 3:
        name, recipe, found = folder.resolve().name, _recipe3d(folder), find_weights(folder)
    else:
        opened = open_model(model)
        folder, name, config = opened.path, opened.name, opened.config
        recipe, found = opened.recipe, opened.weights
    if weights is not None:
        found = _chosen(folder, weights)
    origin = DEMO if str(model) == DEMO else str(folder.absolute())
    return Source(
        folder, _file_name(name), config, found, recipe, hash_model(folder, found), origin
    )


def _peek(folder: Path) -> dict[str, Any]:
    try:
        content = json.loads((folder / "config.json").read_bytes())
    except (OSError, ValueError, RecursionError):
        return {}  # what is wrong is said by open_model
    return content if isinstance(content, dict) else {}


def _recipe3d(folder: Path) -> Recipe:
    path = folder / "thresholds.json"
    if not path.exists():
        return Recipe()
    try:
        content = json.loads(path.read_bytes())
        return Recipe(prob=float(content["prob"]), nms=float(content["nms"]))
    except (OSError, ValueError, LookupError, TypeError) as error:
        raise BadInputError(
            path, "does not give prob and nms as numbers", "copy the model folder again"
        ) from error


def _chosen(folder: Path, weights: str | PathLike[str]) -> Path:
    files = weight_files(folder)
    if str(weights) in ("best", "last"):
        for file in files:
            if str(weights) in file.name:
                return file
    for candidate in (folder / weights, Path(weights).expanduser()):
        if candidate.is_file():
            return candidate
    names = ", ".join(file.name for file in files) or "none"
    raise BadInputError(weights, "is no weights file", f"choose one of those in {folder}: {names}")


def _file_name(name: str) -> str:
    """A name that every file system and every macro can say."""
    return re.sub(r"[^\w.-]+", "_", name).strip("._") or "model"
