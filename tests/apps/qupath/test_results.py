"""What reviewers left, as files."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import shapely
import tifffile

from bridge import Detections, ImageInfo, PixelSize
from bridge.apps.qupath.results import ENDINGS, chosen, write_results
from bridge.errors import BadInputError
from bridge.images import open_image
from bridge.review import compare
from tests.apps.qupath.reviews import review_of
from tests.objects import assert_same

INFO = ImageInfo(name="a", width=60, height=40, pixel_size=PixelSize(0.5, 0.25))


def drawn(**changes: Any) -> Detections:
    """A region, in it a detection, a cell and a tile; another detection outside."""
    columns: dict[str, Any] = {
        "object_type": ["annotation", "detection", "cell", "tile", "detection"],
        "class": ["Tumor", "Neuron: CD3", None, "Glia", "Neuron: CD3"],
        "name": ["Region / 1", None, None, None, None],
        "label": [9, 1, 2, 3, 4],
    }
    shapes = [
        shapely.box(0, 0, 30, 30),
        shapely.box(2, 2, 6, 6),
        shapely.box(10, 2, 16, 6),
        shapely.box(20, 2, 26, 6),
        shapely.box(40, 10, 50, 20),
    ]
    return Detections.from_polygons(shapes, columns=columns | changes, image=INFO)


def in_region(objects: Detections) -> list[str | None]:
    region = objects.ids[0]
    return [None, region, region, region, None]


def write(
    objects: Detections, out: Path, formats: Collection[str] = tuple(ENDINGS)
) -> tuple[list[str], list[str]]:
    """Names of the files, and the formats that were left out."""
    review = review_of(objects)
    written, left_out = write_results(review, chosen(review), "a 1.5", out, formats)
    assert all(path.parent == out and path.is_file() for path in written)
    return [path.name for path in written], left_out


def test_every_object_has_the_name_and_the_class_of_its_annotation() -> None:
    objects = drawn()

    frame = chosen(review_of(objects, parents=in_region(objects))).objects

    assert frame["annotation"].tolist() == [None, *["Region / 1"] * 3, None]
    assert frame["annotation class"].tolist() == [None, *["Tumor"] * 3, None]
    assert frame.index.tolist() == objects.ids


def test_an_annotation_without_a_name_is_called_by_its_uuid() -> None:
    objects = drawn(name=[None] * 5, **{"class": [None] * 5})

    frame = chosen(review_of(objects, parents=in_region(objects))).objects

    assert frame["annotation"].tolist() == in_region(objects)
    assert frame["annotation class"].tolist() == [None] * 5


def test_a_spot_in_a_cell_lies_in_the_annotation_of_the_cell() -> None:
    objects = drawn()
    region, spot, cell, tile, _ = objects.ids
    parents = [None, cell, tile, region, cell]

    assert spot in chosen(review_of(objects, parents=parents)).ids
    assert chosen(review_of(objects, parents=parents)).objects["annotation"].tolist() == [
        None, *["Region / 1"] * 4
    ]  # fmt: skip


def test_a_parent_that_is_no_object_here_is_no_annotation() -> None:
    objects = drawn()
    parents = [None, "8b2d4f0a-0000-4000-8000-000000000000", None, None, None]

    assert chosen(review_of(objects, parents=parents)).objects["annotation"].isna().all()


@pytest.mark.parametrize(
    ("only", "rows"),
    [
        (None, [0, 1, 2, 3, 4]),
        ("annotations", [0]),
        ("detections", [1, 3, 4]),
        ("cells", [2]),
    ],
)
def test_objects_are_chosen_by_type(only: str | None, rows: list[int]) -> None:
    objects = drawn()
    review = review_of(objects, parents=in_region(objects))

    found = chosen(review, only=only)

    assert found.ids == [objects.ids[row] for row in rows]
    if only != "annotations":
        assert found.objects["annotation"].notna().any()


@pytest.mark.parametrize(
    ("classes", "rows"),
    [(["Glia"], [3]), (["Tumor", "Neuron: CD3"], [0, 1, 4]), (["Neuron"], []), ([], [])],
)
def test_objects_are_chosen_by_class(classes: list[str], rows: list[int]) -> None:
    objects = drawn()

    assert chosen(review_of(objects), classes=classes).ids == [objects.ids[row] for row in rows]


def test_choosing_changes_nothing_in_the_review() -> None:
    objects = drawn()
    review = review_of(objects, parents=in_region(objects))

    chosen(review, only="cells", classes=["Glia"])

    assert "annotation" not in review.detections.objects.columns


def test_every_format_holds_the_objects(tmp_path: Path) -> None:
    objects = drawn()

    names, left_out = write(objects, tmp_path / "new" / "out")

    assert names == [
        "a 1.5_labels.tif", "a 1.5_labels.h5", "a 1.5_rois.zip", "a 1.5.geojson", "a 1.5.csv",
        "a 1.5_classes.tif", "a 1.5_classes.csv",
    ]  # fmt: skip
    assert left_out == []
    out = tmp_path / "new" / "out"
    expected = chosen(review_of(objects))
    found = Detections.read(out / "a 1.5.geojson")
    assert found.ids == objects.ids
    assert set(Detections.read(out / "a 1.5_rois.zip").ids) == set(objects.ids)
    assert len(Detections.read(out / "a 1.5.csv", image=INFO)) == 5
    cells = replace(expected, objects=expected.objects.iloc[1:])
    assert np.array_equal(tifffile.imread(out / "a 1.5_labels.tif"), cells.to_labels())
    assert np.array_equal(Detections.read(out / "a 1.5_labels.h5").to_labels(), cells.to_labels())


@pytest.mark.parametrize("kind", list(ENDINGS))
def test_only_what_is_asked_for_is_written(tmp_path: Path, kind: str) -> None:
    names, _ = write(drawn(), tmp_path, [kind])

    extra = ["a 1.5_classes.csv"] if kind == "classes" else []
    assert names == [f"a 1.5{ENDINGS[kind]}", *extra]
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(names)


def test_an_image_without_objects_gives_empty_files(tmp_path: Path) -> None:
    none = Detections.from_polygons([], image=INFO)

    names, left_out = write(none, tmp_path)

    assert (len(names), left_out) == (7, [])
    assert not tifffile.imread(tmp_path / "a 1.5_labels.tif").any()
    assert not tifffile.imread(tmp_path / "a 1.5_classes.tif").any()
    assert len(Detections.read(tmp_path / "a 1.5.geojson")) == 0


def test_a_region_alone_is_no_nucleus(tmp_path: Path) -> None:
    objects = drawn()
    region = replace(objects, objects=objects.objects.iloc[:1])

    write(region, tmp_path)

    assert not tifffile.imread(tmp_path / "a 1.5_labels.tif").any()
    assert not tifffile.imread(tmp_path / "a 1.5_classes.tif").any()
    assert Detections.read(tmp_path / "a 1.5.geojson").ids == region.ids


def test_what_needs_the_images_size_is_left_out_where_it_is_not_known(tmp_path: Path) -> None:
    names, left_out = write(replace(drawn(), image=ImageInfo(name="a")), tmp_path)

    assert left_out == ["labels", "hdf5", "classes"]
    assert names == ["a 1.5_rois.zip", "a 1.5.geojson", "a 1.5.csv"]


@pytest.mark.parametrize("axis", ["z", "t"])
def test_what_needs_the_number_of_planes_is_left_out_where_it_is_not_known(
    tmp_path: Path, axis: str
) -> None:
    objects = drawn(**{axis: [0, 0, 0, 0, 4]})  # the project says how wide an image is, no more

    names, left_out = write(objects, tmp_path)

    assert left_out == ["labels", "hdf5", "classes"]
    assert "a 1.5.geojson" in names


def test_a_region_in_a_plane_that_is_not_known_leaves_nothing_out(tmp_path: Path) -> None:
    assert write(drawn(z=[4, 0, 0, 0, 0]), tmp_path)[1] == []


def classes_of(folder: Path) -> dict[int, str]:
    table = pd.read_csv(folder / "a 1.5_classes.csv")
    return dict(zip(table["value"], table["class"], strict=True))


def test_a_class_mask_says_which_number_is_which_class(tmp_path: Path) -> None:
    write(drawn(), tmp_path, ["classes"])

    mask = tifffile.imread(tmp_path / "a 1.5_classes.tif")

    assert classes_of(tmp_path) == {0: "background", 1: "no class", 2: "Glia", 3: "Neuron: CD3"}
    assert mask.dtype == np.uint16
    values = {(3, 3): 3, (12, 3): 1, (22, 3): 2, (45, 15): 3, (29, 29): 0}
    assert {point: mask[point[::-1]] for point in values} == values
    with open_image(tmp_path / "a 1.5_classes.tif") as image:
        assert image.pixel_size == PixelSize(0.5, 0.25)


def test_a_class_mask_and_labels_agree_where_objects_overlap(tmp_path: Path) -> None:
    boxes = [shapely.box(0, 0, 10, 10), shapely.box(5, 0, 15, 10), shapely.box(5, 0, 10, 20)]
    objects = Detections.from_polygons(
        boxes,
        columns={"class": ["a", "b", "c"], "prob": [0.9, 0.5, np.nan]},
        image=INFO,
    )
    write(objects, tmp_path, ["labels", "classes"])

    labels = tifffile.imread(tmp_path / "a 1.5_labels.tif").astype(int)
    mask = tifffile.imread(tmp_path / "a 1.5_classes.tif").astype(int)

    assert np.array_equal(mask, np.where(labels > 0, labels + 1, 0))


def test_a_class_mask_has_the_slices_and_time_points_of_the_image(tmp_path: Path) -> None:
    image = replace(INFO, size_z=3, size_t=2)
    objects = drawn(z=[0, 0, 1, 2, 2], t=[0, 0, 1, 0, 1])
    write(replace(objects, image=image), tmp_path, ["classes"])

    mask = tifffile.imread(tmp_path / "a 1.5_classes.tif")

    assert mask.shape == (2, 3, 40, 60)
    assert [
        (t, z, np.unique(mask[t, z][mask[t, z] > 0]).tolist()) for t, z in np.ndindex(2, 3)
    ] == [(0, 0, [3]), (0, 1, []), (0, 2, [2]), (1, 0, []), (1, 1, [1]), (1, 2, [3])]


def test_classes_with_odd_names_stay_apart(tmp_path: Path) -> None:
    names = ["a,b", 'say "x"', "核", "l1\nl2", "NA"]
    write(drawn(**{"class": names}), tmp_path, ["classes"])

    table = pd.read_csv(tmp_path / "a 1.5_classes.csv", keep_default_na=False)

    assert table["class"].tolist() == ["background", "no class", *sorted(names[1:])]


def test_changes_are_listed_where_something_was_pushed(tmp_path: Path) -> None:
    base = drawn()
    frame = base.objects.iloc[:4].copy()
    frame.loc[base.ids[2], "class"] = "Neuron: CD3"
    left = replace(base, objects=frame)
    review = review_of(left, changes=compare(base, left))

    written, _ = write_results(review, chosen(review, only="cells"), "a", tmp_path, ["geojson"])

    assert [path.name for path in written] == ["a.geojson", "a_changes.csv"]
    table = pd.read_csv(tmp_path / "a_changes.csv")
    assert table[["id", "what"]].to_numpy().tolist() == [
        [base.ids[4], "deleted"], [base.ids[2], "reclassified"]
    ]  # fmt: skip


def test_of_an_image_without_edits_the_list_is_empty(tmp_path: Path) -> None:
    base = drawn()
    review = review_of(base, changes=compare(base, base))

    write_results(review, chosen(review), "a", tmp_path, [])

    assert pd.read_csv(tmp_path / "a_changes.csv").empty


def test_results_can_be_pushed_and_pulled_again(tmp_path: Path) -> None:
    objects = drawn()
    review = review_of(objects, parents=in_region(objects))
    write_results(review, chosen(review), "a", tmp_path, ["geojson"])
    again = Detections.read(tmp_path / "a.geojson")

    found = chosen(review_of(again, parents=in_region(again)))

    assert_same(found, again)


def test_a_folder_that_cannot_be_written_is_said(tmp_path: Path) -> None:
    (tmp_path / "out").write_bytes(b"")

    for kind in ENDINGS:
        with pytest.raises(BadInputError, match="cannot be written"):
            write(drawn(), tmp_path / "out", [kind])
