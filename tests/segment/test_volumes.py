"""StarDist 3D: StarDist's own result, whatever the tiles, and volumes that cannot be segmented."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from numpy.typing import NDArray

from bridge import PixelSize, Segmenter, open_image
from bridge.errors import BadInputError
from bridge.images import from_array
from bridge.model.folder import open_model
from bridge.objects3d import has_objects, list_objects, to_volume
from bridge.segment.engines.registry import find_engine
from bridge.segment.planes import set_slice_distance
from bridge.segment.volumes import volume_factors
from tests.segment.volume_models import write_volume_model

pytestmark = pytest.mark.model

MODELS: dict[str, dict[str, Any]] = {
    "unet": {},
    "grid 1, two classes": {"grid": (1, 1, 1), "n_classes": 2},
    "resnet": {"backbone": "resnet"},
}


@pytest.fixture(scope="module")
def volume() -> NDArray[Any]:
    """StarDist's own test image of nuclei, (31, 61, 57)."""
    from stardist.data import test_image_nuclei_3d

    image: NDArray[Any] = test_image_nuclei_3d()
    return image


@pytest.fixture(scope="module", params=MODELS)
def model(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """A model folder and StarDist's own model."""
    return write_volume_model(tmp_path_factory.mktemp("volumes") / "m", **MODELS[request.param])


@pytest.fixture(scope="module")
def unet(tmp_path_factory: pytest.TempPathFactory) -> Any:
    return write_volume_model(tmp_path_factory.mktemp("volumes") / "unet")


def stardists_own(network: Any, volume: NDArray[Any], **options: Any) -> Any:
    from csbdeep.utils import normalize

    return network.predict_instances(normalize(volume, 1, 99.8, axis=(0, 1, 2)), **options)


def test_the_label_volume_is_stardists_own(model: Any, volume: NDArray[Any]) -> None:
    folder, network = model
    labels, details = stardists_own(network, volume)

    found = Segmenter.load(folder).segment(volume, axes="ZYX")

    listed = list_objects(found)
    assert len(listed) > 20
    assert has_objects(found)
    assert np.array_equal(to_volume(found), labels)
    probabilities = details["prob"][np.unique(labels[labels > 0]) - 1]
    if len(details["prob"]) == labels.max():  # none lies wholly under others
        assert listed["prob"].to_numpy() == pytest.approx(probabilities, abs=1e-5)
        if "class_id" in details:
            names = [None, "class 1", "class 2"]
            assert listed["class"].tolist() == [names[k] for k in details["class_id"]]


@pytest.mark.parametrize("cut", [{"tiles": (2, 3)}, {"memory": 0.004}])
def test_tiles_do_not_change_the_result(
    model: Any, volume: NDArray[Any], cut: dict[str, Any]
) -> None:
    segmenter = Segmenter.load(model[0], prob=0.9)
    reports: list[tuple[int, int]] = []

    whole = to_volume(segmenter.segment(volume, axes="ZYX"))
    cut_up = segmenter.segment(
        volume, axes="ZYX", progress=lambda done, total: reports.append((done, total)), **cut
    )

    assert reports[-1][0] == reports[-1][1] == len(reports) > 1
    assert np.array_equal(to_volume(cut_up), whole)


def test_voxels_get_the_proportions_of_the_training(unet: Any, volume: NDArray[Any]) -> None:
    folder, network = unet
    image = from_array(volume, axes="ZYX", pixel_size=0.5)

    found = Segmenter.load(folder).segment(image, z_step=0.5)

    labels, _ = stardists_own(network, volume, scale=(0.5, 1, 1))
    assert np.array_equal(to_volume(found), labels)
    assert found.image.pixel_size == PixelSize(y=0.5, x=0.5, z=0.5)


def test_voxels_of_the_proportions_of_the_training_are_left(
    unet: Any, volume: NDArray[Any]
) -> None:
    notes: list[str] = []
    image = from_array(volume, axes="ZYX", pixel_size=0.5)

    found = Segmenter.load(unet[0]).segment(image, z_step=1.04, note=notes.append)

    assert np.array_equal(to_volume(found), stardists_own(unet[1], volume)[0])
    assert notes == []


def test_an_unknown_distance_of_slices_is_said(unet: Any, volume: NDArray[Any]) -> None:
    notes: list[str] = []

    Segmenter.load(unet[0]).segment(
        from_array(volume, axes="ZYX", pixel_size=0.5), note=notes.append
    )

    assert ["its distance of the slices is not known" in line for line in notes] == [True]
    assert "--z-step" in notes[0]


def test_time_points_have_objects_of_their_own(unet: Any, volume: NDArray[Any]) -> None:
    labels = stardists_own(unet[1], volume)[0]

    found = Segmenter.load(unet[0]).segment(np.stack([volume, volume]), axes="TZYX")

    drawn = to_volume(found)
    assert np.array_equal(drawn[0], labels)
    assert np.array_equal(drawn[1], np.where(labels, labels + labels.max(), 0))
    assert list_objects(found).index.is_unique


def test_a_volume_of_one_value_has_no_nuclei(unet: Any) -> None:
    notes: list[str] = []

    found = Segmenter.load(unet[0]).segment(np.full((8, 32, 32), 7), axes="ZYX", note=notes.append)

    assert len(found) == 0
    assert any("every voxel has the value 7" in line for line in notes)


def test_a_plane_is_no_volume(unet: Any, volume: NDArray[Any], tmp_path: Path) -> None:
    tifffile.imwrite(tmp_path / "a.tif", volume[0])

    with pytest.raises(BadInputError, match=r"a\.tif.*has one slice.*--axes ZYX"):
        Segmenter.load(unet[0]).segment(tmp_path / "a.tif")


def test_nan_is_refused(unet: Any, volume: NDArray[Any]) -> None:
    broken = volume.astype(np.float32)
    broken[3, 4, 5] = np.nan

    with pytest.raises(BadInputError, match="1 pixels that are NaN"):
        Segmenter.load(unet[0]).segment(broken, axes="ZYX")


def test_candidates_that_do_not_fit_into_memory_are_said(unet: Any, volume: NDArray[Any]) -> None:
    with pytest.raises(BadInputError, match=r"memory.*candidates.*--memory.*--prob"):
        Segmenter.load(unet[0], prob=0.0).segment(volume, axes="ZYX", memory=1e-4)


def test_only_keras_runs_volumes(unet: Any) -> None:
    with pytest.raises(
        BadInputError, match="engine onnx: runs 2D models only; take --engine keras"
    ):
        find_engine("onnx").load_volumes(open_model(unet[0], allow_3d=True))
    with pytest.raises(BadInputError, match="2D models only"):
        Segmenter.load(unet[0], engine="starbridge")


def test_slices_are_not_linked_for_a_3d_model(unet: Any, volume: NDArray[Any]) -> None:
    with pytest.raises(BadInputError, match="is a 3D model; leave out --stack-2d"):
        Segmenter.load(unet[0]).segment(volume, axes="ZYX", stack_2d="link")


@pytest.mark.parametrize("z_step", [0.02, 6.0])
def test_an_anisotropy_over_ten_is_refused(z_step: float) -> None:
    with pytest.raises(BadInputError, match=r"a\.tif.*over 10 times"):
        volume_factors(PixelSize(y=0.5, x=0.5, z=z_step), None, None, None, "a.tif")


def test_pixel_sizes_of_the_recipe_count_along_all_axes() -> None:
    factors, _ = volume_factors(PixelSize(y=0.25, x=0.25, z=1), (2, 1, 1), 0.5, None, "a.tif")

    assert factors == (1.0, 0.5, 0.5)  # a voxel of 0.5 µm and slices of 1 µm


def test_a_distance_of_slices_needs_a_pixel_size(volume: NDArray[Any]) -> None:
    with pytest.raises(BadInputError, match="--pixel-size and --z-step"):
        set_slice_distance(from_array(volume, axes="ZYX"), 2)


def test_an_impossible_anisotropy_is_refused(unet: Any, tmp_path: Path) -> None:
    folder = tmp_path / "model"
    folder.mkdir()
    for file in unet[0].iterdir():
        (folder / file.name).write_bytes(file.read_bytes())
    config = json.loads((folder / "config.json").read_text()) | {"anisotropy": [0, 1, 1]}
    (folder / "config.json").write_text(json.dumps(config))

    with pytest.raises(BadInputError, match="impossible anisotropy"):
        open_model(folder, allow_3d=True)


def test_the_file_says_the_distance_of_slices(
    unet: Any, volume: NDArray[Any], tmp_path: Path
) -> None:
    tifffile.imwrite(
        tmp_path / "a.tif",
        volume,
        imagej=True,
        resolution=(2, 2),
        metadata={"axes": "ZYX", "spacing": 1.0, "unit": "um"},
    )

    with open_image(tmp_path / "a.tif") as image:
        found = Segmenter.load(unet[0]).segment(image)

    assert found.image.pixel_size == PixelSize(y=0.5, x=0.5, z=1.0)
    assert np.array_equal(to_volume(found), stardists_own(unet[1], volume)[0])
