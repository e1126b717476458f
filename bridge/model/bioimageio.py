"""bioimage.io packages that hold a StarDist model with Keras weights.

The format is bioimage.io's model description, 0.4 and 0.5. StarDist writes its own configuration
and thresholds into it under ``config: stardist:``, and its Keras weights as an attachment that
``config: stardist: weights:`` names (``stardist/bioimageio_utils.py`` of StarDist 0.9.2).
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bridge.errors import BadInputError

RDF_NAMES = ("rdf.yaml", "bioimageio.yaml", "model.yaml")
"""Names that a package's description may have (``bioimageio.spec._internal.io_basics``)."""

LARGEST_RDF = 4 * 2**20

_MOST_VALUES = 10_000
_PERCENTILES = (0.0, 100.0)  # of scale_range, where it names none
_RECIPE = (
    "percentiles",
    "prob",
    "nms",
    "channel",
    "pixel_size",
    "normalize",
    "classes",
    "diameter",
)
_CHANNEL_AXES = {"c", "channel"}
_GET_AGAIN = "download the package again"


@dataclass(frozen=True)
class Package:
    """A bioimage.io package.

    Attributes:
        config: StarDist's configuration, as in ``config.json``; empty where it is not a StarDist
            model, or does not say so.
        weights: name of the file of Keras weights in the package; ``None`` where there is none.
        formats: names of the formats in which the package holds its weights.
    """

    config: dict[str, Any]
    weights: str | None
    formats: tuple[str, ...]


def read_package(rdf: bytes, source: Path, names: Collection[str]) -> Package:
    """Read the description of a package.

    Args:
        rdf: the content of its ``rdf.yaml``.
        source: the package, for errors.
        names: of the files in the package, relative to ``rdf.yaml``.

    Raises:
        BadInputError: damaged.
    """
    description = _load(rdf, source)
    weights = _mapping(description.get("weights"))
    stardist = _stardist_part(description)
    named = [stardist.get("weights"), _mapping(weights.get("keras_hdf5")).get("source")]
    files = [name.removeprefix("./") for name in named if isinstance(name, str)]
    return Package(
        config=_plain(_mapping(stardist.get("config")), source),
        weights=next((name for name in files if name in names), None),
        formats=tuple(str(key) for key in weights),
    )


def read_settings(folder: Path) -> tuple[dict[str, Any], str]:
    """Read the recipe that a bioimage.io description in a model folder gives.

    Args:
        folder: a StarDist model folder, with or without ``rdf.yaml``.

    Returns:
        Entries of :class:`bridge.model.recipe.Recipe` as far as given (StarDist's packages have
        thresholds, percentiles and how channels are normalised), and the name of the file.

    Raises:
        BadInputError: the description is damaged.

    >>> read_settings(Path("folder without rdf.yaml"))
    ({}, '')
    """
    path = next((folder / name for name in RDF_NAMES if (folder / name).is_file()), None)
    if path is None:
        return {}, ""
    try:
        if path.stat().st_size > LARGEST_RDF:
            raise BadInputError(path, "is far larger than a description", _GET_AGAIN)
        rdf = path.read_bytes()
    except OSError as error:
        raise BadInputError(
            path, f"cannot be read: {error.strerror}", "check its permissions"
        ) from error
    description = _load(rdf, path)
    thresholds = _mapping(_stardist_part(description).get("thresholds"))
    settings: dict[str, Any] = {
        key: float(value)
        for key in ("prob", "nms")
        if isinstance(value := thresholds.get(key), int | float) and 0 < value < 1
    }
    inputs = description.get("inputs")
    steps = _mapping(inputs[0]).get("preprocessing") if isinstance(inputs, list) and inputs else ()
    for step in map(_mapping, steps if isinstance(steps, list) else ()):
        if "scale_range" in (step.get("name"), step.get("id")):  # spec 0.4, spec 0.5
            settings |= _scale_range(_mapping(step.get("kwargs")), path)
    # What starbridge's own export writes is the whole recipe.
    recipe = _mapping(_mapping(description.get("config")).get("starbridge"))
    for key in _RECIPE:
        if (value := recipe.get(key)) is not None:
            settings[key] = tuple(value) if isinstance(value, list) else value
    return settings, path.name


def _scale_range(arguments: Mapping[str, Any], path: Path) -> dict[str, Any]:
    low, high = (
        arguments.get(key, default)
        for key, default in zip(("min_percentile", "max_percentile"), _PERCENTILES, strict=True)
    )
    if not (isinstance(low, int | float) and isinstance(high, int | float)):
        raise BadInputError(path, "does not give percentiles as numbers", _GET_AGAIN)
    if not 0 <= low < high <= 100:
        problem = f"has the impossible percentiles {low:g} and {high:g}"
        raise BadInputError(path, problem, _GET_AGAIN)
    axes = arguments.get("axes")
    # Axes that are named are normalised together: "zyx" is each channel for itself. None names all.
    together = not isinstance(axes, str | list) or bool(_CHANNEL_AXES & set(map(str, axes)))
    return {
        "percentiles": (float(low), float(high)),
        "normalize": "joint" if together else "channels",
    }


def _stardist_part(description: Mapping[str, Any]) -> Mapping[str, Any]:
    return _mapping(_mapping(description.get("config")).get("stardist"))


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _load(rdf: bytes, source: Path) -> Mapping[str, Any]:
    import yaml

    try:
        content = yaml.safe_load(rdf)
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        where = getattr(error, "problem_mark", None)
        line = f", line {where.line + 1}" if where else ""
        raise BadInputError(source, f"has a damaged description{line}", _GET_AGAIN) from error
    if not isinstance(content, Mapping):
        raise BadInputError(source, "has a description of another kind", _GET_AGAIN)
    return content


def _plain(config: Mapping[str, Any], source: Path) -> dict[str, Any]:
    """Copy a configuration as JSON takes it.

    References in YAML let a small file stand for a huge one, so values are counted.
    """
    left = _MOST_VALUES

    def copy(value: Any) -> Any:
        nonlocal left
        left -= 1
        if left < 0:
            raise BadInputError(source, "has a description without end", _GET_AGAIN)
        if isinstance(value, Mapping):
            return {str(key): copy(item) for key, item in value.items()}
        if isinstance(value, list | tuple):
            return [copy(item) for item in value]
        return value if value is None or isinstance(value, bool | int | float) else str(value)

    copied: dict[str, Any] = copy(config)
    return copied
