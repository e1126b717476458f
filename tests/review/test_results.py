"""Reviewed objects as files."""

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
from bridge.cli.results import ObjectChoice, chosen
from bridge.errors import BadInputError
from bridge.formats.layout import review_files
from bridge.formats.markers import make_markers
from bridge.images import open_image
from bridge.review import compare
from bridge.review.results import (
    DEFAULT_FORMATS,
    OBJECT_CHOICES,
    result_files,
    select_objects,
    write_results,
)

NO_IMAGES = "no labels, hdf5, classes, because the image's size or number of planes is not known"
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


def write(
    objects: Detections, out: Path, formats: Collection[str] = DEFAULT_FORMATS, **options: Any
) -> tuple[list[str], list[str]]:
    """Names of the files, and the notes."""
    written = write_results(objects, "a 1.5", out, formats, **options)
    assert written.files.items() <= result_files("a 1.5", formats).items()
    assert all((out / file).is_file() for file in written.files.values())
    return list(written.files.values()), list(written.notes)


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

    assert select_objects(objects, only=only).ids == [objects.ids[row] for row in rows]


@pytest.mark.parametrize(
    ("classes", "rows"),
    [(["Glia"], [3]), (["Tumor", "Neuron: CD3"], [0, 1, 4]), (["Neuron"], []), ([], [])],
)
def test_objects_are_chosen_by_class(classes: list[str], rows: list[int]) -> None:
    objects = drawn()

    found = select_objects(objects, classes=classes)

    assert found.ids == [objects.ids[row] for row in rows]


def test_every_format_holds_the_objects(tmp_path: Path) -> None:
    objects = drawn()

    names, notes = write(objects, tmp_path / "new" / "out")

    assert names == [
        "a 1.5_labels.tif", "a 1.5_labels.h5", "a 1.5_rois.zip", "a 1.5.geojson", "a 1.5.csv",
        "a 1.5_classes.tif", "a 1.5_classes.csv",
    ]  # fmt: skip
    assert notes == []
    out = tmp_path / "new" / "out"
    found = Detections.read(out / "a 1.5.geojson")
    assert found.ids == objects.ids
    assert set(Detections.read(out / "a 1.5_rois.zip").ids) == set(objects.ids)
    assert len(Detections.read(out / "a 1.5.csv", image=INFO)) == 5
    cells = replace(objects, objects=objects.objects.iloc[1:])
    assert np.array_equal(tifffile.imread(out / "a 1.5_labels.tif"), cells.to_labels())
    assert np.array_equal(Detections.read(out / "a 1.5_labels.h5").to_labels(), cells.to_labels())


@pytest.mark.parametrize("kind", review_files())
def test_only_what_is_asked_for_is_written(tmp_path: Path, kind: str) -> None:
    names, _ = write(drawn(), tmp_path, [kind])

    extra = ["a 1.5_classes.csv"] if kind == "classes" else []
    assert names == [result_files("a 1.5", [kind])[kind], *extra]
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(names)


def test_an_image_without_objects_gives_empty_files(tmp_path: Path) -> None:
    none = Detections.from_polygons([], image=INFO)

    names, notes = write(none, tmp_path)

    assert (len(names), notes) == (7, [])
    assert not tifffile.imread(tmp_path / "a 1.5_labels.tif").any()
    assert not tifffile.imread(tmp_path / "a 1.5_classes.tif").any()
    assert len(Detections.read(tmp_path / "a 1.5.geojson")) == 0


def test_a_region_never_covers_the_nuclei_in_it(tmp_path: Path) -> None:
    objects = drawn(prob=[0.9, 0.5, 0.5, 0.5, 0.5])

    write(objects, tmp_path, ["labels"])

    assert np.unique(tifffile.imread(tmp_path / "a 1.5_labels.tif")).tolist() == [0, 1, 2, 3, 4]


@pytest.mark.parametrize("rows", [[0], [0, 1]])
def test_annotations_are_drawn_where_there_is_nothing_else(tmp_path: Path, rows: list[int]) -> None:
    objects = drawn(object_type=["annotation"] * 5)
    nuclei = replace(objects, objects=objects.objects.iloc[rows])

    _, notes = write(nuclei, tmp_path)

    assert notes == [f"annotations are drawn ({len(rows)}), because there is nothing else"]
    assert np.array_equal(tifffile.imread(tmp_path / "a 1.5_labels.tif"), nuclei.to_labels())
    assert tifffile.imread(tmp_path / "a 1.5_classes.tif").any()
    assert Detections.read(tmp_path / "a 1.5.geojson").ids == nuclei.ids
    assert write(nuclei, tmp_path, ["geojson"])[1] == []


