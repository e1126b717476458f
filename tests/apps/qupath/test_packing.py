"""Objects in packed arrays, as they travel to QuPath's process and back."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from bridge import Detections, ImageInfo
from bridge.apps.qupath.packing import KINDS, NO_COLOR, Packed, pack, unpack, unpack_markers
from bridge.colors import class_color
from bridge.errors import BadInputError
from tests.objects import TEXTS, assert_same, reviewed

FAR = 60_000
FIRST = "0b4f3f0e-6f3c-4c58-9d3d-0a6d1f0c2b7e"

texts = st.one_of(st.sampled_from(TEXTS), st.text(min_size=1, max_size=12))
numbers = st.floats(allow_nan=True, allow_infinity=True)
colors = st.one_of(st.none(), st.integers(0, 0xFFFFFF).map("#{:06x}".format))


def through(
    objects: Detections, folder: Path, parents: Mapping[int, int] | None = None
) -> tuple[Detections, list[str | None]]:
    """Packed, saved, loaded and unpacked, with what QuPath's side adds."""
    pack(objects).save(folder)
    packed = Packed.load(folder)
    parent_of = np.full(len(objects), -1, np.int32)
    for row, parent in (parents or {}).items():
        parent_of[row] = parent
    return unpack(Packed({**packed.arrays, "parentOf": parent_of}, packed.texts), objects.image)


def as_qupath_shows(objects: Detections) -> Detections:
    """A class has one colour in QuPath; a nucleus column without nuclei is none."""
    frame = objects.objects.copy()
    shown: dict[str, str] = {}
    for name, color in zip(frame["class"], frame["class_color"], strict=True):
        if name is not None and color is not None:
            shown.setdefault(name, color)
    frame["class_color"] = pd.Series(
        [None if name is None else shown.get(name, class_color(name)) for name in frame["class"]],
        index=frame.index,
        dtype=object,
    )
    if "nucleus" in frame.columns and frame["nucleus"].isna().all():
        frame = frame.drop(columns="nucleus")
    return replace(objects, objects=frame, outline="traced")


@st.composite
def outlines(draw: st.DrawFn) -> shapely.Geometry:
    """A star, one with a hole, or one in several pieces, anywhere on a large slide."""
    x, y = draw(st.floats(-10, FAR)), draw(st.floats(-10, FAR))
    corners = draw(st.integers(3, 9))
    radii = draw(st.lists(st.floats(2, 9), min_size=corners, max_size=corners))
    angles = np.linspace(0, 2 * np.pi, corners, endpoint=False)
    star = shapely.Polygon(
        [(x + r * np.cos(a), y + r * np.sin(a)) for r, a in zip(radii, angles, strict=True)]
    )
    match draw(st.integers(0, 3)):
        case 0:
            return shapely.box(x, y, x + 9, y + 9).difference(
                shapely.box(x + 3, y + 3, x + 5, y + 6)
            )
        case 1:
            holed = shapely.box(x, y, x + 9, y + 9).difference(
                shapely.box(x + 3, y + 3, x + 4, y + 5)
            )
            return shapely.MultiPolygon([shapely.box(x + 20, y, x + 25, y + 3.125), holed])
        case _:
            return star


@st.composite
def tables(draw: st.DrawFn) -> Detections:
    count = draw(st.integers(0, 6))

    def column(values: st.SearchStrategy[Any]) -> list[Any]:
        return draw(st.lists(values, min_size=count, max_size=count))

    columns: dict[str, Any] = {
        "label": np.arange(count) * draw(st.sampled_from([1, 70_000])) + 1,
        "prob": np.array(column(numbers), float),
        "class": column(st.one_of(st.none(), texts)),
        "class_color": column(colors),
        "object_type": column(st.sampled_from(KINDS)),
        "name": column(st.one_of(st.none(), texts)),
        "color": column(colors),
        "locked": np.array(column(st.booleans()), bool),
        "c": np.array(column(st.integers(-1, 5)), int),
        "z": np.array(column(st.integers(0, 5)), int),
        "t": np.array(column(st.integers(0, 5)), int),
        "Nucleus: DAPI µ": np.array(column(numbers), float),
        "z (measurement)": np.array(column(numbers), float),
        "note": pd.Series(column(st.one_of(st.none(), texts)), dtype=object).to_numpy(object),
    }
    if draw(st.booleans()):
        nuclei = np.full(count, None, object)
        nuclei[:] = column(st.one_of(st.none(), outlines()))
        columns["nucleus"] = nuclei
    return Detections.from_polygons(
        column(outlines()), columns=columns, image=ImageInfo(name="slide", width=FAR, height=FAR)
    )


@given(objects=tables())
def test_everything_that_an_object_carries_comes_back(objects: Detections, tmp_path: Path) -> None:
    found, parents = through(objects, tmp_path)

    assert found.ids == objects.ids
    assert parents == [None] * len(objects)
    assert_same(found, as_qupath_shows(objects))


