"""Agreement of every engine with StarDist's own ``predict_instances``, whatever the config."""

from __future__ import annotations

import contextlib
import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from bridge import Segmenter
from bridge.errors import BadInputError
from bridge.model.folder import ModelFolder, open_model
from bridge.model.recipe import Normalization
from bridge.segment.engines.registry import ENGINES, EngineSpec
from tests.models_export.architectures import ARCHITECTURES, SMALL, build

pytestmark = pytest.mark.model

CANDIDATES = 150
"""Predictions above the threshold, which an untrained network gives at will."""

KEYS_OF_2018 = ("n_channel_in", "n_rays", "unet_n_depth", "unet_kernel_size", "unet_n_filter_base")
"""Settings of the network in the oldest published config; the rest are defaults."""

CONFIGS: dict[str, dict[str, Any]] = {
    "defaults": {"unet_n_filter_base": 8, "net_conv_after_unet": 32},
    "no n_classes": {**SMALL, "grid": (2, 2)},
    "of 2018": {"unet_n_filter_base": 4},
    **ARCHITECTURES,
    "two_channels_classes": {**SMALL, "grid": (2, 2), "n_channel_in": 2, "n_classes": 2},
    "one_class": {**SMALL, "n_classes": 1},
}
"""Settings of ``Config2D`` by name."""

BEYOND_OUR_ENGINE = {"kernel5_pool4", "kernel_even", "no_features", "three_channels"}
"""Models that starbridge's own engine leaves to the others."""


def write_model(folder: Path, name: str, pixels: NDArray[Any]) -> Path:
    """Write a folder with random weights as StarDist does: a whole model in HDF5.

    Args:
        folder: to be made.
        name: of the config.
        pixels: (height, width, channels), normalised, in which every class is to be found.
    """
    network, config = build(CONFIGS[name])
    _smooth_outlines(network)
    if config.get("n_classes"):
        _balance_classes(network, pixels[:96, :80])
    folder.mkdir()
    with contextlib.redirect_stdout(io.StringIO()):
        network.save(str(folder / "weights_best.h5"))
    if name == "no n_classes":
        del config["n_classes"]
    if name == "of 2018":
        config = {key: config[key] for key in KEYS_OF_2018}
    (folder / "config.json").write_text(json.dumps(config))
    return folder


def _smooth_outlines(network: Any) -> None:
    """Make outlines round and large enough for nuclei.

    StarDist rounds corners of overlaps to whole pixels, so that chance decides about two small or
    jagged outlines that share about as much as the threshold.
    """
    layer = network.get_layer("dist")
    kernel, bias = layer.get_weights()
    layer.set_weights([kernel * 0.2, (bias - 8) * 0.2 + 14])


def _balance_classes(network: Any, pixels: NDArray[Any]) -> None:
    """Make every class, and background, the most probable one somewhere."""
    layer = network.get_layer("prob_class")
    kernel, bias = layer.get_weights()
    layer.set_weights([kernel * 10, bias * 0])
    classes = network.predict_on_batch(pixels[np.newaxis])[2]
    layer.set_weights([kernel * 10, -np.median(np.log(classes + 1e-9), axis=(0, 1, 2))])


def noise(n_channels: int) -> NDArray[np.uint16]:
    """Smooth blobs of another brightness in each channel, of a size that no tile divides."""
    from scipy.ndimage import gaussian_filter

    random = np.random.RandomState(3)
    planes = [
        (400 + 300 * c) * gaussian_filter(random.random_sample((117, 93)), 2, mode="nearest")
        + 90 * c
        for c in range(n_channels)
    ]
    return np.stack(planes, axis=-1).astype(np.uint16)


def stardists_own(folder: Path, pixels: NDArray[Any]) -> tuple[float, NDArray[Any], dict[str, Any]]:
    """Give a threshold with some hundred candidates, and what StarDist finds with it."""
    from stardist.models import StarDist2D

    with contextlib.redirect_stdout(io.StringIO()):
        network = StarDist2D(None, name=folder.name, basedir=str(folder.parent))
        probs = np.sort(network.predict(pixels, axes="YXC")[0], axis=None)[-CANDIDATES - 20 :]
        # in the middle of the widest gap, so that rounding decides about no candidate
        at = int(np.argmax(np.diff(probs[:40])))
        threshold = float(probs[at : at + 2].mean())
        labels, details = network.predict_instances(
            pixels, axes="YXC", prob_thresh=threshold, nms_thresh=0.4
        )
    return threshold, labels, details


def loaded(spec: EngineSpec, model: ModelFolder) -> Any:
    try:
        return spec.load(model)
    except BadInputError:
        return None


@pytest.mark.parametrize(
    ("name", "normalize"),
    [
        (name, normalize)
        for name, settings in CONFIGS.items()
        # one channel is the same either way
        for normalize in (["channels", "joint"] if "n_channel_in" in settings else ["channels"])
    ],
)
def test_every_engine_that_runs_a_model_finds_stardists_own_nuclei(
    tmp_path: Path, name: str, normalize: Normalization
) -> None:
    n_channels = CONFIGS[name].get("n_channel_in", 1)
    csbdeep = pytest.importorskip("csbdeep.utils")
    image = noise(n_channels)
    pixels = csbdeep.normalize(image, 1, 99.8, axis=(0, 1, 2) if normalize == "joint" else (0, 1))
    folder = write_model(tmp_path / name.replace(" ", "_"), name, pixels)
    threshold, labels, details = stardists_own(folder, pixels)
    model = open_model(folder)
    recipe = model.recipe.with_changes(prob=threshold, nms=0.4, normalize=normalize)
    engines = {spec.key: loaded(spec, model) for spec in ENGINES}

    assert [key for key, engine in engines.items() if engine is None] == (
        ["starbridge"] if name in BEYOND_OUR_ENGINE else []
    )
    assert labels.max() > 5
    for key, engine in engines.items():
        if engine is None:
            continue
        found = Segmenter(model, recipe, engine).segment(image, axes="YXC")
        assert np.array_equal(found.to_labels(), labels), key
        assert found.objects["prob"].to_numpy() == pytest.approx(details["prob"], abs=1e-5)
        if "class_id" in details:
            names = [None, *(f"class {n}" for n in range(1, model.n_classes + 1))]
            expected = [names[number] for number in details["class_id"]]
            assert len(set(expected)) > 1
            assert found.objects["class"].tolist() == expected, key
