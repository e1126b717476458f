"""The macro with Fiji's StarDist plugin, against Python. Needs ``FIJI_APP``, a Fiji's folder."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pytest
import tifffile
from numpy.typing import NDArray

from bridge import Detections, Segmenter
from bridge.apps.fiji import Fiji, MacroError
from bridge.images import from_array
from bridge.model.folder import ModelFolder, open_model
from bridge.model.stardist_keras import build_stardist
from models_export import export
from models_export.keras_model import KerasModel

pytestmark = [
    pytest.mark.fiji_app,
    pytest.mark.model,
    pytest.mark.skipif(not os.environ.get("FIJI_APP"), reason="needs a Fiji: set FIJI_APP"),
]


@pytest.fixture(scope="module", params=["headless", "window"])
def fiji(request: pytest.FixtureRequest) -> Iterator[Fiji]:
    """Fiji without and with its window."""
    if request.param == "window":
        request.getfixturevalue("display")
    mode: Literal["headless", "gui"] = "gui" if request.param == "window" else "headless"
    with Fiji(os.environ["FIJI_APP"], mode=mode) as session:
        yield session


@pytest.fixture
def session(fiji: Fiji) -> Fiji:
    """Fiji with nothing open."""
    fiji.clear()
    return fiji


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The macro of the demo model, with the zips of both TensorFlows beside it."""
    folder = tmp_path_factory.mktemp("it's [an] export")
    export("demo", ["tf1.12", "tf1.15"], out=folder, verify=False)
    return folder / "demo.ijm"


@pytest.fixture
def image(real_image: tuple[NDArray[Any], NDArray[Any]]) -> NDArray[Any]:
    return real_image[0]


def in_python(pixels: NDArray[Any], model: ModelFolder, **options: Any) -> NDArray[Any]:
    found = Segmenter(model).segment(pixels, **options)
    return found.to_labels(shape=pixels.shape[-2:])


def assert_same_nuclei(labels: NDArray[Any], wanted: NDArray[Any], least: float = 0.99) -> None:
    from stardist.matching import matching

    found = matching(wanted, labels, thresh=0.7)
    assert found.n_pred == found.n_true, (found.n_pred, found.n_true)
    assert found.f1 > least


def test_the_nuclei_are_those_of_python(
    session: Fiji, exported: Path, image: NDArray[Any], tmp_path: Path
) -> None:
    tifffile.imwrite(tmp_path / "a.tif", image)

    session.run_macro(exported, image_file=tmp_path / "a.tif", result_folder=tmp_path / "out")

    labels = tifffile.imread(tmp_path / "out" / "lbl" / "a_labels.tif")
    assert_same_nuclei(labels, in_python(image, open_model("demo")))
    rois = Detections.read(tmp_path / "out" / "roi" / "a_rois.zip")
    assert np.array_equal(rois.to_labels(shape=labels.shape), labels)
    assert (tmp_path / "out" / "tables" / "a_table.csv").exists()
    assert session.images() == ()


def test_a_folder_of_stacks_and_a_file_that_is_no_image(
    session: Fiji, exported: Path, image: NDArray[Any], tmp_path: Path
) -> None:
    images = tmp_path / "images"
    images.mkdir()
    (images / "a broken.tif").write_bytes(b"II*\0 is no TIFF")
    planes = np.stack([image[:256, :256], 0 * image[:256, :256], image[256:, 256:]])
    for axes in ("ZYX", "TYX"):
        tifffile.imwrite(images / f"{axes}.tif", planes, imagej=True, metadata={"axes": axes})

    with pytest.raises(MacroError, match=r"1 of 3 images failed.*a broken\.tif cannot be opened"):
        session.run_macro(exported, image_folder=images, result_folder=tmp_path / "out")

    for axes in ("ZYX", "TYX"):
        labels = tifffile.imread(tmp_path / "out" / "lbl" / f"{axes}_labels.tif")
        assert not labels[1].any()
        assert labels[2][labels[2] > 0].min() == labels[0].max() + 1
        for plane in (0, 2):
            assert_same_nuclei(labels[plane], in_python(planes[plane], open_model("demo")))


