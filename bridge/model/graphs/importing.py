"""StarDist model folders made from files that were exported for Fiji, QuPath and others."""

from __future__ import annotations

import hashlib
import json
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from os import PathLike
from pathlib import Path
from typing import Any

from bridge.errors import BadInputError
from bridge.files.archive import LARGEST, read_zip
from bridge.files.atomic import write_bytes, write_error
from bridge.model.config import complete_config, read_json
from bridge.model.export_settings import (
    AGAIN,
    CONFIG_KEY,
    SETTINGS_FILES,
    merge_settings,
    recorded_settings,
)
from bridge.model.folder import ModelFolder, open_model
from bridge.model.graphs.architecture import infer_configs, is_larger
from bridge.model.graphs.matching import arrays_for, match_networks
from bridge.model.graphs.onnx_network import read_onnx
from bridge.model.graphs.saved_files import parse_frozen_graph, parse_saved_model
from bridge.model.graphs.tensorflow_network import read_tensorflow
from bridge.model.keras_network import read_layers
from bridge.model.network import Network
from bridge.model.recipe import RECIPE_FILE
from bridge.model.stardist_keras import build_stardist

_NEEDED = {
    "prob": ("probability threshold", "--prob 0.5"),
    "nms": ("overlap threshold", "--nms 0.4"),
    "percentiles": ("percentiles", "--percentiles 1 99.8"),
}


@dataclass(frozen=True)
class ExportedModel:
    """A model as it lies in an exported file.

    Attributes:
        source: the file.
        network: its network, weights included.
        config: ``config.json`` of its training; ``None`` where the file does not hold it.
        recipe: settings of :class:`bridge.model.recipe.Recipe` that the file, or the record beside
            it, holds.
    """

    source: Path
    network: Network
    config: dict[str, Any] | None = None
    recipe: dict[str, Any] = field(default_factory=dict)

    @property
    def missing(self) -> tuple[str, ...]:
        """Settings that StarDist needs and that nobody knows from the file."""
        return tuple(key for key in _NEEDED if self.recipe.get(key) is None)


def read_exported_model(path: str | PathLike[str]) -> ExportedModel:
    """Read the model of an exported file, without running anything of it.

    Args:
        path: a zip with a SavedModel (constants or variables, of TensorFlow 1 or 2), a frozen graph
            (.pb), or an ONNX model of starbridge, alone or in a bioimage.io package.

    Raises:
        BadInputError: no such file, a damaged or dangerous one, or no StarDist network; the first
            operation that does not fit is named.
        MissingPartError: TensorFlow or onnx is not installed.
    """
    path = Path(path).expanduser()
    data = _read(path)
    recorded = recorded_settings(path, hashlib.sha256(data).hexdigest())
    if data.startswith(b"PK\x03\x04") or path.suffix.lower() == ".zip":
        return _read_zip(path, recorded)
    if path.suffix.lower() == ".onnx":
        network, notes = read_onnx(path, data)
        return _with_settings(ExportedModel(path, network), notes, recorded)
    model = ExportedModel(path, read_tensorflow(parse_frozen_graph(path, data)))
    return _with_settings(model, {}, recorded)


def import_model(
    path: str | PathLike[str],
    out: str | PathLike[str],
    *,
    config: str | PathLike[str] | None = None,
    overwrite: bool = False,
    ask: bool = True,
    **recipe: Any,
) -> ModelFolder:
    """Make a StarDist model folder of an exported file.

    Args:
        path: as for :func:`read_exported_model`.
        out: folder to make.
        config: ``config.json`` of the model's training, where the file does not hold it: a 3D model
            needs it for its rays.
        overwrite: whether a folder that is there is replaced.
        ask: whether thresholds and percentiles that nobody knows are an error; otherwise StarDist's
            defaults apply.
        recipe: settings that replace those of the file (``prob=0.5``).

    Raises:
        BadInputError: as :func:`read_exported_model`; a folder that is there; settings that neither
            the file nor the caller gives.
        MissingPartError: TensorFlow or StarDist is not installed.

    Example:
        >>> import_model("TF_SavedModel.zip", "my_model", prob=0.5, nms=0.4,
        ...     percentiles=(1, 99.8)).n_rays  # doctest: +SKIP
        32
    """
    out = Path(out).expanduser()
    if out.exists() and not overwrite:
        raise BadInputError(out, "is there already", "choose another --out, or --overwrite")
    model = read_exported_model(path)
    given = {key: value for key, value in recipe.items() if value is not None}
    model = replace(model, recipe={**model.recipe, **given})
    if config is not None:
        model = replace(model, config=read_json(Path(config).expanduser()))
    if ask and model.missing:
        raise BadInputError(
            model.source,
            f"does not hold the model's {' and '.join(_NEEDED[key][0] for key in model.missing)}",
            "ask the model's author for them; StarDist's own are "
            + " ".join(_NEEDED[key][1] for key in model.missing),
        )
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=out.parent, prefix=".starbridge-") as temporary:
            made = Path(temporary) / out.name
            made.mkdir()
            write_model_folder(model, made)
            open_model(made, allow_3d=True)  # raises where a setting is impossible
            if out.exists():
                out.rename(Path(temporary) / "replaced")
            made.rename(out)
    except OSError as error:
        raise write_error(out, error) from error
    return open_model(out, allow_3d=True)


