"""Pixel classifiers applied to images: what ilastik gives, whatever the tiles and the files."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
import tifffile
from numpy.typing import NDArray

from bridge.batch.listener import Outcome
from bridge.classify.pixels.applying import ApplyJob, Settings, apply_to_files
from bridge.classify.pixels.outputs import EXPORTS
from bridge.images import open_image
from tests.classify.pixels.scenes import blobs, selection, trained


def apply_to(image: Path, classifier: Path, out: Path, **options: Any) -> Outcome:
    (outcome,) = apply_to_files([image], out, classifier, Settings(**options))
    return outcome


def probabilities(path: Path) -> NDArray[Any]:
    with h5py.File(path) as file:
        return np.asarray(file["exported_data"])


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a classifier of planes, ``c``, and an image of its kind, ``a.tif``."""
    folder = tmp_path_factory.mktemp("pixels")
    trained().write(folder / "c")
    tifffile.imwrite(folder / "a.tif", blobs((70, 90), seed=1))
    return folder


def test_planes_come_out_as_ilastik_exports_them(shared: Path, tmp_path: Path) -> None:
    data = shared / "ilastik"
    outcome = apply_to(data / "new.tif", data / "pixels2d.ilp", tmp_path, exports=EXPORTS, tile=128)
    assert outcome.status == "done"
    found = probabilities(tmp_path / "new_Probabilities.h5")
    expected = probabilities(data / "new_pixels2d-Probabilities.h5")
    assert found.shape == expected.shape
    assert np.abs(found - expected).mean() <= 1e-5
    assert (found.argmax(axis=-1) != expected.argmax(axis=-1)).mean() <= 1e-4
    classes = probabilities(tmp_path / "new_Simple Segmentation.h5")
    assert (classes != probabilities(data / "new_SimpleSegmentation.h5")).mean() <= 1e-4


def test_stacks_of_two_channels_come_out_as_ilastik_exports_them(
    shared: Path, tmp_path: Path
) -> None:
    data = shared / "ilastik"
    apply_to(data / "volume.h5", data / "MyProject.ilp", tmp_path)
    found = np.moveaxis(probabilities(tmp_path / "volume_Probabilities.h5"), -1, 0)
    expected = probabilities(data / "volume-image_MyProject-Probabilities.h5")
    inside = (slice(None), slice(4, -4), slice(4, -4), slice(4, -4))
    assert np.abs(found - expected)[inside].mean() <= 1e-4
    assert (found.argmax(axis=0) != expected.argmax(axis=0)).mean() <= 1e-4


@pytest.mark.parametrize("tile", [16, 33, 64])
def test_tiles_do_not_change_a_bit(folder: Path, tmp_path: Path, tile: int) -> None:
    whole, tiled = tmp_path / "whole", tmp_path / "tiled"
    apply_to(folder / "a.tif", folder / "c", whole, tile=1000)
    apply_to(folder / "a.tif", folder / "c", tiled, tile=tile, threads=3)
    np.testing.assert_array_equal(
        probabilities(whole / "a_Probabilities.h5"), probabilities(tiled / "a_Probabilities.h5")
    )


def test_slabs_of_a_stack_do_not_change_a_bit(tmp_path: Path) -> None:
    stack = blobs((40, 30, 34))
    classifier = trained(stack)
    classifier.write(tmp_path / "c")
    tifffile.imwrite(tmp_path / "s.tif", stack, imagej=True, metadata={"axes": "ZYX"})
    whole = classifier.predict(stack[..., None].astype(np.float32))
    # too little for more than some slices at a time
    outcome = apply_to(tmp_path / "s.tif", tmp_path / "c", tmp_path / "o", tile=16, memory=0.01)
    assert outcome.error is None
    found = probabilities(tmp_path / "o/s_Probabilities.h5")
    np.testing.assert_array_equal(np.moveaxis(found, -1, 0), whole)


