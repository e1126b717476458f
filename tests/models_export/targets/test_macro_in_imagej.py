"""Input that NAME.ijm hands over to the StarDist plugin, made by the real ImageJ.

The plugin itself is on no registry: the call of it is replaced by saving the image that it gets.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from numpy.typing import NDArray

from bridge.apps.fiji import Fiji, MacroError
from bridge.model.folder import ModelFolder, open_model
from models_export.targets.macro import script

pytestmark = [pytest.mark.imagej, pytest.mark.network]

Handed = Callable[..., tuple[NDArray[Any], str]]


@pytest.fixture(scope="module")
def imagej() -> Iterator[Fiji]:
    """ImageJ without a window."""
    with Fiji("embedded") as session:
        yield session


@pytest.fixture
def handed(imagej: Fiji, tmp_path: Path) -> Handed:
    """Give the (channels, y, x) that the macro hands over for an image, and the settings."""
    imagej.clear()
    (tmp_path / "demo.zip").write_bytes(b"")

    def run(opening: str, model: ModelFolder, result: str = "") -> tuple[NDArray[Any], str]:
        macro, count = re.subn(
            r'run\("Command From Macro",\s*"command=.*?\);',
            f'print(arguments); saveAs("Tiff", "{tmp_path / "handed.tif"}"); {result}',
            script(model, tmp_path / "demo.zip"),
            flags=re.DOTALL,
        )
        assert count == 1
        done = imagej.run_macro(f"{opening}\n{macro}")
        return tifffile.imread(tmp_path / "handed.tif"), done.printed

    return run


def model(n_channels: int = 3, **recipe: Any) -> ModelFolder:
    demo = open_model("demo")
    return replace(
        demo,
        config={**demo.config, "n_channel_in": n_channels},
        recipe=replace(demo.recipe, **recipe),
    )


def channels(dtype: str, count: int = 3) -> NDArray[Any]:
    """Noise of another range in each channel."""
    rng = np.random.default_rng(0)
    values = rng.random((count, 30, 40)) * np.array([200, 90, 30, 5])[:count, None, None] + 5
    return np.asarray(values, dtype)


def saved(path: Path, pixels: NDArray[Any], axes: str = "CYX", **metadata: Any) -> str:
    """Write an image as ImageJ does; return the macro's line that opens it."""
    tifffile.imwrite(path, pixels, imagej=True, metadata={"axes": axes, **metadata})
    return f'open("{path}");'


def normalised(pixels: NDArray[Any], percentiles: tuple[float, float] = (1, 99.8)) -> Any:
    """Each (…, y, x) plane for itself, as numpy does it."""
    low, high = np.percentile(pixels, percentiles, axis=(-2, -1), keepdims=True)
    return (pixels - low) / (high - low)


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "float32"])
def test_each_channel_is_normalised_by_its_own_percentiles(
    handed: Handed, tmp_path: Path, dtype: str
) -> None:
    pixels = channels(dtype)

    found, settings = handed(saved(tmp_path / "a.tif", pixels), model(percentiles=(0.2, 99.7)))

    assert found.dtype == np.float32
    assert found == pytest.approx(normalised(pixels, (0.2, 99.7)), abs=1e-6)
    assert "'normalizeInput':'false'" in settings


def test_signed_intensities_are_normalised_too(handed: Handed, tmp_path: Path) -> None:
    pixels = channels("int16") - 100

    found, _ = handed(saved(tmp_path / "a.tif", pixels), model())

    assert found == pytest.approx(normalised(pixels), abs=1e-5)


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "float32"])
def test_channels_that_are_normalised_jointly_are_handed_over_as_they_are(
    handed: Handed, tmp_path: Path, dtype: str
) -> None:
    pixels = channels(dtype)

    found, settings = handed(saved(tmp_path / "a.tif", pixels), model(normalize="joint"))

    assert np.array_equal(found, pixels)
    assert "'normalizeInput':'true'" in settings


def test_channels_come_in_the_models_order(handed: Handed, tmp_path: Path) -> None:
    pixels = channels("uint16", 4)
    opening = saved(tmp_path / "a.tif", pixels, Labels=["DAPI", "488", "555", "647"])

    by_number, _ = handed(opening, model(2, channel=(2, 0), normalize="joint"))
    by_name, _ = handed(opening, model(2, channel=("555", "DAPI"), normalize="joint"))

    assert np.array_equal(by_number, pixels[[2, 0]])
    assert np.array_equal(by_name, pixels[[2, 0]])