def test_annotations_that_are_asked_for_are_drawn(tmp_path: Path) -> None:
    objects = drawn()

    assert write(objects, tmp_path, only="annotations")[1] == []

    region = tifffile.imread(tmp_path / "a 1.5_labels.tif")
    assert np.unique(region).tolist() == [0, 9]
    assert region[29, 29] == 9


def test_unknown_formats_and_types_are_refused() -> None:
    with pytest.raises(BadInputError, match="'png' is no format of results; use labels, hdf5"):
        result_files("a", ["png"])
    with pytest.raises(BadInputError, match="'tiles' is no type"):
        select_objects(drawn(), only="tiles")


def test_the_command_offers_all_formats_and_types() -> None:
    assert tuple(ObjectChoice) == OBJECT_CHOICES
    assert chosen(None, None, None).formats == DEFAULT_FORMATS


def test_what_needs_the_images_size_is_left_out_where_it_is_not_known(tmp_path: Path) -> None:
    names, notes = write(replace(drawn(), image=ImageInfo(name="a")), tmp_path)

    assert notes == [NO_IMAGES]
    assert names == ["a 1.5_rois.zip", "a 1.5.geojson", "a 1.5.csv"]


@pytest.mark.parametrize("axis", ["z", "t"])
def test_what_needs_the_number_of_planes_is_left_out_where_it_is_not_known(
    tmp_path: Path, axis: str
) -> None:
    objects = drawn(**{axis: [0, 0, 0, 0, 4]})  # the project says how wide an image is, no more

    names, notes = write(objects, tmp_path)

    assert notes == [NO_IMAGES]
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

    written = write_results(
        left, "a", tmp_path, ["geojson"], changes=compare(base, left), only="cells"
    )

    assert written.files == result_files("a", ["geojson"], changes=True)
    assert list(written.files.values()) == ["a.geojson", "a_changes.csv"]
    assert written.objects == 1
    table = pd.read_csv(tmp_path / "a_changes.csv")
    assert table[["id", "what"]].to_numpy().tolist() == [
        [base.ids[4], "deleted"], [base.ids[2], "reclassified"]
    ]  # fmt: skip


def test_of_an_image_without_edits_the_list_is_empty(tmp_path: Path) -> None:
    base = drawn()

    write_results(base, "a", tmp_path, [], changes=compare(base, base))

    assert pd.read_csv(tmp_path / "a_changes.csv").empty


def test_a_folder_that_cannot_be_written_is_said(tmp_path: Path) -> None:
    (tmp_path / "out").write_bytes(b"")

    for kind in review_files():
        with pytest.raises(BadInputError, match="cannot be written"):
            write(drawn(), tmp_path / "out", [kind])


def test_cells_are_drawn_whole_and_their_nuclei_beside_them(tmp_path: Path) -> None:
    objects = drawn(nucleus=[None, None, shapely.box(12, 3, 14, 5), None, None])

    files = write_results(objects, "a_labels", tmp_path, ["labels", "hdf5", "csv"]).files

    cells = tifffile.imread(tmp_path / files["labels"])
    nuclei = tifffile.imread(tmp_path / files["labels of nuclei"])
    assert files["labels of nuclei"] == "a_labels_nuclei.tif"
    assert files["hdf5 of nuclei"] == "a_labels_nuclei.h5"
    assert (cells == 2).sum() == 24
    assert np.unique(nuclei).tolist() == [0, 2]
    assert ((nuclei == 2) & (cells == 2)).sum() == (nuclei == 2).sum() == 4
    back = Detections.read(tmp_path / files["hdf5 of nuclei"])
    assert back.ids == [objects.ids[2]]


def test_points_and_lines_are_written_like_objects_and_drawn_nowhere(tmp_path: Path) -> None:
    markers = make_markers(
        [shapely.Point(2, 3), shapely.LineString([(0, 0), (9, 9)])],
        ["0b4f3f0e-6f3c-4c58-9d3d-0a6d1f0c2b7e", "1b4f3f0e-6f3c-4c58-9d3d-0a6d1f0c2b7e"],
        {"class": ["Mark", None]},
    )

    every = write_results(drawn(), "a", tmp_path / "all", markers=markers)
    some = write_results(
        drawn(), "a", tmp_path / "some", ["csv"], only="annotations", classes=["Mark"],
        markers=markers,
    )  # fmt: skip
    none = write_results(
        drawn(), "a", tmp_path / "none", ["labels"], only="detections", markers=markers
    )
    images = write_results(drawn(), "a", tmp_path / "images", ["labels"], markers=markers)

    assert every.notes == (
        "2 points and lines, which enclose no area, are only in a_rois.zip, a.geojson, a.csv",
    )
    assert pd.read_csv(tmp_path / "some" / "a.csv")["geometry_type"].tolist() == ["Point"]
    assert (len(some.notes), none.notes) == (1, ())
    assert images.notes == ("2 points and lines, which enclose no area, are in none of the files",)
