"""The image region of every annotation."""

from __future__ import annotations

import json
import zipfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import roifile
import shapely
import tifffile
from numpy.typing import NDArray

from bridge import Detections, ImageInfo, PixelSize
from bridge.apps.qupath.crops import find_crops, write_crops
from bridge.errors import BadInputError
from bridge.formats.markers import make_markers
from bridge.formats.qupath_export import list_export, match_regions
from bridge.images import open_image
from tests.apps.qupath.reviews import review_of

Picture = tuple[Path, NDArray[Any]]


@pytest.fixture
def picture(tmp_path: Path) -> Picture:
    """Two time points, three slices, two channels of 40 x 60 px, 0.5 µm a pixel."""
    path = tmp_path / "my image.tif"
    values = np.random.default_rng(0).integers(0, 4000, (2, 3, 2, 40, 60), np.uint16)
    tifffile.imwrite(
        path,
        values,
        imagej=True,
        resolution=(2, 4),
        metadata={"axes": "TZCYX", "unit": "um", "Labels": ["DAPI", "T b"] * 6},
    )
    return path, values


def regions(*shapes: shapely.Geometry, **columns: Any) -> Detections:
    kinds = {"object_type": ["annotation"] * len(shapes)}
    return Detections.from_polygons(shapes, columns=kinds | columns)


def crops_of(objects: Detections, file: Path, out: Path) -> dict[str, NDArray[Any]]:
    """Pixels of the crops by file name."""
    files = write_crops(review_of(objects, file), "a", out).files
    assert all((out / path).is_file() for path in files.values())
    crops = [out / path for path in files.values() if path.endswith(".tif")]
    assert all(path.parent == out / "export" / "ROIsTif" for path in crops)
    return {path.name: tifffile.imread(path) for path in crops}


def test_every_annotation_gets_its_region_of_all_channels(picture: Picture, tmp_path: Path) -> None:
    file, values = picture
    objects = regions(
        shapely.box(2, 3, 12, 9), shapely.box(20.5, 10.2, 30.1, 11), **{"class": ["Neuron", None]}
    )

    found = crops_of(objects, file, tmp_path / "out")

    assert list(found) == ["a (Neuron)_001.tif", "a (none)_002.tif"]
    assert np.array_equal(found["a (Neuron)_001.tif"], values[0, 0, :, 3:9, 2:12])
    assert np.array_equal(found["a (none)_002.tif"], values[0, 0, :, 10:11, 20:31])


def test_annotations_are_written_for_qupath_and_imagej(picture: Picture, tmp_path: Path) -> None:
    objects = Detections.from_polygons(
        [shapely.box(2, 3, 12, 9), shapely.box(4, 4, 6, 6)],
        columns={"object_type": ["annotation", "detection"], "class": ["Neuron", None]},
    )

    files = write_crops(review_of(objects, picture[0]), "a", tmp_path / "out").files

    assert files == {
        "annotations geojson": "export/geojsons/a.geojson",
        "annotations rois": "export/ROIs/a_rois.zip",
        "crop 1": "export/ROIsTif/a (Neuron)_001.tif",
    }
    for path in list(files.values())[:2]:
        assert Detections.read(tmp_path / "out" / path).ids == objects.ids[:1]


def test_pixel_size_and_channel_names_are_kept(picture: Picture, tmp_path: Path) -> None:
    crops_of(regions(shapely.box(2, 3, 12, 9)), picture[0], tmp_path / "out")

    with open_image(tmp_path / "out" / "export" / "ROIsTif" / "a (none)_001.tif") as crop:
        assert crop.channels == ("DAPI", "T b")
        assert crop.pixel_size is not None
        assert (crop.pixel_size.x, crop.pixel_size.y) == (0.5, 0.25)


def test_a_pixel_size_that_only_qupath_knows_is_written(tmp_path: Path) -> None:
    tifffile.imwrite(tmp_path / "a.tif", np.zeros((40, 60), np.uint8))
    objects = replace(
        regions(shapely.box(2, 3, 12, 9)), image=ImageInfo(pixel_size=PixelSize(0.5, 0.5))
    )

    crops_of(objects, tmp_path / "a.tif", tmp_path / "out")

    with open_image(tmp_path / "out" / "export" / "ROIsTif" / "a (none)_001.tif") as crop:
        assert crop.pixel_size == PixelSize(0.5, 0.5)


def test_the_slice_and_time_point_are_those_of_the_annotation(
    picture: Picture, tmp_path: Path
) -> None:
    file, values = picture
    objects = regions(*[shapely.box(2, 3, 12, 9)] * 3, z=[0, 2, 1], t=[0, 0, 1])

    found = crops_of(objects, file, tmp_path / "out")

    for crop, (t, z) in zip(found.values(), [(0, 0), (0, 2), (1, 1)], strict=True):
        assert np.array_equal(crop, values[t, z, :, 3:9, 2:12])


