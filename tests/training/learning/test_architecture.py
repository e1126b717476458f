"""Architectures of networks that are trained from nothing."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from bridge.errors import BadInputError
from bridge.training.learning.architecture import (
    ARCHITECTURES,
    Architecture,
    patch_divisor,
    with_classes,
)


def test_haug2_has_the_published_layers(shared: Path) -> None:
    published = json.loads((shared / "haug2_config.json").read_text(encoding="utf-8"))
    ours = Architecture(like="haug2").config(1)

    decisive = {k for k in published if k.startswith(("unet_", "net_", "grid", "n_", "axes"))}
    assert {k: ours[k] for k in decisive} == {k: published[k] for k in decisive}


@pytest.mark.model
@pytest.mark.parametrize("n_classes", [0, 2])
@pytest.mark.parametrize("like", list(ARCHITECTURES))
def test_stardist_sets_what_is_not_said_alike(like: str, n_classes: int) -> None:
    from stardist.models import Config2D

    ours = Architecture(like=like, rays=16).config(2, n_classes)
    theirs = vars(
        Config2D(n_rays=16, n_channel_in=2, grid=ours["grid"], n_classes=n_classes or None)
    )

    own = {k for k in ours if not k.startswith(("train_", "unet_n_f", "net_conv", "use_gpu"))}
    own |= {"train_loss_weights", "train_class_weights", "train_dist_loss", "train_background_reg"}
    for key in own:
        assert _plain(ours[key]) == _plain(theirs[key]), key


def _plain(value: Any) -> Any:
    return json.loads(json.dumps(value))


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"like": "big"}, "--like: 'big' is unknown; choose from haug2, fluo, versatile"),
        ({"grid": 3}, "--grid: 3 is no power of 2"),
        ({"grid": 0}, "--grid: 0 is no power of 2"),
        ({"rays": 2}, "--rays: 2 is too small; give at least 3"),
        ({"depth": 0}, "--depth: 0 is too small"),
        ({"filters": 0}, "--filters: 0 is too small"),
    ],
)
def test_what_makes_no_network_is_refused(wrong: dict[str, Any], message: str) -> None:
    with pytest.raises(BadInputError, match=message):
        Architecture(**wrong)


@pytest.mark.parametrize(("grid", "depth", "divisor"), [(1, 3, 8), (2, 3, 16), (4, 2, 16)])
def test_patches_fit_the_halvings(grid: int, depth: int, divisor: int) -> None:
    assert patch_divisor(Architecture(grid=grid, depth=depth).config(1)) == divisor


def test_classes_change_a_configuration_only_where_their_number_differs() -> None:
    config = Architecture().config(1, 2) | {"train_class_weights": [0.1, 1, 2]}

    assert with_classes(config, ("a", "b")) is config
    assert with_classes(config, ("a",))["train_class_weights"] == [1, 1]
    assert with_classes(config, ())["n_classes"] is None
