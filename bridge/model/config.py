"""The JSON files of a StarDist model folder: ``config.json`` and ``thresholds.json``."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

from bridge.errors import BadInputError

_COPY_AGAIN = "copy the model folder again"
_NO_MODEL = "give the folder of a StarDist model"

DEFAULT_THRESHOLDS = {"prob": 0.5, "nms": 0.4}
"""StarDist's own thresholds of a model that has none (``StarDistBase.__init__``)."""

_UNET: dict[str, Any] = {
    "unet_n_filter_base": 32,
    "unet_n_conv_per_depth": 2,
    "unet_activation": "relu",
    "unet_last_activation": "relu",
    "unet_batch_norm": False,
    "unet_dropout": 0.0,
    "unet_expansion": 2,
    "unet_prefix": "",
    "net_conv_after_unet": 128,
}
_RESNET: dict[str, Any] = {
    "resnet_n_blocks": 4,
    "resnet_kernel_size": [3, 3, 3],
    "resnet_kernel_init": "he_normal",
    "resnet_n_filter_base": 32,
    "resnet_n_conv_per_block": 3,
    "resnet_activation": "relu",
    "resnet_batch_norm": False,
    "net_conv_after_resnet": 128,
}
_RAYS_OF_VOLUMES = 96


def default_config(n_dim: int, backbone: str = "unet") -> dict[str, Any]:
    """Return StarDist's defaults of everything that decides a network's shape.

    Config files of older StarDists lack some of it, and StarDist fills it in when it loads them
    (``Config2D.__init__`` and ``Config3D.__init__`` of StarDist 0.9.2).

    Args:
        n_dim: spatial axes, 2 or 3.
        backbone: ``unet`` or ``resnet``; another one has no settings of its own here.

    Example:
        >>> default_config(2)["unet_n_depth"], default_config(3)["unet_n_depth"]
        (3, 2)
    """
    config: dict[str, Any] = {
        "n_dim": n_dim,
        "n_channel_in": 1,
        "n_rays": 32 if n_dim == 2 else _RAYS_OF_VOLUMES,
        "grid": [1] * n_dim,
        "n_classes": None,
        "backbone": backbone,
    }
    if n_dim == 3:
        config["anisotropy"] = None
    if backbone == "unet":
        config |= _UNET | {
            "unet_n_depth": 3 if n_dim == 2 else 2,
            "unet_kernel_size": [3] * n_dim,
            "unet_pool": [2] * n_dim,
        }
    elif backbone == "resnet":
        config |= _RESNET
    return config


def read_json(path: Path) -> dict[str, Any]:
    """Read a JSON file that holds an object.

    Raises:
        BadInputError: the file cannot be read, is not JSON, or holds something else.
    """
    try:
        content = json.loads(path.read_bytes())
    except (ValueError, RecursionError) as error:
        raise BadInputError(path, f"is not valid JSON ({error})", _COPY_AGAIN) from error
    except OSError as error:
        raise BadInputError(
            path, f"cannot be read: {error.strerror}", "check its permissions"
        ) from error
    if not isinstance(content, dict):
        raise BadInputError(path, "is JSON of another kind", _COPY_AGAIN)
    return content


def read_config(folder: Path) -> dict[str, Any]:
    """Read and check ``config.json``, the architecture of a 2D or 3D model.

    Returns:
        The file's settings, completed by StarDist's defaults (:func:`default_config`).

    Raises:
        BadInputError: the file is missing, damaged, or does not describe a StarDist model.

    Example:
        >>> from bridge.model.folder import demo_model_folder
        >>> read_config(demo_model_folder())["n_rays"]
        32
    """
    path = folder / "config.json"
    if not path.exists():
        inside = [p.parent for p in sorted(folder.glob("*/config.json"))]
        remedy = f"did you mean {inside[0]}?" if inside else _NO_MODEL
        raise BadInputError(folder, "has no config.json, so it is no StarDist model", remedy)
    return complete_config(read_json(path), path)


