"""Segmentation: StarDist's own result, whatever the image's format, tiles or size."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
import shapely
import tifffile
from numpy.typing import NDArray

from bridge import Detections, PixelSize, Segmenter, open_image
from bridge.detections import Outline
from bridge.errors import BadInputError
from bridge.images import from_array
from bridge.model.folder import demo_model_folder, open_model
from bridge.model.recipe import Recipe
from bridge.segment.engines.base import NO_MARGINS, Engine, Margins, Prediction
from bridge.segment.engines.keras import KerasEngine

pytestmark = pytest.mark.model


@pytest.fixture(scope="module")
def stardist_result(
    demo_segmenter: Segmenter, real_image: tuple[NDArray[Any], NDArray[Any]]
) -> tuple[NDArray[Any], dict[str, Any]]:
    """Labels and details of StarDist's own ``predict_instances`` on the same weights."""
    from csbdeep.utils import normalize
    from stardist.models import StarDist2D

    folder = demo_model_folder()
    network = StarDist2D(None, name=folder.name, basedir=str(folder.parent))
    recipe = demo_segmenter.recipe
    labels, details = network.predict_instances(
        normalize(real_image[0], *recipe.percentiles),
        prob_thresh=recipe.prob,
        nms_thresh=recipe.nms,
    )
    return labels, details


def test_the_label_image_is_stardists_own(
    demo_segmenter: Segmenter,
    real_image: tuple[NDArray[Any], NDArray[Any]],
    stardist_result: tuple[NDArray[Any], dict[str, Any]],
) -> None:
    labels, details = stardist_result

    found = demo_segmenter.segment(real_image[0])

    assert len(found) > 100
    assert np.array_equal(found.to_labels(), labels)
    assert found.objects["prob"].to_numpy() == pytest.approx(details["prob"], abs=1e-5)
    assert found.objects["label"].tolist() == list(range(1, len(found) + 1))


def test_outlines_and_rois_agree_with_stardists_to_the_half_pixel(
    demo_segmenter: Segmenter,
    real_image: tuple[NDArray[Any], NDArray[Any]],
    stardist_result: tuple[NDArray[Any], dict[str, Any]],
    tmp_path: Path,
) -> None:
    utils = pytest.importorskip("stardist.utils")
    utils.export_imagej_rois(str(tmp_path / "theirs.zip"), stardist_result[1]["coord"])
    demo_segmenter.segment(real_image[0]).write(tmp_path / "ours.zip")

    ours, theirs = (Detections.read(tmp_path / f"{n}.zip") for n in ("ours", "theirs"))

    for a, b in zip(ours.objects.geometry, theirs.objects.geometry, strict=True):
        assert np.abs(shapely.get_coordinates(a) - shapely.get_coordinates(b)).max() < 1e-3


def test_traced_outlines_give_back_the_same_label_image(
    demo_segmenter: Segmenter,
    real_image: tuple[NDArray[Any], NDArray[Any]],
    stardist_result: tuple[NDArray[Any], dict[str, Any]],
) -> None:
    found = demo_segmenter.segment(real_image[0], outline="traced")

    assert found.outline == "traced"
    assert np.array_equal(found.to_labels(), stardist_result[0])
    corners = shapely.get_coordinates(found.objects.geometry.to_numpy())
    assert np.array_equal(corners, np.round(corners))


@pytest.mark.parametrize("tiles", [2, (3, 1), (2, 5)])
def test_tiles_do_not_change_the_result(
    demo_segmenter: Segmenter,
    real_image: tuple[NDArray[Any], NDArray[Any]],
    stardist_result: tuple[NDArray[Any], dict[str, Any]],
    tiles: int | tuple[int, int],
) -> None:
    reports: list[tuple[int, int]] = []
    found = demo_segmenter.segment(
        real_image[0], tiles=tiles, progress=lambda done, total: reports.append((done, total))
    )

    assert np.array_equal(found.to_labels(), stardist_result[0])
    assert reports[-1][0] == reports[-1][1] == len(reports) > 1


