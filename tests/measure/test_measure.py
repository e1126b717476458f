"""Tables of measurements, of labels and of detections."""

# scikit-image's functions have annotations in part only
# mypy: disallow-untyped-calls=False

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numba
import numpy as np
import pandas as pd
import pytest
import shapely
import tifffile
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from bridge import Detections, ImageInfo, PixelSize
from bridge.errors import BadInputError
from bridge.images import from_array
from bridge.measure import add_measurements, measure, undrawn
from bridge.measure.columns import Columns
from bridge.measure.intensity import STATISTICS
from tests.label_images import label_images

BRUTE: dict[str, Callable[..., Any]] = {
    "Mean": np.mean,
    "Median": np.median,
    "Min": np.min,
    "Max": np.max,
    "Std.Dev.": np.std,
    "Sum": np.sum,
}


@given(
    label_images(),
    st.sampled_from([np.uint8, np.uint16, np.int16, np.float32, np.float64, np.bool_]),
    st.integers(0, 2**32 - 1),
)
def test_intensities_are_what_numpy_says(labels: NDArray[Any], dtype: Any, seed: int) -> None:
    values = (np.random.default_rng(seed).normal(60, 30, (2, *labels.shape))).astype(dtype)

    table = measure(labels, from_array(values, axes="CYX", channels=["DAPI", "488"]))

    assert table.index.tolist() == np.unique(labels[labels > 0]).tolist()
    for label in table.index:
        for channel, name in enumerate(("DAPI", "488")):
            inside = values[channel][labels == label].astype(np.float64)
            for statistic in STATISTICS:
                found = table.at[label, f"Nucleus: {name}: {statistic}"]
                assert found == pytest.approx(BRUTE[statistic](inside), rel=1e-9, abs=1e-9)


@given(
    st.integers(1, 30),
    st.integers(1, 30),
    st.sampled_from(["few", "skewed", "camera", "huge"]),
    st.integers(0, 2**32 - 1),
)
def test_medians_are_exact_whatever_the_values(
    height: int, width: int, kind: str, seed: int
) -> None:
    rng = np.random.default_rng(seed)
    makers: dict[str, Callable[[], NDArray[Any]]] = {
        "few": lambda: rng.integers(0, 3, (height, width)).astype(np.float64),
        "skewed": lambda: rng.exponential(size=(height, width)) ** 9,
        "camera": lambda: rng.integers(0, 65_536, (height, width)).astype(np.uint16),
        "huge": lambda: rng.choice([-1e300, 1e300, np.inf, 0.0], (height, width)),
    }
    values = makers[kind]()

    table = measure(np.ones((height, width), np.uint8), from_array(values))

    assert table.at[1, "Nucleus: C1: Median"] == pytest.approx(np.median(values), rel=1e-15)


def test_intensities_of_a_real_section_are_scikit_images(haug2_mask_path: Path) -> None:
    from skimage.measure import regionprops_table

    labels = tifffile.imread(haug2_mask_path)[300:700, 400:900]
    values = np.random.default_rng(1).random(labels.shape, np.float32)
    table = measure(labels, from_array(values))

    kinds = ("label", *[f"intensity_{k}" for k in ("mean", "median", "min", "max", "std")])
    theirs = regionprops_table(labels, values, properties=kinds)

    assert table.index.tolist() == theirs["label"].tolist()
    for kind, name in zip(kinds[1:], STATISTICS, strict=False):
        np.testing.assert_allclose(table[f"Nucleus: C1: {name}"], theirs[kind], rtol=1e-6)


