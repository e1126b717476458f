"""A StarDist model folder.

It is what StarDist writes: ``config.json`` (architecture), ``thresholds.json`` and
``weights_*.h5``. The settings with which the model is to be applied, its recipe, may be beside
them as ``recipe.json``; those of stardist_haug2 are built in.
"""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from typing import Any

from bridge.errors import BadInputError
from bridge.model.config import read_config, read_thresholds
from bridge.model.recipe import RECIPE_FILE, Recipe, read_recipe
from bridge.model.weights import find_weights

DEMO = "demo"
"""Name of the model that is part of starbridge."""


@dataclass(frozen=True)
class ModelFolder:
    """A StarDist model on disk, checked but not loaded.

    Attributes:
        path: the folder.
        name: its name, or ``demo``.
        config: ``config.json``.
        weights: the weights file that is used.
        recipe: the settings with which the model is applied.
        sources: origin of each setting of the recipe, in words (``"thresholds.json"``).
        sha256: hash (hexadecimal) of configuration and weights together.
        notes: sentences on what is odd about the folder, for a user.
    """

    path: Path
    name: str
    config: dict[str, Any]
    weights: Path
    recipe: Recipe
    sources: dict[str, str]
    sha256: str
    notes: tuple[str, ...] = ()

    @property
    def n_dim(self) -> int:
        """Number of spatial axes, 2 or 3."""
        return int(self.config["n_dim"])

    @property
    def grid(self) -> tuple[int, ...]:
        """Pixels between neighbouring predictions, (y, x) or (z, y, x)."""
        return tuple(int(n) for n in self.config["grid"])

    @property
    def n_channels(self) -> int:
        """Number of channels that the network takes."""
        return int(self.config["n_channel_in"])

    @property
    def n_rays(self) -> int:
        """Number of rays of an outline."""
        return int(self.config["n_rays"])

    @property
    def n_classes(self) -> int:
        """Number of classes without background; 0 for a model that does not classify."""
        return int(self.config.get("n_classes") or 0)

    @property
    def origin(self) -> str:
        """Argument with which :func:`open_model` opens it again, from any working folder."""
        return DEMO if self.path == demo_model_folder() else str(self.path.absolute())

    @property
    def file_name(self) -> str:
        """Name with nothing in it that a file system or a macro could misread."""
        return re.sub(r"[^\w.-]+", "_", self.name).strip("._") or "model"

    def settings_files(self) -> dict[str, str]:
        """Return the texts of the model's settings files, as an export carries them along.

        Returns:
            ``config.json``, ``thresholds.json`` and ``recipe.json`` by name; with them a file for
            another program can be made a model folder again.
        """
        recipe = self.recipe.to_json()
        thresholds = {key: recipe.pop(key) for key in ("prob", "nms")}
        contents = {
            "config.json": self.config,
            "thresholds.json": thresholds,
            RECIPE_FILE: recipe,
        }
        return {name: json.dumps(content, indent=1) + "\n" for name, content in contents.items()}

    def to_json(self) -> dict[str, Any]:
        """Return the facts about the model that the record of a run holds."""
        return {
            "name": self.name,
            "folder": str(self.path),
            "weights": self.weights.name,
            "sha256": self.sha256,
            "recipe_sources": dict(self.sources),
            "grid": list(self.grid),
            "rays": self.n_rays,
        }


def open_model(
    model: str | PathLike[str],
    weights: str | PathLike[str] | None = None,
    *,
    allow_3d: bool = False,
) -> ModelFolder:
    """Check a model folder and read its recipe (:func:`bridge.model.recipe.read_recipe`).

    Args:
        model: the folder, or ``demo``.
        weights: a weights file (in the folder, or anywhere), or ``best`` or ``last``; where
            ``None``, those that StarDist would load (:func:`bridge.model.weights.find_weights`).
        allow_3d: whether a 3D model is accepted.

    Raises:
        BadInputError: no such folder or weights, a file that is missing or damaged, or a 3D model
            where only 2D models are accepted.

    Example:
        >>> model = open_model("demo")
        >>> model.n_dim, model.grid, model.n_rays, model.weights.name
        (2, (2, 2), 32, 'weights_best.h5')
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
    config = read_config(folder)
    if config["n_dim"] == 3 and not allow_3d:
        raise BadInputError(
            folder / "config.json",
            "describes a 3D model",
            "give a 2D model: volumes are not segmented yet",
        )
    thresholds, notes = read_thresholds(folder)
    recipe, sources = read_recipe(folder, name, thresholds)
    path, more = find_weights(folder, weights)
    digest = _hash_model(folder, path)
    return ModelFolder(folder, name, config, path, recipe, sources, digest, (*notes, *more))


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


def _hash_model(folder: Path, weights: Path) -> str:
    digest = hashlib.sha256((folder / "config.json").read_bytes())
    try:
        with weights.open("rb") as stream:
            hashlib.file_digest(stream, lambda: digest)
    except OSError as error:
        raise BadInputError(
            weights, f"cannot be read: {error.strerror}", "check its permissions"
        ) from error
    return digest.hexdigest()