def test_what_every_format_keeps_is_kept(tmp_path: Path) -> None:
    objects = reviewed()

    found, _ = through(objects, tmp_path)

    assert_same(found, as_qupath_shows(objects))
    exact = shapely.equals_exact(
        shapely.normalize(found.objects.geometry.to_numpy()),
        shapely.normalize(objects.objects.geometry.to_numpy()),
        0,
    )
    assert exact.all()


def test_no_object_and_one_object_come_back(square: Detections, tmp_path: Path) -> None:
    none = replace(square, objects=square.objects.iloc[:0])

    assert len(through(none, tmp_path)[0]) == 0
    assert_same(through(square, tmp_path)[0], square)


def test_real_objects_come_back(haug2_mask_path: Path, tmp_path: Path) -> None:
    objects = Detections.read(haug2_mask_path)

    assert_same(through(objects, tmp_path)[0], objects)


def test_arrays_are_laid_out_as_the_other_side_reads_them() -> None:
    packed = pack(reviewed())
    a = packed.arrays

    assert a["kind"].tolist() == [0, 0, 0, 1, 0, 2]
    assert a["plane"].tolist()[:9] == [-1, 0, 0, 0, 1, 0, 2, 0, 1]
    assert a["classOf"].tolist() == [0, 1, 2, -1, 3, 4]
    assert a["locked"].tolist() == [0, 1, 0, 0, 0, 1]
    assert a["color"].tolist()[:2] == [NO_COLOR, 0x123456 - 2**24]
    assert a["classColors"][0] == 0xC80000 - 2**24
    # a triangle; a ring of two rings; two boxes; three boxes more
    assert a["Outlines"].tolist() == [0, 1, 2, 4, 5, 6, 7]
    assert a["Polygons"].tolist() == [0, 1, 3, 4, 5, 6, 7, 8]
    assert a["Rings"].tolist() == [0, 4, 9, 14, 19, 24, 29, 34, 39]
    assert len(a["Xy"]) == 2 * a["Rings"][-1]
    assert a["nucleusOutlines"].tolist() == [0, 0, 0, 0, 1, 1, 1]
    assert a["measurements"].reshape(6, 3)[:2, :2].tolist()[0] == [3.0, 0.875]
    assert packed.texts["measurementNames"] == [
        "Label", "Detection probability", "Nucleus: DAPI mean"
    ]  # fmt: skip
    assert packed.texts["metadataNames"] == ["note"]
    assert packed.texts["metadata"] == reviewed().objects["note"].tolist()


def test_every_ring_is_closed_and_belongs_to_one_polygon() -> None:
    a = pack(reviewed()).arrays
    points = a["Xy"].reshape(-1, 2)

    for first, last in zip(a["Rings"][:-1], a["Rings"][1:], strict=True):
        assert points[first].tolist() == points[last - 1].tolist()
    for which in ("", "nucleus"):
        assert a[f"{which}Outlines"][-1] == len(a[f"{which}Polygons"]) - 1
        assert a[f"{which}Polygons"][-1] == len(a[f"{which}Rings"]) - 1


def test_arrays_are_of_the_types_that_java_has() -> None:
    allowed = {np.dtype(np.int8), np.dtype(np.int32), np.dtype(np.float64)}

    for objects in (reviewed(), Detections.from_polygons([])):
        assert {values.dtype for values in pack(objects).arrays.values()} <= allowed


def test_texts_are_texts_or_nothing(square: Detections) -> None:
    frame = square.objects.copy()
    frame["day"] = [pd.Timestamp("2024-05-01")]
    frame["slice"] = pd.Series([7], index=frame.index, dtype=object)

    packed = pack(replace(square, objects=frame))

    assert packed.texts["metadata"] == ["2024-05-01 00:00:00", "7"]


def test_a_measurement_of_pandas_own_numbers_may_be_missing(
    square: Detections, tmp_path: Path
) -> None:
    frame = square.objects.copy()
    frame["spots"] = pd.array([None], dtype="Int64")

    assert np.isnan(through(replace(square, objects=frame), tmp_path)[0].objects["spots"].iloc[0])


def test_a_class_has_the_colour_of_its_first_object_that_has_one() -> None:
    objects = Detections.from_polygons(
        [shapely.box(n, 0, n + 1, 1) for n in range(4)],
        columns={
            "class": ["a", "a", "a", "b"],
            "class_color": [None, "#000000", "#ffffff", None],
        },
    )

    packed = pack(objects)

    assert packed.texts["classNames"] == ["a", "b"]
    assert packed.arrays["classColors"].tolist() == [
        -(2**24), int(class_color("b")[1:], 16) - 2**24
    ]  # fmt: skip