@pytest.mark.parametrize("normalize", ["channels", "joint"])
def test_a_colour_image_is_three_channels(handed: Handed, tmp_path: Path, normalize: str) -> None:
    pixels = channels("uint8")
    tifffile.imwrite(tmp_path / "rgb.tif", np.moveaxis(pixels, 0, -1), photometric="rgb")

    found, _ = handed(f'open("{tmp_path / "rgb.tif"}");', model(normalize=normalize))

    assert found == pytest.approx(
        normalised(pixels) if normalize == "channels" else pixels, abs=1e-6
    )


def test_each_time_point_is_normalised_for_itself(handed: Handed, tmp_path: Path) -> None:
    pixels = np.stack([channels("uint16"), 3 * channels("uint16") + 50])

    found, _ = handed(saved(tmp_path / "a.tif", pixels, "TCYX"), model())

    assert found.shape == (2, 3, 30, 40)
    assert found == pytest.approx(normalised(pixels), abs=1e-6)


def test_a_channel_of_one_value_becomes_0(handed: Handed, tmp_path: Path) -> None:
    pixels = channels("uint16")
    pixels[1] = 7

    found, _ = handed(saved(tmp_path / "a.tif", pixels), model())

    assert not found[1].any()
    assert found[[0, 2]] == pytest.approx(normalised(pixels[[0, 2]]), abs=1e-6)


def test_the_image_of_the_user_stays_as_it_is(handed: Handed, imagej: Fiji, tmp_path: Path) -> None:
    handed(saved(tmp_path / "mine.tif", channels("uint16")), model())

    titles = {image.title for image in imagej.images()}
    assert titles == {"mine.tif", "handed.tif"}


@pytest.mark.parametrize("count", [2, 4])
def test_another_number_of_channels_stops_with_a_sentence(
    handed: Handed, tmp_path: Path, count: int
) -> None:
    opening = saved(tmp_path / "a.tif", channels("uint16", count))

    with pytest.raises(
        MacroError, match=rf"The image has {count} channel\(s\), and the model take"
    ):
        handed(opening, model())


@pytest.mark.parametrize("channel", [(0, 7, 1), (0, "Cy5", 1)])
def test_a_channel_that_is_not_there_stops_with_a_sentence(
    handed: Handed, tmp_path: Path, channel: tuple[int | str, ...]
) -> None:
    opening = saved(tmp_path / "a.tif", channels("uint16"))

    with pytest.raises(MacroError, match="The image has no channel (8|Cy5): set inputs"):
        handed(opening, model(channel=channel))


def test_a_channel_of_almost_only_background_stops_with_a_sentence(
    handed: Handed, tmp_path: Path
) -> None:
    pixels = channels("uint16")
    pixels[1] = 0
    pixels[1, 0, 0] = 9

    with pytest.raises(MacroError, match=r"percentiles 1\.0 and 99\.8 are both 0"):
        handed(saved(tmp_path / "a.tif", pixels), model())


def test_a_colour_image_for_one_channel_stops_with_a_sentence(
    handed: Handed, tmp_path: Path
) -> None:
    tifffile.imwrite(tmp_path / "rgb.tif", np.zeros((9, 9, 3), np.uint8), photometric="rgb")

    with pytest.raises(MacroError, match="the model takes one channel: split it"):
        handed(f'open("{tmp_path / "rgb.tif"}");', model(1))


@pytest.mark.parametrize("axes", ["CYX", "TCYX"])
def test_an_image_of_another_pixel_size_is_scaled_and_its_labels_are_brought_back(
    handed: Handed, imagej: Fiji, tmp_path: Path, axes: str
) -> None:
    pixels = channels("uint16") if axes == "CYX" else np.stack([channels("uint16")] * 2)
    frames = 1 if axes == "CYX" else 2
    opening = saved(tmp_path / "a.tif", pixels, axes) + 'setVoxelSize(0.25, 0.25, 1, "micron");'
    labels = f'newImage("Label Image", "16-bit ramp", 20, 15, 1, 1, {frames});'

    found, _ = handed(opening, model(pixel_size=0.5), labels)

    assert found.shape == (*pixels.shape[:-2], 15, 20)
    assert np.isfinite(found).all()
    assert [i.title for i in imagej.images() if i.title == "Label Image"]
    size = imagej.run_macro(
        'selectImage("Label Image"); getDimensions(w, h, c, z, t);'
        'return "" + w + " " + h + " " + t;'
    )
    assert size.value == f"40 30 {frames}"
