"""Exports of QuPath's annotations: which region is which annotation."""

from __future__ import annotations

from pathlib import Path

import pytest
import shapely

from bridge.errors import BadInputError
from bridge.formats.pairing import objects_of
from bridge.formats.qupath_export import (
    find_export,
    find_whole_images,
    list_export,
    match_regions,
    outline_in_region,
)
from tests.exports import OUTLINES, write_export

CLASSES = ("Cyst", None, "Dead (dark)", "Long axis")


@pytest.mark.parametrize("first", [0, 1])
def test_regions_are_those_of_their_numbers_from_0_or_1(tmp_path: Path, first: int) -> None:
    regions = write_export(tmp_path, "plate (A1)", CLASSES, first=first)
    ((image,), strange) = list_export(tmp_path / "export")

    annotations, matched, errors = match_regions(image)

    assert not strange
    assert not errors
    assert [region.path for region in matched] == regions
    found = annotations.objects.loc[[region.annotation for region in matched]]
    assert [kind if isinstance(kind, str) else None for kind in found["class"]] == [*CLASSES]
    assert [region.corner for region in matched] == [(4, 4), (20, 5), (30, 30), (5, 40)]


def test_a_region_that_was_taken_away_leaves_the_others_theirs(tmp_path: Path) -> None:
    regions = write_export(tmp_path, "a", ("Cyst",) * 4)
    regions[1].unlink()
    ((image,), _) = list_export(tmp_path / "export")

    _, matched, _ = match_regions(image)

    assert [region.corner for region in matched] == [(4, 4), (30, 30), (5, 40)]


def test_a_region_of_another_class_is_named(tmp_path: Path) -> None:
    regions = write_export(tmp_path, "a", ("Cyst", "Solid", "Cyst", "Solid"))
    regions[0].rename(regions[0].with_name("aAnnotation (Polygon) (Solid)_0.tif"))
    ((image,), _) = list_export(tmp_path / "export")

    _, matched, errors = match_regions(image)

    assert len(matched) == 3
    assert "aAnnotation (Polygon) (Solid)_0.tif" in str(errors[0])


def test_annotations_of_another_image_are_refused(tmp_path: Path) -> None:
    write_export(tmp_path, "a", ("Cyst", "Solid", "Cyst", "Solid"))
    write_export(tmp_path / "other", "a", ("Solid", "Cyst", "Solid", "Cyst"))
    place = "export/geojsons/a.geojson"
    (tmp_path / "other" / place).rename(tmp_path / place)
    ((image,), _) = list_export(tmp_path / "export")

    with pytest.raises(BadInputError, match="does not fit 4 of the 4 regions of a"):
        match_regions(image)


def test_an_outline_keeps_its_hole_in_its_region(tmp_path: Path) -> None:
    write_export(tmp_path, "a", CLASSES)
    ((image,), _) = list_export(tmp_path / "export")
    annotations, matched, _ = match_regions(image)

    (outline,) = outline_in_region(annotations, matched[2]).objects.geometry

    assert outline.bounds == (0, 0, 18, 20)
    assert outline.area == OUTLINES[2].area
    assert not outline.contains(shapely.Point(9, 9))


def test_names_that_begin_alike_are_told_apart(tmp_path: Path) -> None:
    write_export(tmp_path, "plate 1", CLASSES)
    write_export(tmp_path, "plate 10", CLASSES, seed=1)
    images, _ = list_export(tmp_path / "export")

    assert [(image.name, len(image.regions)) for image in images] == [
        ("plate 1", 4),
        ("plate 10", 4),
    ]


def test_names_that_differ_in_their_brackets_alone_are_told_apart(tmp_path: Path) -> None:
    for seed, name in enumerate(("plate (1)", "plate [1]")):
        write_export(tmp_path, name, CLASSES, seed=seed)
    images, _ = list_export(tmp_path / "export")

    starts = {path.name[:9] for image in images for path in image.regions}
    assert starts == {image.name for image in images}
    assert all(path.name.startswith(image.name) for image in images for path in image.regions)


def test_an_export_is_found_beside_the_images(tmp_path: Path) -> None:
    write_export(tmp_path, "a", CLASSES, image=True)

    assert find_export(tmp_path) == find_export(tmp_path / "export") == tmp_path / "export"
    assert find_export(tmp_path / "images") is None
    assert find_whole_images(tmp_path) == [tmp_path / "images" / "a.tif"]
    assert find_whole_images(tmp_path / "export") == []
    found = objects_of(tmp_path / "images" / "a.tif", [tmp_path / "export"])
    assert found == tmp_path / "export" / "geojsons" / "a.geojson"