def test_what_lies_outside_of_the_image_is_cut_off(picture: Picture, tmp_path: Path) -> None:
    file, values = picture
    objects = regions(
        shapely.box(-5, -5, 4, 3), shapely.box(55, 35, 70, 50), shapely.box(-9, -9, 99, 99)
    )

    made = write_crops(review_of(objects, file), "a", tmp_path / "out")

    found = [tifffile.imread(tmp_path / "out" / made.files[f"crop {n}"]) for n in (1, 2, 3)]
    assert np.array_equal(found[0], values[0, 0])
    assert np.array_equal(found[1], values[0, 0, :, :3, :4])
    assert np.array_equal(found[2], values[0, 0, :, 35:, 55:])
    assert made.notes == ("partly outside the image, and cut to it: none 001, none 002, none 003",)


def test_an_annotation_outside_of_the_image_has_no_region_and_keeps_its_number(
    picture: Picture, tmp_path: Path
) -> None:
    objects = regions(
        shapely.box(60, 0, 70, 9), shapely.box(-9, 0, 0, 9), shapely.box(0, 40, 9, 50),
        shapely.box(0, 0, 1, 1),
    )  # fmt: skip

    made = write_crops(review_of(objects, picture[0]), "a", tmp_path / "out")

    assert list(made.files)[2:] == ["crop 2"]
    assert made.files["crop 2"].endswith("a (none)_002.tif")
    assert made.notes == ("outside the image, so without a region: none 001, none 003, none 004",)
    assert len(Detections.read(tmp_path / "out" / "export" / "geojsons" / "a.geojson")) == 4


@pytest.mark.parametrize(
    ("name", "written"),
    [
        ("Immune: CD3+", "Immune_ CD3+"),
        ("a/b\\c", "a_b_c"),
        ("..", "_"),
        ("../../etc", "_.._etc"),
        ("[x]", "[x]"),
        ("x (old)", "x [old]"),
        ("Polygon", "Polygon_"),
        (" Zelle µ 核. ", "Zelle µ 核"),
        ('<">|?*\n', "_______"),
        ("None", "None"),
    ],
)
def test_classes_of_any_name_stay_in_the_folder(
    picture: Picture, tmp_path: Path, name: str, written: str
) -> None:
    objects = regions(shapely.box(2, 3, 12, 9), **{"class": [name]})

    assert list(crops_of(objects, picture[0], tmp_path / "out")) == [f"a ({written})_001.tif"]


def test_of_an_image_without_annotations_nothing_is_written(
    picture: Picture, tmp_path: Path
) -> None:
    objects = Detections.from_polygons([shapely.box(2, 3, 12, 9)])

    none = Detections.from_polygons([])
    assert not write_crops(review_of(objects, picture[0]), "a", tmp_path / "out").files
    assert not write_crops(review_of(none), "a", tmp_path / "out").files
    assert not (tmp_path / "out").exists()