def test_little_memory_does_not_change_the_result(
    demo_segmenter: Segmenter, real_image: tuple[NDArray[Any], NDArray[Any]]
) -> None:
    whole = demo_segmenter.segment(real_image[0], tiles=1).to_labels()

    with_little = demo_segmenter.segment(real_image[0], memory=0.01).to_labels()

    np.testing.assert_array_equal(with_little, whole)


def test_no_memory_is_said(demo_segmenter: Segmenter) -> None:
    with pytest.raises(BadInputError, match=r"0.* is no amount of memory"):
        demo_segmenter.segment(np.arange(1024.0).reshape(32, 32), memory=0)


class CountingEngine:
    """An engine that counts what it predicts."""

    def __init__(self, engine: Engine) -> None:
        self.name, self.device, self.versions = engine.name, engine.device, engine.versions
        self.divisor, self.alignment = engine.divisor, engine.alignment
        self.halo = engine.halo
        self.bytes_per_pixel = engine.bytes_per_pixel
        self._engine = engine
        self.predicted = 0

    def predict(
        self, tile: NDArray[Any], margins: Margins = NO_MARGINS, min_prob: float = 0.0
    ) -> Prediction:
        self.predicted += 1
        return self._engine.predict(tile, margins, min_prob)


def test_empty_tiles_around_a_section_are_predicted_once(
    demo_segmenter: Segmenter, real_image: tuple[NDArray[Any], NDArray[Any]]
) -> None:
    nuclei = real_image[0]
    section = np.zeros((nuclei.shape[0], nuclei.shape[1] + 2048), nuclei.dtype)
    section[:, : nuclei.shape[1]] = nuclei
    counting = CountingEngine(demo_segmenter.engine)
    segmenter = Segmenter(demo_segmenter.model, demo_segmenter.recipe, counting)

    found = segmenter.segment(section, tiles=(1, 18)).to_labels()

    assert counting.predicted < 18
    np.testing.assert_array_equal(found, demo_segmenter.segment(section, tiles=1).to_labels())


@pytest.mark.parametrize("size", [(1, 2), (7, 9), (16, 40), (131, 77)])
def test_images_smaller_than_the_networks_field_are_segmented(
    demo_segmenter: Segmenter, real_image: tuple[NDArray[Any], NDArray[Any]], size: tuple[int, int]
) -> None:
    part = real_image[0][: size[0], : size[1]]

    assert demo_segmenter.segment(part).to_labels().shape == size


def test_an_image_without_nuclei_has_none(demo_segmenter: Segmenter) -> None:
    noise = np.random.default_rng(0).poisson(5, (96, 96)).astype(np.uint16)
    strict = Segmenter(demo_segmenter.model, Recipe(prob=1.0), demo_segmenter.engine)

    found = strict.segment(noise)

    assert len(found) == 0
    assert found.to_labels().max() == 0


def test_a_four_channel_file_is_segmented_by_name_or_number(
    demo_segmenter: Segmenter, real_image: tuple[NDArray[Any], NDArray[Any]], tmp_path: Path
) -> None:
    nuclei = real_image[0][:128, :128]
    stack = np.zeros((4, 128, 128), np.uint16)
    stack[2] = nuclei
    names = ["488", "555", "DAPI", "647"]
    path = tmp_path / "section.ome.tif"
    tifffile.imwrite(path, stack, ome=True, metadata={"axes": "CYX", "Channel": {"Name": names}})

    expected = demo_segmenter.segment(nuclei)
    for channel in ("DAPI", "dapi", 2, "2"):
        recipe = demo_segmenter.recipe.with_changes(channel=channel)
        chosen = Segmenter(demo_segmenter.model, recipe, demo_segmenter.engine)
        assert np.array_equal(chosen.segment(path).to_labels(), expected.to_labels())
    assert chosen.segment(path).image.channels == tuple(names)