def test_frames_are_classified_one_by_one(folder: Path, tmp_path: Path) -> None:
    frames = np.stack([blobs((40, 44), seed=n) for n in range(3)])
    tifffile.imwrite(tmp_path / "t.tif", frames, imagej=True, metadata={"axes": "TYX"})
    tifffile.imwrite(tmp_path / "last.tif", frames[2])
    apply_to(tmp_path / "t.tif", folder / "c", tmp_path)
    apply_to(tmp_path / "last.tif", folder / "c", tmp_path)
    found = probabilities(tmp_path / "t_Probabilities.h5")
    assert found.shape == (3, 40, 44, 2)
    np.testing.assert_array_equal(found[2], probabilities(tmp_path / "last_Probabilities.h5"))


def test_a_stack_is_classified_plane_by_plane_as_in_training(folder: Path, tmp_path: Path) -> None:
    stack = np.stack([blobs((40, 44), seed=n) for n in range(2)])
    tifffile.imwrite(tmp_path / "z.tif", stack, imagej=True, metadata={"axes": "ZYX"})
    tifffile.imwrite(tmp_path / "last.tif", stack[1])
    outcome = apply_to(tmp_path / "z.tif", folder / "c", tmp_path)
    apply_to(tmp_path / "last.tif", folder / "c", tmp_path)
    assert "classified plane by plane" in outcome.notes[0]
    np.testing.assert_array_equal(
        probabilities(tmp_path / "z_Probabilities.h5")[1],
        probabilities(tmp_path / "last_Probabilities.h5"),
    )


@pytest.mark.parametrize("file_format", ["hdf5", "tiff", "ome-zarr"])
def test_every_format_holds_the_same(folder: Path, tmp_path: Path, file_format: str) -> None:
    outcome = apply_to(
        folder / "a.tif", folder / "c", tmp_path, exports=EXPORTS, file_format=file_format,
        tile=32,
    )  # fmt: skip
    assert outcome.error is None
    image = blobs((70, 90), seed=1)[None, ..., None].astype(np.float32)
    expected = trained().predict(image)[:, 0]
    with open_image(tmp_path / outcome.outputs["probabilities"]) as file:
        assert file.channels == ("background", "nucleus")
        found = np.stack([file.plane(0), file.plane(1)])
    np.testing.assert_array_equal(found, expected)
    with open_image(tmp_path / outcome.outputs["segmentation"]) as file:
        np.testing.assert_array_equal(file.plane(0), expected.argmax(axis=0) + 1)
    with open_image(tmp_path / outcome.outputs["uncertainty"]) as file:
        margin = np.abs(expected[0] - expected[1])
        np.testing.assert_allclose(file.plane(0), 1 - margin, rtol=0, atol=1e-6)
    assert (tmp_path / outcome.outputs["preview"]).read_bytes().startswith(b"\x89PNG")


def test_results_are_replaced_and_kept_as_in_every_batch(folder: Path, tmp_path: Path) -> None:
    for existing, status in (("check", "done"), ("check", "skipped"), ("overwrite", "done")):
        (outcome,) = apply_to_files(
            [folder / "a.tif"],
            tmp_path,
            folder / "c",
            Settings(file_format="ome-zarr"),
            existing=existing,  # type: ignore[arg-type]
        )
        assert outcome.status == status
    other = apply_to(
        folder / "a.tif", folder / "c", tmp_path, file_format="ome-zarr", dtype="uint8"
    )
    assert "another type of values" in str(other.error)


def test_another_number_of_channels_is_refused(folder: Path, tmp_path: Path) -> None:
    pixels = blobs((40, 44))
    tifffile.imwrite(
        tmp_path / "two.tif", np.stack([pixels * 0, pixels]), imagej=True, metadata={"axes": "CYX"}
    )
    outcome = apply_to(tmp_path / "two.tif", folder / "c", tmp_path)
    assert "has 2 channels (C1, C2), but the classifier was trained on 1" in str(outcome.error)
    outcome = apply_to(tmp_path / "two.tif", folder / "c", tmp_path, channels=(1,))
    assert outcome.status == "done"


