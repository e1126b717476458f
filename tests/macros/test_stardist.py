"""Work of stardist_haug2.ijm around Fiji's StarDist plugin."""

from __future__ import annotations

import re
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import tifffile
from numpy.typing import NDArray

from bridge import Detections
from bridge.apps.fiji import Fiji, MacroError
from tests.macros.conftest import MACROS
from tests.macros.stardist_stand_in import given_images, with_stand_in

pytestmark = [pytest.mark.imagej, pytest.mark.network]
STARDIST = MACROS / "stardist_haug2.ijm"


@pytest.fixture
def two_discs() -> NDArray[np.uint16]:
    """An image of two nuclei."""
    y, x = np.ogrid[:100, :120]
    found = np.zeros((100, 120), np.uint16)
    for row, column, radius in ((20, 20, 8), (50, 60, 10)):
        found[(y - row) ** 2 + (x - column) ** 2 <= radius**2] = 1000
    return found


@pytest.fixture
def model(folder: Path) -> Path:
    """A file in the place of a model."""
    path = folder / "model.zip"
    zipfile.ZipFile(path, "w").close()
    return path


@pytest.fixture
def images(folder: Path, two_discs: NDArray[np.uint16]) -> Path:
    """A folder with a broken image, one of two channels and a time series."""
    images = folder / "images"
    images.mkdir()
    (images / "a broken.tif").write_bytes(b"II*\0 is no TIFF")
    pixels = np.stack([two_discs, two_discs])
    tifffile.imwrite(images / "b.ome.tif", pixels, imagej=True, metadata={"axes": "CYX"})
    pixels = np.stack([two_discs, two_discs * 0, two_discs[::-1]])
    tifffile.imwrite(images / "c.tif", pixels, imagej=True, metadata={"axes": "TYX"})
    return images


@pytest.fixture
def macro(tmp_path: Path) -> str:
    """The macro, with a threshold in the place of the plugin."""
    return with_stand_in(STARDIST.read_text("utf-8"), tmp_path / "given")


def labels_of(plane: NDArray[Any]) -> set[int]:
    return set(np.unique(plane).tolist()) - {0}


def test_without_the_plugin_the_message_says_what_is_missing(
    headless: Fiji, folder: Path, images: Path, model: Path
) -> None:
    with pytest.raises(MacroError, match="no StarDist plugin; use Fiji with the update sites"):
        headless.run_macro(STARDIST, model_file=model, image_folder=images, result_folder=folder)


def test_a_folder_is_done_image_by_image_and_plane_by_plane(
    headless: Fiji, macro: str, folder: Path, images: Path, model: Path
) -> None:
    out = folder / "out"
    values: dict[str, Any] = {"model_file": model, "image_folder": images, "result_folder": out}

    with pytest.raises(MacroError, match="1 of 3 images failed.*a broken.tif cannot be opened"):
        headless.run_macro(macro, **values)

    labels = tifffile.imread(out / "lbl" / "c_labels.tif")
    assert [labels_of(plane) for plane in labels] == [{1, 2}, set(), {3, 4}]
    assert labels.dtype == np.uint16
    assert len(Detections.read(out / "roi" / "b_rois.zip")) == 2
    assert pd.read_csv(out / "tables" / "c_table.csv")["frame"].tolist() == [1, 1, 3, 3]
    assert not list(out.rglob("*.part*"))

    (images / "a broken.tif").unlink()
    (out / "tables" / "c_table.csv").unlink()
    again = headless.run_macro(macro, **values)
    assert again.value == "2"
    assert "done before: b" in again.printed
    assert "done before: c" not in again.printed
    assert "c.tif: slice 1, frame 2 is blank; it has no nuclei" in again.printed


def test_a_name_cannot_end_the_plugins_arguments(
    headless: Fiji, macro: str, folder: Path, images: Path, model: Path
) -> None:
    printed = headless.run_macro(
        macro, model_file=model, image_file=images / "c.tif", result_folder=folder
    ).printed

    quoted = re.sub(r"['\"\[\]]", lambda found: rf"\u00{ord(found[0]):02x}", str(model))
    assert f"'modelFile':'{quoted}'" in printed


def test_a_plane_that_is_almost_all_background_does_not_stop_the_others(
    headless: Fiji, macro: str, folder: Path, model: Path, two_discs: NDArray[np.uint16]
) -> None:
    dark = np.zeros_like(two_discs)
    dark[0, 0] = 1
    image = folder / "a.tif"
    values: dict[str, Any] = {"model_file": model, "image_file": image, "result_folder": folder}
    tifffile.imwrite(image, np.stack([dark, two_discs]), imagej=True, metadata={"axes": "ZYX"})

    printed = headless.run_macro(macro, **values).printed

    assert "slice 1, frame 1 is almost all background: its percentiles 0.2 and 99.8 are" in printed
    labels = tifffile.imread(folder / "lbl" / "a_labels.tif")
    assert [labels_of(plane) for plane in labels] == [set(), {1, 2}]

    tifffile.imwrite(image, dark)
    with pytest.raises(MacroError, match=r"a\.tif: is almost all background"):
        headless.run_macro(macro, **values, overwrite=True)


