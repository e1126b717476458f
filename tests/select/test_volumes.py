"""Nuclei of volumes, which have a row a slice, are measured and counted once each."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import tifffile

from bridge import Detections, open_image
from bridge.measure.files import Settings as MeasureSettings
from bridge.objects3d import has_objects, list_objects, to_volume
from bridge.select import crop, image_intensities
from bridge.select.cropping import place_points
from bridge.select.files import CropSettings, Settings, crop_images, measure_images
from bridge.select.measured_tables import find_table, table_intensities
from bridge.volumes.measuring.job import measure_files
from tests.classify.objects.volumes import write_volume


@pytest.fixture
def volume(tmp_path: Path) -> tuple[Path, Detections]:
    path, nuclei = write_volume(tmp_path / "images", "v", seed=1)
    (tmp_path / "results").mkdir()
    nuclei.write(tmp_path / "results" / "v.geojson")
    return path, nuclei


def means_of(path: Path, nuclei: Detections) -> list[float]:
    """Return the mean over the voxels of each nucleus."""
    pixels, labels = tifffile.imread(path), to_volume(nuclei)
    return [float(pixels[labels == n].mean()) for n in list_objects(nuclei)["label"]]


def test_the_mean_of_a_nucleus_is_that_of_its_voxels(volume: tuple[Path, Detections]) -> None:
    path, nuclei = volume
    means = means_of(path, nuclei)

    with open_image(path) as image:
        found = image_intensities(nuclei, image, 0)

    assert found.nuclei == len(means) < len(nuclei) / 2
    assert (found.mean, found.median) == pytest.approx((np.mean(means), np.median(means)))
    every = tifffile.imread(path)[to_volume(nuclei) > 0]
    assert found.pixel_mean == pytest.approx(every.mean())


@pytest.mark.parametrize("volumes", [True, False], ids=["a row a nucleus", "a row a slice"])
def test_tables_of_measurements_give_what_the_pixels_give(
    volume: tuple[Path, Detections], tmp_path: Path, volumes: bool
) -> None:
    path, nuclei = volume
    settings = MeasureSettings(pixel_size=0.5, z_step=1.0)
    sources = [tmp_path / "results"]
    (outcome,) = measure_files([path], sources, tmp_path / "tables", settings, volumes=volumes)
    assert outcome.status == "done", outcome

    table = find_table(tmp_path / "tables", "v")

    assert table is not None
    with open_image(path) as image:
        found, expected = table_intensities(table, image, 0), image_intensities(nuclei, image, 0)
    assert found.nuclei == expected.nuclei
    for name in ("mean", "median", "pixel_mean"):
        assert getattr(found, name) == pytest.approx(getattr(expected, name))


def test_a_crop_keeps_the_nuclei_of_a_volume(volume: tuple[Path, Detections]) -> None:
    path, nuclei = volume
    with open_image(path) as image:
        made = crop(image, nuclei, (40, 40), keep_labels=True)

    assert has_objects(made.nuclei)
    owners = nuclei.objects.groupby("label")["object"].first()
    assert made.objects["object"].tolist() == owners[made.objects["original_label"]].tolist()
    assert list_objects(made.nuclei)["label"].is_unique
    assert set(made.nuclei.ids) <= set(nuclei.ids)


def test_the_densest_place_is_that_of_most_nuclei(volume: tuple[Path, Detections]) -> None:
    path, nuclei = volume
    with open_image(path) as image:
        points = place_points(nuclei, image)

    labels = to_volume(nuclei)
    assert len(points) == len(list_objects(nuclei))
    largest = {int(n): np.argmax((labels == n).sum(axis=(1, 2))) for n in np.unique(labels) if n}
    drawn = {n: labels[z] == n for n, z in largest.items()}
    assert all(any(mask[y, x] for mask in drawn.values()) for y, x in points)


def test_tables_of_a_selection_count_nuclei(
    volume: tuple[Path, Detections], tmp_path: Path
) -> None:
    path, nuclei = volume
    settings = Settings(0, (tmp_path / "results",))

    frame, _ = measure_images([path], tmp_path / "out", settings)
    whole = CropSettings((64, 80), formats=("tif",))
    (outcome,) = crop_images(frame.assign(level="low"), tmp_path / "out", settings, whole)

    assert frame["nuclei"].tolist() == [outcome.objects] == [len(list_objects(nuclei))]
    crops = pd.read_csv(tmp_path / "out" / "crops" / "crops.csv")
    assert crops["nuclei"].tolist() == [outcome.objects]
    objects = pd.read_csv(tmp_path / "out" / "crops" / "labels" / "v_crop_objects.csv")
    assert objects["object"].nunique() == outcome.objects
    labels = tifffile.imread(tmp_path / "out" / "crops" / "labels" / "v_crop_labels.tif")
    assert len(np.unique(labels[labels > 0])) == outcome.objects
