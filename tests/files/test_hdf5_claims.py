"""HDF5 files that take values from elsewhere, or claim more than they hold."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
import pytest

from bridge import Detections
from bridge.aggregate import count_table
from bridge.errors import BadInputError
from bridge.files.hdf5_claims import check_size
from bridge.images import open_image
from bridge.model.folder import demo_model_folder, open_model
from bridge.segment.engines.unet import read_unet

Way = Callable[[h5py.File, str], None]


def external_link(file: h5py.File, name: str) -> None:
    file[name] = h5py.ExternalLink("secret.h5", "values")


def external_storage(file: h5py.File, name: str) -> None:
    file.create_dataset(name, (4, 25), "u1", external=[("secret.raw", 0, 100)])


def virtual_dataset(file: h5py.File, name: str) -> None:
    layout = h5py.VirtualLayout((4, 25), "u1")
    layout[:] = h5py.VirtualSource("secret.h5", "values", (4, 25))
    file.create_virtual_dataset(name, layout)


@pytest.fixture
def secrets(tmp_path: Path) -> Path:
    """A folder with files that nobody named."""
    with h5py.File(tmp_path / "secret.h5", "w") as file:
        file["values"] = np.ones((4, 25), np.uint8)
    (tmp_path / "secret.raw").write_bytes(bytes(100))
    return tmp_path


@pytest.mark.parametrize("way", [external_link, external_storage, virtual_dataset])
@pytest.mark.parametrize("name", ["labels", "objects/id"])
def test_label_images_hold_their_values_themselves(
    secrets: Path, square: Detections, way: Way, name: str
) -> None:
    square.write(secrets / "a.h5")
    with h5py.File(secrets / "a.h5", "a") as file:
        del file[name]
        way(file, name)

    with pytest.raises(BadInputError, match=r"a.h5: keeps its '\w+' in another file"):
        Detections.read(secrets / "a.h5")


def test_an_image_is_not_read_from_another_file(secrets: Path) -> None:
    with h5py.File(secrets / "a.h5", "w") as file:
        external_link(file, "image")

    for dataset in (None, "image"):
        with pytest.raises(BadInputError, match="has no dataset"):
            open_image(secrets / "a.h5", dataset=dataset)


@pytest.mark.parametrize("way", [external_link, external_storage, virtual_dataset])
def test_a_table_is_not_read_from_another_file(secrets: Path, way: Way) -> None:
    with h5py.File(secrets / "Pa_s1.h5", "w") as file:
        way(file, "table")

    with pytest.raises(BadInputError, match="holds no table of objects"):
        count_table(secrets / "Pa_s1.h5")


def test_weights_are_not_read_from_another_file(secrets: Path) -> None:
    model = secrets / "model"
    shutil.copytree(demo_model_folder(), model)
    with h5py.File(model / "weights_best.h5", "a") as file:
        external_link(file, "more")

    with pytest.raises(BadInputError, match=r"weights_best.h5: keeps its 'more' in another file"):
        read_unet(open_model(model))


def test_a_dataset_that_claims_more_than_it_holds_is_not_read(tmp_path: Path) -> None:
    path = tmp_path / "Pa_s1.h5"
    with h5py.File(path, "w") as file:
        kind = [("labelimage_oid", "u4"), ("Predicted Class", "S4")]
        file.create_dataset("table", (2**34,), kind, chunks=(2**12,))
        file.create_dataset("labels", (2**17, 2**17), "u2", chunks=(2**9, 2**9))

    for read in (count_table, Detections.read):
        with pytest.raises(BadInputError, match=r"claims 17,179,869,184 values in '/\w+'"):
            read(path)


def test_what_is_well_compressed_is_honest(tmp_path: Path) -> None:
    pixels = np.zeros((2**13, 2**13), np.uint16)
    with h5py.File(tmp_path / "a.h5", "w") as file:
        data = file.create_dataset("x", data=pixels, chunks=(2**10, 2**13), compression="gzip")

        check_size("a.h5", data)
