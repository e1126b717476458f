"""Volumes, surfaces, axes and intensities of bodies whose answer is known."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from skimage.measure import regionprops

from bridge import Detections
from bridge.errors import BadInputError
from bridge.images import from_array
from bridge.objects3d import from_volume
from bridge.volumes.measuring import measure_volumes, spread_measurements
from bridge.volumes.voxels import Triple
from tests.volumes.scenes import ball

VOXELS = ((1.0, 1.0, 1.0), (2.0, 0.5, 0.5), (1.0, 0.25, 0.25))
STATISTICS: dict[str, Callable[[NDArray[Any]], Any]] = {
    "Mean": np.mean,
    "Median": np.median,
    "Min": np.min,
    "Max": np.max,
    "Std.Dev.": np.std,
    "Sum": np.sum,
}


def measured(labels: NDArray[Any], voxel: Triple) -> pd.DataFrame:
    image = from_array(labels.astype(np.uint16), axes="ZYX", pixel_size=voxel)
    return measure_volumes(labels, image)


def ellipsoid(semi: Triple, voxel: Triple) -> NDArray[np.uint8]:
    """Return an ellipsoid whose centre is no voxel's."""
    sides = [int(np.ceil(2 * a / step)) + 6 for a, step in zip(semi, voxel, strict=True)]
    grid = np.ogrid[tuple(slice(side) for side in sides)]
    parts = [
        ((axis + 0.5 - side / 2 - 0.2) * step / a) ** 2
        for axis, side, step, a in zip(grid, sides, voxel, semi, strict=True)
    ]
    return (parts[0] + parts[1] + parts[2] <= 1).astype(np.uint8)


@pytest.mark.parametrize("voxel", VOXELS)
@pytest.mark.parametrize("radius", [8, 11.3])
def test_a_ball(voxel: Triple, radius: float) -> None:
    """Of a radius of 8 voxels and more along every axis."""
    um = radius * max(voxel)
    z, y, x = (um + 3.3 * step for step in voxel)
    centre = (z, y, x)
    depth, height, width = (
        int(np.ceil(2 * at / step)) for at, step in zip(centre, voxel, strict=True)
    )

    row = measured(ball((depth, height, width), centre, um, voxel).astype(np.uint8), voxel).iloc[0]

    assert row["Nucleus: Volume µm^3"] == pytest.approx(4 / 3 * np.pi * um**3, rel=0.01)
    assert row["Nucleus: Equivalent diameter µm"] == pytest.approx(2 * um, rel=0.005)
    assert row["Nucleus: Surface area µm^2"] == pytest.approx(4 * np.pi * um**2, rel=0.02)
    assert row["Nucleus: Sphericity"] == pytest.approx(1, abs=0.02)
    for axis in ("Major", "Middle", "Minor"):
        assert row[f"Nucleus: {axis} axis µm"] == pytest.approx(2 * um, rel=0.02)
    for axis, at in zip("ZYX", centre, strict=True):
        assert row[f"Nucleus: Centroid {axis} µm"] == pytest.approx(at, abs=0.05 * max(voxel))


@pytest.mark.parametrize("voxel", VOXELS)
def test_an_ellipsoid(voxel: Triple) -> None:
    z, y, x = (max(voxel) * n for n in (8, 10, 14))

    row = measured(ellipsoid((z, y, x), voxel), voxel).iloc[0]

    axes = [row[f"Nucleus: {axis} axis µm"] for axis in ("Major", "Middle", "Minor")]
    assert axes == pytest.approx([2 * x, 2 * y, 2 * z], rel=0.02)
    assert row["Nucleus: Elongation"] == pytest.approx(x / y, rel=0.02)
    assert row["Nucleus: Flatness"] == pytest.approx(y / z, rel=0.02)
    # Knud Thomsen's formula, right within 1.061 %
    p = 1.6075
    area = 4 * np.pi * (((x * y) ** p + (x * z) ** p + (y * z) ** p) / 3) ** (1 / p)
    assert row["Nucleus: Surface area µm^2"] == pytest.approx(area, rel=0.02)


def test_a_box() -> None:
    voxel = (1.0, 0.25, 0.25)
    labels = np.zeros((14, 60, 70), np.uint16)
    labels[2:10, 5:45, 10:42] = 7

    row = measured(labels, voxel).iloc[0]

    assert row[["label", "z_first", "z_last", "slices"]].tolist() == [7, 2, 9, 8]
    assert row["Nucleus: Voxels"] == 8 * 40 * 32
    assert row["Nucleus: Volume µm^3"] == pytest.approx(8 * 10 * 8)
    assert [row[f"Nucleus: Extent {axis} µm"] for axis in "ZYX"] == [8, 10, 8]
    assert [row[f"Nucleus: Centroid {axis} px"] for axis in "ZYX"] == [6, 25, 26]
    assert [row[f"Nucleus: Centroid {axis} µm"] for axis in "ZYX"] == [6, 6.25, 6.5]
    # smoothing rounds the edges off
    box = 2 * (8 * 10 + 8 * 10 + 8 * 8)
    assert 0.85 * box < row["Nucleus: Surface area µm^2"] < box
    variance = (40**2 - 1) / 12 * 0.25**2
    assert row["Nucleus: Major axis µm"] == pytest.approx(2 * np.sqrt(5 * variance))