def test_another_type_is_refused_unless_a_person_decides(folder: Path, tmp_path: Path) -> None:
    pixels = blobs((70, 90), seed=1)
    tifffile.imwrite(tmp_path / "eight.tif", (pixels // 8).astype(np.uint8))
    tifffile.imwrite(tmp_path / "float.tif", pixels.astype(np.float32))
    outcome = apply_to(tmp_path / "eight.tif", folder / "c", tmp_path)
    assert "holds uint8, but the classifier was trained on uint16" in str(outcome.error)

    apply_to(folder / "a.tif", folder / "c", tmp_path)
    apply_to(tmp_path / "eight.tif", folder / "c", tmp_path, intensities="normalize")
    apply_to(tmp_path / "float.tif", folder / "c", tmp_path, intensities="as-is")
    right = probabilities(tmp_path / "a_Probabilities.h5")
    rescaled = probabilities(tmp_path / "eight_Probabilities.h5")
    assert (rescaled.argmax(axis=-1) == right.argmax(axis=-1)).mean() > 0.97
    np.testing.assert_array_equal(probabilities(tmp_path / "float_Probabilities.h5"), right)


def test_a_far_range_is_named(folder: Path, tmp_path: Path) -> None:
    tifffile.imwrite(tmp_path / "bright.tif", blobs((40, 44)) * np.uint16(30))
    outcome = apply_to(tmp_path / "bright.tif", folder / "c", tmp_path)
    assert "--intensities normalize brings it there" in outcome.notes[0]


def test_an_empty_image_is_classified_and_named(folder: Path, tmp_path: Path) -> None:
    tifffile.imwrite(tmp_path / "empty.tif", np.zeros((40, 44), np.uint16))
    outcome = apply_to(tmp_path / "empty.tif", folder / "c", tmp_path, exports=("segmentation",))
    assert outcome.status == "done"
    assert outcome.notes == ("channel C1 has the value 0 nearly everywhere",)
    assert (probabilities(tmp_path / "empty_Simple Segmentation.h5") == 1).all()


def test_pixels_near_no_numbers_have_no_class(tmp_path: Path) -> None:
    pixels = blobs((40, 44)).astype(np.float32)
    trained(pixels).write(tmp_path / "c")
    pixels[20, 20] = np.nan
    tifffile.imwrite(tmp_path / "nan.tif", pixels)
    outcome = apply_to(tmp_path / "nan.tif", tmp_path / "c", tmp_path, exports=("segmentation",))
    classes = probabilities(tmp_path / "nan_Simple Segmentation.h5")[..., 0]
    assert classes[20, 20] == 0
    assert (classes[:8] > 0).all()
    assert f"{(classes == 0).sum():,} pixels lie near values that are no numbers" in outcome.notes


def test_an_image_smaller_than_a_filter_is_refused(tmp_path: Path) -> None:
    trained(blobs((60, 60)), selection=selection(5.0)).write(tmp_path / "c")
    tifffile.imwrite(tmp_path / "small.tif", blobs((12, 44)))
    outcome = apply_to(tmp_path / "small.tif", tmp_path / "c", tmp_path)
    assert "is 12 × 44 pixels, and the filters of scale 5.0 need 19" in str(outcome.error)


def test_a_plane_is_refused_by_a_classifier_of_stacks(tmp_path: Path) -> None:
    trained(blobs((16, 40, 44))).write(tmp_path / "c")
    tifffile.imwrite(tmp_path / "plane.tif", blobs((40, 44)))
    outcome = apply_to(tmp_path / "plane.tif", tmp_path / "c", tmp_path)
    assert "is a plane, but the classifier was trained on stacks" in str(outcome.error)


def test_too_little_memory_is_one_line(folder: Path, tmp_path: Path) -> None:
    outcome = apply_to(folder / "a.tif", folder / "c", tmp_path, memory=1e-5)
    assert "is not enough: the smallest tile needs" in str(outcome.error)


def test_a_job_goes_to_another_process(folder: Path) -> None:
    job = ApplyJob(folder / "c", Settings())
    again = pickle.loads(pickle.dumps(job))  # noqa: S301 - our own
    assert again.key(folder / "a.tif") == job.key(folder / "a.tif")