@given(label_images(max_side=16), st.sampled_from([1.0, 2.0, 3.5]))
def test_rings_enter_neither_neighbours_nor_other_rings(labels: NDArray[Any], width: float) -> None:
    from scipy.ndimage import distance_transform_edt

    labels = np.where(np.random.default_rng(labels.size).random(labels.shape) < 0.3, labels, 0)
    values = np.arange(labels.size, dtype=np.float64).reshape(labels.shape)

    table = measure(labels, from_array(values), ring=width, ring_unit="px")

    ids = np.unique(labels[labels > 0])
    if not len(ids):
        assert table.empty
        return
    apart = np.array([distance_transform_edt(labels != i) for i in ids])
    nearest, least = apart.argmin(axis=0), apart.min(axis=0)
    for i, label in enumerate(ids):
        ring = (labels == 0) & (nearest == i) & (least <= width)
        cell = ring | (labels == label)
        row = table.loc[label]
        assert row["Cytoplasm: Area px^2"] == ring.sum()
        assert row["Cell: Area px^2"] == cell.sum()
        assert row["Nucleus/Cell area ratio"] == (labels == label).sum() / cell.sum()
        assert row["Cell: C1: Sum"] == values[cell].sum()
        if ring.any():
            assert row["Cytoplasm: C1: Sum"] == values[ring].sum()
        else:
            assert np.isnan(row["Cytoplasm: C1: Mean"])


def test_pixel_sizes(square: Detections) -> None:
    image = from_array(np.ones((10, 12)), pixel_size=(0.5, 0.25))

    row = measure(square, image).iloc[0]

    assert (row["Centroid X px"], row["Centroid Y px"]) == (6.5, 4.0)
    assert (row["Centroid X µm"], row["Centroid Y µm"]) == (1.625, 2.0)
    assert row["Nucleus: Area px^2"] == 6
    assert row["Nucleus: Area µm^2"] == pytest.approx(0.75)
    assert row["Nucleus: Perimeter µm"] == pytest.approx(
        row["Nucleus: Perimeter px"] * np.sqrt(0.125)
    )
    assert row["Nucleus: Max diameter µm"] == pytest.approx(np.hypot(2 * 0.25, 2 * 0.5))


def test_units(square: Detections) -> None:
    image = from_array(np.ones((10, 12)))

    both = measure(square, image)  # the pixel size that the detections know
    assert both["Nucleus: Area µm^2"].tolist() == [1.5]
    assert not [c for c in measure(square, image, unit="px") if "µm" in str(c)]
    assert not [c for c in measure(square, image, unit="µm") if "px" in str(c)]
    labels = square.to_labels()
    assert not [c for c in measure(labels, image) if "µm" in str(c)]
    with pytest.raises(BadInputError, match="has no pixel size; give it in µm, or measure in px"):
        measure(labels, image, unit="µm")
    with pytest.raises(BadInputError, match="or give the ring in px"):
        measure(labels, image, ring=2)
    with pytest.raises(BadInputError, match="unit: 'nm' is not known"):
        measure(labels, image, unit="nm")  # type: ignore[arg-type]
    for wrong in (0, -1, np.nan, np.inf):
        with pytest.raises(BadInputError, match="is not a width"):
            measure(labels, image, ring=wrong, ring_unit="px")


def test_a_ring_in_micrometres_is_one_in_pixels(square: Detections) -> None:
    image = from_array(np.ones((10, 12)), pixel_size=0.5)

    in_um = measure(square, image, ring=1)
    pd.testing.assert_frame_equal(in_um, measure(square, image, ring=2, ring_unit="px"))
    assert in_um["Cytoplasm: Area px^2"].tolist() == [24]


def test_objects_that_others_cover_are_listed() -> None:
    outlines = [shapely.box(2, 2, 4, 4), shapely.box(1, 1, 6, 6), shapely.box(50, 50, 60, 60)]
    objects = Detections.from_polygons(
        outlines, columns={"prob": [0.1, 0.9, 0.5]}, image=ImageInfo(width=8, height=8)
    )

    table = measure(objects, from_array(np.ones((8, 8))), ring=1, ring_unit="px")

    assert table.index.tolist() == objects.ids
    assert undrawn(table) == [objects.ids[0], objects.ids[2]]
    assert table.iloc[[0, 2]].isna().all(axis=None)
    assert table.iloc[1].notna().all()