def test_a_stack_is_segmented_plane_by_plane(
    demo_segmenter: Segmenter, real_image: tuple[NDArray[Any], NDArray[Any]]
) -> None:
    a, b = real_image[0][:96, :96], real_image[0][96:192, 96:192]

    found = demo_segmenter.segment(np.stack([a, b]), axes="ZYX")
    labels = found.to_labels()

    assert labels.shape == (2, 96, 96)
    assert len(set(found.objects["label"])) == len(found)
    for plane, drawn in ((a, labels[0]), (b, labels[1])):
        assert np.array_equal(drawn > 0, demo_segmenter.segment(plane).to_labels() > 0)


def test_an_image_of_another_pixel_size_is_brought_to_the_models(
    demo_segmenter: Segmenter, real_image: tuple[NDArray[Any], NDArray[Any]]
) -> None:
    nuclei = real_image[0][:256, :256]
    twice = np.kron(nuclei, np.ones((2, 2), np.uint16))
    recipe = demo_segmenter.recipe.with_changes(pixel_size=0.5)
    scaled = Segmenter(demo_segmenter.model, recipe, demo_segmenter.engine)

    fine = scaled.segment(twice, pixel_size=0.25)
    coarse = scaled.segment(nuclei, pixel_size=0.5)

    assert fine.image.pixel_size == PixelSize(0.25, 0.25)
    assert abs(len(fine) - len(coarse)) <= 2
    areas = [np.median(d.objects.geometry.area) for d in (fine, coarse)]
    assert areas[0] == pytest.approx(4 * areas[1], rel=0.1)
    overlap = (fine.to_labels()[::2, ::2] > 0) == (coarse.to_labels() > 0)
    assert overlap.mean() > 0.97


@pytest.mark.parametrize(
    ("array", "message"),
    [
        (np.eye(900, dtype=np.uint8)[:1], "its percentiles 1 and 99.8 are both 0"),
        (np.full((40, 40), np.nan, np.float32), "1600 pixels that are NaN or infinite"),
        (np.zeros((3, 40, 40), np.uint8), "give axes|give --axes"),
    ],
)
def test_what_cannot_be_segmented_is_said(
    demo_segmenter: Segmenter, array: Any, message: str
) -> None:
    with pytest.raises(BadInputError, match=message):
        demo_segmenter.segment(array)


@pytest.mark.parametrize("outline", ["star", "traced"])
@pytest.mark.parametrize("size", [(40, 40), (1, 1)])
def test_a_blank_image_has_no_nuclei_and_a_note(
    demo_segmenter: Segmenter, outline: Outline, size: tuple[int, int]
) -> None:
    notes: list[str] = []

    found = demo_segmenter.segment(np.full(size, 3, np.uint8), outline=outline, note=notes.append)

    assert len(found) == 0
    assert found.to_labels().shape == size
    assert len(notes) == 1
    assert "every pixel has the value 3" in notes[0]


def test_notes_are_logged_where_nobody_takes_them(
    demo_segmenter: Segmenter, caplog: pytest.LogCaptureFixture
) -> None:
    demo_segmenter.segment(from_array(np.zeros((9, 9)), name="s1.tif"))

    assert [r.getMessage()[:31] for r in caplog.records] == ["s1.tif: every pixel has the val"]


def test_planes_without_contrast_have_no_nuclei_and_the_rest_goes_on(
    demo_segmenter: Segmenter, real_image: tuple[NDArray[Any], NDArray[Any]]
) -> None:
    nuclei = real_image[0][:96, :96]
    dust = np.zeros_like(nuclei)
    dust[0, 0] = 9
    notes: list[str] = []
    reports: list[tuple[int, int]] = []

    found = demo_segmenter.segment(
        np.stack([np.zeros_like(nuclei), nuclei, dust]),
        axes="ZYX",
        note=notes.append,
        progress=lambda done, total: reports.append((done, total)),
    )

    assert set(found.objects["z"]) == {1}
    assert np.array_equal(found.to_labels()[1], demo_segmenter.segment(nuclei).to_labels())
    assert [note.partition(" ")[2][:12] for note in notes] == ["0 has one va", "2 was left o"]
    assert reports[-1] == (3, 3)