def test_an_outline_of_one_piece_is_a_polygon(tmp_path: Path) -> None:
    piece = shapely.box(0, 0, 2, 2)
    objects = Detections.from_polygons([shapely.MultiPolygon([piece])])

    assert through(objects, tmp_path)[0].objects.geometry.iloc[0].equals_exact(piece)


def test_an_empty_outline_is_refused_by_name() -> None:
    objects = Detections.from_polygons([shapely.box(0, 0, 1, 1), shapely.Polygon()])

    with pytest.raises(BadInputError, match=f"object {objects.ids[1]} has an empty outline"):
        pack(objects)


def test_an_empty_nucleus_is_none(tmp_path: Path) -> None:
    nuclei = np.array([shapely.Polygon(), shapely.box(1, 1, 2, 2)], object)
    objects = Detections.from_polygons(
        [shapely.box(0, 0, 9, 9), shapely.box(0, 0, 9, 9)],
        columns={"nucleus": nuclei, "object_type": ["cell", "cell"]},
    )

    found, _ = through(objects, tmp_path)

    assert found.objects["nucleus"].isna().tolist() == [True, False]


def test_parents_are_named_by_their_uuid(tmp_path: Path) -> None:
    objects = reviewed()

    _, parents = through(objects, tmp_path, {0: 5, 1: 3, 3: 5})

    assert parents == [objects.ids[5], objects.ids[3], None, objects.ids[5], None, None]


def packed_in_qupath(count: int, **changes: Any) -> Packed:
    """Boxes without anything else, as QuPath's side packs them, but for what is given."""
    objects = Detections.from_polygons([shapely.box(n, 0, n + 1, 1) for n in range(count)])
    packed = pack(objects)
    arrays: dict[str, NDArray[Any]] = {
        **packed.arrays,
        "parentOf": np.full(count, -1, np.int32),
        "measurements": np.zeros(0),
    }
    known = {**packed.texts, "measurementNames": []}
    for name, values in changes.items():
        if name in known:
            known[name] = values
        else:
            arrays[name] = np.asarray(values)
    return Packed(arrays, known)


def test_objects_that_a_reviewer_drew_are_numbered() -> None:
    found, _ = unpack(packed_in_qupath(3), ImageInfo())

    assert found.objects["label"].tolist() == [1, 2, 3]
    assert found.objects["prob"].isna().all()


def test_a_label_that_two_objects_have_stays_with_the_first() -> None:
    packed = packed_in_qupath(3, measurementNames=["Label"], measurements=[2.0, 2.0, np.nan])

    assert unpack(packed, ImageInfo())[0].objects["label"].tolist() == [2, 3, 4]


def test_outlines_without_an_area_are_left_out_with_all_that_is_theirs() -> None:
    packed = packed_in_qupath(
        3,
        Outlines=[0, 1, 1, 2],
        Polygons=[0, 1, 2],
        Rings=[0, 5, 10],
        Xy=pack(
            Detections.from_polygons([shapely.box(0, 0, 1, 1), shapely.box(2, 0, 3, 1)])
        ).arrays["Xy"],
        parentOf=[-1, -1, 0],
        names=["a", "b", "c"],
    )

    found, parents = unpack(packed, ImageInfo())

    assert found.ids == [packed.texts["ids"][0], packed.texts["ids"][2]]
    assert found.objects["name"].tolist() == ["a", "c"]
    assert parents == [None, packed.texts["ids"][0]]


def test_leaving_out_one_of_very_many_takes_no_longer() -> None:
    count = 40_000
    packed = packed_in_qupath(count, Outlines=[*range(count), count - 1])

    found, _ = unpack(packed, ImageInfo())  # grows with the square of the count, if done wrongly

    assert len(found) == count - 1


def test_copies_of_an_object_get_the_same_new_uuid_at_every_reading() -> None:
    one, other = Detections.from_polygons(
        [shapely.box(0, 0, 1, 1)] * 2, columns={"label": [1, 2]}
    ).ids
    packed = packed_in_qupath(4, ids=[one, one, other, one])

    first, second = (unpack(packed, ImageInfo())[0].ids for _ in range(2))

    assert first == second
    assert (first[0], first[2], len(set(first))) == (one, other, 4)


@pytest.mark.parametrize("name", ["z", "c", "label", "prob", "geometry", "locked", "class"])
def test_a_measurement_that_is_called_like_a_column_changes_no_column(
    name: str, tmp_path: Path
) -> None:
    packed = packed_in_qupath(2, measurementNames=[name], measurements=[7.5, np.nan])

    found, _ = unpack(packed, ImageInfo())

    assert found.measurements == [f"{name} (measurement)"]
    assert found.objects["z"].tolist() == [0, 0]
    assert pack(found).texts["measurementNames"][2:] == [name]
    assert_same(through(found, tmp_path)[0], found)


