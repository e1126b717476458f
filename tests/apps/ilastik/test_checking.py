"""Which exports of ilastik count, and which do not."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from numpy.typing import ArrayLike, NDArray

from bridge.apps.ilastik import checking
from bridge.apps.ilastik.checking import (
    check_objects,
    check_pixels,
    check_table,
    write_empty,
)
from bridge.apps.ilastik.errors import IlastikError
from bridge.formats.axistags import axistags

SIZES = {"T": 1, "Z": 1, "C": 1, "Y": 30, "X": 40}


def export(path: Path, values: ArrayLike, axes: str = "YXC") -> Path:
    with h5py.File(path, "w") as file:
        file["exported_data"] = values
        file["exported_data"].attrs["axistags"] = axistags(axes)
    return path


def probabilities(*shape: int) -> NDArray[np.float32]:
    values: NDArray[np.float32] = np.random.default_rng(0).random(shape, np.float32)
    values /= values.sum(axis=-1, keepdims=True)
    return values


def test_whole_exports_count(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checking, "_SLAB", 500)  # several pieces
    labels = np.zeros((30, 40), np.uint32)
    labels[3:9, 4:9] = 7

    check_pixels(
        export(tmp_path / "p.h5", probabilities(30, 40, 3)), "YXC", SIZES, 3, "probabilities"
    )
    check_pixels(
        export(tmp_path / "s.h5", np.full((30, 40, 1), 3, np.uint8)),
        "YXC",
        SIZES,
        3,
        "segmentation",
    )
    check_objects(
        export(tmp_path / "o.h5", (labels > 0)[..., None] * np.uint8(2)), "YXC", SIZES, 2, labels
    )


def test_zeros_do_not_count(tmp_path: Path) -> None:
    # So ilastik leaves a file behind where it failed, and where nothing is labelled.
    zeros = export(tmp_path / "p.h5", np.zeros((30, 40, 2), np.float32))
    with pytest.raises(IlastikError, match="wrote zeros, .*: all pixels do not add up to 1"):
        check_pixels(zeros, "YXC", SIZES, 2, "probabilities")
    zeros = export(tmp_path / "s.h5", np.zeros((30, 40, 1), np.uint8))
    with pytest.raises(IlastikError, match="wrote zeros, .*: all pixels are of no class"):
        check_pixels(zeros, "YXC", SIZES, 2, "segmentation")


@pytest.mark.parametrize("wrong", [0, np.nan, np.inf])
def test_a_block_that_is_missing_does_not_count(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, wrong: float
) -> None:
    monkeypatch.setattr(checking, "_SLAB", 500)
    values = probabilities(30, 40, 2)
    values[28:, 20:] = wrong

    with pytest.raises(IlastikError, match="40 of 1200 pixels"):
        check_pixels(export(tmp_path / "p.h5", values), "YXC", SIZES, 2, "probabilities")


@pytest.mark.parametrize(
    ("values", "axes", "said"),
    [
        (probabilities(30, 41, 2), "YXC", r"YXC \(30, 41, 2\), and YXC \(30, 40, 2\) was due"),
        (probabilities(30, 40, 3), "YXC", r"YXC \(30, 40, 3\)"),
        (probabilities(30, 40, 2), "XYC", r"XYC \(30, 40, 2\)"),
    ],
)
def test_another_size_does_not_count(
    tmp_path: Path, values: NDArray[Any], axes: str, said: str
) -> None:
    with pytest.raises(IlastikError, match=said):
        check_pixels(export(tmp_path / "p.h5", values, axes), "YXC", SIZES, 2, "probabilities")


def test_what_is_missing_or_damaged_does_not_count(tmp_path: Path) -> None:
    path = tmp_path / "p.h5"
    with pytest.raises(IlastikError, match="wrote nothing"):
        check_pixels(path, "YXC", SIZES, 2, "probabilities")
    path.write_bytes(b"text")
    with pytest.raises(IlastikError, match="a damaged file"):
        check_pixels(path, "YXC", SIZES, 2, "probabilities")
    with h5py.File(path, "w") as file:
        file["other"] = [1]
    with pytest.raises(IlastikError, match="without 'exported_data'"):
        check_pixels(path, "YXC", SIZES, 2, "probabilities")


@pytest.mark.parametrize("place", [(4, 5), (20, 20)])
def test_an_object_without_a_class_and_a_class_without_an_object_do_not_count(
    tmp_path: Path, place: tuple[int, int]
) -> None:
    labels = np.zeros((30, 40), np.uint32)
    labels[3:9, 4:9] = 7
    values = (labels > 0)[..., None] * np.uint8(1)
    values[place] ^= 1

    with pytest.raises(IlastikError, match="gave objects no class"):
        check_objects(export(tmp_path / "o.h5", values), "YXC", SIZES, 2, labels)


def test_a_table_must_have_a_row_for_each_object(tmp_path: Path) -> None:
    table = tmp_path / "a_table.csv"
    with pytest.raises(IlastikError, match="wrote no table"):
        check_table(table, 2)
    table.write_text('object_id,labelimage_oid,Predicted Class\n0,1,"a, b"\n1,2,b\n')
    check_table(table, 2)
    with pytest.raises(IlastikError, match="a table of 2 objects, and there are 3"):
        check_table(table, 3)
    table.write_text("object_id,area\n")
    with pytest.raises(IlastikError, match="without objects' numbers or classes"):
        check_table(table, 0)


def test_an_image_without_objects_has_an_empty_table_and_no_classes(tmp_path: Path) -> None:
    sizes = {**SIZES, "Z": 3}
    write_empty(tmp_path / "o.h5", tmp_path / "t.csv", "ZYXC", sizes)

    check_table(tmp_path / "t.csv", 0)
    check_objects(tmp_path / "o.h5", "ZYXC", sizes, 2, np.zeros((3, 30, 40), np.uint32))
