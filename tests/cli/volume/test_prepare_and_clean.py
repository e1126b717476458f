"""``starbridge volume``: from a stack to a label volume that lies where the stack does."""

from __future__ import annotations

import json
from pathlib import Path

import h5py
import numpy as np
import pytest
import tifffile

from bridge.detections import Detections
from bridge.images import from_array
from bridge.images.hyperstack import write_hyperstack
from bridge.volumes import open_volume
from tests.classify.pixels.scenes import blobs, trained
from tests.cli.conftest import Command
from tests.volumes.scenes import ball, write_hdf5

VOXEL = (1.0, 0.36, 0.36)


@pytest.fixture
def stack(tmp_path: Path) -> Path:
    """A hyperstack of Fiji, of 30 × 91 × 91 voxels, with a bright ball."""
    bright = ball((30, 91, 91), (15, 16, 16), 9, VOXEL)
    values = (200 + 800 * bright).astype(np.uint16)
    image = from_array(values, axes="ZYX", pixel_size=VOXEL)
    write_hyperstack(image, tmp_path / "stack.tif")
    return tmp_path / "stack.tif"


def test_true_factors_reach_the_label_volume(
    starbridge: Command, stack: Path, tmp_path: Path
) -> None:
    prepared, labels = tmp_path / "out" / "V.h5", tmp_path / "out" / "L.h5"
    command = ("volume", "prepare", stack, "--subsample", "1,1/3,1/3", "--normalize", "0.01,0.998")
    code, printed, told = starbridge(*command, "--out", prepared, "--json")
    assert code == 0, told
    (outcome,) = json.loads(printed)["outcomes"]
    assert outcome["volume"]["factors"] == [1, 30 / 91, 30 / 91]
    assert "30 × 30 × 30 (z, y, x) voxels of z 1, y 1.092, x 1.092 µm" in told

    # What a classifier writes, whose file knows neither µm nor the image.
    with open_volume(prepared) as volume:
        write_hdf5(tmp_path / "P.h5", volume.read(), "ZYX", "exported_data")
    code, _, told = starbridge(
        *("volume", "clean", tmp_path / "P.h5", "--prepared", prepared, "--out", labels)
    )
    assert code == 0, told
    with open_volume(labels) as volume:
        assert volume.known_voxel == pytest.approx((1, 0.36 * 91 / 30, 0.36 * 91 / 30))
        assert volume.provenance is not None
        assert volume.provenance.source == str(stack)
        z, y, x = np.nonzero(volume.read())
        centre = [
            (at.mean() + 0.5) * step for at, step in zip((z, y, x), volume.known_voxel, strict=True)
        ]
    # In µm from the corner, as in the stack.
    assert centre == pytest.approx((15, 16, 16), abs=0.1)
    assert len(Detections.read(labels)) > 0


@pytest.mark.slow
def test_a_prepared_volume_goes_through_the_classifier_with_its_origin(
    starbridge: Command, stack: Path, tmp_path: Path
) -> None:
    starbridge("volume", "prepare", stack, "--isotropic", "--out", tmp_path / "V.h5")
    trained(blobs((30, 33, 33))).write(tmp_path / "classifier")
    code, _, told = starbridge(
        *("pixels", "apply", tmp_path / "classifier", tmp_path / "V.h5", "--out", tmp_path / "p")
    )
    assert code == 0, told
    with (
        open_volume(tmp_path / "V.h5") as volume,
        open_volume(tmp_path / "p" / "V_Probabilities.h5") as found,
    ):
        assert found.known_voxel == pytest.approx(volume.known_voxel)
        assert found.provenance == volume.provenance


def test_a_label_volume_is_a_hyperstack_of_fiji(
    starbridge: Command, stack: Path, tmp_path: Path
) -> None:
    starbridge("volume", "prepare", stack, "--normalize", "0,1", "--out", tmp_path / "V.h5")
    code, _, told = starbridge("volume", "clean", tmp_path / "V.h5", "--out", tmp_path / "L.tif")
    assert code == 0, told
    with tifffile.TiffFile(tmp_path / "L.tif") as file:
        assert file.imagej_metadata is not None
        assert file.imagej_metadata["slices"] == 30
        assert file.imagej_metadata["spacing"] == 1.0