def write_model_folder(model: ExportedModel, folder: Path) -> None:
    """Write the files of a StarDist model folder into an empty folder.

    ``weights_best.h5`` has the layout that StarDist reads under Keras 2 and 3.

    Raises:
        BadInputError: the network is not one that StarDist builds; the first operation that does
            not fit is named.
        MissingPartError: TensorFlow or StarDist is not installed.
    """
    config, keras_model = _build_matching(model)
    keras_model.save_weights(str(folder / "weights_best.h5"))
    _write_json(folder / CONFIG_KEY, config)
    recipe = {key: value for key, value in model.recipe.items() if value is not None}
    thresholds: dict[str, Any] = {key: recipe.pop(key) for key in ("prob", "nms") if key in recipe}
    if thresholds:
        _write_json(folder / "thresholds.json", thresholds)
    if recipe:
        _write_json(folder / RECIPE_FILE, recipe)


def _build_matching(model: ExportedModel) -> tuple[dict[str, Any], Any]:
    """Build the StarDist network of a file, with the file's weights in it."""
    first: BadInputError | None = None
    for config in _configs(model):
        try:
            keras_model = build_stardist(
                config, model.source, "make a StarDist model folder", AGAIN
            ).keras_model
            stardist, layers = read_layers(keras_model, str(model.source))
            weights = match_networks(stardist, model.network, model.source)
            for name, step in weights.items():
                arrays = arrays_for(layers[name], step)
                if arrays is None:
                    raise BadInputError(
                        model.source,
                        f"is no StarDist network: its operation {step.name!r} has a bias",
                        "give a file that was exported from a StarDist model",
                    )
                layers[name].set_weights(arrays)
        except BadInputError as error:
            first = first or error
            continue
        return config, keras_model
    raise first or BadInputError(model.source, "is no StarDist network")


def _configs(model: ExportedModel) -> Iterator[dict[str, Any]]:
    if model.config is not None:
        config = complete_config(model.config, model.source)
        if config["n_dim"] != model.network.n_dim or is_larger(config, model.network):
            raise BadInputError(
                model.source, "its config.json is of another network than its graph", AGAIN
            )
        yield config
        return
    if model.network.n_dim == 3:
        raise BadInputError(
            model.source,
            "is a 3D model, and does not say in which directions its rays go",
            "give the config.json of its training with --config",
        )
    yield from infer_configs(model.network, model.source)


def _read(path: Path) -> bytes:
    if path.is_dir():
        raise BadInputError(path, "is a folder, not an exported model", "give the .zip or .pb")
    try:
        if path.stat().st_size > LARGEST:
            raise BadInputError(path, "is far larger than a model", AGAIN)
        return path.read_bytes()
    except FileNotFoundError as error:
        raise BadInputError(path, "does not exist", "check the name") from error
    except OSError as error:
        raise BadInputError(
            path, f"cannot be read: {error.strerror or error}", "check its permissions"
        ) from error


def _read_zip(path: Path, recorded: dict[str, Any]) -> ExportedModel:
    files = read_zip(path)
    settings = {
        name: files[name].decode(errors="replace") for name in SETTINGS_FILES if name in files
    }
    if "saved_model.pb" in files:
        network = read_tensorflow(parse_saved_model(path, files))
    elif onnx := [name for name in files if name.endswith(".onnx")]:
        network, notes = read_onnx(path, files[onnx[0]])
        settings = notes | settings
    else:
        # A folder of its own inside, as a file manager zips it.
        deeper = [name for name in files if name.endswith("/saved_model.pb")]
        if not deeper:
            raise BadInputError(path, "holds no saved_model.pb, so it is no exported model", AGAIN)
        start = deeper[0].removesuffix("saved_model.pb")
        inner = {n.removeprefix(start): data for n, data in files.items() if n.startswith(start)}
        network = read_tensorflow(parse_saved_model(path, inner))
    return _with_settings(ExportedModel(path, network), settings, recorded)


def _with_settings(
    model: ExportedModel, texts: Mapping[str, str], recorded: dict[str, Any]
) -> ExportedModel:
    """Return a model with what is written in its file, else in the record beside it."""
    settings = merge_settings(model.source, texts, recorded)
    return replace(model, config=settings.config, recipe=settings.recipe)


def _write_json(path: Path, content: dict[str, Any]) -> None:
    write_bytes(path, (json.dumps(content, indent=1) + "\n").encode())
