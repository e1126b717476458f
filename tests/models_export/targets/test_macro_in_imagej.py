"""Input that NAME.ijm hands over to the StarDist plugin, made by the real ImageJ."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from numpy.typing import NDArray

from bridge.apps.fiji import Fiji, MacroError
from bridge.model.folder import ModelFolder, open_model
from bridge.segment.normalize import find_ranges
from models_export.targets.macro import script
from tests.macros.stardist_stand_in import given_images, with_stand_in

pytestmark = [pytest.mark.imagej, pytest.mark.network]


@dataclass(frozen=True)
class Handed:
    """Images that the macro handed over (channels, y, x), one a plane, and what it printed."""

    images: list[NDArray[Any]]
    printed: str

    @property
    def image(self) -> NDArray[Any]:
        (only,) = self.images
        return only


Run = Callable[..., Handed]


@pytest.fixture(scope="module")
def imagej() -> Iterator[Fiji]:
    """ImageJ without a window."""
    with Fiji("embedded") as session:
        yield session


@pytest.fixture
def handed(imagej: Fiji, tmp_path: Path) -> Run:
    """Run the macro of a model on an image file."""
    imagej.clear()
    (tmp_path / "demo.tf1.15.zip").write_bytes(b"")

    def run(image: Path, model: ModelFolder, **settings: Any) -> Handed:
        macro = with_stand_in(script(model, tmp_path / "demo.tf1.12.zip"), tmp_path / "given")
        done = imagej.run_macro(
            macro, image_file=image, result_folder=tmp_path / "results", **settings
        )
        assert imagej.images() == ()
        return Handed(given_images(tmp_path / "given"), done.printed)

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


def saved(path: Path, pixels: NDArray[Any], axes: str = "CYX", **metadata: Any) -> Path:
    """Write an image as ImageJ does."""
    tifffile.imwrite(path, pixels, imagej=True, metadata={"axes": axes, **metadata})
    return path


def normalised(
    pixels: NDArray[Any], percentiles: tuple[float, float] = (1, 99.8), normalize: Any = "channels"
) -> NDArray[Any]:
    """(channels, y, x) as ``starbridge segment`` normalises them."""
    plane = np.moveaxis(pixels, 0, -1)
    values = plane.astype(np.float32)
    find_ranges(plane, percentiles, normalize, "image").apply(values)
    return np.moveaxis(values, -1, 0)


@pytest.mark.parametrize("normalize", ["channels", "joint"])
@pytest.mark.parametrize("dtype", ["uint8", "uint16", "float32"])
def test_channels_are_normalised_as_in_python(
    handed: Run, tmp_path: Path, dtype: str, normalize: str
) -> None:
    pixels = channels(dtype)

    found = handed(
        saved(tmp_path / "a.tif", pixels), model(percentiles=(0.2, 99.7), normalize=normalize)
    )

    assert found.image.dtype == np.float32
    assert found.image == pytest.approx(normalised(pixels, (0.2, 99.7), normalize), abs=1e-6)
    assert "'normalizeInput':'false'" in found.printed


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "float32"])
def test_one_channel_is_normalised_as_in_python(handed: Run, tmp_path: Path, dtype: str) -> None:
    pixels = channels(dtype)

    found = handed(saved(tmp_path / "a.tif", pixels), model(1, channel=1))

    assert found.image == pytest.approx(normalised(pixels[1:2])[0], abs=1e-6)


def test_many_pixels_of_one_value_do_not_blur_a_percentile(handed: Run, tmp_path: Path) -> None:
    pixels = channels("float32", 1)
    pixels[0, :20] = 5.25  # most pixels, and the smallest ones
    pixels[0, 20:25] = 300.125  # and the largest ones

    found = handed(saved(tmp_path / "a.tif", pixels), model(1))

    assert found.image == pytest.approx(normalised(pixels)[0], abs=1e-6)


def test_signed_intensities_are_normalised_too(handed: Run, tmp_path: Path) -> None:
    pixels = channels("int16") - 100

    found = handed(saved(tmp_path / "a.tif", pixels), model())

    assert found.image == pytest.approx(normalised(pixels), abs=1e-5)


def test_channels_come_in_the_models_order(handed: Run, tmp_path: Path) -> None:
    pixels = channels("uint16", 4)
    image = saved(tmp_path / "a.tif", pixels, Labels=["DAPI", "GFP, weak", "Cy5", "Cy5.5"])

    chosen: tuple[tuple[int | str, ...], ...] = (
        (2, 0), ("Cy5", "DAPI"), ("cy5", "dap"), ("2", "DAPI"),
    )  # fmt: skip
    for which in chosen:
        handed(image, model(2, channel=which), overwrite=True)
    for name in ("GFP, weak", "weak"):
        handed(image, model(1, channel=name), overwrite=True)

    *several, a, b = given_images(tmp_path / "given")
    for found in several:
        assert found == pytest.approx(normalised(pixels[[2, 0]]), abs=1e-6)
    assert a == pytest.approx(normalised(pixels[1:2])[0], abs=1e-6)
    assert np.array_equal(a, b)


def test_a_name_with_a_comma_among_several(handed: Run, tmp_path: Path) -> None:
    pixels = channels("uint16")
    image = saved(tmp_path / "a.tif", pixels, Labels=["DAPI", "GFP, weak", "Cy5"])

    found = handed(image, model(2, channel=("GFP, weak", 0)))

    assert found.image == pytest.approx(normalised(pixels[[1, 0]]), abs=1e-6)


@pytest.mark.parametrize("channel", [0, 3, "DAPI"])
def test_the_only_channel_of_an_image_is_taken(
    handed: Run, tmp_path: Path, channel: int | str
) -> None:
    pixels = channels("uint16", 1)

    found = handed(saved(tmp_path / "a.tif", pixels), model(1, channel=channel))

    assert found.image == pytest.approx(normalised(pixels)[0], abs=1e-6)


@pytest.mark.parametrize("normalize", ["channels", "joint"])
def test_a_colour_image_is_three_channels(handed: Run, tmp_path: Path, normalize: str) -> None:
    pixels = channels("uint8")
    tifffile.imwrite(tmp_path / "rgb.tif", np.moveaxis(pixels, 0, -1), photometric="rgb")

    found = handed(tmp_path / "rgb.tif", model(normalize=normalize))

    assert found.image == pytest.approx(normalised(pixels, normalize=normalize), abs=1e-6)


def test_each_time_point_is_normalised_for_itself(handed: Run, tmp_path: Path) -> None:
    pixels = np.stack([channels("uint16"), 3 * channels("uint16") + 50])

    found = handed(saved(tmp_path / "a.tif", pixels, "TCYX"), model())

    assert np.stack(found.images) == pytest.approx(
        np.stack([normalised(point) for point in pixels]), abs=1e-6
    )


def test_a_channel_of_one_value_becomes_0(handed: Run, tmp_path: Path) -> None:
    pixels = channels("uint16")
    pixels[1] = 7

    found = handed(saved(tmp_path / "a.tif", pixels), model())

    assert not found.image[1].any()
    assert found.image == pytest.approx(normalised(pixels), abs=1e-6)


@pytest.mark.parametrize("count", [2, 4])
def test_another_number_of_channels_is_refused(handed: Run, tmp_path: Path, count: int) -> None:
    image = saved(tmp_path / "a.tif", channels("uint16", count))

    with pytest.raises(MacroError, match=rf"has {count} channel\(s\), and the model takes 3"):
        handed(image, model())


@pytest.mark.parametrize("channel", [(0, 7, 1), (0, "Alexa", 1), (0, "Cy", 1)])
def test_a_channel_that_is_not_there_or_not_the_only_one_is_refused(
    handed: Run, tmp_path: Path, channel: tuple[int | str, ...]
) -> None:
    image = saved(tmp_path / "a.tif", channels("uint16"), Labels=["DAPI", "Cy3", "Cy5"])

    with pytest.raises(MacroError, match="has no channel (8|Alexa|Cy), or several; .*Cy3, Cy5"):
        handed(image, model(channel=channel))


def test_a_channel_of_almost_only_background_is_refused(handed: Run, tmp_path: Path) -> None:
    pixels = channels("uint16")
    pixels[1] = 0
    pixels[1, 0, 0] = 9

    with pytest.raises(MacroError, match=r"percentiles 1 and 99\.8 are both 0"):
        handed(saved(tmp_path / "a.tif", pixels), model())


def test_a_pixel_without_a_number_is_refused(handed: Run, tmp_path: Path) -> None:
    pixels = channels("float32")
    pixels[1, 2, 3] = np.nan

    with pytest.raises(MacroError, match="has pixels that are NaN or infinite"):
        handed(saved(tmp_path / "a.tif", pixels), model())


def test_a_colour_image_for_one_channel_is_refused(handed: Run, tmp_path: Path) -> None:
    tifffile.imwrite(tmp_path / "rgb.tif", np.zeros((9, 9, 3), np.uint8), photometric="rgb")

    with pytest.raises(MacroError, match="the model takes one channel; split it"):
        handed(tmp_path / "rgb.tif", model(1))


@pytest.mark.parametrize("n_channels", [1, 3])
@pytest.mark.parametrize("axes", ["CYX", "TCYX"])
def test_an_image_of_another_pixel_size_is_scaled_and_its_labels_are_brought_back(
    handed: Run, tmp_path: Path, axes: str, n_channels: int
) -> None:
    pixels = np.zeros((3, 30, 40), np.uint16)
    pixels[:, 4:12, 6:16] = 200
    pixels[:, 20:28, 24:36] = 180
    if axes == "TCYX":
        pixels = np.stack([pixels] * 2)
    tifffile.imwrite(
        tmp_path / "a.tif",
        pixels,
        imagej=True,
        resolution=(4, 4),
        metadata={"axes": axes, "unit": "um"},
    )

    found = handed(tmp_path / "a.tif", model(n_channels, pixel_size=0.5))

    shape = (15, 20) if n_channels == 1 else (3, 15, 20)
    assert [image.shape for image in found.images] == [shape] * (1 if axes == "CYX" else 2)
    labels = tifffile.imread(tmp_path / "results/lbl/a_labels.tif")
    planes = [labels] if axes == "CYX" else list(labels)
    for number, plane in enumerate(planes):
        assert plane.shape == (30, 40)
        assert np.array_equal(plane > 0, pixels[..., 0, :, :].reshape(-1, 30, 40)[0] > 0)
        assert set(np.unique(plane)) == {0, 2 * number + 1, 2 * number + 2}


@pytest.mark.parametrize(
    ("resolution", "unit", "is_scaled"),
    [
        ((2, 2), "um", False),
        ((2.08, 2.08), "um", False),
        ((4, 2), "um", True),
        ((4, 4), "px", False),
    ],
)
def test_images_are_scaled_where_python_scales_them(
    handed: Run, tmp_path: Path, resolution: tuple[float, float], unit: str, is_scaled: bool
) -> None:
    tifffile.imwrite(
        tmp_path / "a.tif",
        channels("uint16"),
        imagej=True,
        resolution=resolution,
        metadata={"axes": "CYX", "unit": unit},
    )

    found = handed(tmp_path / "a.tif", model(pixel_size=0.5))

    assert found.image.shape == ((3, 30, 20) if is_scaled else (3, 30, 40))
    assert ("has no pixel size in micrometres" in found.printed) == (unit == "px")


def test_the_plugin_gets_the_models_settings(handed: Run, tmp_path: Path) -> None:
    image = saved(tmp_path / "a.tif", channels("uint16", 1))

    printed = handed(image, model(1, prob=0.4769275188446045, nms=1 / 3), tiles=4).printed

    (settings,) = (line for line in printed.splitlines() if "'modelChoice'" in line)
    values = dict(re.findall(r"'(\w+)':'([^']*)'", settings))
    assert float(values["probThresh"]) == pytest.approx(0.4769275188446045, abs=1e-9)
    assert float(values["nmsThresh"]) == pytest.approx(1 / 3, abs=1e-9)
    assert values["modelFile"] == str(tmp_path / "demo.tf1.15.zip")
    # the demo's predictions are two pixels apart, and StarDist leaves out the outermost two
    assert (values["excludeBoundary"], values["nTiles"]) == ("4", "4")
    # anything else fails silently without a window
    assert values["outputType"] == "Label Image"


def test_of_two_zips_the_one_that_is_there_is_taken(handed: Run, tmp_path: Path) -> None:
    image = saved(tmp_path / "a.tif", channels("uint16", 1))
    (tmp_path / "demo.tf1.15.zip").rename(tmp_path / "demo.tf1.12.zip")

    assert "demo.tf1.12.zip'" in handed(image, model(1)).printed

    (tmp_path / "demo.tf1.12.zip").unlink()
    with pytest.raises(MacroError, match=r"demo.tf1.15.zip does not exist; choose the zip"):
        handed(image, model(1))