def test_what_scikit_image_measures_too() -> None:
    """Volume, centroid, bounding box and axes, with its ``spacing``."""
    voxel = (1.5, 0.5, 0.4)
    rng = np.random.default_rng(3)
    labels = np.zeros((20, 40, 50), np.uint16)
    for label, (z, y, x) in enumerate(((2, 3, 4), (3, 20, 6), (8, 5, 30), (9, 22, 28)), 1):
        labels[z : z + 9, y : y + 15, x : x + 17] = label * 3 * (rng.random((9, 15, 17)) > 0.4)

    table = measured(labels, voxel)

    regions = regionprops(labels, spacing=voxel)  # type: ignore[no-untyped-call]
    for (_, row), region in zip(table.iterrows(), regions, strict=True):
        assert row["label"] == region.label
        assert row["Nucleus: Volume µm^3"] == pytest.approx(region.area)
        assert row["Nucleus: Equivalent diameter µm"] == pytest.approx(
            region.equivalent_diameter_area
        )
        assert row["Nucleus: Major axis µm"] == pytest.approx(region.axis_major_length)
        assert row["Nucleus: Minor axis µm"] == pytest.approx(region.axis_minor_length)
        for k, axis in enumerate("ZYX"):
            corner = region.centroid[k] + voxel[k] / 2
            assert row[f"Nucleus: Centroid {axis} µm"] == pytest.approx(corner)
            extent = (region.bbox[k + 3] - region.bbox[k]) * voxel[k]
            assert row[f"Nucleus: Extent {axis} µm"] == pytest.approx(extent)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.int32, np.float32])
def test_intensities_are_those_of_numpy(dtype: type) -> None:
    rng = np.random.default_rng(1)
    labels = rng.integers(0, 4, (5, 12, 13)).astype(np.uint8)
    values: NDArray[Any] = rng.integers(0, 200, (2, 5, 12, 13)).astype(dtype)
    image = from_array(values, axes="CZYX", pixel_size=(2, 1, 1), channels=("DAPI", "SOX2"))

    table = measure_volumes(labels, image).set_index("label")

    for channel, name in enumerate(("DAPI", "SOX2")):
        for label in (1, 2, 3):
            inside = values[channel][labels == label].astype(np.float64)
            for statistic, function in STATISTICS.items():
                found = table.loc[label, f"Nucleus: {name}: {statistic}"]
                assert found == pytest.approx(function(inside)), (name, label, statistic)


def test_a_chosen_channel_alone() -> None:
    labels = np.ones((2, 3, 3), np.uint8)
    image = from_array(np.zeros((2, 2, 3, 3), np.uint8), axes="CZYX", pixel_size=(2, 1, 1))

    table = measure_volumes(labels, image, channels=[1])

    assert "Nucleus: C2: Mean" in table
    assert "Nucleus: C1: Mean" not in table


def blocks(shape: tuple[int, ...] = (6, 20, 20)) -> NDArray[np.uint16]:
    labels = np.zeros(shape, np.uint16)
    labels[..., 1:4, 2:8, 2:8], labels[..., 2:6, 10:18, 3:9] = 3, 5
    labels[..., 0:2, 10:15, 12:19] = 9
    return labels


@settings(max_examples=20, deadline=None)
@given(st.permutations([1, 2, 300, 70000]))
def test_numbers_of_labels_mean_nothing_else(numbers: list[int]) -> None:
    """Whatever their order, and gaps between them."""
    labels = blocks()
    image = from_array(labels, axes="ZYX", pixel_size=(2, 1, 1))
    before = measure_volumes(labels, image)
    lookup = np.zeros(10, np.uint32)
    lookup[[3, 5, 9]] = numbers[:3]

    after = measure_volumes(lookup[labels], image).set_index("label")

    expected = before.set_index(lookup[before.pop("label")]).rename_axis("label")
    pd.testing.assert_frame_equal(after.sort_index(), expected.sort_index(), check_index_type=False)


