"""Tables of objects that ilastik exports as HDF5."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
import shapely

from bridge import Detections, ImageInfo
from bridge.aggregate import hdf5_tables
from bridge.aggregate.sections import Reading, count_table
from bridge.aggregate.tables import find_tables
from bridge.errors import BadInputError
from tests.aggregate.ilastik import NAME, write_hdf5_table, write_table

COUNTS = {"Neuron": 30, "Größe/µ": 7, "Dead": 2}


def write_labels(path: Path) -> Path:
    """Write a label image of starbridge with an object of class A and one of B."""
    squares = [shapely.box(1, 1, 5, 5), shapely.box(10, 10, 15, 15)]
    image = ImageInfo(name="a", width=20, height=20)
    Detections.from_polygons(squares, columns={"class": ["A", "B"]}, image=image).write(path)
    return path


def write_array(path: Path, rows: Any, name: str = "table") -> Path:
    with h5py.File(path, "w") as file:
        file[name] = rows
    return path


@pytest.mark.parametrize(
    "storage",
    [
        {},
        {"compression": "gzip"},
        {"compression": "lzf", "chunks": (7,)},
        {"chunks": (1000,), "maxshape": (None,)},
    ],
)
def test_it_says_the_same_as_the_table_in_csv(tmp_path: Path, storage: dict[str, Any]) -> None:
    (of_hdf5,) = count_table(write_hdf5_table(tmp_path, COUNTS, **storage))
    (of_csv,) = count_table(write_table(tmp_path, COUNTS))

    assert of_hdf5.counts == of_csv.counts == COUNTS
    assert of_hdf5.section == of_csv.section == NAME
    assert of_hdf5.kind == "ilastik"


def test_a_large_table_is_read_in_parts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hdf5_tables, "_BLOCK", 1000)
    path = write_hdf5_table(tmp_path, {"A": 700, "B": 301})

    with hdf5_tables.open_table(path) as table:
        parts = list(table.blocks(["labelimage_oid", "Predicted Class"]))

    assert len(parts) > 50
    assert sum(part.num_rows for part in parts) == 1001
    assert count_table(path)[0].counts == {"A": 700, "B": 301}


@pytest.mark.parametrize("ending", [".h5", ".hdf5", ".hd5", ".H5"])
def test_endings_that_ilastik_offers(tmp_path: Path, ending: str) -> None:
    path = write_hdf5_table(tmp_path, COUNTS)
    path = path.rename(path.with_suffix(ending))

    assert find_tables([tmp_path]) == [path]
    assert count_table(path)[0].section == NAME


def test_labels_that_a_person_gave(tmp_path: Path) -> None:
    rows = np.zeros(4, [("labelimage_oid", "u4"), ("User Label", "S4"), ("Predicted Class", "S4")])
    rows["labelimage_oid"] = range(1, 5)
    rows["User Label"] = [b"0", b"Dead", b"0", b"N"]
    rows["Predicted Class"] = b"N"
    path = write_array(tmp_path / "a.h5", rows)

    assert count_table(path)[0].counts == {"N": 4}
    assert count_table(path, Reading(user_labels=True))[0].counts == {"Dead": 1, "N": 3}


@pytest.mark.parametrize(
    ("dtype", "values", "counts"),
    [
        (h5py.string_dtype(), ["Zelle µ", "B", "B"], {"B": 2, "Zelle µ": 1}),
        (h5py.string_dtype("utf-8", 8), ["µ", "", "B"], {"µ": 1, "": 1, "B": 1}),
        (">u2", [1, 2, 2], {"1": 1, "2": 2}),
        ("u1", [1, 2, 2], {"1": 1, "2": 2}),
    ],
)
def test_classes_of_any_type(
    tmp_path: Path, dtype: Any, values: list[Any], counts: dict[str, int]
) -> None:
    rows = np.zeros(3, [("labelimage_oid", ">i8"), ("Predicted Class", dtype)])
    rows["labelimage_oid"] = [1, 2, 3]
    rows["Predicted Class"] = (
        [str(value).encode() for value in values] if isinstance(values[0], str) else values
    )

    assert count_table(write_array(tmp_path / "a.h5", rows))[0].counts == counts


def test_objects_that_are_listed_twice_are_a_problem(tmp_path: Path) -> None:
    path = write_hdf5_table(tmp_path, {"A": 9})
    with h5py.File(path, "a") as file:
        file["table"][3] = file["table"][2]

    with pytest.raises(BadInputError, match=r"lists 1 objects twice \(labelimage_oid 3\)"):
        count_table(path)


class TestInAFolder:
    def test_images_beside_the_tables_are_passed_over(self, tmp_path: Path) -> None:
        table = write_hdf5_table(tmp_path, COUNTS)
        other = write_table(tmp_path, COUNTS, "b")
        write_labels(tmp_path / "b_labels.h5")
        probabilities = np.zeros((8, 9, 2), np.float32)
        write_array(tmp_path / "b_Probabilities.h5", probabilities, "exported_data")
        write_array(tmp_path / "b_table.hdf5", np.zeros((5, 3)))
        rows = np.zeros(2, [("timestep", "u4"), ("track_id", "u4")])
        write_array(tmp_path / "b_tracks.h5", rows, "divisions")

        assert find_tables([tmp_path]) == [other, table]

    def test_ilastiks_own_images_are_passed_over(self, shared: Path) -> None:
        found = find_tables([shared / "ilastik"])

        assert [path.name for path in found] == ["a_objects_table.csv"]

    def test_a_link_into_another_file_is_no_table(self, tmp_path: Path) -> None:
        write_hdf5_table(tmp_path / "secret", COUNTS)
        with h5py.File(tmp_path / "a.h5", "w") as file:
            file["table"] = h5py.ExternalLink(f"secret/{NAME}_table.h5", "/table")

        with pytest.raises(BadInputError, match=r"without tables \(its HDF5 files hold none\)"):
            find_tables([tmp_path])

    def test_a_damaged_one_is_kept_so_that_it_is_named(self, tmp_path: Path) -> None:
        path = tmp_path / "a_table.h5"
        path.write_bytes(b"\x89HDF\r\n\x1a\n cut off")

        assert find_tables([tmp_path]) == [path]


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("exported_data", np.zeros((8, 9, 2), np.float32)),
        ("table", np.zeros((8, 9))),
        ("group/table", np.zeros(2, [("Predicted Class", "S2")])),
        ("divisions", np.zeros(2, [("track_id", "u4")])),
    ],
)
def test_a_file_without_a_table_is_refused_when_it_is_named(
    tmp_path: Path, name: str, content: Any
) -> None:
    path = write_array(tmp_path / "a.h5", content, name)

    with pytest.raises(BadInputError) as refused:
        count_table(path)

    line = str(refused.value)
    assert line.startswith(f"{path}: holds no table of objects, but {name.partition('/')[0]}; ")
    assert "Configure Feature Table Export" in line


def test_a_label_image_with_classes_is_counted_when_it_is_named(tmp_path: Path) -> None:
    (section,) = count_table(write_labels(tmp_path / "a_labels.h5"))

    assert section.counts == {"A": 1, "B": 1}


@pytest.mark.parametrize(
    ("rows", "problem"),
    [
        (np.zeros(0, [("Predicted Class", "S2")]), "has no rows"),
        (np.zeros(2, [("labelimage_oid", "u4"), ("x", "f4")]), "has no column of classes"),
        (np.zeros(2, [("Predicted Class", "S2", (3,))]), "more than one value a row"),
    ],
)
def test_a_table_that_cannot_be_counted(tmp_path: Path, rows: Any, problem: str) -> None:
    path = write_array(tmp_path / "a.h5", rows)

    with pytest.raises(BadInputError, match=problem):
        count_table(path)


def test_rows_in_another_file_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.h5"
    (tmp_path / "rows.bin").write_bytes(b"N" * 8)
    dtype = np.dtype([("Predicted Class", "S1")])
    with h5py.File(path, "w") as file:
        file.create_dataset("table", (8,), dtype, external=[(tmp_path / "rows.bin", 0, 8)])

    with pytest.raises(BadInputError, match="keeps the rows of its table in another file"):
        count_table(path)


@pytest.mark.parametrize("storage", [{}, {"compression": "gzip"}])
@pytest.mark.parametrize("part", [0.02, 0.3, 0.7, 0.98])
def test_a_file_that_was_cut_short_is_named(
    tmp_path: Path, storage: dict[str, Any], part: float
) -> None:
    path = write_hdf5_table(tmp_path, {"A": 500}, **storage)
    whole = path.read_bytes()
    path.write_bytes(whole[: int(len(whole) * part)])

    with pytest.raises(BadInputError, match="damaged or cut short") as refused:
        count_table(path)

    assert str(refused.value).startswith(f"{path}: ")
    assert "\n" not in str(refused.value)


def test_rows_that_are_damaged_on_the_disk(tmp_path: Path) -> None:
    path = write_hdf5_table(tmp_path, {"A": 500}, compression="gzip")
    with h5py.File(path) as file:
        place = file["table"].id.get_chunk_info(0)
    data = bytearray(path.read_bytes())
    data[place.byte_offset + 2 : place.byte_offset + 60] = b"\xff" * 58
    path.write_bytes(data)

    with pytest.raises(BadInputError, match="damaged or cut short"):
        count_table(path)


def test_no_hdf5_and_nothing_at_all(tmp_path: Path) -> None:
    for content, problem in ((b"no", "damaged or cut short"), (b"", "is empty")):
        path = tmp_path / "a.h5"
        path.write_bytes(content)
        with pytest.raises(BadInputError, match=problem):
            count_table(path)
    with pytest.raises(BadInputError, match="does not exist"):
        count_table(tmp_path / "none.h5")


def test_one_that_another_program_is_writing(tmp_path: Path) -> None:
    fcntl = pytest.importorskip("fcntl")
    path = write_hdf5_table(tmp_path, COUNTS)
    descriptor = os.open(path, os.O_RDWR)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)

        assert find_tables([tmp_path]) == [path]
        with pytest.raises(BadInputError, match="is open in another program; close it there"):
            count_table(path)
    finally:
        os.close(descriptor)
