"""The JSON files of a StarDist model folder: ``config.json`` and ``thresholds.json``."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from bridge.errors import BadInputError

_COPY_AGAIN = "copy the model folder again"
_NEEDED = ("n_dim", "n_rays", "grid", "n_channel_in", "backbone")


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
        remedy = f"did you mean {inside[0]}?" if inside else "give the folder of a StarDist model"
        raise BadInputError(folder, "has no config.json, so it is no StarDist model", remedy)
    config = read_json(path)
    missing = [key for key in _NEEDED if key not in config]
    if missing:
        raise BadInputError(
            path,
            f"is not a StarDist configuration ({missing[0]} is missing)",
            "give the folder of a StarDist model",
        )
    n_dim, grid = config["n_dim"], config["grid"]
    if n_dim not in (2, 3):
        raise BadInputError(path, f"describes a {n_dim}D model", "give a 2D or 3D model")
    if not (
        isinstance(grid, list)
        and len(grid) == n_dim
        and all(isinstance(g, int) and g > 0 for g in grid)
    ):
        raise BadInputError(path, f"has the impossible grid {grid!r}", _COPY_AGAIN)
    return config


def read_thresholds(folder: Path) -> tuple[float, float]:
    """Read the thresholds (probability, overlap) of a model.

    Where ``thresholds.json`` is missing, they are StarDist's defaults, 0.5 and 0.4.

    Raises:
        BadInputError: the file is damaged, or does not hold two numbers.

    Example:
        >>> read_thresholds(Path("folder without thresholds.json"))
        (0.5, 0.4)
    """
    path = folder / "thresholds.json"
    if not path.exists():
        return 0.5, 0.4
    content = read_json(path)
    try:
        return float(content["prob"]), float(content["nms"])
    except (KeyError, TypeError, ValueError) as error:
        raise BadInputError(path, "does not give prob and nms as numbers", _COPY_AGAIN) from error
