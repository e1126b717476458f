"""Architectures of networks that are trained from nothing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bridge.errors import BadInputError
from bridge.model.config import complete_config

ARCHITECTURES: dict[str, dict[str, Any]] = {
    # nuclei_quant, config.json of stardist_haug2
    "haug2": {"grid": [1, 1], "unet_n_filter_base": 32, "net_conv_after_unet": 128},
    "fluo": {"grid": [2, 2], "unet_n_filter_base": 22, "net_conv_after_unet": 64},
    # StarDist's 2D_versatile_fluo and its notebooks
    "versatile": {"grid": [2, 2], "unet_n_filter_base": 32, "net_conv_after_unet": 128},
}
"""Networks by name: ``haug2`` (a prediction a pixel), ``fluo`` (small), ``versatile``."""

_RAYS = 32
_DEPTH = 3
_TRAINING: dict[str, Any] = {
    "train_shape_completion": False,
    "train_completion_crop": 32,
    "train_background_reg": 1e-4,
    "train_foreground_only": 0.9,
    "train_sample_cache": True,
    "train_dist_loss": "mae",
    "train_n_val_patches": None,
    "train_tensorboard": True,
    "train_reduce_lr": None,
    "train_checkpoint": "weights_best.h5",
    "train_checkpoint_last": "weights_last.h5",
    "train_checkpoint_epoch": "weights_now.h5",
    "use_gpu": False,
}
"""Settings that StarDist writes beside the architecture (``Config2D``)."""


@dataclass(frozen=True, kw_only=True)
class Architecture:
    """Shape of a network that is to be trained from nothing.

    Attributes:
        like: a name of :data:`ARCHITECTURES`.
        grid: pixels between two predictions, a power of 2; that of ``like`` where ``None``, and so
            on.
        rays: rays of an outline.
        depth: how often the U-Net halves the image.
        filters: filters at the base of the network.

    Raises:
        BadInputError: an unknown name, or a number that makes no network.
    """

    like: str = "haug2"
    grid: int | None = None
    rays: int | None = None
    depth: int | None = None
    filters: int | None = None

    def __post_init__(self) -> None:
        if self.like not in ARCHITECTURES:
            raise BadInputError(
                "--like", f"{self.like!r} is unknown", f"choose from {', '.join(ARCHITECTURES)}"
            )
        if self.grid is not None and (self.grid < 1 or self.grid & (self.grid - 1)):
            raise BadInputError("--grid", f"{self.grid} is no power of 2", "give 1, 2, 4 or 8")
        for name, value, least in (
            ("--rays", self.rays, 3),
            ("--depth", self.depth, 1),
            ("--filters", self.filters, 1),
        ):
            if value is not None and value < least:
                raise BadInputError(name, f"{value} is too small", f"give at least {least}")

    @property
    def percentiles(self) -> tuple[float, float]:
        """Percentiles of an image that become 0 and 1, as the model of this name has them."""
        return (0.2, 99.8) if self.like == "haug2" else (1.0, 99.8)

    def config(self, n_channels: int, n_classes: int = 0) -> dict[str, Any]:
        """Return the ``config.json`` of a model.

        Args:
            n_channels: channels of its images.
            n_classes: classes of its objects, 0 for none.

        >>> Architecture(like="fluo", rays=64).config(2)["n_channel_out"]
        65
        """
        chosen = dict(ARCHITECTURES[self.like])
        if self.grid is not None:
            chosen["grid"] = [self.grid] * 2
        if self.filters is not None:
            chosen["unet_n_filter_base"] = self.filters
        rays = self.rays or _RAYS
        config = {
            "n_dim": 2,
            "axes": "YXC",
            "n_channel_in": n_channels,
            "n_channel_out": 1 + rays,
            "n_rays": rays,
            "n_classes": n_classes or None,
            "unet_n_depth": self.depth or _DEPTH,
            "net_input_shape": [None, None, n_channels],
            "net_mask_shape": [None, None, 1],
            **class_settings(n_classes),
        }
        return complete_config(_TRAINING | config | chosen, Path("config.json"))


def class_settings(n_classes: int) -> dict[str, Any]:
    """Return the weights of the parts of the loss, as StarDist's ``Config2D`` sets them.

    >>> class_settings(2)["train_class_weights"]
    [1.0, 1.0, 1.0]
    """
    if not n_classes:
        return {"train_loss_weights": [1.0, 0.2], "train_class_weights": [1.0, 1.0]}
    return {
        "train_loss_weights": [1.0, 0.2, 1.0],
        "train_class_weights": [1.0] * (n_classes + 1),
    }


def with_classes(config: dict[str, Any], classes: Sequence[str]) -> dict[str, Any]:
    """Return a configuration whose network also tells classes apart.

    Args:
        config: of a model with or without classes.
        classes: names of the classes.
    """
    if (config.get("n_classes") or 0) == len(classes):
        return config
    return config | {"n_classes": len(classes) or None} | class_settings(len(classes))


def patch_divisor(config: dict[str, Any]) -> int:
    """Return the number of pixels of which the side of a patch is a multiple."""
    grid = max(int(g) for g in config["grid"])
    if config["backbone"] != "unet":
        return grid
    halved: int = int(max(config["unet_pool"])) ** int(config["unet_n_depth"])
    return grid * halved
