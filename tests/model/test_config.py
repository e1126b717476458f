"""Configuration and threshold files of every age, read as StarDist reads them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from bridge.errors import BadInputError
from bridge.model.config import complete_config, default_config, read_thresholds

CONFIG = Path("config.json")

OLDEST: dict[str, Any] = {
    "n_channel_in": 1,
    "n_rays": 32,
    "unet_n_depth": 3,
    "unet_kernel_size": [3, 3],
    "unet_n_filter_base": 32,
    "net_input_shape": [None, None, 1],
}
"""The settings of the network in StarDist's first published file, of 2018."""


def test_the_oldest_file_describes_the_network_that_it_described() -> None:
    config = complete_config(OLDEST, CONFIG)

    assert (config["n_dim"], config["grid"], config["backbone"]) == (2, [1, 1], "unet")
    assert (config["n_classes"], config["net_conv_after_unet"]) == (None, 128)
    assert OLDEST.items() <= config.items()


@pytest.mark.parametrize("dropped", sorted(default_config(2)))
def test_any_one_missing_setting_gets_its_default(dropped: str) -> None:
    kept = {k: v for k, v in default_config(2).items() if k != dropped}

    assert complete_config(kept, CONFIG) == default_config(2)


@pytest.mark.parametrize(
    ("config", "n_dim"),
    [
        ({"n_rays": 32}, 2),
        ({"n_rays": 32, "axes": "YXC"}, 2),
        ({"n_rays": 96, "axes": "ZYXC"}, 3),
        ({"unet_kernel_size": [3, 3, 3]}, 3),
        ({"grid": [1, 2, 2], "backbone": "resnet", "resnet_n_blocks": 4}, 3),
        ({"rays_json": {"name": "Rays_GoldenSpiral", "kwargs": {"n": 64}}}, 3),
    ],
)
def test_the_number_of_axes_follows_from_other_settings(config: dict[str, Any], n_dim: int) -> None:
    assert complete_config(config, CONFIG)["n_dim"] == n_dim


def test_rays_of_a_volume_are_counted(tmp_path: Path) -> None:
    rays = {"name": "Rays_GoldenSpiral", "kwargs": {"n": 64, "anisotropy": None}}

    assert complete_config({"n_dim": 3, "rays_json": rays}, CONFIG)["n_rays"] == 64
    assert complete_config({"n_dim": 3, "unet_n_depth": 2}, CONFIG)["n_rays"] == 96


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"n_dim": 4}, "describes a 4D model"),
        ({"grid": [2]}, "has the impossible grid"),
        ({"grid": [2, 0]}, "has the impossible grid"),
        ({"n_rays": "many"}, "has the impossible n_rays 'many'"),
        ({"n_channel_in": 0}, "has the impossible n_channel_in 0"),
        ({"n_classes": -1}, "has the impossible n_classes -1"),
    ],
)
def test_impossible_settings_are_refused(change: dict[str, Any], problem: str) -> None:
    with pytest.raises(BadInputError, match=problem):
        complete_config(OLDEST | change, CONFIG)


def test_settings_of_another_program_are_refused() -> None:
    with pytest.raises(BadInputError, match=r"is not a StarDist configuration"):
        complete_config({"n_dim": 2, "probabilistic": False}, CONFIG)


@pytest.mark.model
@pytest.mark.parametrize(("n_dim", "backbone"), [(2, "unet"), (3, "unet"), (3, "resnet")])
def test_the_defaults_are_those_of_the_installed_stardist(n_dim: int, backbone: str) -> None:
    from stardist.models import Config2D, Config3D

    stardist = vars((Config2D if n_dim == 2 else Config3D)(backbone=backbone))
    network = json.loads(json.dumps(stardist))
    ours = default_config(n_dim, backbone)

    assert {key: network[key] for key in ours} == ours
    described = {k for k in network if k.startswith(("unet_", "resnet_", "net_conv", "n_", "grid"))}
    assert described - set(ours) == {"n_channel_out"}


@pytest.mark.parametrize(
    ("content", "expected", "passed_over"),
    [
        ('{"prob": 0.6, "nms": 0.2}', {"prob": 0.6, "nms": 0.2}, ()),
        ('{"prob": 0.6}', {"prob": 0.6}, ("gives no nms",)),
        ('{"prob": NaN, "nms": 0.3}', {"nms": 0.3}, ("gives nan as prob",)),
        ('{"prob": null, "nms": null}', {}, ("gives no prob", "gives no nms")),
        ('{"prob": 0.5, "nms": 1}', {"prob": 0.5}, ("gives 1 as nms",)),
        ("{}", {}, ("gives no prob", "gives no nms")),
    ],
)
def test_thresholds_that_are_none_fall_back_with_a_note(
    tmp_path: Path, content: str, expected: dict[str, float], passed_over: tuple[str, ...]
) -> None:
    (tmp_path / "thresholds.json").write_text(content)

    found, notes = read_thresholds(tmp_path)

    assert found == expected
    assert [note.split(": ")[1].split(",")[0] for note in notes] == list(passed_over)
    assert all(str(tmp_path / "thresholds.json") in note for note in notes)
