"""Pixel size and channel names of microscopes' TIFF files, from where each format keeps them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import tifffile

from bridge.images import PixelSize, open_image
from tests.images.microscope_files import (
    planes,
    write_lsm,
    write_micro_manager,
    write_qptiff,
    write_stk,
)

if TYPE_CHECKING:
    from pathlib import Path


def known(path: Path) -> tuple[PixelSize | None, tuple[str, ...]]:
    """Pixel size and channels of an image."""
    with open_image(path) as image:
        return image.pixel_size, image.channels


def test_lsm_has_metres_and_names_of_detectors(tmp_path: Path) -> None:
    path = tmp_path / "a.lsm"
    write_lsm(path, planes(6).reshape(2, 3, 32, 40), slices=2, names=["Ch1-T1", "Ch2-T2", "Ch3"])
    size, channels = known(path)
    assert size == PixelSize(0.5, 0.25, 1.0)
    assert channels == ("Ch1-T1", "Ch2-T2", "Ch3")


def test_micro_manager_has_a_summary(tmp_path: Path) -> None:
    path = tmp_path / "a_MMStack_Default.tif"
    write_micro_manager(path, planes(6), slices=3)
    assert known(path) == (PixelSize(0.325, 0.325, 1.5), ("DAPI", "GFP"))


def test_every_position_of_micro_manager_is_an_image_of_its_own(tmp_path: Path) -> None:
    for i in range(2):
        path = tmp_path / f"a_MMStack_Pos{i}.tif"
        write_micro_manager(path, planes(4 + i)[:4], slices=2, position=i, positions=2)
    for i in range(2):
        with open_image(tmp_path / f"a_MMStack_Pos{i}.tif") as image:
            assert (image.axes, image.channels) == ("ZCYX", ("DAPI", "GFP"))
            np.testing.assert_array_equal(image.plane("GFP", z=1), planes(4 + i)[3])


def test_single_planes_of_micro_manager_have_a_tag(tmp_path: Path) -> None:
    path = tmp_path / "img_channel000_position000_time000000000_z000.tif"
    text = json.dumps({"PixelSizeUm": 0.1625, "Channel": "DAPI"}).encode()
    tag = (51123, "s", len(text) + 1, text, True)
    tifffile.imwrite(path, planes(1)[0], metadata=None, extratags=[tag])
    assert known(path)[0] == PixelSize(0.1625, 0.1625)


@pytest.mark.parametrize(
    ("unit", "step", "expected"),
    [
        ("um", (13, 20), PixelSize(1.3, 0.65, 0.5)),
        ("nm", (325, 1), PixelSize(0.65, 0.325, 0.5)),
        ("pixel", (1, 1), None),
    ],
)
def test_metamorph_stacks_have_a_calibration(
    tmp_path: Path, unit: str, step: tuple[int, int], expected: PixelSize | None
) -> None:
    path = tmp_path / "a.stk"
    write_stk(path, planes(3), unit=unit, step=step)
    size, _ = known(path)
    assert (size is None) == (expected is None)
    if size is not None and expected is not None:
        assert (size.y, size.x) == pytest.approx((expected.y, expected.x))


def test_metaseries_has_properties(tmp_path: Path) -> None:
    path = tmp_path / "a.tif"
    properties = {
        "spatial-calibration-state": "on",
        "spatial-calibration-x": "325",
        "spatial-calibration-y": "650",
        "spatial-calibration-units": "nm",
    }
    props = "".join(f'<prop id="{k}" type="string" value="{v}"/>' for k, v in properties.items())
    text = f"<MetaData><PlaneInfo>{props}</PlaneInfo></MetaData>"
    tifffile.imwrite(path, planes(1)[0], metadata=None, description=text, software="MetaSeries")
    assert known(path)[0] == PixelSize(0.65, 0.325)


@pytest.mark.parametrize("tile", [(16, 16), None])
@pytest.mark.parametrize(
    ("description", "expected"),
    [
        (
            "Aperio Image Library v11.2.1 \r\n80x64|AppMag = 20|MPP = 0.4990",
            PixelSize(0.499, 0.499),
        ),
        ("Aperio Leica Biosystems GT450|MPP=0,25|Date = 1", PixelSize(0.25, 0.25)),
        ("Aperio Image Library v11.2.1|AppMag = 20", None),
    ],
)
def test_aperio_has_microns_per_pixel(
    tmp_path: Path, tile: Any, description: str, expected: PixelSize | None
) -> None:
    path = tmp_path / "a.svs"
    rgb = np.zeros((64, 80, 3), np.uint8)
    tifffile.imwrite(
        path, rgb, description=description, tile=tile, metadata=None, photometric="rgb"
    )
    assert known(path) == (expected, ("R", "G", "B"))


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"resolution": (20_000, 20_000), "resolutionunit": "CENTIMETER"}, PixelSize(0.5, 0.5)),
        ({"micro": 0.4975}, PixelSize(0.4975, 0.4975)),
        ({}, None),
    ],
)
def test_qptiff_has_a_description_a_channel(
    tmp_path: Path, options: dict[str, Any], expected: PixelSize | None
) -> None:
    path = tmp_path / "a.qptiff"
    write_qptiff(path, ["DAPI", "Opal 520", "Opal 690"], **options)
    assert known(path) == (expected, ("DAPI", "Opal 520", "Opal 690"))


@pytest.mark.parametrize("text", ["<PerkinElmer", "", '<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>'])
def test_a_damaged_description_is_no_obstacle(tmp_path: Path, text: str) -> None:
    path = tmp_path / "a.qptiff"
    tifffile.imwrite(
        path, planes(1)[0], tile=(16, 16), description=text, metadata=None,
        software="PerkinElmer-QPI",
    )  # fmt: skip
    assert known(path)[0] is None