def test_cells_use_the_nucleus_that_they_have() -> None:
    outlines = [shapely.box(1, 1, 7, 7), shapely.box(9, 2, 11, 4), shapely.box(0, 9, 2, 11)]
    nuclei = np.array([shapely.box(3, 3, 5, 5), None, None], object)
    objects = Detections.from_polygons(
        outlines,
        columns={"object_type": ["cell", "detection", "detection"], "nucleus": nuclei},
        image=ImageInfo(width=12, height=12),
    )
    image = from_array(np.ones((12, 12)))

    without = measure(objects, image)
    assert without["Nucleus: Area px^2"].tolist() == [4, 4, 4]
    assert without["Cell: Area px^2"].tolist()[0] == 36
    assert without["Cytoplasm: Area px^2"].tolist()[0] == 32
    assert without.filter(regex="Cell|Cytoplasm").iloc[1:].isna().all(axis=None)

    ringed = measure(objects, image, ring=3, ring_unit="px")
    assert ringed["Cell: Area px^2"].iloc[0] == 36  # its outline is its own
    # The ring beside it gets none of the pixels that are nearer to the cell.
    assert ringed["Cell: Area px^2"].iloc[1] == ring_beside_a_cell()


def ring_beside_a_cell() -> int:
    from scipy.ndimage import distance_transform_edt

    cell, nucleus, third = (np.zeros((12, 12), bool) for _ in range(3))
    cell[1:7, 1:7], nucleus[2:4, 9:11], third[9:11, 0:2] = True, True, True
    apart = np.array([distance_transform_edt(~part) for part in (cell, nucleus, third)])
    return int(((apart.argmin(axis=0) == 1) & (apart[1] <= 3)).sum())


def test_no_cell_holds_pixels_of_anothers_nucleus() -> None:
    outlines = [shapely.box(0, 0, 8, 8), shapely.box(4, 0, 12, 8)]
    nuclei = np.array([shapely.box(1, 1, 3, 3), shapely.box(5, 1, 7, 3)], object)
    columns = {"object_type": ["cell"] * 2, "nucleus": nuclei, "prob": [0.9, 0.1]}
    objects = Detections.from_polygons(
        outlines, columns=columns, image=ImageInfo(width=12, height=8)
    )

    table = measure(objects, from_array(np.ones((8, 12))))

    assert table["Nucleus: Area px^2"].tolist() == [4, 4]
    assert table["Cell: Area px^2"].tolist() == [60, 36]


def test_stacks_are_measured_plane_by_plane() -> None:
    rng = np.random.default_rng(3)
    labels = rng.integers(0, 4, (2, 3, 6, 7)) * 5
    values = rng.random((2, 3, 2, 6, 7))
    image = from_array(values, axes="TZCYX")

    table = measure(labels, image, ring=1, ring_unit="px")
    objects = Detections.from_labels(labels, axes="TZYX")
    by_id = measure(objects, image, ring=1, ring_unit="px")

    assert table.index.names == ["t", "z", "label"]
    at_t, at_z = (table.index.get_level_values(axis).to_series(table.index) for axis in "tz")
    for t, z in image.planes():
        plane = measure(labels[t, z], from_array(values[t, z], axes="CYX"), ring=1, ring_unit="px")
        pd.testing.assert_frame_equal(table[at_t.eq(t) & at_z.eq(z)].droplevel(["t", "z"]), plane)
    keys = objects.objects[["t", "z", "label"]]
    again = table.loc[pd.MultiIndex.from_frame(keys)]
    np.testing.assert_allclose(by_id.to_numpy(), again.to_numpy(), rtol=1e-12)


def test_nan_touches_only_its_object_and_its_channel() -> None:
    labels = np.array([[1, 1, 0, 2, 2]], np.uint8)
    values = np.arange(10, dtype=np.float32).reshape(2, 1, 5)
    values[0, 0, 1] = np.nan

    table = measure(labels, from_array(values, axes="CYX"))

    first = table.filter(like="C1:")
    assert first.loc[1].isna().all()
    assert first.loc[2].notna().all()
    assert table.filter(like="C2:").notna().all(axis=None)
    assert table["Nucleus: Area px^2"].tolist() == [2, 2]


