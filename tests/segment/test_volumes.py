"""StarDist 3D: StarDist's own result, whatever the tiles, and volumes that cannot be segmented."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from csbdeep.utils import normalize
from numpy.typing import NDArray
from stardist.data import test_image_nuclei_3d as read_test_image
from stardist.geometry.geom3d import polyhedron_to_label

from bridge import PixelSize, Segmenter, open_image
from bridge.errors import BadInputError
from bridge.images import from_array
from bridge.model.folder import open_model
from bridge.model.recipe import Recipe
from bridge.objects3d import has_objects, list_objects, to_volume
from bridge.segment.engines.registry import find_engine
from bridge.segment.planes import set_slice_distance
from bridge.segment.volumes import VolumePredictor, volume_factors
from tests.segment.volume_models import write_volume_model

pytestmark = pytest.mark.model

MODELS: dict[str, dict[str, Any]] = {
    "unet": {},
    "two classes": {"n_classes": 2},
    "every voxel": {"grid": (1, 1, 1)},
    "resnet": {"backbone": "resnet"},
}


@dataclass(frozen=True)
class Case:
    """A model folder, loaded by starbridge, and StarDist's own model."""

    folder: Path
    segmenter: Segmenter
    stardist: Any

    def stardists_own(self, volume: NDArray[Any], **options: Any) -> Any:
        """Labels and details of StarDist's ``predict_instances``."""
        return self.stardist.predict_instances(normalized(volume), **options)


def normalized(volume: NDArray[Any]) -> NDArray[Any]:
    values: NDArray[Any] = normalize(volume, 1, 99.8, axis=(0, 1, 2))
    return values


def make_case(folder: Path, volume: NDArray[Any], **settings: Any) -> Case:
    model = write_volume_model(folder, normalized(volume), **settings)
    return Case(folder, Segmenter.load(folder), model)


@pytest.fixture(scope="module")
def volume() -> NDArray[Any]:
    """A part of StarDist's own test image of nuclei, wider than a network looks."""
    image: NDArray[Any] = read_test_image()[:14, :24]
    return image


@pytest.fixture(scope="module")
def unet(volume: NDArray[Any], tmp_path_factory: pytest.TempPathFactory) -> Case:
    return make_case(tmp_path_factory.mktemp("volumes") / "unet", volume)


@pytest.fixture(scope="module", params=MODELS)
def case(
    request: pytest.FixtureRequest, volume: NDArray[Any], tmp_path_factory: pytest.TempPathFactory
) -> Case:
    if request.param == "unet":
        shared: Case = request.getfixturevalue("unet")
        return shared
    folder = tmp_path_factory.mktemp("volumes") / "model"
    return make_case(folder, volume, **MODELS[request.param])


def test_the_label_volume_is_stardists_own(case: Case, volume: NDArray[Any]) -> None:
    labels, details = case.stardists_own(volume)

    found = case.segmenter.segment(volume, axes="ZYX")

    listed = list_objects(found)
    visible = np.unique(polyhedra(details, volume.shape))[1:] - 1
    assert len(listed) > 5
    assert has_objects(found)
    assert np.array_equal(to_volume(found), labels)
    assert listed["prob"].to_numpy() == pytest.approx(details["prob"][visible], abs=1e-5)
    if "class_id" in details:
        names = [None, "class 1", "class 2"]
        assert listed["class"].tolist() == [names[k] for k in details["class_id"][visible]]


def polyhedra(details: Any, shape: tuple[int, ...]) -> NDArray[Any]:
    """Label volume in which objects that lie wholly under others keep their numbers, unseen."""
    drawn: NDArray[Any] = polyhedron_to_label(
        details["dist"],
        details["points"],
        details["rays"],
        shape,
        prob=details["prob"],
        verbose=False,
    )
    return drawn


@pytest.mark.parametrize("cut", [{"tiles": (2, 3)}, {"memory": 0.002}])
def test_tiles_do_not_change_the_result(
    case: Case, volume: NDArray[Any], cut: dict[str, Any]
) -> None:
    reports: list[tuple[int, int]] = []

    found = case.segmenter.segment(
        volume, axes="ZYX", progress=lambda done, total: reports.append((done, total)), **cut
    )

    assert reports[-1][0] == reports[-1][1] == len(reports) > 1
    assert np.array_equal(to_volume(found), case.stardists_own(volume)[0])


def test_tiles_above_each_other_do_not_change_the_result(unet: Case) -> None:
    tall = read_test_image()[:48, :16, :16]
    calls: list[int] = []

    found = unet.segmenter.segment(
        tall, axes="ZYX", memory=0.001, progress=lambda done, total: calls.append(total)
    )

    assert calls == [2, 2]
    assert np.array_equal(to_volume(found), unet.stardists_own(tall)[0])


