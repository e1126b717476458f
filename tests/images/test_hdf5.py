"""HDF5: ilastik's axes, one dataset at a time, and nothing from outside the folder."""

from __future__ import annotations

import json
import tracemalloc
from typing import TYPE_CHECKING, Any

import h5py
import numpy as np
import pytest

from bridge.errors import BadInputError
from bridge.images import PixelSize, open_image

if TYPE_CHECKING:
    from pathlib import Path


def axistags(axes: str) -> str:
    """The attribute that ilastik writes."""
    flags = {"t": 8, "c": 1}
    return json.dumps(
        {
            "axes": [
                {"key": key, "typeFlags": flags.get(key, 2), "resolution": 0, "description": ""}
                for key in axes
            ]
        }
    )


def test_ilastik_says_which_axis_is_which(tmp_path: Path) -> None:
    array = np.arange(2 * 3 * 4 * 5 * 6).reshape(2, 3, 4, 5, 6).astype(">u2")
    path = tmp_path / "Probabilities.h5"
    with h5py.File(path, "w") as file:
        data = file.create_dataset("exported_data", data=array, chunks=True, compression="gzip")
        data.attrs["axistags"] = axistags("tzyxc")
    with open_image(path) as image:
        assert (image.axes, image.shape, image.dtype) == ("TZYXC", array.shape, np.dtype("u2"))
        assert image.name == "Probabilities"
        assert len(image.channels) == 6
        assert not image.is_rgb
        np.testing.assert_array_equal(image.plane(5, z=2, t=1), array[1, 2, :, :, 5])
        assert image.plane(0).flags.c_contiguous
        assert image.plane(0).dtype.isnative


@pytest.mark.parametrize("axes", ["CZYX", np.bytes_("czyx")])
def test_a_plain_attribute_of_axes_is_read(tmp_path: Path, axes: str | np.bytes_) -> None:
    path = tmp_path / "a.h5"
    with h5py.File(path, "w") as file:
        file["image"] = np.zeros((2, 3, 4, 5), np.uint8)
        file["image"].attrs["axes"] = axes
    with open_image(path) as image:
        assert image.axes == "CZYX"


@pytest.mark.parametrize("axes", ["CZQX", "ZYX", "CZYY", 7, [1, 2, 3, 4]])
def test_an_attribute_of_axes_that_does_not_fit_is_as_none(tmp_path: Path, axes: Any) -> None:
    path = tmp_path / "a.h5"
    with h5py.File(path, "w") as file:
        file["image"] = np.zeros((2, 3, 4, 5), np.uint8)
        file["image"].attrs["axes"] = axes
    with pytest.raises(BadInputError, match="give --axes"):
        open_image(path)


def test_notes_of_starbridge_are_kept_and_no_others_are_read(tmp_path: Path) -> None:
    path = tmp_path / "a.h5"
    with h5py.File(path, "w") as file:
        file["image"] = np.zeros((4, 5), np.uint8)
        file["image"].attrs.update({"starbridge_volume": "{}", "starbridge_number": 3, "x": "y"})
    with open_image(path) as image:
        assert image.notes == {"starbridge_volume": "{}"}


def test_two_dimensions_need_no_names(tmp_path: Path) -> None:
    path = tmp_path / "a.h5"
    with h5py.File(path, "w") as file:
        file["labels"] = np.eye(4, dtype=np.uint16)
        file["labels"].attrs["axistags"] = "not JSON"
        file["object_table"] = np.zeros(7)
        file["single/value"] = 3
        file["text"] = ["a", "b"]
    with open_image(path) as image:
        assert image.axes == "YX"
        assert image.plane().sum() == 4


def test_more_dimensions_without_names_need_axes(tmp_path: Path) -> None:
    array = np.arange(24).reshape(2, 3, 4)
    path = tmp_path / "a.h5"
    with h5py.File(path, "w") as file:
        file["data"] = array
    with pytest.raises(BadInputError, match=r"nothing says what its axes are; give --axes CYX"):
        open_image(path)
    with open_image(path, axes="ZYX") as image:
        np.testing.assert_array_equal(image.plane(z=1), array[1])