def test_the_active_image_needs_no_folder(
    fiji: Fiji, macro: str, folder: Path, model: Path, two_discs: NDArray[np.uint16]
) -> None:
    tifffile.imwrite(folder / "mine.tif", two_discs)
    fiji.run_macro(
        "#@ File image\nopen(image); makeRectangle(1, 2, 3, 4); Overlay.addSelection;",
        image=folder / "mine.tif",
    )
    before = set(folder.rglob("*"))

    result = fiji.run_macro(macro, model_file=model)

    assert {image.title for image in fiji.images()} == {"mine.tif", "mine_labels.tif"}
    assert len(result.rois) == 2
    assert set(folder.rglob("*")) == before
    counts = fiji.run_macro(
        'selectImage("mine.tif"); a = Overlay.size; b = bitDepth();'
        'selectImage("mine_labels.tif"); getRawStatistics(n, mean, low, high);'
        'return "" + a + " " + b + " " + high;'
    )
    assert counts.value == "1 16 2"


def test_the_active_image_is_written_into_a_folder_that_is_given(
    headless: Fiji, macro: str, folder: Path, model: Path
) -> None:
    headless.run_macro(
        'newImage("a/b: c", "16-bit black", 60, 50, 1); setColor(900); fillOval(10, 10, 20, 20);'
    )

    result = headless.run_macro(macro, model_file=model, result_folder=folder / "out")

    assert "a_b_ c_labels.tif" in {image.title for image in result.images}
    assert tifffile.imread(folder / "out" / "lbl" / "a_b_ c_labels.tif").max() == 1
    assert len(pd.read_csv(folder / "out" / "tables" / "a_b_ c_table.csv")) == 1


def test_nothing_to_segment_is_said(headless: Fiji, macro: str, folder: Path, model: Path) -> None:
    with pytest.raises(MacroError, match="no image; open one, or choose an image or a folder"):
        headless.run_macro(macro, model_file=model)
    with pytest.raises(MacroError, match="no folder for the results; choose one"):
        headless.run_macro(macro, model_file=model, image_folder=folder)
    with pytest.raises(MacroError, match="no model; choose the zip"):
        headless.run_macro(macro, image_folder=folder, result_folder=folder)


def test_more_nuclei_than_the_plugin_can_count_are_refused(
    headless: Fiji, macro: str, folder: Path, images: Path, model: Path
) -> None:
    end = "\tselectImage(found);\n\treturn"
    assert end in macro
    full = macro.replace(end, "\tselectImage(found);\n\tsetPixel(0, 0, 65535);\n\treturn")

    with pytest.raises(MacroError, match="65,535 nuclei or more, and the plugin's numbers begin"):
        headless.run_macro(
            full, model_file=model, image_file=images / "b.ome.tif", result_folder=folder
        )


def test_labels_above_65535_are_32_bit(
    headless: Fiji, macro: str, folder: Path, images: Path, model: Path
) -> None:
    end = "\tselectImage(found);\n\treturn"
    full = macro.replace(end, "\tselectImage(found);\n\tsetPixel(0, 0, 65530);\n\treturn")

    headless.run_macro(full, model_file=model, image_file=images / "c.tif", result_folder=folder)

    labels = tifffile.imread(folder / "lbl" / "c_labels.tif")
    assert labels.dtype == np.float32
    assert labels.max() == 2 * 65530


def test_the_plugin_gets_the_plane_that_was_chosen(
    headless: Fiji, macro: str, folder: Path, model: Path, tmp_path: Path
) -> None:
    pixels = np.arange(2 * 3 * 40 * 30, dtype=np.uint16).reshape(3, 2, 40, 30)
    pixels[1, 1] = pixels[1, 1].T.reshape(40, 30)
    tifffile.imwrite(folder / "a.tif", pixels, imagej=True, metadata={"axes": "ZCYX"})

    headless.run_macro(
        macro,
        model_file=model,
        image_file=folder / "a.tif",
        result_folder=folder,
        input_channels="2",
        percentile_low=0,
        percentile_high=100,
    )

    for given, plane in zip(given_images(tmp_path / "given"), pixels[:, 1], strict=True):
        wanted = (plane - plane.min()) / np.ptp(plane)
        assert given == pytest.approx(wanted, abs=1e-6)