def test_a_stack_of_nothing_but_background_is_an_error_not_an_empty_result(
    demo_segmenter: Segmenter,
) -> None:
    dust = np.zeros((2, 50, 50), np.uint8)
    dust[1, 0, 0] = 9

    with pytest.raises(BadInputError, match=r"\(slice 1\): its percentiles 1 and 99.8 are both 0"):
        demo_segmenter.segment(dust, axes="ZYX")


def test_a_mask_of_booleans_is_an_image(
    demo_segmenter: Segmenter, real_image: tuple[NDArray[Any], NDArray[Any]], tmp_path: Path
) -> None:
    mask = real_image[0][:128, :128] > real_image[0].mean()
    tifffile.imwrite(tmp_path / "bits.tif", mask, photometric="minisblack")
    expected = demo_segmenter.segment(mask.astype(np.uint8)).to_labels()

    assert expected.max() > 3
    assert np.array_equal(demo_segmenter.segment(mask).to_labels(), expected)
    assert np.array_equal(demo_segmenter.segment(tmp_path / "bits.tif").to_labels(), expected)


def test_a_scale_enlarges_the_image_and_outlines_come_back_in_its_pixels(
    demo_segmenter: Segmenter, real_image: tuple[NDArray[Any], NDArray[Any]]
) -> None:
    nuclei = real_image[0][:192, :192]
    half = nuclei.reshape(96, 2, 96, 2).mean(axis=(1, 3))
    whole = demo_segmenter.segment(nuclei)

    found = demo_segmenter.segment(half, scale=2)

    assert len(found) == pytest.approx(len(whole), abs=2)
    assert (found.to_labels() > 0).shape == (96, 96)
    agree = (found.to_labels() > 0) == (whole.to_labels()[::2, ::2] > 0)
    assert agree.mean() > 0.95


def test_a_scale_of_1_sets_the_rescaling_by_pixel_size_aside(
    demo_segmenter: Segmenter, real_image: tuple[NDArray[Any], NDArray[Any]]
) -> None:
    recipe = demo_segmenter.recipe.with_changes(pixel_size=0.5)
    scaled = Segmenter(demo_segmenter.model, recipe, demo_segmenter.engine)
    image = from_array(real_image[0][:96, :96], pixel_size=0.25)

    assert np.array_equal(
        scaled.segment(image, scale=1).to_labels(), demo_segmenter.segment(image).to_labels()
    )


def test_a_scale_and_a_pixel_size_are_not_taken_together(demo_segmenter: Segmenter) -> None:
    with pytest.raises(BadInputError, match="both say how large the nuclei are"):
        demo_segmenter.segment(np.eye(9), scale=2, pixel_size=0.5)


def test_nuclei_far_from_the_size_in_training_give_a_hint(
    demo_segmenter: Segmenter, real_image: tuple[NDArray[Any], NDArray[Any]]
) -> None:
    recipe = demo_segmenter.recipe.with_changes(diameter=7)
    learnt_small = Segmenter(demo_segmenter.model, recipe, demo_segmenter.engine)
    notes: list[str] = []

    learnt_small.segment(real_image[0][:256, :256], note=notes.append)

    assert len(notes) == 1
    assert "the model learnt them at 7: try --scale 0." in notes[0]