def test_metadata_that_is_called_like_a_column_or_a_measurement_changes_neither() -> None:
    packed = packed_in_qupath(
        1,
        measurementNames=["Area"],
        measurements=[4.0],
        metadataNames=["Area", "name", "Label"],
        metadata=["large", "Anna", "x"],
    )

    found, _ = unpack(packed, ImageInfo())

    assert (found.objects["Area"].iloc[0], found.objects["name"].iloc[0]) == (4.0, None)
    assert found.objects["Area (metadata)"].tolist() == ["large"]
    assert pack(found).texts["metadataNames"] == ["Area", "name", "Label"]


def test_a_column_called_label_as_qupath_writes_it_is_no_label(tmp_path: Path) -> None:
    objects = Detections.from_polygons(
        [shapely.box(0, 0, 1, 1)], columns={"Label": [7.5], "Detection probability": [3.0]}
    )

    assert len(set(pack(objects).texts["measurementNames"])) == 4
    assert_same(through(objects, tmp_path)[0], objects)


def test_nothing_is_pickled(tmp_path: Path) -> None:
    pack(reviewed()).save(tmp_path)

    with np.load(tmp_path / "arrays.npz", allow_pickle=False) as archive:
        assert all(archive[name].dtype.kind in "if" for name in archive.files)
    assert json.loads((tmp_path / "texts.json").read_text("utf-8"))["classNames"]


def test_what_was_pickled_by_others_is_not_loaded(tmp_path: Path) -> None:
    pack(reviewed()).save(tmp_path)
    np.savez(tmp_path / "arrays.npz", kind=np.array([{"a": 1}], object))

    with pytest.raises(ValueError, match="allow_pickle=False"):
        Packed.load(tmp_path)


def test_what_is_not_a_number_is_a_measurement_and_no_other_type_gets_it() -> None:
    objects = Detections.from_polygons(
        [shapely.box(x, 0, x + 2, 2) for x in range(0, 12, 3)],
        columns={
            "object_type": ["detection", "detection", "annotation", "annotation"],
            "ratio": [0.5, np.nan, np.nan, np.nan],
            "notes": [np.nan, np.nan, 2.0, np.nan],
            "never": [np.nan] * 4,
        },
    )

    packed = pack(objects)

    assert packed.texts["measurementNames"] == [
        "Label",
        "Detection probability",
        "ratio",
        "notes",
        "never",
    ]
    has = packed.arrays["measured"].reshape(4, 5).tolist()
    assert has == [[1, 0, 1, 0, 1], [1, 0, 1, 0, 1], [1, 0, 0, 1, 1], [1, 0, 0, 1, 1]]


def test_points_and_lines_are_unpacked_with_all_that_they_have() -> None:
    shapes = [shapely.Point(1.5, 2), shapely.LineString([(0, 0), (9, 9.25)])]
    wkb = [shapely.to_wkb(shape) for shape in shapes]
    area = pack(Detections.from_polygons([shapely.box(0, 0, 9, 9)], ids=[FIRST]))
    marks: dict[str, NDArray[Any]] = {
        "kind": np.array([2, 0], np.int8),
        "plane": np.array([-1, 1, 0, -1, 0, 2], np.int32),
        "classOf": np.array([0, -1], np.int32),
        "color": np.array([NO_COLOR, -1], np.int32),
        "locked": np.array([1, 0], np.int8),
        "classColors": np.array([-2], np.int32),
        "measurements": np.array([1.0, np.nan, np.nan, 7.0]),
        "parentOf": np.array([0, -1], np.int32),
        "wkb": np.frombuffer(b"".join(wkb), np.int8),
        "wkbEnds": np.cumsum([0, *map(len, wkb)]),
    }
    words: dict[str, list[str | None]] = {
        "ids": ["p", "q"],
        "names": [None, "a line"],
        "classNames": ["Mark"],
        "measurementNames": ["weight", "label"],
        "metadataNames": ["weight"],
        "metadata": ["heavy", None],
    }
    packed = Packed(
        {**area.arrays, **{f"markers.{key}": value for key, value in marks.items()}},
        {**area.texts, **{f"markers.{key}": value for key, value in words.items()}},
    )

    found, parents = unpack_markers(packed)

    assert parents == [FIRST, None]
    assert found.geometry.tolist() == shapes
    assert found["class"].tolist() == ["Mark", None]
    assert found["object_type"].tolist() == ["annotation", "detection"]
    assert found[["locked", "z", "t"]].values.tolist() == [[True, 1, 0], [False, 0, 2]]
    assert found["weight"].tolist()[0] == 1.0
    assert found["label (measurement)"].tolist()[1] == 7.0
    assert found["weight (metadata)"].tolist() == ["heavy", None]