def test_the_objects_of_detections_keep_their_uuids() -> None:
    labels = blocks()
    image = from_array(labels, axes="ZYX", pixel_size=(2, 1, 1))
    nuclei = from_volume(labels, image=image.info, columns={"class": {3: "A", 9: "B"}})

    table = measure_volumes(nuclei, image)

    uuids = nuclei.objects.groupby("label")["object"].first()
    assert table["label"].tolist() == [3, 5, 9]
    assert table["object"].tolist() == uuids.tolist()
    assert table["class"].tolist() == ["A", None, "B"]
    of_labels = measure_volumes(labels, image)
    pd.testing.assert_frame_equal(table[of_labels.columns], of_labels, check_dtype=False)


def test_every_slice_gets_what_its_object_has() -> None:
    labels = blocks()
    image = from_array(labels, axes="ZYX", pixel_size=(2, 1, 1))
    nuclei = from_volume(labels, image=image.info)
    table = measure_volumes(nuclei, image).set_index("label")

    spread = spread_measurements(nuclei, measure_volumes(nuclei, image))

    assert spread.ids == nuclei.ids
    for label, volume in zip(
        spread.objects["label"], spread.objects["Nucleus: Volume µm^3"], strict=True
    ):
        assert volume == table.loc[label, "Nucleus: Volume µm^3"]
    assert "slices" not in spread.measurements


def test_a_row_a_time_point_and_object() -> None:
    labels = np.stack([blocks(), np.zeros((6, 20, 20), np.uint16), 2 * blocks()])
    image = from_array(labels, axes="TZYX", pixel_size=(2, 1, 1))

    table = measure_volumes(labels, image)

    assert table["t"].tolist() == [0, 0, 0, 2, 2, 2]
    assert table["label"].tolist() == [3, 5, 9, 6, 10, 18]
    assert table["Nucleus: C1: Mean"].tolist() == table["label"].tolist()
    nuclei = from_volume(labels, axes="TZYX", image=image.info)
    of_nuclei = measure_volumes(nuclei, image)
    pd.testing.assert_frame_equal(of_nuclei[table.columns], table, check_dtype=False)


def test_a_flat_object_and_a_voxel() -> None:
    labels = np.zeros((3, 9, 9), np.uint8)
    labels[1, 2:7, 2:7], labels[2, 8, 8] = 1, 2

    flat, voxel = (row for _, row in measured(labels, (2.0, 1.0, 1.0)).iterrows())

    assert flat["Nucleus: Minor axis µm"] == 0
    assert np.isnan(flat["Nucleus: Flatness"])
    assert voxel["Nucleus: Volume µm^3"] == 2
    assert voxel["Nucleus: Major axis µm"] == 0


def test_an_object_under_another_has_no_measurements() -> None:
    labels = blocks()
    image = from_array(labels, axes="ZYX", pixel_size=(2, 1, 1))
    nuclei = from_volume(labels, image=image.info)
    frame = nuclei.objects
    covered = frame[(frame["label"] != 5) | frame["z"].isin([2, 3])].copy()
    covered["prob"] = np.where(covered["label"] == 3, 0.9, 0.1)
    outline = frame.loc[frame["label"] == 3, "geometry"].iloc[0]
    covered.loc[covered["label"] == 5, "geometry"] = outline

    table = measure_volumes(Detections(covered, nuclei.image), image).set_index("label")

    assert table.loc[5].filter(like="Nucleus:").isna().all()
    assert table.loc[3, "Nucleus: Voxels"] == 3 * 36


@pytest.mark.parametrize(
    ("pixel_size", "message"),
    [
        (None, "has no pixel size: give µm by --pixel-size and --z-step"),
        ((1, 1), "does not say how far apart its slices are: give µm by --z-step"),
        ((20, 1, 1), "has voxels 20 times longer along one axis"),
    ],
)
def test_unknown_and_unlikely_voxels_are_refused(pixel_size: Any, message: str) -> None:
    labels = blocks()
    image = from_array(labels, axes="ZYX", pixel_size=pixel_size)

    with pytest.raises(BadInputError) as error:
        measure_volumes(labels, image)

    assert message in str(error.value).replace("; ", ": ")


def test_a_plane_is_no_volume() -> None:
    image = from_array(np.ones((5, 5), np.uint8), axes="YX", pixel_size=(2, 1, 1))

    with pytest.raises(BadInputError, match="has one slice, and no volumes to measure"):
        measure_volumes(np.ones((5, 5), np.uint8), image)


def test_no_objects_are_an_empty_table() -> None:
    image = from_array(np.zeros((3, 5, 5), np.uint8), axes="ZYX", pixel_size=(2, 1, 1))
    nothing = np.zeros((3, 5, 5), np.uint8)

    for objects in (nothing, from_volume(nothing, image=image.info)):
        table = measure_volumes(objects, image)

        assert len(table) == 0
        assert "Nucleus: Volume µm^3" in table
