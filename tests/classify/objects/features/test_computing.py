"""Features of objects: their names, and images that do not fit."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from bridge import Detections
from bridge.classify.objects.features import FeatureSettings, object_features
from bridge.errors import BadInputError
from bridge.images import Image, from_array
from bridge.images.info import PixelSize


def labels() -> NDArray[np.int32]:
    """Return nine squares."""
    plane = np.zeros((60, 60), np.int32)
    for number in range(9):
        y, x = divmod(number, 3)
        plane[20 * y + 4 : 20 * y + 14, 20 * x + 4 : 20 * x + 14 + number % 2] = number + 1
    return plane


def image(channels: list[str] | None = None, n: int = 2, **known: Any) -> Image:
    pixels = np.random.default_rng(0).integers(0, 999, (n, 60, 60)).astype(np.uint16)
    return from_array(pixels, axes="CYX", channels=channels or (), name="a", **known)


def test_columns_are_the_names_of_the_settings() -> None:
    for size in (None, PixelSize(0.5, 0.5)):
        opened = image(["DAPI", "GFP"], pixel_size=size)
        for ring, neighbours in ((None, 0), (3.0, 5)):
            settings = FeatureSettings.of_image(opened, ring=ring, neighbours=neighbours)
            table = object_features(labels(), opened, settings)
            assert tuple(table.columns) == settings.names
            assert len(set(settings.names)) == len(settings.names)
            assert table.notna().all().all()
            assert FeatureSettings.from_json(settings.to_json()) == settings


def test_objects_are_the_same_as_labels_and_as_outlines() -> None:
    opened = image()
    settings = FeatureSettings.of_image(opened, ring=3.0)
    detections = Detections.from_labels(labels(), image=opened.info)
    of_labels = object_features(labels(), opened, settings)
    of_outlines = object_features(detections, opened, settings)
    np.testing.assert_allclose(of_outlines.to_numpy(), of_labels.to_numpy())
    assert of_outlines.index.tolist() == detections.ids


def test_where_objects_lie_is_no_feature() -> None:
    names = FeatureSettings.of_image(image(), ring=3.0).names
    assert not [name for name in names if "Centroid" in name or "Orientation" in name]


def test_neighbours_are_those_of_the_grid() -> None:
    opened = image()
    settings = FeatureSettings.of_image(opened, neighbours=2)
    table = object_features(labels(), opened, settings)
    assert table.loc[5, "Neighbours: Nearest px"] == pytest.approx(20, abs=1)
    areas = table["Nucleus: Area px^2"]
    assert table.loc[1, "Neighbours: Nucleus: Area px^2"] == (areas[2] + areas[4]) / 2


def test_an_object_alone_has_no_neighbours() -> None:
    opened = image()
    table = object_features(
        (labels() == 1).astype(int), opened, FeatureSettings.of_image(opened, neighbours=5)
    )
    assert table["Neighbours: Nearest px"].isna().all()
    assert table.loc[1, "Neighbours: Density px^-2"] == 0


def test_channels_are_found_by_name() -> None:
    first, turned = image(["DAPI", "GFP"]), image(["GFP", "DAPI"])
    settings = FeatureSettings.of_image(first, neighbours=0)
    a, b = (object_features(labels(), each, settings) for each in (first, turned))
    np.testing.assert_array_equal(a["Nucleus: DAPI: Mean"], b["Nucleus: GFP: Mean"])


def test_channels_of_other_names_stand_in_where_the_user_says_so() -> None:
    settings = FeatureSettings.of_image(image(["DAPI", "GFP"]))
    other = image(["Hoechst", "488"])
    with pytest.raises(BadInputError, match="it has Hoechst, 488; trained on DAPI, GFP"):
        object_features(labels(), other, settings)
    table = object_features(labels(), other, settings, channels=["Hoechst", 1])
    expected = object_features(labels(), image(["DAPI", "GFP"]), settings)
    np.testing.assert_array_equal(table, expected)


def test_another_number_of_channels_without_names_is_refused() -> None:
    settings = FeatureSettings.of_image(image(n=2))
    with pytest.raises(BadInputError, match="has other channels than the images in training"):
        object_features(labels(), image(n=3), settings)


def test_an_image_without_pixel_size_is_refused_where_features_are_in_um() -> None:
    settings = FeatureSettings.of_image(image(pixel_size=PixelSize(0.5, 0.5)))
    with pytest.raises(BadInputError, match="has no pixel size"):
        object_features(labels(), image(), settings)


def test_another_pixel_size_is_said() -> None:
    settings = FeatureSettings.of_image(image(pixel_size=PixelSize(0.5, 0.5)))
    said = settings.check_pixel_size(image(pixel_size=PixelSize(0.25, 0.25)))
    assert said is not None
    assert "textures differ" in said
    assert settings.check_pixel_size(image(pixel_size=PixelSize(0.51, 0.51))) is None


def test_an_object_outside_the_image_has_no_features() -> None:
    opened = image()
    frame = Detections.from_labels(labels(), image=opened.info).objects.copy()
    frame.geometry = [
        outline if place else outline.buffer(0).centroid.buffer(1e-6)
        for place, outline in enumerate(frame.geometry)
    ]
    detections = Detections(frame, opened.info)
    table = object_features(detections, opened, FeatureSettings.of_image(opened))
    assert table.iloc[0].isna().all()
    assert table.iloc[1:].notna().all().all()
