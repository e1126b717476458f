"""``starbridge images``, and images through ``starbridge convert``."""

from __future__ import annotations

import json
from pathlib import Path

import h5py
import numpy as np
import pytest
import tifffile

from bridge import Detections
from bridge.images import open_image
from tests.cli.conftest import Command
from tests.images.microscopes.files import stack, write_czi, write_lif, write_nd2


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder of images, one of which is damaged."""
    folder = tmp_path / "images"
    folder.mkdir()
    write_czi(folder / "a.czi", [stack(4, 1, 20, 30)])
    write_lif(folder / "b.lif", {"left": stack(3, 2, 20, 30), "[red]right": stack(3, 2, 20, 30)})
    (folder / "c.tif").write_bytes(b"II*\0")
    tifffile.imwrite(folder / "d.tif", np.zeros((5, 6), np.uint8))
    return folder


def test_a_table_tells_what_images_hold(starbridge: Command, folder: Path) -> None:
    code, printed, said = starbridge("images", folder)

    lines = [line.split() for line in printed.splitlines()]
    assert code == 1
    assert lines[0] == ["image", "name", "axes", "size", "type", "channels", "µm", "per", "pixel"]
    assert [Path(line[0]).name for line in lines[1:]] == ["a.czi", "b.lif#0", "b.lif#1", "d.tif"]
    text = " ".join(lines[1])
    assert text.endswith("a.czi CYX 4 × 20 × 30 uint16 DAPI, GFP, SOX2, Tuj1 z 2, y 0.5, x 0.25")
    assert "[red]right" in lines[3]
    assert lines[4][-1] == "–"
    assert said.count("\n") == 1
    assert f"{folder / 'c.tif'}: is no readable TIFF file" in said


def test_json_tells_the_same(starbridge: Command, folder: Path) -> None:
    code, printed, _ = starbridge("images", folder, "--json")

    found = {Path(line["path"]).name: line for line in json.loads(printed)}
    assert code == 1
    assert list(found) == ["a.czi", "b.lif#0", "b.lif#1", "c.tif", "d.tif"]
    assert found["a.czi"]["channels"] == ["DAPI", "GFP", "SOX2", "Tuj1"]
    assert found["b.lif#1"]["series"] == "[red]right"
    assert "is no readable TIFF file" in found["c.tif"]["problem"]


def test_axes_that_a_file_does_not_say_are_given(starbridge: Command, tmp_path: Path) -> None:
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["t0/channel0"] = file["t0/channel1"] = np.zeros((3, 4, 5), np.uint8)

    assert starbridge("images", tmp_path / "a.h5")[0] == 1
    code, printed, _ = starbridge("images", tmp_path / "a.h5", "--axes", "ZYX", "--json")
    found = {line["path"].rpartition("#")[2]: line["axes"] for line in json.loads(printed)}
    assert code == 0
    assert found == {"t0/channel0": "ZYX", "t0/channel1": "ZYX"}


def test_readable_images_are_a_success(starbridge: Command, folder: Path) -> None:
    code, printed, said = starbridge("images", folder / "a.czi", f"{folder / 'b.lif'}#left")

    assert (code, said, len(printed.splitlines())) == (0, "", 3)


def test_a_czi_becomes_an_ome_tiff(starbridge: Command, tmp_path: Path) -> None:
    values = stack(4, 1, 20, 30)
    write_czi(tmp_path / "a.czi", [values])
    target = tmp_path / "a.ome.tif"

    code, printed, _ = starbridge("convert", tmp_path / "a.czi", target)

    assert (code, printed) == (0, f"{target}: image\n")
    assert np.array_equal(tifffile.imread(target), values[:, 0])
    with open_image(target) as image:
        assert image.channels == ("DAPI", "GFP", "SOX2", "Tuj1")
        assert image.pixel_size is not None
        assert (image.pixel_size.y, image.pixel_size.x) == pytest.approx((0.5, 0.25))
    code, _, said = starbridge("convert", tmp_path / "a.czi", target)
    assert (code, "is there already; give --overwrite" in said) == (2, True)
    assert starbridge("convert", tmp_path / "a.czi", target, "--overwrite")[0] == 0


def test_a_series_and_channels_are_chosen(starbridge: Command, tmp_path: Path) -> None:
    values = stack(2, 3, 4, 20, 30)
    write_nd2(tmp_path / "a.nd2", values, positions=["left", "right"])
    target = tmp_path / "a.ome.tif"

    code, _, said = starbridge("convert", tmp_path / "a.nd2", target)
    assert (code, "choose one as in a.nd2#0: 0 left, 1 right" in said) == (2, True)
    source = f"{tmp_path / 'a.nd2'}#right"
    assert starbridge("convert", source, target, "--channel", "SOX2,DAPI")[0] == 0

    with open_image(target) as image:
        assert image.channels == ("SOX2", "DAPI")
        assert np.array_equal(image.plane("DAPI", z=2), values[1, 2, 0])


def test_a_stack_of_channels_is_an_image_and_a_plane_is_labels(
    starbridge: Command, tmp_path: Path
) -> None:
    channels, labels = tmp_path / "channels.tif", tmp_path / "labels.tif"
    tifffile.imwrite(channels, stack(4, 20, 30), metadata={"axes": "CYX"}, photometric="minisblack")
    tifffile.imwrite(labels, np.pad(np.full((5, 5), 7, np.uint16), 3))

    assert starbridge("convert", channels, tmp_path / "a.ome.tif")[1].endswith(": image\n")
    assert starbridge("convert", labels, tmp_path / "b.ome.tif")[1].endswith(": 1 objects\n")
    assert starbridge("convert", labels, tmp_path / "c.ome.tif", "--channel", 0)[1].endswith(
        ": image\n"
    )

    assert Detections.read(tmp_path / "b.ome.tif").objects["label"].tolist() == [7]


def test_a_czi_becomes_an_ome_zarr(starbridge: Command, tmp_path: Path) -> None:
    values = stack(4, 1, 20, 30)
    write_czi(tmp_path / "a.czi", [values])
    target = tmp_path / "a.ome.zarr"

    assert starbridge("convert", tmp_path / "a.czi", target)[:2] == (0, f"{target}: image\n")

    with open_image(target) as image:
        assert (image.axes, image.channels) == ("CYX", ("DAPI", "GFP", "SOX2", "Tuj1"))
        assert np.array_equal(image.plane("Tuj1"), values[3, 0])


def test_an_image_is_written_to_ome_formats_only(starbridge: Command, tmp_path: Path) -> None:
    write_czi(tmp_path / "a.czi", [stack(1, 1, 20, 30)])

    code, _, said = starbridge("convert", tmp_path / "a.czi", tmp_path / "a.geojson")

    assert (code, "let its name end in .ome.tif" in said) == (2, True)


def test_series_are_measured_as_images(starbridge: Command, tmp_path: Path) -> None:
    values = stack(1, 2, 20, 30)
    write_lif(tmp_path / "a.lif", {"left": values, "right": values + 1})
    objects = tmp_path / "objects"
    objects.mkdir()
    for number in range(2):
        tifffile.imwrite(
            objects / f"a#{number}_labels.tif",
            np.pad(np.full((5, 5), 7, np.uint16), ((5, 10), (5, 20))),
        )
    out = tmp_path / "tables"

    series = [f"{tmp_path / 'a.lif'}#{number}" for number in range(2)]
    code, _, said = starbridge("measure", *series, objects, "--out", out)

    assert (code, sorted(path.name for path in out.glob("*.csv"))) == (
        0,
        ["a#0_measurements.csv", "a#1_measurements.csv"],
    ), said
    means = [
        _column(out / f"a#{number}_measurements.csv", "Nucleus: DAPI: Mean") for number in range(2)
    ]
    expected = values[0, 0, 5:10, 5:10].mean()
    assert means == pytest.approx([expected, expected + 1])
    assert "nothing to do" in starbridge("measure", *series, objects, "--out", out)[2]


def _column(path: Path, name: str) -> float:
    import pandas as pd

    return float(pd.read_csv(path)[name].iloc[0])
