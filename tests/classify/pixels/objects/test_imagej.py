"""Objects agree with those of the macros in a real ImageJ."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from numpy.typing import NDArray

from bridge.apps.fiji import Fiji
from bridge.classify.pixels.objects.distance import distance_map
from bridge.classify.pixels.objects.finding import find_objects
from bridge.classify.pixels.objects.job import OTSU
from bridge.classify.pixels.objects.maps import ProbabilityMap, open_map
from bridge.classify.pixels.objects.settings import ObjectSettings
from bridge.classify.pixels.objects.smoothing import smooth
from bridge.classify.pixels.objects.thresholds import otsu_cutoff
from bridge.classify.pixels.objects.watershed import cut_apart
from tests.classify.pixels.objects.synthetic_maps import disc_map, noise_map, stored_as
from tests.macros.conftest import MACROS

pytestmark = [pytest.mark.imagej, pytest.mark.network]
MAP = MACROS / "probability_postprocess.ijm"
OTSU_MACRO = MACROS / "otsu_baseline.ijm"


@pytest.fixture(scope="module")
def imagej() -> Iterator[Fiji]:
    """ImageJ without a window."""
    with Fiji("embedded") as session:
        yield session


def of_macro(
    imagej: Fiji, folder: Path, pixels: NDArray[Any], **settings: Any
) -> tuple[int, NDArray[Any]]:
    """Return the count and the label image that the macro makes of a map."""
    tifffile.imwrite(folder / "a.tif", pixels)
    result = imagej.run_macro(
        MAP, map_file=folder / "a.tif", result_folder=folder, show_labels=False, **settings
    )
    return int(result.value or 0), tifffile.imread(folder / "lbl" / "a_labels.tif")


MASKS: dict[str, NDArray[np.bool_]] = {
    "two discs": disc_map((50, 40, 15), (50, 66, 15)) > 0,
    "three discs": disc_map((50, 40, 15), (50, 66, 15), (70, 53, 12)) > 0,
    "all": np.ones((20, 20), bool),
    "nothing": np.zeros((20, 20), bool),
    "a diagonal": np.eye(30, dtype=bool),
    **{
        f"noise {seed}, sigma {sigma}, above {cutoff}": noise_map(seed, shape, sigma) > cutoff
        for seed, (shape, sigma, cutoff) in enumerate(
            [
                ((221, 166), 2, 0.4),
                ((189, 245), 4, 0.3),
                ((41, 216), 1, 0.5),
                ((300, 280), 8, 0.5),
                ((97, 3), 1, 0.5),
                ((150, 150), 0, 0.4),
                ((400, 400), 3, 0.3),
            ]
        )
    },
}


def test_distances_and_watershed_lines_are_imagejs(imagej: Fiji, tmp_path: Path) -> None:
    for number, mask in enumerate(MASKS.values()):
        tifffile.imwrite(tmp_path / f"{number}.tif", mask.astype(np.uint8) * 255)

    imagej.run_macro(
        f"""
        folder = "{tmp_path.as_posix()}/";
        setBatchMode(true);
        setOption("BlackBackground", true);
        run("Options...", "iterations=1 count=1 black edm=32-bit");
        for (i = 0; i < {len(MASKS)}; i++) {{
            open(folder + i + ".tif");
            mask = getImageID();
            run("Distance Map");
            saveAs("Tiff", folder + "distance" + i + ".tif");
            close();
            selectImage(mask);
            run("Watershed");
            saveAs("Tiff", folder + "cut" + i + ".tif");
            close();
        }}
        run("Options...", "iterations=1 count=1 black edm=Overwrite");
        """
    )

    for number, (name, mask) in enumerate(MASKS.items()):
        distances = tifffile.imread(tmp_path / f"distance{number}.tif")
        cut = tifffile.imread(tmp_path / f"cut{number}.tif") > 0
        assert np.array_equal(distance_map(mask), distances), name
        assert np.array_equal(cut_apart(mask), cut), name


@pytest.mark.parametrize(
    ("dtype", "seed", "sigma", "settings"),
    [
        ("float32", 0, 2.0, {}),
        ("float32", 1, 1.0, {"cutoff": 0.7, "drop_border": True}),
        ("uint8", 2, 4.0, {"cutoff": 0.3, "smallest": 0}),
        ("uint8", 3, 1.0, {"holes": False, "greatest": 200}),
        ("uint16", 4, 2.0, {"cut": "none", "holes": False, "smallest": 5}),
        ("uint16", 5, 0.7, {"cutoff": 0.6, "smallest": 10, "drop_border": True}),
    ],
)
def test_label_images_are_the_macros(
    imagej: Fiji, tmp_path: Path, dtype: str, seed: int, sigma: float, settings: dict[str, Any]
) -> None:
    pixels = stored_as(noise_map(seed, (180, 210), sigma), dtype)
    chosen = ObjectSettings(**settings)

    count, labels = of_macro(
        imagej,
        tmp_path,
        pixels,
        cutoff=chosen.cutoff,
        fill_holes=chosen.holes,
        cut_apart=chosen.cut == "imagej",
        smallest=chosen.smallest,
        greatest=chosen.greatest or 0,
        drop_border=chosen.drop_border,
    )

    full = 1.0 if dtype == "float32" else float(np.iinfo(dtype).max)
    found = find_objects(pixels.astype(np.float32), chosen, full=full)
    assert count == found.max() > 5
    assert np.array_equal(found, labels)


def test_what_ilastik_exported_gives_the_macros_objects(
    imagej: Fiji, tmp_path: Path, shared: Path
) -> None:
    file = shared / "ilastik" / "new_pixels2d-Probabilities.h5"
    with open_map(file) as image:
        plane = ProbabilityMap(image).plane(0)

    count, labels = of_macro(imagej, tmp_path, plane)

    assert count > 20
    assert np.array_equal(find_objects(plane, ObjectSettings()), labels)


def test_otsus_thresholds_are_imagejs(imagej: Fiji, tmp_path: Path) -> None:
    values = noise_map(7, (160, 140), 1.5)
    kinds = {
        "uint8": stored_as(values**2, "uint8"),
        "uint16": (values**2 * 3000 + 200).astype(np.uint16),
        "float32": values * np.float32(7.3),
    }
    for name, pixels in kinds.items():
        tifffile.imwrite(tmp_path / f"{name}.tif", pixels)
        found = imagej.run_macro(
            f'open("{(tmp_path / name).as_posix()}.tif"); setAutoThreshold("Otsu dark");'
            "getThreshold(low, high); close(); return d2s(low, 9);"
        ).value
        assert otsu_cutoff(pixels) == pytest.approx(float(found or "nan"), rel=1e-7), name


@pytest.mark.parametrize("dtype", ["uint8", "uint16"])
def test_the_baseline_is_the_macros(imagej: Fiji, tmp_path: Path, dtype: str) -> None:
    pixels = stored_as(noise_map(8, (200, 190), 3) ** 2, dtype)
    tifffile.imwrite(tmp_path / "a.tif", pixels)

    result = imagej.run_macro(
        OTSU_MACRO, image_file=tmp_path / "a.tif", result_folder=tmp_path, show_labels=False
    )

    labels = tifffile.imread(tmp_path / "lbl" / "a_labels.tif")
    found = find_objects(pixels.astype(np.float32), OTSU)
    assert int(result.value or 0) == found.max() > 5
    assert np.array_equal(found, labels)


@pytest.mark.parametrize("sigma", [0.5, 1.5, 4])
def test_smoothing_is_imagejs(imagej: Fiji, tmp_path: Path, sigma: float) -> None:
    pixels = noise_map(9, (90, 110), 0)
    tifffile.imwrite(tmp_path / "a.tif", pixels)

    imagej.run_macro(
        f'open("{(tmp_path / "a.tif").as_posix()}"); run("Gaussian Blur...", "sigma={sigma}");'
        f'saveAs("Tiff", "{(tmp_path / "b.tif").as_posix()}"); close();'
    )

    assert np.abs(smooth(pixels, sigma) - tifffile.imread(tmp_path / "b.tif")).max() < 1e-6