def test_what_is_odd_about_a_model_folder_is_logged_when_it_is_loaded(
    folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (folder / "thresholds.json").write_text('{"prob": null, "nms": 0.3}')

    Segmenter.load(folder)

    assert ["gives no prob" in record.getMessage() for record in caplog.records] == [True]


def test_a_colour_image_needs_a_choice(demo_segmenter: Segmenter, tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    path = tmp_path / "colour.tif"
    tifffile.imwrite(path, rng.integers(0, 255, (64, 64, 3)).astype(np.uint8), photometric="rgb")

    with pytest.raises(BadInputError, match="is a colour .* choose --channel R, G or B"):
        demo_segmenter.segment(path)
    blue = Segmenter(
        demo_segmenter.model, demo_segmenter.recipe.with_changes(channel="B"), demo_segmenter.engine
    )
    assert blue.segment(path).image.width == 64


def test_a_given_channel_or_axis_counts_more_than_colours(
    demo_segmenter: Segmenter, tmp_path: Path
) -> None:
    path = tmp_path / "colour.tif"
    tifffile.imwrite(path, np.zeros((64, 60, 3), np.uint8), photometric="rgb")
    model, recipe = demo_segmenter.model, demo_segmenter.recipe
    assert recipe.channel == 0  # the very channel that is chosen below

    first = Segmenter(model, recipe.with_changes(channel=0), demo_segmenter.engine)
    with open_image(path) as image:
        assert first.channels(image) == [0]
    with open_image(path, axes="YXC") as image:
        assert not image.is_rgb
        assert "R" not in image.channels
        assert demo_segmenter.channels(image) == [0]
    with open_image(path, axes="YXS") as image:
        assert image.is_rgb
    assert first.recipe == recipe  # a run with either is the same run
    assert "is_channel_chosen" not in first.recipe.to_json()


@pytest.mark.parametrize("samples", [3, 4])
def test_a_colour_image_gives_a_model_of_three_channels_its_colours(
    samples: int, tmp_path: Path
) -> None:
    demo = open_model("demo")
    of_colours = Segmenter(replace(demo, config={**demo.config, "n_channel_in": 3}))
    path = tmp_path / "colour.tif"
    pixels = np.zeros((9, 9, samples), np.uint8)
    extra: Any = {"extrasamples": ["unassalpha"]} if samples == 4 else {}
    tifffile.imwrite(path, pixels, photometric="rgb", **extra)

    with open_image(path) as image:
        assert of_colours.channels(image) == [0, 1, 2]


def test_a_stack_of_another_number_of_channels_than_the_model_takes_is_said() -> None:
    demo = open_model("demo")
    of_three = Segmenter(replace(demo, config={**demo.config, "n_channel_in": 3}))
    image = from_array(np.zeros((4, 9, 9)), axes="CYX", name="a.tif")

    with pytest.raises(BadInputError, match=r"a.tif: has 4 channels, and the model takes 3; say"):
        of_three.channels(image)


def test_a_channel_that_does_not_exist_is_said(demo_segmenter: Segmenter) -> None:
    recipe = demo_segmenter.recipe.with_changes(channel=7)
    image = from_array(np.zeros((2, 9, 9)), axes="CYX", channels=["DAPI", "488"], name="a.tif")

    with pytest.raises(BadInputError, match=r"a\.tif: has no channel 7.*0 = DAPI, 1 = 488"):
        Segmenter(demo_segmenter.model, recipe, demo_segmenter.engine).segment(image)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Copy the demo model, to be damaged."""
    return Path(shutil.copytree(demo_model_folder(), tmp_path / "model"))


def test_weights_of_another_architecture_are_said(folder: Path) -> None:
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**config, "n_rays": 24}))

    with pytest.raises(BadInputError, match=r"weights_best\.h5: holds the weights of another"):
        Segmenter.load(folder)


def test_weights_that_lack_a_layer_are_said(folder: Path) -> None:
    with h5py.File(folder / "weights_best.h5", "a") as file:
        kernels = []
        file.visititems(lambda name, item: kernels.append(name) if "kernel" in name else None)
        kernel = next(k for k in kernels if isinstance(file[k], h5py.Dataset))
        values = file[kernel][()]
        del file[kernel]
        file[kernel] = values.astype("int32")

    with pytest.raises(BadInputError, match=r"weights_best\.h5: (lacks|holds the) weights of"):
        Segmenter.load(folder)


def test_damaged_weights_are_said(folder: Path) -> None:
    weights = folder / "weights_best.h5"
    weights.write_bytes(weights.read_bytes()[:5000])

    with pytest.raises(BadInputError, match=r"weights_best\.h5: is not an HDF5 file, or a damaged"):
        Segmenter.load(folder)


def test_a_network_that_cannot_be_built_is_said(folder: Path) -> None:
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**config, "backbone": "transformer"}))

    with pytest.raises(BadInputError, match=r"config\.json: describes a network that StarDist"):
        Segmenter.load(folder)


@pytest.mark.parametrize("keras", ["2", "3"])
def test_weights_of_keras_2_and_of_keras_3s_own_format_are_read(
    demo_segmenter: Segmenter,
    real_image: tuple[NDArray[Any], NDArray[Any]],
    folder: Path,
    keras: str,
) -> None:
    network: Any = KerasEngine(demo_segmenter.model)
    (folder / "weights_best.h5").unlink()
    if keras == "3":
        network._network.stardist.keras_model.save_weights(str(folder / "best.weights.h5"))
        # A copy under StarDist's usual name must not be taken for the older format.
        (folder / "best.weights.h5").rename(folder / "weights_best.h5")
    else:
        _save_as_keras_2(network._network.stardist.keras_model, folder / "weights_best.h5")

    part = real_image[0][:128, :128]
    expected = demo_segmenter.segment(part)
    assert np.array_equal(Segmenter.load(folder).segment(part).to_labels(), expected.to_labels())


def _save_as_keras_2(model: Any, path: Path) -> None:
    """Build the network's layers in Keras 2 itself and let it write its weights."""
    tf_keras = pytest.importorskip("tf_keras")
    values = {layer.name: layer.get_weights() for layer in model.layers}
    inputs = tf_keras.Input((None, None, 1), name="input")
    outputs: Any = inputs
    layers = []
    for layer in model.layers:
        if values[layer.name]:
            kernel, _bias = values[layer.name]
            convolution = tf_keras.layers.Conv2D(
                kernel.shape[-1], kernel.shape[:2], padding="same", name=layer.name
            )
            source = tf_keras.layers.Lambda(
                lambda x, n=kernel.shape[2]: x[..., :1] * np.ones((1, 1, 1, n), np.float32)
            )(outputs)
            outputs = convolution(source)
            layers.append((convolution, values[layer.name]))
    keras2 = tf_keras.Model(inputs, outputs)
    for convolution, weights in layers:
        convolution.set_weights(weights)
    keras2.save_weights(str(path))
    with h5py.File(path) as file:
        assert file.attrs["keras_version"].startswith("2.")


def test_segmenting_an_open_image_leaves_it_open(
    demo_segmenter: Segmenter, real_image: tuple[NDArray[Any], NDArray[Any]], tmp_path: Path
) -> None:
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, real_image[0][:64, :64])

    with open_image(path, axes="YX") as image:
        assert demo_segmenter.segment(image).image.path == str(path)
        assert image.plane().shape == (64, 64)


def test_the_demo_model_is_what_load_takes_by_default() -> None:
    assert Segmenter.load().model == open_model("demo")


def test_haug2s_architecture_gives_what_stardist_gives(
    shared: Path, tmp_path: Path, real_image: tuple[NDArray[Any], NDArray[Any]]
) -> None:
    """Its published configuration with random weights: grid 1, percentiles 0.2 and 99.8."""
    from csbdeep.utils import normalize
    from stardist.models import Config2D, StarDist2D
    from tensorflow import keras

    folder = tmp_path / "stardist_haug2"
    folder.mkdir()
    shutil.copy(shared / "haug2_config.json", folder / "config.json")
    keras.utils.set_random_seed(7)
    config = Config2D(**json.loads((folder / "config.json").read_text()))
    network = StarDist2D(config, name="haug2", basedir=None)
    network.keras_model.save_weights(str(folder / "weights_best.h5"))
    part = real_image[0][:70, :90]
    prob = network.predict(normalize(part, 0.2, 99.8))[0]
    threshold = float(np.quantile(prob, 0.97))  # random weights know no nuclei
    labels, _ = network.predict_instances(
        normalize(part, 0.2, 99.8), prob_thresh=threshold, nms_thresh=0.3
    )

    for tiles in (1, 2):
        segmenter = Segmenter.load(folder, prob=threshold, nms=0.3)
        assert np.array_equal(segmenter.segment(part, tiles=tiles).to_labels() > 0, labels > 0)
    assert len(np.unique(labels)) > 2