def test_labels_over_65535_are_an_ome_tiff_and_it_is_said(
    starbridge: Command, tmp_path: Path
) -> None:
    labels = np.zeros((4, 8, 9), np.uint32)
    labels[1, 2:5, 2:5], labels[2, 5:7, 5:7] = 65_536, 3
    path = write_hdf5(tmp_path / "a.h5", labels, "ZYX", element_size_um=(1, 0.5, 0.5))
    code, _, told = starbridge("volume", "clean", path, "--out", tmp_path / "L.tif")
    assert code == 0
    assert "labels go up to 65,536: they are written with 32 bits, a TIFF as OME-TIFF" in told
    with open_volume(tmp_path / "L.tif") as volume:
        np.testing.assert_array_equal(volume.read(), labels)
        assert volume.known_voxel == (1, 0.5, 0.5)


def test_a_bad_volume_does_not_stop_the_others(
    starbridge: Command, stack: Path, tmp_path: Path
) -> None:
    tifffile.imwrite(tmp_path / "plane.tif", np.zeros((9, 9), np.uint16))
    command = ("volume", "prepare", stack, tmp_path / "plane.tif", "--out", tmp_path / "out")
    code, _, told = starbridge(*command)
    assert code == 1
    assert "is a plane of 9 × 9 pixels" in told
    assert (tmp_path / "out" / "stack.h5").is_file()
    assert "1 were done before" in starbridge(*command)[2]
    assert "--overwrite" in starbridge(*command, "--isotropic")[2]


def test_one_file_is_not_made_of_several_volumes(
    starbridge: Command, stack: Path, tmp_path: Path
) -> None:
    (tmp_path / "b.tif").write_bytes(stack.read_bytes())
    code, _, told = starbridge(
        *("volume", "prepare", stack, tmp_path / "b.tif", "--out", tmp_path / "W.h5")
    )
    assert code == 2
    assert "is one file, for 2 volumes" in told


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (("--voxel", "1,2"), "--voxel: '1,2' is not three numbers above 0"),
        (("--voxel", "1,nan,1"), "is not three numbers above 0"),
        (("--voxel", "36,0.36,0.36"), "100 times longer"),
        (("--subsample", "1,2,1"), "would enlarge the volume"),
        (("--normalize", "1"), "'1' is not two quantiles"),
        (("--channel", "GFP"), "has no channel"),
        (("--time", "3"), "has no time point 3"),
    ],
)
def test_wrong_options_are_one_line(
    starbridge: Command, stack: Path, tmp_path: Path, options: tuple[str, str], told: str
) -> None:
    code, _, found = starbridge("volume", "prepare", stack, *options, "--out", tmp_path / "V.h5")
    assert code in (1, 2)
    assert told in found
    assert not (tmp_path / "V.h5").exists()


def test_without_the_part_it_is_said_how_to_install_it(
    starbridge: Command, stack: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bridge.volumes.job.find_spec", lambda name: None)
    code, _, told = starbridge("volume", "prepare", stack, "--out", tmp_path / "V.h5")
    assert code == 2
    assert 'pip install "starbridge[volumes]"' in told


def test_a_voxel_size_is_given_once(starbridge: Command, stack: Path, tmp_path: Path) -> None:
    code, _, told = starbridge(
        *("volume", "clean", stack, "--voxel", "1,1,1", "--prepared", stack),
        *("--out", tmp_path / "L.h5"),
    )
    assert code == 2
    assert "--voxel and --prepared: both say how large voxels are" in told


def test_the_file_is_what_ilastik_reads(starbridge: Command, stack: Path, tmp_path: Path) -> None:
    starbridge("volume", "prepare", stack, "--isotropic", "--out", tmp_path / "V.h5")
    with h5py.File(tmp_path / "V.h5") as file:
        (name,) = file
        tags = json.loads(file[name].attrs["axistags"])["axes"]
    assert name == "image"
    assert [tag["key"] for tag in tags] == ["c", "z", "y", "x"]
    assert [tag["typeFlags"] for tag in tags] == [1, 2, 2, 2]
    assert tags[1]["resolution"] == 1.0