def test_voxels_get_the_proportions_of_the_training(unet: Case, volume: NDArray[Any]) -> None:
    image = from_array(volume, axes="ZYX", pixel_size=0.5)

    found = unet.segmenter.segment(image, z_step=0.5)

    labels, _ = unet.stardists_own(volume, scale=(0.5, 1, 1))
    assert np.array_equal(to_volume(found), labels)
    assert found.image.pixel_size == PixelSize(y=0.5, x=0.5, z=0.5)


def test_voxels_of_the_proportions_of_the_training_are_left(
    unet: Case, volume: NDArray[Any]
) -> None:
    notes: list[str] = []
    image = from_array(volume, axes="ZYX", pixel_size=0.5)

    found = unet.segmenter.segment(image, z_step=1.04, note=notes.append)

    assert np.array_equal(to_volume(found), unet.stardists_own(volume)[0])
    assert notes == []


def test_an_unknown_distance_of_slices_is_said(unet: Case, volume: NDArray[Any]) -> None:
    notes: list[str] = []

    unet.segmenter.segment(from_array(volume, axes="ZYX", pixel_size=0.5), note=notes.append)

    assert ["its distance of the slices is not known" in line for line in notes] == [True]
    assert "--z-step" in notes[0]


def test_time_points_have_objects_of_their_own(unet: Case, volume: NDArray[Any]) -> None:
    labels = unet.stardists_own(volume)[0]

    found = unet.segmenter.segment(np.stack([volume, volume]), axes="TZYX")

    drawn = to_volume(found)
    assert np.array_equal(drawn[0], labels)
    assert np.array_equal(drawn[1], np.where(labels, labels + labels.max(), 0))
    assert list_objects(found).index.is_unique


def test_a_volume_of_one_value_has_no_nuclei(unet: Case) -> None:
    notes: list[str] = []

    found = unet.segmenter.segment(np.full((8, 32, 32), 7), axes="ZYX", note=notes.append)

    assert len(found) == 0
    assert any("every voxel has the value 7" in line for line in notes)


def test_a_plane_is_no_volume(unet: Case, volume: NDArray[Any], tmp_path: Path) -> None:
    tifffile.imwrite(tmp_path / "a.tif", volume[0])

    with pytest.raises(BadInputError, match=r"a\.tif.*has one slice.*--axes ZYX"):
        unet.segmenter.segment(tmp_path / "a.tif")


def test_nan_is_refused(unet: Case, volume: NDArray[Any]) -> None:
    broken = volume.astype(np.float32)
    broken[3, 4, 5] = np.nan

    with pytest.raises(BadInputError, match="1 pixels that are NaN"):
        unet.segmenter.segment(broken, axes="ZYX")


def test_candidates_that_do_not_fit_into_memory_are_said(unet: Case, volume: NDArray[Any]) -> None:
    segmenter = unet.segmenter
    greedy = VolumePredictor(segmenter.model, segmenter.network, Recipe(prob=0))  # type: ignore[arg-type]

    with pytest.raises(BadInputError, match=r"memory.*candidates.*--memory.*--prob"):
        greedy.predict(
            volume[..., np.newaxis].astype(np.float32),
            (1.0, 1.0, 1.0),
            tiles=None,
            memory=1e-4,
            progress=lambda done, total: None,
        )


def test_only_keras_runs_volumes(unet: Case) -> None:
    with pytest.raises(
        BadInputError, match="engine onnx: runs 2D models only; take --engine keras"
    ):
        find_engine("onnx").load_volumes(open_model(unet.folder, allow_3d=True))
    with pytest.raises(BadInputError, match="2D models only"):
        Segmenter.load(unet.folder, engine="starbridge")


def test_slices_are_not_linked_for_a_3d_model(unet: Case, volume: NDArray[Any]) -> None:
    with pytest.raises(BadInputError, match="is a 3D model; leave out --stack-2d"):
        unet.segmenter.segment(volume, axes="ZYX", stack_2d="link")


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


def test_an_impossible_anisotropy_is_refused(unet: Case, tmp_path: Path) -> None:
    folder = tmp_path / "model"
    folder.mkdir()
    for file in unet.folder.iterdir():
        (folder / file.name).write_bytes(file.read_bytes())
    config = json.loads((folder / "config.json").read_text()) | {"anisotropy": [0, 1, 1]}
    (folder / "config.json").write_text(json.dumps(config))

    with pytest.raises(BadInputError, match="impossible anisotropy"):
        open_model(folder, allow_3d=True)


def test_the_file_says_the_distance_of_slices(
    unet: Case, volume: NDArray[Any], tmp_path: Path
) -> None:
    tifffile.imwrite(
        tmp_path / "a.tif",
        volume,
        imagej=True,
        resolution=(2, 2),
        metadata={"axes": "ZYX", "spacing": 1.0, "unit": "um"},
    )

    with open_image(tmp_path / "a.tif") as image:
        found = unet.segmenter.segment(image)

    assert found.image.pixel_size == PixelSize(y=0.5, x=0.5, z=1.0)
    assert np.array_equal(to_volume(found), unet.stardists_own(volume)[0])
