"""Classed objects from files of objects, and from tables of classes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest
import shapely

from bridge import Detections
from bridge.classify.objects.sources.class_tables import (
    is_class_table,
    read_class_table,
    read_tables,
)
from bridge.classify.objects.sources.files import read_files
from bridge.classify.objects.sources.options import ReadOptions
from bridge.errors import BadInputError, StarbridgeError
from bridge.formats.geojson import write as write_geojson
from bridge.formats.markers import make_markers
from tests.classify.objects.images import squares, write_image

CLASSES: list[str | None] = ["live", None, "dead", None]


@pytest.mark.parametrize("name", ["a.geojson", "a.csv", "a.parquet"])
def test_files_of_objects_bring_their_classes(tmp_path: Path, name: str) -> None:
    image = write_image(tmp_path / "images" / "a.tif")
    squares(CLASSES).write(tmp_path / name)

    (found,) = read_files(tmp_path / name, ReadOptions(images=(image,)))

    assert sorted(found.classes.values()) == ["dead", "live"]
    assert len(found.detections) == 4
    assert (found.name, found.group, found.path) == ("a", "a", image)


def test_a_folder_has_objects_of_some_of_the_images(tmp_path: Path) -> None:
    images = tuple(write_image(tmp_path / f"{name}.tif", k) for k, name in enumerate("ab"))
    (tmp_path / "out" / "geojson").mkdir(parents=True)
    squares(CLASSES).write(tmp_path / "out" / "geojson" / "a.geojson")

    found = list(read_files(tmp_path / "out", ReadOptions(images=images)))

    assert [image.name for image in found] == ["a"]
    with pytest.raises(BadInputError, match="has objects of none of the images"):
        list(read_files(tmp_path / "out", ReadOptions(images=images[1:])))


def test_a_damaged_file_does_not_stop_the_others(tmp_path: Path) -> None:
    images = tuple(write_image(tmp_path / f"{name}.tif", k) for k, name in enumerate("ab"))
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "a.geojson").write_text("{")
    squares(CLASSES, name="b").write(tmp_path / "out" / "b.geojson")
    errors: list[StarbridgeError] = []

    found = list(read_files(tmp_path / "out", ReadOptions(images=images), on_error=errors.append))

    assert [image.name for image in found] == ["b"]
    assert "a.geojson" in str(errors[0])


def test_objects_need_their_images(tmp_path: Path) -> None:
    squares(CLASSES).write(tmp_path / "a.geojson")
    with pytest.raises(BadInputError, match="give --images"):
        list(read_files(tmp_path / "a.geojson", ReadOptions()))


def _options(tmp_path: Path) -> tuple[ReadOptions, list[str]]:
    image = write_image(tmp_path / "images" / "a.tif")
    objects = squares()
    objects.write(tmp_path / "a.geojson")
    return ReadOptions(images=(image,), objects=(tmp_path / "a.geojson",)), objects.ids


def test_a_table_names_objects_by_uuid(tmp_path: Path) -> None:
    options, ids = _options(tmp_path)
    table = tmp_path / "clicks.csv"
    pd.DataFrame({"id": ids[:2], "class": ["live", "dead"]}).to_csv(table, index=False)

    assert is_class_table(table)
    (found,) = read_tables(table, options)

    assert found.classes == {ids[0]: "live", ids[1]: "dead"}
    assert len(found.detections) == 4


def test_a_table_of_ilastik_names_objects_by_label(tmp_path: Path) -> None:
    options, ids = _options(tmp_path)
    table = tmp_path / "a_table.csv"
    columns = {"object_id": [0, 1, 2], "labelimage_oid": [1, 2, 4]}
    labels = {"User Label": ["0", "dead", "live"], "Predicted Class": ["live"] * 3}
    pd.DataFrame({**columns, **labels}).to_csv(table, index=False)

    (found,) = read_tables(table, options)

    assert found.classes == {ids[1]: "dead", ids[3]: "live"}


def test_ids_that_are_not_in_the_image_are_refused(tmp_path: Path) -> None:
    options, _ = _options(tmp_path)
    table = tmp_path / "a.csv"
    pd.DataFrame({"label": [1, 5, 6], "class": ["live"] * 3}).to_csv(table, index=False)

    with pytest.raises(BadInputError, match="has 2 objects that are not in a: 5, 6"):
        list(read_tables(table, options))


def test_an_object_in_two_classes_is_refused(tmp_path: Path) -> None:
    options, _ = _options(tmp_path)
    table = tmp_path / "a.csv"
    pd.DataFrame({"label": [1, 1], "class": ["live", "dead"]}).to_csv(table, index=False)

    with pytest.raises(BadInputError, match="the object 1 as 'live' and 'dead'"):
        list(read_tables(table, options))


def test_a_table_of_several_images_says_which(tmp_path: Path) -> None:
    images = tuple(write_image(tmp_path / f"{name}.tif", k) for k, name in enumerate("ab"))
    for name in "ab":
        squares(name=name).write(tmp_path / f"{name}.geojson")
    table = tmp_path / "classes.csv"
    rows = {"image": ["a.tif", "b", "b"], "label": [1, 1, 2], "class": ["x", "y", "x"]}
    pd.DataFrame(rows).to_csv(table, index=False)

    found = list(read_tables(table, ReadOptions(images=images, objects=(tmp_path,))))

    assert [sorted(image.classes.values()) for image in found] == [["x"], ["x", "y"]]


def test_a_table_of_other_images_is_refused(tmp_path: Path) -> None:
    options, _ = _options(tmp_path)
    table = tmp_path / "classes.csv"
    rows = {"image": ["c.tif"], "label": [1], "class": ["x"]}
    pd.DataFrame(rows).to_csv(table, index=False)

    with pytest.raises(BadInputError, match="no classes of any of the images"):
        list(read_tables(table, options))


@pytest.mark.parametrize(
    ("columns", "problem"),
    [
        ({"label": [1]}, "has no column of classes"),
        ({"class": ["x"]}, "has no column that names objects"),
        ({"label": [1.5], "class": ["x"]}, "which is no whole number"),
    ],
)
def test_tables_that_cannot_be_used(
    tmp_path: Path, columns: dict[str, list[object]], problem: str
) -> None:
    table = tmp_path / "a.csv"
    pd.DataFrame(columns).to_csv(table, index=False)
    with pytest.raises(BadInputError, match=problem):
        read_class_table(table)


def test_a_table_needs_images_and_objects(tmp_path: Path) -> None:
    with pytest.raises(BadInputError, match="give its images and their objects"):
        list(read_tables(tmp_path / "a.csv", ReadOptions()))


def _write_clicks(path: Path, clicks: Mapping[str, Sequence[tuple[float, float]]]) -> Path:
    """Write points of classes, as QuPath exports them."""
    shapes = [shapely.MultiPoint(points) for points in clicks.values()]
    markers = make_markers(shapes, [f"m{n}" for n in range(len(shapes))], {"class": [*clicks]})
    path.parent.mkdir(exist_ok=True)
    write_geojson(Detections.from_polygons([]), path, markers=markers)
    return path


def test_points_give_their_class_to_the_objects_that_they_lie_on(tmp_path: Path) -> None:
    options, ids = _options(tmp_path)
    clicks = {"live": [(3, 3), (21, 5), (39, 1)], "dead": [(6, 23), (9, 24)]}
    place = _write_clicks(tmp_path / "clicks" / "a.geojson", clicks).parent
    notes: list[str] = []

    (found,) = read_files(place, options, note=notes.append)

    assert found.classes == {ids[0]: "live", ids[1]: "live", ids[2]: "dead"}
    assert len(found.detections) == 4
    assert notes == [f"{place / 'a.geojson'}: 1 of 5 clicks lie on no object"]


def test_an_object_with_clicks_of_two_classes_gets_none(tmp_path: Path) -> None:
    options, ids = _options(tmp_path)
    clicks = {"live": [(3, 3), (21, 5)], "dead": [(4, 4)]}
    place = _write_clicks(tmp_path / "clicks" / "a.geojson", clicks)
    notes: list[str] = []

    (found,) = read_files(place, options, note=notes.append)

    assert found.classes == {ids[1]: "live"}
    assert notes == [f"{place}: 1 objects have clicks of several classes and get none"]


def test_clicks_of_another_image_are_refused_where_most_hit_nothing(tmp_path: Path) -> None:
    """Clicks on a crop that is called as its section would class other nuclei of the section."""
    options, _ = _options(tmp_path)
    clicks = {"live": [(3, 3), (15, 1), (39, 39)]}
    place = _write_clicks(tmp_path / "clicks" / "a.geojson", clicks)

    with pytest.raises(BadInputError, match="2 of 3 clicks on no object; give the images that"):
        list(read_files(place, options))


def test_points_need_objects(tmp_path: Path) -> None:
    options, _ = _options(tmp_path)
    place = _write_clicks(tmp_path / "clicks" / "a.geojson", {"live": [(3, 3)]})
    with pytest.raises(BadInputError, match="points or lines, which are no objects; give the obj"):
        list(read_files(place, ReadOptions(images=options.images)))


def test_files_of_clicks_without_an_image_are_named(tmp_path: Path) -> None:
    options, _ = _options(tmp_path)
    for name in "ab":
        place = _write_clicks(tmp_path / "clicks" / f"{name}.geojson", {"live": [(3, 3)]}).parent
    notes: list[str] = []
    list(read_files(place, options, note=notes.append))
    assert notes == [f"{place}: 1 files are of none of the images: b.geojson, …"]


@pytest.fixture(params=["starbridge", "haug2"])
def crops(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[ReadOptions, list[str], str]:
    """Return options for clicks on the lower right quarter of an image, and the crop's name."""
    options, ids = _options(tmp_path)
    table = "labels/a_crop_objects.csv" if request.param == "starbridge" else "masks/a_objects.csv"
    folder = tmp_path / "crops"
    (folder / table).parent.mkdir(parents=True)
    (folder / table).write_text("label,original_label,z,t,cut\n1,3,0,0,True\n2,4,0,0,False\n")
    (folder / "crops.csv").write_text("name,left,top,width,height,nuclei\na,8,20,32,20,2\n")
    name = "a_crop" if request.param == "starbridge" else "a"
    return replace(options, crops=folder), ids, name