def test_the_active_image_shows_its_labels(
    session: Fiji, exported: Path, image: NDArray[Any], tmp_path: Path
) -> None:
    tifffile.imwrite(tmp_path / "a.tif", image)
    session.run_macro("#@ File image\nopen(image);", image=tmp_path / "a.tif")

    result = session.run_macro(exported)

    assert {shown.title for shown in session.images()} == {"a.tif", "a_labels.tif"}
    assert len(result.rois) == len(Segmenter(open_model("demo")).segment(image))


def test_an_image_of_another_pixel_size_is_scaled(
    session: Fiji, exported: Path, image: NDArray[Any], tmp_path: Path
) -> None:
    large = np.kron(image, np.ones((2, 2), image.dtype))
    tifffile.imwrite(
        tmp_path / "a.tif",
        large,
        imagej=True,
        resolution=(4, 4),
        metadata={"axes": "YX", "unit": "um"},
    )

    session.run_macro(
        exported, image_file=tmp_path / "a.tif", result_folder=tmp_path, pixel_size=0.5
    )

    demo = open_model("demo")
    wanted = in_python(
        large, replace(demo, recipe=replace(demo.recipe, pixel_size=0.5)), pixel_size=0.25
    )
    labels = tifffile.imread(tmp_path / "lbl" / "a_labels.tif")
    assert labels.shape == large.shape
    # the two programs shrink an image with other filters
    assert abs(int(labels.max()) - int(wanted.max())) <= 2
    from stardist.matching import matching

    assert matching(wanted, labels, thresh=0.7).f1 > 0.97


@pytest.fixture(scope="module")
def two_channels(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model that finds what the demo model finds, in the first of its two channels."""
    folder = tmp_path_factory.mktemp("models") / "two_channels"
    folder.mkdir()
    demo = open_model("demo")
    config = {**demo.config, "n_channel_in": 2, "net_input_shape": [None, None, 2]}
    model = build_stardist(config, folder / "config.json", "test", "").keras_model
    trained = KerasModel(demo)._model.keras_model
    for layer, source in zip(model.layers, trained.layers, strict=True):
        weights = [np.zeros(w.shape, w.dtype) for w in layer.get_weights()]
        for empty, values in zip(weights, source.get_weights(), strict=True):
            empty[tuple(slice(n) for n in values.shape)] = values
        layer.set_weights(weights)
    model.save_weights(str(folder / "model.weights.h5"))
    (folder / "model.weights.h5").rename(folder / "weights_best.h5")
    (folder / "config.json").write_text(json.dumps(config))
    (folder / "thresholds.json").write_text(
        json.dumps({"prob": demo.recipe.prob, "nms": demo.recipe.nms})
    )
    (folder / "recipe.json").write_text(json.dumps({"channel": ["DAPI", 0]}))
    export(folder, ["tf1.15"], out=folder, verify=False)
    return folder


@pytest.mark.parametrize("normalize_each", [True, False])
def test_two_channels_in_the_models_order(
    session: Fiji, two_channels: Path, image: NDArray[Any], tmp_path: Path, normalize_each: bool
) -> None:
    noise = np.random.default_rng(0).integers(0, image.max() // 2, image.shape)
    pixels = np.stack([noise.astype(image.dtype), image])
    tifffile.imwrite(
        tmp_path / "a.tif",
        pixels,
        imagej=True,
        metadata={"axes": "CYX", "Labels": ["GFP", "DAPI"]},
    )

    session.run_macro(
        two_channels / "two_channels.ijm",
        image_file=tmp_path / "a.tif",
        result_folder=tmp_path,
        normalize_each=normalize_each,
    )

    model = open_model(two_channels)
    recipe = replace(model.recipe, normalize="channels" if normalize_each else "joint")
    found = Segmenter(replace(model, recipe=recipe)).segment(
        from_array(pixels, axes="CYX", channels=["GFP", "DAPI"])
    )
    labels = tifffile.imread(tmp_path / "lbl" / "a_labels.tif")
    assert_same_nuclei(labels, found.to_labels(shape=labels.shape))
