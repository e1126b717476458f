"""Cores of a tissue microarray: who lies in which, and where new objects go."""

from __future__ import annotations

import numpy as np
import shapely

from bridge import Detections
from bridge.apps.qupath.cores import Core, core_names, name_cores, put_into_cores, unpack_cores
from bridge.apps.qupath.packing import Packed

LEFT = shapely.box(0, 0, 50, 50)
RIGHT = shapely.box(50, 0, 100, 50)


def core(name: str, outline: shapely.Geometry, *ids: str, missing: bool = False) -> Core:
    return Core(f"id of {name}", name, outline, missing, frozenset(ids))


def at(*centers: tuple[float, float]) -> Detections:
    return Detections.from_polygons([shapely.Point(xy).buffer(3) for xy in centers])


def test_a_new_object_goes_into_the_core_that_holds_its_centre() -> None:
    objects = at((10, 10), (70, 10), (49, 10), (10, 90))
    cores = [core("A-1", LEFT), core("A-2", RIGHT)]

    found = put_into_cores([None] * 4, objects, cores)

    assert found == ["id of A-1", "id of A-2", "id of A-1", None]


def test_an_object_stays_in_its_core_though_its_outline_moved() -> None:
    objects = at((51, 10))
    cores = [core("A-1", LEFT, objects.ids[0]), core("A-2", RIGHT)]

    assert put_into_cores([None], objects, cores) == ["id of A-1"]


def test_an_object_in_an_annotation_stays_there() -> None:
    assert put_into_cores(["region"], at((10, 10)), [core("A-1", LEFT)]) == ["region"]


def test_a_missing_core_gets_nothing() -> None:
    assert put_into_cores([None], at((10, 10)), [core("A-1", LEFT, missing=True)]) == [None]


def test_the_table_names_the_core() -> None:
    objects = at((10, 10), (10, 90))
    cores = [core("A-1", LEFT, objects.ids[0])]

    assert name_cores(objects, cores).objects["TMA core"].tolist() == ["A-1", None]
    assert core_names(objects.ids[::-1], cores) == [None, "A-1"]
    assert "TMA core" not in name_cores(objects, ()).objects


def test_cores_are_unpacked_with_what_lies_in_them() -> None:
    packed = Packed(
        {
            "coreOf": np.array([1, -1, 0], np.int32),
            "markers.coreOf": np.array([1], np.int32),
            "coreMissing": np.array([0, 1], np.int8),
            "coreXy": np.concatenate(
                [shapely.get_coordinates(shape).ravel() for shape in (LEFT, RIGHT)]
            ),
            "coreRings": np.array([0, 5, 10], np.int32),
            "corePolygons": np.array([0, 1, 2], np.int32),
            "coreOutlines": np.array([0, 1, 2], np.int32),
        },
        {"coreIds": ["i", "k"], "coreNames": ["A-1", None]},
    )

    first, second = unpack_cores(packed, ["a", "b", "c"], ["p"])

    assert (first.name, first.missing, first.objects) == ("A-1", False, frozenset({"c"}))
    assert (second.name, second.missing, second.objects) == ("k", True, frozenset({"a", "p"}))
    assert shapely.equals(first.outline, LEFT)