def complete_config(config: dict[str, Any], source: Path) -> dict[str, Any]:
    """Check a configuration and fill in StarDist's defaults.

    Args:
        config: the content of a ``config.json``, of any version of StarDist.
        source: the file, for errors.

    Raises:
        BadInputError: it does not describe a StarDist model.

    Example:
        >>> oldest = {"n_channel_in": 1, "n_rays": 32, "unet_n_depth": 3}
        >>> complete_config(oldest, Path("config.json"))["grid"]
        [1, 1]
    """
    if not any(key == "n_rays" or key.startswith(("unet_", "resnet_", "rays")) for key in config):
        raise BadInputError(
            source, "is not a StarDist configuration (n_rays is missing)", _NO_MODEL
        )
    n_dim = _count_axes(config)
    if n_dim not in (2, 3):
        raise BadInputError(source, f"describes a {n_dim}D model", "give a 2D or 3D model")
    backbone = str(config.get("backbone", "unet")).lower()
    complete = default_config(n_dim, backbone) | config | {"n_dim": n_dim, "backbone": backbone}
    rays = complete.get("rays_json")
    if isinstance(rays, dict) and "n_rays" not in config:
        count = rays.get("kwargs", {}).get("n") if isinstance(rays.get("kwargs"), dict) else None
        complete["n_rays"] = count if isinstance(count, int) else _RAYS_OF_VOLUMES
    grid = complete["grid"]
    complete["grid"] = grid = [grid] * n_dim if isinstance(grid, int) else grid
    if not (
        isinstance(grid, list)
        and len(grid) == n_dim
        and all(isinstance(g, int) and g > 0 for g in grid)
    ):
        raise BadInputError(source, f"has the impossible grid {grid!r}", _COPY_AGAIN)
    for key, least in (("n_rays", 3), ("n_channel_in", 1)):
        if not isinstance(complete[key], int) or complete[key] < least:
            raise BadInputError(source, f"has the impossible {key} {complete[key]!r}", _COPY_AGAIN)
    if n_dim == 3 and (sizes := complete["anisotropy"]) is not None:
        is_sound = isinstance(sizes, list) and len(sizes) == n_dim
        if not (is_sound and all(isinstance(n, int | float) and 0 < n < math.inf for n in sizes)):
            raise BadInputError(source, f"has the impossible anisotropy {sizes!r}", _COPY_AGAIN)
    classes = complete["n_classes"]
    if classes is not None and (not isinstance(classes, int) or classes < 1):
        raise BadInputError(source, f"has the impossible n_classes {classes!r}", _COPY_AGAIN)
    return complete


def _count_axes(config: dict[str, Any]) -> Any:
    """Return the number of spatial axes; the oldest files say it by their settings only."""
    if "n_dim" in config:
        return config["n_dim"]
    if isinstance(config.get("axes"), str):
        return len(set(config["axes"].upper()) & set("XYZ"))
    for key in ("unet_kernel_size", "resnet_kernel_size", "unet_pool", "grid"):
        if isinstance(config.get(key), list):
            return len(config[key])
    return 3 if {"rays_json", "anisotropy"} & set(config) else 2


def read_thresholds(folder: Path) -> tuple[dict[str, float], tuple[str, ...]]:
    """Read the thresholds of a model.

    As in StarDist, a threshold that is missing, or not between 0 and 1, counts as not given.

    Returns:
        ``prob`` and ``nms``, as far as they are given, and notes on what was passed over.

    Raises:
        BadInputError: the file is damaged, or holds something else than numbers.

    Example:
        >>> read_thresholds(Path("folder without thresholds.json"))
        ({}, ())
    """
    path = folder / "thresholds.json"
    if not path.exists():
        return {}, ()
    content = read_json(path)
    found: dict[str, float] = {}
    notes = []
    for key, default in DEFAULT_THRESHOLDS.items():
        value = content.get(key)
        if isinstance(value, bool | str | list | dict):
            raise BadInputError(path, f"does not give {key} as a number", _COPY_AGAIN)
        if value is not None and 0 < value < 1:
            found[key] = float(value)
        else:
            problem = f"gives no {key}" if value is None else f"gives {value} as {key}"
            notes.append(f"{path}: {problem}, so StarDist's default {default} is used")
    return found, tuple(notes)