def test_labelled_dimensions_are_axes(tmp_path: Path) -> None:
    path = tmp_path / "a.h5"
    with h5py.File(path, "w") as file:
        file["data"] = np.zeros((2, 3, 4))
        for dimension, label in zip(file["data"].dims, "cyx", strict=True):
            dimension.label = label
    with open_image(path) as image:
        assert image.axes == "CYX"


@pytest.mark.parametrize(
    ("sizes", "expected"),
    [
        ([2.0, 0.5, 0.6], PixelSize(0.5, 0.6, 2.0)),
        ([0.5, 0.6], PixelSize(0.5, 0.6)),
        ([0.0, 0.0, 0.0], None),
        ("unknown", None),
        (None, None),
    ],
)
def test_pixel_size_of_the_fiji_plugins(
    tmp_path: Path, sizes: Any, expected: PixelSize | None
) -> None:
    path = tmp_path / "a.h5"
    with h5py.File(path, "w") as file:
        file["data"] = np.zeros((3, 4))
        if sizes is not None:
            file["data"].attrs["element_size_um"] = sizes
    with open_image(path) as image:
        assert image.pixel_size == expected
    with open_image(path, pixel_size=0.1) as image:
        assert image.pixel_size is not None
        assert image.pixel_size.x == 0.1


@pytest.mark.parametrize(
    ("resolutions", "units", "expected"),
    [
        ((2.0, 0.5, 500.0), {"z": "mm", "y": "um", "x": "nm"}, PixelSize(0.5, 0.5, 2000.0)),
        ((0.0, 0.5, 0.25), {"y": "µm", "x": "micrometer"}, PixelSize(0.5, 0.25)),
        ((2.0, 0.5, 0.5), {}, None),  # of what?
        ((2.0, 0.5, 0.5), {"y": "um", "x": "pixel"}, None),
        ((2.0, 0.5, 0.5), ["um"], None),
    ],
)
def test_axistags_have_a_resolution_and_a_unit_an_axis(
    tmp_path: Path, resolutions: tuple[float, ...], units: Any, expected: PixelSize | None
) -> None:
    path = tmp_path / "a.h5"
    tags = [
        {"key": key, "typeFlags": 2, "resolution": step, "description": ""}
        for key, step in zip("zyx", resolutions, strict=True)
    ]
    with h5py.File(path, "w") as file:
        file["data"] = np.zeros((2, 3, 4))
        file["data"].attrs["axistags"] = json.dumps({"axes": tags})
        file["data"].attrs["axis_units"] = json.dumps(units)
    with open_image(path) as image:
        assert (image.axes, image.pixel_size) == ("ZYX", expected)


def test_of_several_datasets_one_is_chosen(tmp_path: Path) -> None:
    path = tmp_path / "a.h5"
    with h5py.File(path, "w") as file:
        file["raw"] = np.zeros((4, 5))
        file["group/labels"] = np.ones((4, 5), np.uint16)
    with pytest.raises(BadInputError) as error:
        open_image(path)
    assert str(error.value) == (
        f"{path}: has 2 datasets that could be the image; "
        "choose one as in a.h5#group/labels: group/labels (4 × 5), raw (4 × 5)"
    )
    for name in ("group/labels", "/group/labels"):
        with open_image(path, dataset=name) as image:
            assert image.plane().sum() == 20
    for name in ("labels", "group", ""):
        with pytest.raises(BadInputError, match=r"has no dataset .*; choose one as in a.h5#group"):
            open_image(path, dataset=name)


def test_without_a_dataset_there_is_no_image(tmp_path: Path) -> None:
    path = tmp_path / "a.h5"
    with h5py.File(path, "w") as file:
        file["table"] = np.zeros(5)
    with pytest.raises(BadInputError, match="has no dataset that is an image; give a file with"):
        open_image(path)


