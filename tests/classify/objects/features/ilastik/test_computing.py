"""ilastik's features, beside vigra's own (``vigra.npz``) and a table of a real ilastik."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray

from bridge import Detections
from bridge.classify.objects.features.ilastik import FeatureSelection, ilastik_features
from bridge.classify.objects.features.ilastik.selection import columns_of, has_surroundings
from bridge.errors import BadInputError
from bridge.formats.labels import read_label_image
from bridge.images import from_array, open_image
from tests.classify.objects.features.ilastik.vigra_reference import MARGINS, scene


@pytest.fixture(scope="module")
def vigra() -> dict[str, NDArray[Any]]:
    """Features that ``vigra_reference.py`` computed with vigra 1.11.1."""
    with np.load(Path(__file__).with_name("vigra.npz")) as stored:
        return dict(stored)


def of_scene(features: list[str], channels: int, margin: tuple[int, int, int]) -> pd.DataFrame:
    labels, pixels = scene()
    image = from_array(pixels[..., :channels].transpose(2, 0, 1), axes="CYX")
    selection = FeatureSelection(tuple(sorted(features)), margin)
    titles = [f"C{number}" for number in range(1, channels + 1)]
    return ilastik_features(labels, image, selection, channels=range(channels), titles=titles)


@pytest.mark.parametrize("margin", list(MARGINS))
@pytest.mark.parametrize("channels", [1, 3])
def test_features_are_those_of_vigra(
    vigra: dict[str, NDArray[Any]], channels: int, margin: str
) -> None:
    head = f"{channels}/{margin}"
    expected = {
        key.removeprefix(head): np.nan_to_num(values, nan=0.0, posinf=0.0, neginf=0.0)
        for key, values in vigra.items()
        if key.startswith(head) and has_surroundings(key) >= bool(margin)
    }
    expected = {key: values for key, values in expected.items() if not key.startswith("wide")}
    table = of_scene(list(expected), channels, MARGINS[margin]).to_numpy()
    at = 0
    for feature in sorted(expected):
        values = expected[feature]
        found = table[:, at : at + values.shape[1]]
        at += values.shape[1]
        atol = 1e-8 * np.abs(values).max()  # moments that are 0 but for rounding
        np.testing.assert_allclose(found, values, rtol=1e-5, atol=atol, err_msg=feature)
    assert at == table.shape[1]
    assert len(expected) >= (14 if margin else 40)


def test_features_are_those_of_a_real_ilastik(shared: Path) -> None:
    folder = shared / "ilastik"
    labels, *_ = read_label_image(folder / "a_lab.h5")
    columns = {
        "Count": "Size in pixels",
        "Mean": "Mean Intensity",
        "Variance": "Variance of Intensity",
        "Mean in neighborhood": "Mean Intensity in neighborhood",
        "RegionCenter_0": "Center of the object_0",
        "RegionCenter_1": "Center of the object_1",
        "Coord<Minimum>_0": "Bounding Box Minimum_0",
        "Coord<Minimum>_1": "Bounding Box Minimum_1",
        "Coord<Maximum>_0": "Bounding Box Maximum_0",
        "Coord<Maximum>_1": "Bounding Box Maximum_1",
    }
    features = tuple(sorted({name.split("_")[0] for name in columns}))
    with open_image(folder / "a.tif") as image:
        table = ilastik_features(
            labels, image, FeatureSelection(features, (30, 30, 1)), channels=[0], titles=["C1"]
        )
    expected = pd.read_csv(folder / "a_objects_table.csv")
    assert len(table) == len(expected) == 153
    for name, column in columns.items():
        np.testing.assert_allclose(table[name], expected[column], rtol=1e-5)


def test_labels_with_gaps_and_a_time_axis() -> None:
    labels, pixels = scene()
    gaps = np.where(labels > 0, labels * 3 + 1, 0)
    stack = np.stack([gaps, np.roll(gaps, 5, axis=1)])
    movie = np.stack([pixels[..., 0], np.roll(pixels[..., 0], 5, axis=1)])
    selection = FeatureSelection(("Count", "Mean", "Mean in neighborhood"), (7, 7, 1))
    table = ilastik_features(
        stack, from_array(movie, axes="TYX"), selection, channels=[0], titles=["C1"]
    )
    assert table.index.get_level_values("label").tolist() == [4, 7, 10, 13, 16, 19] * 2
    alone = of_scene(["Count", "Mean", "Mean in neighborhood"], 1, (7, 7, 1)).to_numpy()
    np.testing.assert_array_equal(table.to_numpy()[:6], alone)
    inside = [0, 1, 2]  # the roll takes none of these over the border
    np.testing.assert_array_equal(table["Mean"].to_numpy()[6:][inside], alone[inside, 1])


def test_an_object_that_is_covered_has_no_features() -> None:
    labels, pixels = scene()
    image = from_array(pixels[..., 0], axes="YX")
    frame = Detections.from_labels(labels, image=image.info).objects.copy()
    frame.geometry = [frame.geometry.iloc[1], *frame.geometry.iloc[1:]]
    frame["prob"] = [0.1, 0.9, 0.9, 0.9, 0.9, 0.9]
    table = ilastik_features(
        Detections(frame, image.info),
        image,
        FeatureSelection(("Count", "Skewness")),
        channels=[0],
        titles=["C1"],
    )
    assert table.iloc[0].isna().all()
    assert table["Skewness"].iloc[4] == 0  # of equal values, as in ilastik
    assert table.iloc[1:].notna().all().all()


def test_slices_are_refused() -> None:
    image = from_array(np.zeros((3, 9, 9)), axes="ZYX")
    with pytest.raises(BadInputError, match="has 3 slices, and ilastik's features"):
        ilastik_features(
            np.ones((3, 9, 9), int),
            image,
            FeatureSelection(("Count",)),
            channels=[0],
            titles=["C1"],
        )


def test_features_of_one_or_of_several_channels_only() -> None:
    assert [columns_of("Quantiles", c) for c in (1, 2)] == [7, 0]
    assert [columns_of("Covariance in neighborhood", c) for c in (1, 2)] == [0, 4]
    assert columns_of("Diameter", 1) == 0