def test_an_image_that_is_not_there_is_said(tmp_path: Path) -> None:
    review = review_of(regions(shapely.box(2, 3, 12, 9)), tmp_path / "gone.tif")

    with pytest.raises(BadInputError, match=r"gone\.tif: is not there; tell the project where"):
        write_crops(review, "a", tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_an_image_without_a_file_is_said(tmp_path: Path) -> None:
    review = review_of(regions(shapely.box(2, 3, 12, 9)), name="on a server")

    with pytest.raises(BadInputError, match="on a server: has no file of its own; export it"):
        write_crops(review, "a", tmp_path / "out")


def test_an_image_of_several_files_is_said(picture: Picture, tmp_path: Path) -> None:
    review = review_of(regions(shapely.box(2, 3, 12, 9)), picture[0], picture[0])

    with pytest.raises(BadInputError, match=r"a\.tif: is made of several files; export it"):
        write_crops(review, "a", tmp_path / "out")


def test_what_qupath_shows_of_a_part_of_a_file_is_not_cut_from_the_wrong_place(
    picture: Picture, tmp_path: Path
) -> None:
    objects = replace(regions(shapely.box(2, 3, 12, 9)), image=ImageInfo(width=30, height=20))

    with pytest.raises(
        BadInputError, match="is 60 x 40 px, and what QuPath shows of it is 30 x 20"
    ):
        write_crops(review_of(objects, picture[0]), "a", tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_an_annotation_in_a_slice_that_the_file_does_not_have_is_said(
    picture: Picture, tmp_path: Path
) -> None:
    objects = regions(shapely.box(2, 3, 12, 9), z=[7])

    with pytest.raises(BadInputError, match=r"has no slice \(z\) 7"):
        write_crops(review_of(objects, picture[0]), "a", tmp_path / "out")


def test_colours_stay_channels(tmp_path: Path) -> None:
    values = np.random.default_rng(0).integers(0, 255, (40, 60, 3), np.uint8)
    tifffile.imwrite(tmp_path / "a.tif", values, photometric="rgb")

    (crop,) = crops_of(
        regions(shapely.box(2, 3, 12, 9)), tmp_path / "a.tif", tmp_path / "out"
    ).values()

    assert np.array_equal(np.moveaxis(crop, 0, -1), values[3:9, 2:12])


def test_numbers_go_from_top_to_bottom_plane_by_plane(picture: Picture, tmp_path: Path) -> None:
    objects = regions(
        shapely.box(2, 20, 9, 29), shapely.box(9, 3, 12, 9), shapely.box(2, 3, 8, 9),
        shapely.box(0, 0, 5, 5), **{"class": ["low", "right", "left", "later"]}, t=[0, 0, 0, 1],
    )  # fmt: skip

    found = crops_of(objects, picture[0], tmp_path / "out")

    assert list(found) == [
        "a (left)_001.tif", "a (right)_002.tif", "a (low)_003.tif", "a (later)_004.tif",
    ]  # fmt: skip


def test_each_region_has_its_outline_as_the_selection(picture: Picture, tmp_path: Path) -> None:
    shape = shapely.Polygon([(2, 3), (12.5, 4), (7, 9.25)])

    crops_of(regions(shape), picture[0], tmp_path / "out")

    with tifffile.TiffFile(tmp_path / "out/export/ROIsTif/a (none)_001.tif") as tiff:
        roi = roifile.ImagejRoi.frombytes((tiff.imagej_metadata or {})["ROI"])
    assert np.asarray(roi.coordinates()).tolist() == [[0, 0], [10.5, 1], [5, 6.25]]


def test_classes_and_types_choose(picture: Picture, tmp_path: Path) -> None:
    objects = regions(
        shapely.box(2, 3, 12, 9), shapely.box(2, 13, 12, 19), **{"class": ["Tumor", "Stroma"]}
    )
    review = review_of(objects, picture[0])

    chosen = write_crops(review, "a", tmp_path / "out", only="annotations", classes=["Stroma"])
    none = write_crops(review, "a", tmp_path / "none", only="cells")

    assert chosen.files["crop 1"] == "export/ROIsTif/a (Stroma)_001.tif"
    assert len(Detections.read(tmp_path / "out" / chosen.files["annotations geojson"])) == 1
    assert (none.files, none.notes) == (
        {}, ("no crops: --only cells leaves the annotations out",),
    )  # fmt: skip


def test_points_and_lines_have_a_number_and_no_region(picture: Picture, tmp_path: Path) -> None:
    markers = make_markers(
        [shapely.Point(5, 1), shapely.LineString([(0, 30), (9, 39)])],
        ["0b4f3f0e-6f3c-4c58-9d3d-0a6d1f0c2b7e", "1b4f3f0e-6f3c-4c58-9d3d-0a6d1f0c2b7e"],
        {"object_type": ["annotation", "detection"]},
    )
    review = replace(review_of(regions(shapely.box(2, 3, 12, 9)), picture[0]), markers=markers)

    made = write_crops(review, "a", tmp_path)

    assert list(made.files)[2:] == ["crop 2"]
    document = json.loads((tmp_path / made.files["annotations geojson"]).read_text("utf-8"))
    kinds = [feature["geometry"]["type"] for feature in document["features"]]
    assert kinds == ["Point", "Polygon"]
    with zipfile.ZipFile(tmp_path / made.files["annotations rois"]) as archive:
        assert archive.namelist() == ["none 001.roi", "none 002.roi"]


def test_files_of_a_training_set_are_found_again(picture: Picture, tmp_path: Path) -> None:
    review = review_of(regions(shapely.box(2, 3, 12, 9)), picture[0])
    made = write_crops(review, "a (1)", tmp_path)
    assert made.files["crop 1"] == "export/ROIsTif/a [1] (none)_001.tif"
    for other in (
        "b (none)_001.tif", "a [1]b (none)_001.tif", "a (none)_001.tif", "a [1] (none).tif",
        "a [1] (2) (none)_001.tif", "a [1] [none] 001.tif", "a (1).tif",
    ):  # fmt: skip
        (tmp_path / "export" / "ROIsTif" / other).touch()

    assert find_crops("a (1)", tmp_path) == list(made.files.values())
    assert made.hashes.keys() == {*made.files.values()}
    assert find_crops("a (1)", tmp_path / "none") == []


def test_regions_of_the_names_that_they_had_before_are_found(tmp_path: Path) -> None:
    old = tmp_path / "export" / "ROIsTif" / "a (1) [Cyst] 001.tif"
    old.parent.mkdir(parents=True)
    old.touch()

    assert find_crops("a (1)", tmp_path) == ["export/ROIsTif/a (1) [Cyst] 001.tif"]
    assert find_crops("a", tmp_path) == []


def test_what_was_pulled_is_read_as_an_export(picture: Picture, tmp_path: Path) -> None:
    kinds = ["Cyst (old)", None, "Polygon"]
    shapes = [shapely.box(2, 3, 12, 9), shapely.box(20, 5, 28, 25), shapely.box(30, 6, 39, 30)]
    review = review_of(regions(*shapes, **{"class": kinds}), picture[0])
    for name in ("a (1)", "a", "a (1) (2)"):
        write_crops(review, name, tmp_path)

    images, strange = list_export(tmp_path / "export")

    assert not strange
    assert {image.name for image in images} == {"a", "a (1)", "a (1) (2)"}
    for image in images:
        annotations, matched, errors = match_regions(image)
        assert not errors
        found = annotations.objects.loc[[region.annotation for region in matched]]
        assert [kind if isinstance(kind, str) else None for kind in found["class"]] == kinds