def test_a_small_image_is_measured_on_one_core() -> None:
    cores: list[int] = []

    def further(*_: object) -> tuple[Columns, Callable[[str, NDArray[Any]], Columns]]:
        cores.append(numba.get_num_threads())
        return {}, lambda title, values: {}

    measure(np.ones((4, 4), int), from_array(np.ones((4, 4), np.uint8)), further=further)

    assert cores == [1]


def test_nothing_to_measure_has_all_columns(square: Detections) -> None:
    image = from_array(np.ones((2, 10, 12)), axes="CYX", pixel_size=0.5)
    some = measure(square, image, ring=1)

    none = measure(np.zeros((10, 12), np.uint16), image, ring=1)
    no_objects = Detections(square.objects.iloc[:0], square.image)

    assert none.empty
    assert none.columns.tolist() == some.columns.tolist()
    assert measure(no_objects, image, ring=1).columns.tolist() == some.columns.tolist()
    assert undrawn(none) == []


def test_channels_are_chosen_and_told_apart(square: Detections) -> None:
    image = from_array(np.ones((3, 10, 12)), axes="CYX", channels=["DAPI", "488", "488"])

    table = measure(square, image, channels=["DAPI", 2])

    assert "Nucleus: DAPI: Mean" in table
    assert "Nucleus: 488 (C3): Mean" in table
    assert "Nucleus: 488 (C2): Mean" not in table
    with pytest.raises(BadInputError, match="has no channel"):
        measure(square, image, channels=["GFP"])


@pytest.mark.parametrize(
    ("labels", "axes", "message"),
    [
        (np.ones((9, 12), int), None, r"is 9 × 12 \(YX\), but image is 2 × 10 × 12 \(ZYX\)"),
        (np.ones((10, 12), int), "YX", r"is 10 × 12 \(YX\), but image is 2 × 10 × 12 \(ZYX\)"),
        (np.ones((3, 10, 12), int), None, r"is 3 × 10 × 12 \(ZYX\)"),
        (np.ones((2, 10, 12), int), "TYX", "TYX"),
        (np.ones((10, 12), int), "XY", "which are not XY"),
        (np.full((2, 10, 12), 0.5), None, "holds fractions"),
    ],
)
def test_labels_that_do_not_fit(labels: NDArray[Any], axes: str | None, message: str) -> None:
    stack = from_array(np.ones((2, 10, 12)), axes="ZYX")

    if labels.ndim == 2 and axes is None:
        axes = "YX"
    with pytest.raises(BadInputError, match=message):
        measure(labels, stack, axes=axes)


def test_detections_that_do_not_fit(square: Detections) -> None:
    with pytest.raises(BadInputError, match="of an image of width 12, image has 13"):
        measure(square, from_array(np.ones((10, 13))))
    objects = Detections.from_polygons([shapely.box(0, 0, 2, 2)], columns={"z": [1]})
    with pytest.raises(BadInputError, match="has objects up to slice 1"):
        measure(objects, from_array(np.ones((10, 12))))


def test_measurements_are_added_by_uuid(square: Detections) -> None:
    labels = np.zeros((10, 12), np.uint16)
    labels[0:2, 0:2], labels[5:8, 5:8], labels[9, 9] = 1, 2, 5
    info = ImageInfo(pixel_size=PixelSize(0.5, 0.5))
    objects = Detections.from_labels(labels, image=info)
    image = from_array(np.ones((10, 12)))
    table = measure(objects, image)

    added = add_measurements(objects, table.iloc[[2, 0]])
    again = add_measurements(added, table)

    assert added.ids == objects.ids
    assert added.measurements == table.columns.tolist()
    assert added.objects["Nucleus: Area px^2"].tolist()[::2] == [4, 1]
    assert np.isnan(added.objects["Nucleus: Area px^2"].iloc[1])
    assert again.objects["Nucleus: Area px^2"].tolist() == [4, 9, 1]
    assert objects.measurements == []
    for wrong, message in (
        (pd.concat([table, table]), "twice"),
        (measure(labels, image), "label images have no UUIDs"),
        (table.assign(label=1), "which every object has"),
        (table.assign(note="x"), "no number"),
    ):
        with pytest.raises(BadInputError, match=message):
            add_measurements(objects, wrong)
