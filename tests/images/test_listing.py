"""Listing of images without reading their pixels."""

from __future__ import annotations

from pathlib import Path

import h5py
import numpy as np
import tifffile

from bridge.images import PixelSize
from bridge.images.listing import ImageLine, describe_images
from tests.images.microscopes.files import stack, write_czi, write_lif


def test_an_image_is_a_line(tmp_path: Path) -> None:
    write_czi(tmp_path / "a.czi", [stack(2, 3, 20, 30)])

    (line,) = describe_images(tmp_path / "a.czi")

    path = str(tmp_path / "a.czi")
    assert line == ImageLine(
        path, "", "CZYX", (2, 3, 20, 30), "uint16", ("DAPI", "GFP"), PixelSize(0.5, 0.25, 2.0)
    )
    assert line.to_json() == {
        "path": path,
        "series": "",
        "axes": "CZYX",
        "shape": [2, 3, 20, 30],
        "dtype": "uint16",
        "channels": ["DAPI", "GFP"],
        "pixel_size": {"y": 0.5, "x": 0.25, "z": 2.0},
        "problem": "",
    }


def test_each_image_of_a_file_is_a_line_that_can_be_given_again(tmp_path: Path) -> None:
    write_lif(tmp_path / "a.lif", {"left": stack(3, 2, 4, 5), "eyes/right": stack(1, 2, 6, 7)})
    with tifffile.TiffWriter(tmp_path / "b.ome.tif") as writer:
        for size in (8, 9):
            writer.write(np.zeros((size, 9), np.uint8), metadata={"Name": f"Scene {size}"})
    with h5py.File(tmp_path / "c.h5", "w") as file:
        file["group/raw"], file["labels"] = np.zeros((4, 5)), np.zeros((6, 5))

    expected: dict[str, list[tuple[str, str, tuple[int, ...]]]] = {
        "a.lif": [("#0", "left", (2, 3, 4, 5)), ("#1", "eyes/right", (2, 6, 7))],
        "b.ome.tif": [("#0", "Scene 8", (8, 9)), ("#1", "Scene 9", (9, 9))],
        "c.h5": [("#group/raw", "", (4, 5)), ("#labels", "", (6, 5))],
    }
    for name, found in expected.items():
        lines = list(describe_images(tmp_path / name))
        assert [(line.path, line.series, line.shape) for line in lines] == [
            (f"{tmp_path / name}{number}", series, shape) for number, series, shape in found
        ]
        for line in lines:
            (again,) = describe_images(Path(line.path))
            assert (again.shape, again.channels) == (line.shape, line.channels)


def test_what_cannot_be_read_is_a_line_with_its_problem(tmp_path: Path) -> None:
    (tmp_path / "a.tif").write_bytes(b"II*\0")

    (line,) = describe_images(tmp_path / "a.tif")

    assert line.problem.startswith(f"{tmp_path / 'a.tif'}: is no readable TIFF file")
    assert (line.path, line.axes, line.shape) == (str(tmp_path / "a.tif"), "", ())
