"""Measurements, the classical segmentations, and what happens around StarDist."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import tifffile
from numpy.typing import NDArray

from bridge import Detections
from bridge.apps.fiji import Fiji, MacroError
from tests.macros.conftest import MACROS

pytestmark = [pytest.mark.imagej, pytest.mark.network]
MEASURE = MACROS / "measure_rois.ijm"
MAP = MACROS / "probability_postprocess.ijm"
OTSU = MACROS / "otsu_baseline.ijm"
SEGMENT = MACROS / "starbridge_segment.ijm"


def discs(*places: tuple[int, int, int]) -> NDArray[np.float32]:
    """A probability map of discs: row, column, radius."""
    y, x = np.ogrid[:100, :120]
    found = np.zeros((100, 120), np.float32)
    for row, column, radius in places:
        found[(y - row) ** 2 + (x - column) ** 2 <= radius**2] = 0.75
    return found


def test_measurements_are_those_of_numpy(
    fiji: Fiji, folder: Path, two_channels: Path, mask: NDArray[np.uint16]
) -> None:
    objects = Detections.from_labels(mask)
    objects.objects["class"] = "neuron, é"
    objects.write(folder / "a.zip")

    result = fiji.run_macro(
        MEASURE, image_file=two_channels, roi_file=folder / "a.zip", table_folder=folder / "tables"
    )

    path = folder / "tables" / "two channels_table.csv"
    assert result.value == str(path)
    table = pd.read_csv(path)
    pixels = tifffile.imread(two_channels)
    assert set(table["class"]) == {"neuron, é"}
    assert sorted(table["labelimage_oid"]) == sorted(set(np.unique(mask)) - {0})
    for row in table.to_dict("records"):
        inside = mask == row["labelimage_oid"]
        y, x = np.nonzero(inside)
        assert row["Area_px"] == inside.sum()
        assert row["Area_um2"] == pytest.approx(inside.sum() * 0.25)
        assert (row["X_px"], row["Y_px"]) == pytest.approx((x.mean() + 0.5, y.mean() + 0.5))
        assert (row["X_um"], row["Y_um"]) == pytest.approx(
            ((x.mean() + 0.5) / 2, (y.mean() + 0.5) / 2), abs=1e-5
        )
        assert 0 < row["Circularity"] <= 1
        for channel, plane in zip(("DAPI", "GFP, weak"), pixels, strict=True):
            values = plane[inside].astype(float)
            assert row[f"{channel}_Mean"] == pytest.approx(values.mean(), abs=1e-3)
            assert row[f"{channel}_Min"] == values.min()
            assert row[f"{channel}_Max"] == values.max()
            assert row[f"{channel}_StdDev"] == pytest.approx(values.std(ddof=1), abs=1e-3)
            # of the two middle values of an even number of pixels, ImageJ takes one
            low, high = (np.quantile(values, 0.5, method=m) for m in ("lower", "higher"))
            assert low <= row[f"{channel}_Median"] <= high
            assert row[f"{channel}_RawIntDen"] == values.sum()
    assert fiji.images() == ()


def test_the_results_table_and_roi_manager_of_the_user_stay(
    fiji: Fiji, folder: Path, two_channels: Path, mask: NDArray[np.uint16]
) -> None:
    if fiji.mode != "gui":
        pytest.skip("without a window there is no Results window and no ROI Manager")
    Detections.from_labels(mask).write(folder / "a.zip")
    fiji.run_macro(
        'newImage("mine", "8-bit black", 9, 9, 1); makeRectangle(1, 1, 3, 3);'
        'roiManager("Add"); setResult("mine", 0, 7); updateResults();'
    )

    result = fiji.run_macro(
        MEASURE, image_file=two_channels, roi_file=folder / "a.zip", table_folder=folder
    )

    assert result.table is not None
    assert result.table["mine"].tolist() == [7]
    assert len(result.rois) == 1
    assert [image.title for image in fiji.images()] == ["mine"]


def test_a_wrong_number_of_channel_names_is_said(
    headless: Fiji, folder: Path, two_channels: Path, mask: NDArray[np.uint16]
) -> None:
    Detections.from_labels(mask).write(folder / "a.zip")
    with pytest.raises(MacroError, match="2 channels, and 3 names are given"):
        headless.run_macro(
            MEASURE,
            image_file=two_channels,
            roi_file=folder / "a.zip",
            table_folder=folder,
            channel_list="a,b,c",
        )


@pytest.mark.parametrize("dtype", ["float32", "uint8"])
def test_a_probability_map_becomes_labels_rois_and_a_table(
    fiji: Fiji, folder: Path, dtype: str
) -> None:
    chance = discs((20, 20, 8), (50, 60, 10), (80, 100, 9), (5, 100, 1))
    chance[48:52, 58:62] = 0.1  # a hole, to be filled
    scale = 255 if dtype == "uint8" else 1
    tifffile.imwrite(folder / "map.tif", (chance * scale).astype(dtype))

    fiji.run_macro(MAP, map_file=folder / "map.tif", result_folder=folder / "out")

    labels = tifffile.imread(folder / "out" / "lbl" / "map_labels.tif")
    wanted = discs((20, 20, 8), (50, 60, 10), (80, 100, 9)) > 0
    assert np.array_equal(labels > 0, wanted)
    assert labels.max() == 3
    rois = Detections.read(folder / "out" / "roi" / "map_rois.zip")
    assert np.array_equal(rois.to_labels(shape=labels.shape), labels)
    table = pd.read_csv(folder / "out" / "tables" / "map_table.csv")
    assert table["Area_px"].tolist() == np.bincount(labels.ravel())[1:].tolist()


def test_touching_discs_are_cut_apart(headless: Fiji, folder: Path) -> None:
    tifffile.imwrite(folder / "map.tif", discs((50, 40, 15), (50, 66, 15)))
    counts = [
        headless.run_macro(
            MAP, map_file=folder / "map.tif", result_folder=folder, cut_apart=cut, show_labels=False
        ).value
        for cut in (False, True)
    ]

    assert counts == ["1", "2"]


def test_a_stack_is_done_plane_by_plane(headless: Fiji, folder: Path) -> None:
    one = discs((20, 20, 8), (50, 60, 10))
    stack = np.stack([one, np.zeros_like(one), one[::-1]])
    tifffile.imwrite(folder / "s.tif", stack, imagej=True, metadata={"axes": "ZYX"})
    headless.run_macro(MAP, map_file=folder / "s.tif", result_folder=folder, show_labels=False)

    labels = tifffile.imread(folder / "lbl" / "s_labels.tif")
    assert [set(np.unique(plane)) - {0} for plane in labels] == [{1, 2}, set(), {3, 4}]
    assert pd.read_csv(folder / "tables" / "s_table.csv")["slice"].tolist() == [1, 1, 3, 3]


def test_a_map_beyond_one_is_refused(headless: Fiji, folder: Path) -> None:
    tifffile.imwrite(folder / "map.tif", discs((20, 20, 8)) * 100)
    with pytest.raises(MacroError, match="goes from 0 to 1"):
        headless.run_macro(MAP, map_file=folder / "map.tif", result_folder=folder / "out")
    assert not (folder / "out").exists()


def test_otsu_finds_most_nuclei_of_the_real_image_and_merges_some(
    fiji: Fiji, folder: Path, two_channels: Path, mask: NDArray[np.uint16]
) -> None:
    result = fiji.run_macro(OTSU, image_file=two_channels, result_folder=folder / "otsu")

    count, true = int(result.value or 0), len(np.unique(mask)) - 1
    assert 0.7 * true < count < true
    labels = tifffile.imread(folder / "otsu" / "lbl" / "two channels_labels.tif")
    assert labels.max() == count
    assert [image.title for image in result.images] == ["two channels_labels.tif"]
    assert len(result.rois) == count


@pytest.mark.skipif(os.name == "nt", reason="the stand-in for the command is a shell script")
def test_the_message_of_a_failing_command_is_shown(
    headless: Fiji, folder: Path, two_channels: Path
) -> None:
    command = folder / "star bridge"
    command.write_text('#!/bin/sh\necho "no model <$4> here" >&2\nexit 2\n')
    command.chmod(0o755)
    model = "my \"model\" 'x' $HOME `ls` é"
    with pytest.raises(MacroError) as refusal:
        headless.run_macro(
            SEGMENT,
            image_file=two_channels,
            result_folder=folder / "out",
            model_path=model,
            command_path=str(command),
        )
    assert f"no model <{model}> here" in str(refusal.value)

    with pytest.raises(MacroError, match="not-there"):
        headless.run_macro(
            SEGMENT, image_file=two_channels, result_folder=folder / "out", command_path="not-there"
        )


@pytest.mark.model
def test_the_command_starbridge_segments_and_its_result_is_shown(
    headless: Fiji, folder: Path, two_channels: Path
) -> None:
    command = Path(sys.executable).with_name("starbridge")
    result = headless.run_macro(
        SEGMENT,
        image_file=two_channels,
        result_folder=folder / "out",
        nuclei_channel="0",
        command_path=str(command),
    )

    labels = tifffile.imread(folder / "out" / "lbl" / "two channels_labels.tif")
    assert len(result.rois) == labels.max()
    assert [image.title for image in result.images] == ["two channels_labels.tif"]