def test_clicks_on_a_crop_count_for_the_whole_image(
    crops: tuple[ReadOptions, list[str], str], tmp_path: Path
) -> None:
    options, ids, name = crops
    clicks = {"live": [(24 - 8 + 4.0, 24 - 20 + 4.0)], "dead": [(1.0, 5.0)]}
    place = _write_clicks(tmp_path / "clicks" / f"{name}.geojson", clicks).parent

    (found,) = read_files(place, options)

    assert found.classes == {ids[3]: "live", ids[2]: "dead"}
    assert found.name == "a"


def test_numbers_of_a_crop_are_numbers_of_the_whole_image(
    crops: tuple[ReadOptions, list[str], str], tmp_path: Path
) -> None:
    options, ids, name = crops
    table = tmp_path / f"{name}.csv"
    pd.DataFrame({"label": [1, 2], "class": ["dead", "live"]}).to_csv(table, index=False)
    (found,) = read_tables(table, options)
    assert found.classes == {ids[2]: "dead", ids[3]: "live"}

    pd.DataFrame({"label": [1, 3], "class": ["dead", "live"]}).to_csv(table, index=False)
    with pytest.raises(BadInputError, match="1 objects that are not in the crop of a: 3"):
        list(read_tables(table, options))


def test_clicks_need_the_crop_that_they_are_on(
    crops: tuple[ReadOptions, list[str], str], tmp_path: Path
) -> None:
    options, _, _ = crops
    place = _write_clicks(tmp_path / "clicks" / "a.geojson", {"live": [(3, 3)]})
    assert options.crops is not None
    (options.crops / "crops.csv").write_text("name,left,top,width,height,nuclei\nb,0,0,9,9,2\n")
    with pytest.raises(BadInputError, match="has no crop of a"):
        list(read_files(place, options))
    (options.crops / "crops.csv").unlink()
    with pytest.raises(BadInputError, match="has no crops.csv; give the folder 'crops'"):
        list(read_files(place, options))