@pytest.mark.parametrize("place", ["../secret.txt", "secret.txt"])
def test_values_in_other_files_are_refused(tmp_path: Path, place: str) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    (folder / place).write_bytes(b"0123456789abcdef")
    with h5py.File(folder / "raw.h5", "w") as file:
        file.create_dataset("d", (4, 4), np.uint8, external=[(place, 0, 16)])

    for dataset in (None, "d"):
        with pytest.raises(BadInputError, match="keeps its 'd' in another file; export it again"):
            open_image(folder / "raw.h5", dataset=dataset)


def test_links_to_other_files_are_no_images(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "other.h5", "w") as file:
        file["d"] = np.ones((4, 4))
    with h5py.File(tmp_path / "linked.h5", "w") as file:
        file["link"] = h5py.ExternalLink("other.h5", "d")

    with pytest.raises(BadInputError, match="has no dataset 'link'"):
        open_image(tmp_path / "linked.h5", dataset="link")


@pytest.mark.parametrize(("source", "problem"), [("part.h5", "in another file"), (".", "virtual")])
def test_virtual_datasets_are_refused(tmp_path: Path, source: str, problem: str) -> None:
    # What they lead to may lead on to any file.
    with h5py.File(tmp_path / "part.h5", "w") as file:
        file["d"] = np.ones((4, 5))
    layout = h5py.VirtualLayout((4, 5), np.float64)
    layout[:] = h5py.VirtualSource(source, "d", (4, 5))
    with h5py.File(tmp_path / "whole.h5", "w") as file:
        file["d"] = np.ones((4, 5))
        file.create_virtual_dataset("v", layout)

    with pytest.raises(BadInputError, match=problem):
        open_image(tmp_path / "whole.h5", dataset="v")


def test_a_plane_that_claims_far_more_than_is_stored_is_refused(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file.create_dataset("d", (2**16, 2**16), "u2", chunks=(64, 64), compression="gzip")
        file["d"][:64, :64] = 1

    with pytest.raises(BadInputError, match=r"claims 4,294,967,296 values in '/d', for which"):
        open_image(tmp_path / "a.h5")


def test_only_the_plane_is_loaded(tmp_path: Path) -> None:
    path = tmp_path / "a.h5"
    array = np.zeros((8, 512, 512), np.uint16)
    with h5py.File(path, "w") as file:
        file.create_dataset("d", data=array, chunks=(1, 256, 256), compression="gzip")
        file["d"].attrs["axistags"] = axistags("cyx")
    with open_image(path) as image:
        image.plane(0)
        tracemalloc.start()
        try:
            plane = image.plane(2)
            peak = tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()
    assert peak < 1.5 * plane.nbytes


def test_damage_in_one_channel_leaves_the_others_readable(tmp_path: Path) -> None:
    path = tmp_path / "a.h5"
    array = np.arange(2 * 64 * 64).reshape(2, 64, 64)
    with h5py.File(path, "w") as file:
        data = file.create_dataset("d", data=array, chunks=(1, 64, 64), compression="gzip")
        data.attrs["axistags"] = axistags("cyx")
        place = data.id.get_chunk_info(1).byte_offset
    with path.open("r+b") as stream:
        stream.seek(place)
        stream.write(b"\xff" * 50)
    with open_image(path) as image:
        np.testing.assert_array_equal(image.plane(0), array[0])
        with pytest.raises(BadInputError, match="pixel data is damaged or cut short"):
            image.plane(1)


@pytest.mark.parametrize("part", [0.01, 0.5, 0.99])
def test_a_cut_file_is_refused(tmp_path: Path, part: float) -> None:
    path = tmp_path / "a.h5"
    with h5py.File(path, "w") as file:
        file["d"] = np.zeros((64, 64))
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * part)])
    with pytest.raises(BadInputError, match="is no readable HDF5 file, it is damaged or cut short"):
        open_image(path)


def test_complex_values_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.h5"
    with h5py.File(path, "w") as file:
        file["d"] = np.zeros((4, 4), np.complex64)
    with pytest.raises(BadInputError, match="holds complex numbers, not grey values"):
        open_image(path, dataset="d")
