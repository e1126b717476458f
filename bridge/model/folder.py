"""A StarDist model folder.

It is what StarDist writes: ``config.json`` (architecture), ``thresholds.json`` and
``weights_*.h5``. The settings with which the model is to be applied, its recipe, may be beside
them as ``recipe.json``; those of some published models are built in. Models that are no folder yet
become one in the cache (:mod:`bridge.model.source`).
"""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass
from os import PathLike, fspath
from pathlib import Path
from typing import Any

from bridge.errors import BadInputError
from bridge.model.config import read_config, read_thresholds
from bridge.model.provenance import Provenance
from bridge.model.recipe import RECIPE_FILE, Recipe, read_recipe
from bridge.model.source import DEMO, FLUO, demo_model_folder, locate_model
from bridge.model.weights import find_weights

__all__ = ["DEMO", "ModelFolder", "demo_model_folder", "open_model"]


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
        provenance: the zip, package, name or URL that the folder was unpacked from; ``None`` for a
            folder of the user.
    """

    path: Path
    name: str
    config: dict[str, Any]
    weights: Path
    recipe: Recipe
    sources: dict[str, str]
    sha256: str
    notes: tuple[str, ...] = ()
    provenance: Provenance | None = None

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
        """Argument with which :func:`open_model` opens it again, from any working folder.

        A model that was downloaded or unpacked is opened from the cache, without a network, under
        the same name.
        """
        if self.path == demo_model_folder():
            return self.name if self.name in (FLUO, DEMO) else FLUO
        return str(self.path.absolute())

    @property
    def file_name(self) -> str:
        """Name with nothing in it that a file system or a macro could misread."""
        return file_name_of(self.name)

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
            **({"source": self.provenance.to_json()} if self.provenance else {}),
            "weights": self.weights.name,
            "sha256": self.sha256,
            "recipe_sources": dict(self.sources),
            "grid": list(self.grid),
            "rays": self.n_rays,
        }


def file_name_of(name: str) -> str:
    """Return a model's name with nothing in it that a file system or a macro could misread.

    >>> file_name_of("it's [mine]")
    'it_s_mine'
    """
    return re.sub(r"[^\w.-]+", "_", name).strip("._") or "model"


def open_model(
    model: str | PathLike[str],
    weights: str | PathLike[str] | None = None,
    *,
    allow_3d: bool = False,
    fetch: bool = True,
) -> ModelFolder:
    """Find and check a model, and read its recipe (:func:`bridge.model.recipe.read_recipe`).

    Args:
        model: ``demo``; a model folder; a zip of one; a bioimage.io package; a URL; or the name of
            a published model (:func:`bridge.model.source.locate_model` says where each is looked
            for).
        weights: a weights file (in the folder, or anywhere), or ``best`` or ``last``; where
            ``None``, those that StarDist would load (:func:`bridge.model.weights.find_weights`).
        allow_3d: whether a 3D model is accepted.
        fetch: whether a model may be downloaded.

    Raises:
        BadInputError: no such model or weights, a file that is missing or damaged, no network, or
            a 3D model where only 2D models are accepted.

    Example:
        >>> model = open_model("demo")
        >>> model.n_dim, model.grid, model.n_rays, model.weights.name
        (2, (2, 2), 32, 'weights_best.h5')
    """
    located = locate_model(fspath(model), fetch=fetch)
    folder, name = located.folder, located.name
    config = read_config(folder)
    if config["n_dim"] == 3 and not allow_3d:
        raise BadInputError(
            located.provenance.given if located.provenance else folder / "config.json",
            "describes a 3D model",
            "give a 2D model: only starbridge segment, models, export and verify take 3D ones",
        )
    thresholds, notes = read_thresholds(folder)
    recipe, sources = read_recipe(folder, name, thresholds)
    path, more = find_weights(folder, weights)
    digest = _hash_model(folder, path)
    return ModelFolder(
        folder,
        name,
        config,
        path,
        recipe,
        sources,
        digest,
        (*located.notes, *notes, *more),
        located.provenance,
    )


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
