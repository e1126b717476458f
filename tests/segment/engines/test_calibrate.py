"""8-bit networks: made from a person's images, judged, kept, and refused where they differ."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from numpy.typing import NDArray

from bridge import Segmenter
from bridge.demo.evaluate import compare
from bridge.demo.simulator import simulate_section
from bridge.errors import BadInputError
from bridge.java.jars import CACHE_VARIABLE
from bridge.model.folder import ModelFolder, open_model
from bridge.segment.engines.calibrate import IOU, SMALLEST_F1, calibrate
from bridge.segment.engines.int8_cache import FOLDER, RECORD, find_quantised


@pytest.fixture(scope="module")
def images(
    tmp_path_factory: pytest.TempPathFactory, real_image: tuple[NDArray[Any], NDArray[Any]]
) -> list[Path]:
    """A microscope image and a simulated section."""
    folder = tmp_path_factory.mktemp("images")
    paths = [folder / "microscope.tif", folder / "section.tif"]
    tifffile.imwrite(paths[0], real_image[0])
    pixels, _ = simulate_section((512, 512), seed=3, n_channels=2)
    tifffile.imwrite(paths[1], pixels, imagej=True, metadata={"axes": "CYX"})
    return paths


@pytest.fixture(scope="module")
def calibrated(tmp_path_factory: pytest.TempPathFactory, images: list[Path]) -> ModelFolder:
    """A copy of the demo model with its 8-bit network beside it."""
    copy = tmp_path_factory.mktemp("models") / "nuclei"
    shutil.copytree(open_model("demo").path, copy)
    model = open_model(copy)
    with pytest.MonkeyPatch.context() as patch:  # the user may have one of these weights already
        patch.setenv(CACHE_VARIABLE, str(tmp_path_factory.mktemp("cache")))
        calibrate(model, model.recipe, images)
    return model


@pytest.fixture
def copy(calibrated: ModelFolder, tmp_path: Path, cache_folder: Path) -> ModelFolder:
    """The calibrated model, to be changed."""
    shutil.copytree(calibrated.path, tmp_path / "nuclei")
    return open_model(tmp_path / "nuclei")


def test_the_network_is_kept_beside_the_model_with_what_it_was_judged_by(
    calibrated: ModelFolder,
) -> None:
    found = find_quantised(calibrated)

    assert found is not None
    folder, calibration = found
    assert folder == calibrated.path / FOLDER
    assert calibration.images == ("microscope", "section")
    assert calibration.nuclei >= 100
    assert calibration.iou == IOU
    assert calibration.f1 >= SMALLEST_F1
    assert set(calibration.versions) == {"nncf", "openvino"}
    assert "F1 " in str(calibration)


def test_its_nuclei_are_those_of_single_precision_on_an_image_it_never_saw(
    calibrated: ModelFolder,
) -> None:
    pixels, _ = simulate_section((768, 768), seed=11, n_channels=1)
    single = Segmenter.load(calibrated.path, engine="openvino").segment(pixels[0])
    integers = Segmenter.load(calibrated.path, precision="int8")

    found = integers.segment(pixels[0])

    assert integers.engine.name == "openvino int8"
    (score,) = compare([single.to_labels()], [found.to_labels()], ious=(IOU,))
    assert score.f1 >= SMALLEST_F1
    assert not np.array_equal(found.to_labels(), single.to_labels())  # it was no f32 after all


def test_a_second_time_it_is_only_looked_up(copy: ModelFolder, tmp_path: Path) -> None:
    told: list[str] = []

    again = calibrate(copy, copy.recipe, [tmp_path / "no_such_image.tif"], say=told.append)

    assert again.made
    assert told == []


def test_other_percentiles_ask_for_another_calibration(
    copy: ModelFolder, images: list[Path]
) -> None:
    told: list[str] = []

    again = calibrate(
        copy, copy.recipe.with_changes(percentiles=(0.2, 99.9)), images, say=told.append
    )

    assert again.percentiles == (0.2, 99.9)
    assert len(told) == 1


def test_nuclei_that_differ_more_than_stated_are_refused_with_the_figure(
    copy: ModelFolder, images: list[Path]
) -> None:
    shutil.rmtree(copy.path / FOLDER)

    with pytest.raises(
        BadInputError, match=r"F1 0\.\d{3} at IoU 0\.8 on \d+ nuclei, 1\.01 is .* --precision f32"
    ):
        calibrate(copy, copy.recipe, images, smallest_f1=1.01)

    assert find_quantised(copy) is None


def test_images_with_too_few_nuclei_to_judge_by_are_refused(
    copy: ModelFolder, tmp_path: Path
) -> None:
    shutil.rmtree(copy.path / FOLDER)
    rng = np.random.default_rng(0)
    tifffile.imwrite(tmp_path / "dark.tif", rng.normal(100, 3, (512, 512)).astype(np.uint16))

    with pytest.raises(BadInputError, match=r"hold \d+ nuclei to compare .* 30 are needed"):
        calibrate(copy, copy.recipe, [tmp_path / "dark.tif"])


def test_an_image_that_cannot_be_read_does_not_hinder_the_others(
    copy: ModelFolder, images: list[Path], tmp_path: Path
) -> None:
    shutil.rmtree(copy.path / FOLDER)
    (tmp_path / "broken.tif").write_bytes(b"no image")

    calibration = calibrate(copy, copy.recipe, [tmp_path / "broken.tif", *images])

    assert calibration.images == ("microscope", "section")


def test_where_no_image_can_be_read_the_first_is_named(copy: ModelFolder, tmp_path: Path) -> None:
    shutil.rmtree(copy.path / FOLDER)
    (tmp_path / "broken.tif").write_bytes(b"no image")

    with pytest.raises(BadInputError, match=r"broken\.tif"):
        calibrate(copy, copy.recipe, [tmp_path / "broken.tif"])


@pytest.mark.parametrize("file", ["network.xml", "network.bin", RECORD])
def test_a_damaged_network_is_not_used(copy: ModelFolder, file: str) -> None:
    path = copy.path / FOLDER / file
    path.write_bytes(path.read_bytes()[:-7])

    assert find_quantised(copy) is None


def test_the_network_of_other_weights_is_not_used(copy: ModelFolder) -> None:
    record = json.loads((copy.path / FOLDER / RECORD).read_text())
    record["model"] = "0" * 64
    (copy.path / FOLDER / RECORD).write_text(json.dumps(record))

    assert find_quantised(copy) is None


def test_what_was_made_for_the_built_in_model_is_kept_in_the_users_cache(
    images: list[Path], cache_folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    model = open_model("demo")

    calibrate(model, model.recipe, images)

    found = find_quantised(model)
    assert found is not None
    assert found[0].is_relative_to(cache_folder)
    assert not (model.path / FOLDER).exists()
    assert capsys.readouterr() == ("", "")  # stdout is for results
