"""Description of a model, for a person and for programs: all that decides its results."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from bridge.model.folder import ModelFolder
from bridge.model.listing import megabytes

_BACKBONES = {
    "unet": ("U-Net", "unet_n_depth", "unet_n_filter_base"),
    "resnet": ("ResNet", "resnet_n_blocks", "resnet_n_filter_base"),
}


def describe(model: ModelFolder) -> dict[str, Any]:
    """Return what is known of a model, as JSON takes it.

    Returns:
        ``name``, ``folder``, ``source`` (the file that it was unpacked from, if it was),
        ``network`` (dimensions, backbone, depth, filters, grid, rays, channels, classes),
        ``training_patch`` in pixels (``None`` where it is not known), ``weights``, ``sha256``,
        ``recipe`` (each setting with its value and where that comes from) and ``notes``.

    Example:
        >>> from bridge.model.folder import open_model
        >>> describe(open_model("demo"))["network"]["filters"]
        22
    """
    backbone = str(model.config["backbone"])
    _, depth, filters = _BACKBONES.get(backbone, ("", "", ""))
    return {
        "name": model.name,
        "folder": str(model.path.absolute()),
        "source": model.provenance.to_json() if model.provenance else None,
        "network": {
            "dimensions": model.n_dim,
            "backbone": backbone,
            "depth": model.config.get(depth),
            "filters": model.config.get(filters),
            "grid": list(model.grid),
            "rays": model.n_rays,
            "channels": model.n_channels,
            "classes": model.n_classes,
        },
        "training_patch": model.config.get("train_patch_size"),
        "weights": {"file": model.weights.name, "bytes": model.weights.stat().st_size},
        "sha256": model.sha256,
        "recipe": {
            key: {"value": value, "from": model.sources[key]}
            for key, value in model.recipe.to_json().items()
        },
        "notes": list(model.notes),
    }


def description_lines(model: ModelFolder) -> list[str]:
    """Return what is known of a model for a person, a line a fact.

    Example:
        >>> from bridge.model.folder import open_model
        >>> description_lines(open_model("demo"))[2]
        'network     2D U-Net, depth 3, 22 filters, grid 2 x 2, 32 rays, no classes'
    """
    known = describe(model)
    source = known["source"]
    patch = known["training_patch"]
    facts = {"model": known["name"], "folder": known["folder"]}
    if source:
        address = f" ({source['address']})" if "address" in source else ""
        facts["from"] = f"{source['given']}{address}, SHA-256 {source['sha256']}"
    facts |= {
        "network": network_line(model),
        "channels": known["network"]["channels"],
        "trained on": f"patches of {_times(patch)} pixels" if patch else "not known",
        "weights": f"{known['weights']['file']}, {megabytes(known['weights']['bytes'])}",
    }
    lines = [f"{key:<10}  {value}" for key, value in facts.items()]
    width = max(len(_shown(setting["value"])) for setting in known["recipe"].values())
    lines += ["recipe"]
    lines += [
        f"  {key:<11}  {_shown(setting['value']):<{width}}  {setting['from']}"
        for key, setting in known["recipe"].items()
    ]
    return [*lines, *(f"note        {note}" for note in known["notes"])]


def network_line(model: ModelFolder) -> str:
    """Return the network of a model in a line.

    >>> from bridge.model.folder import open_model
    >>> network_line(open_model("demo"))
    '2D U-Net, depth 3, 22 filters, grid 2 x 2, 32 rays, no classes'
    """
    network = describe(model)["network"]
    title = _BACKBONES.get(network["backbone"], (network["backbone"],))[0]
    return (
        f"{network['dimensions']}D {title}, depth {network['depth']}, "
        f"{network['filters']} filters, grid {_times(network['grid'])}, {network['rays']} rays, "
        f"{network['classes'] or 'no'} classes"
    )


def _times(numbers: Sequence[int]) -> str:
    return " x ".join(map(str, numbers))


def _shown(value: Any) -> str:
    if value is None or value == ():
        return "-"
    if isinstance(value, tuple):
        return ", ".join(map(_shown, value))
    return f"{value:.4g}" if isinstance(value, float) else str(value)
