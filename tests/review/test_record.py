"""Push records keep objects and decisions without loss."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from geopandas.testing import assert_geodataframe_equal
from hypothesis import given, settings
from hypothesis import strategies as st

from bridge import Detections
from bridge.errors import BadInputError
from bridge.review import Pushed, load_push_record, merge, save_push_record
from bridge.review.record import ENDING
from tests.objects import reviewed as everything
from tests.review.nuclei import (
    assert_nothing_changes,
    assert_same_memory,
    disc,
    edited,
    row_of,
    with_more,
    without,
)


def assert_same_push(found: Pushed, expected: Pushed) -> None:
    assert_geodataframe_equal(found.detections.objects, expected.detections.objects)
    assert found.detections.image == expected.detections.image
    assert found.detections.outline == expected.detections.outline
    assert_same_memory(found, expected)


def test_everything_that_an_object_carries_is_remembered_exactly(tmp_path: Path) -> None:
    pushed = everything()
    save_push_record(tmp_path / f"new folder/slide{ENDING}", pushed)

    assert_same_push(load_push_record(tmp_path / f"new folder/slide{ENDING}"), Pushed.of(pushed))


def test_the_memory_of_earlier_reviews_is_remembered(tmp_path: Path) -> None:
    base, new = row_of(5), row_of(5, shift=1)
    reviewed = with_more(without(edited(base, 2, name="µ 核"), 0), disc(300))
    merged = merge(base, edited(reviewed, 2, geometry=disc(130)), new)
    path = tmp_path / f"slide{ENDING}"

    save_push_record(path, merged.pushed)
    found = load_push_record(path)

    assert_same_push(found, merged.pushed)
    assert_geodataframe_equal(
        merge(found, found.detections, new).detections.objects, merged.detections.objects
    )
    assert_nothing_changes(merged, new)


@settings(max_examples=20)
@given(st.integers(0, 5), st.data())
def test_any_numbers_and_texts_are_remembered(tmp_path: Path, n: int, data: st.DataObject) -> None:
    texts = st.none() | st.text(st.characters(exclude_categories=["Cs"]), max_size=5)
    pushed = row_of(
        n,
        prob=data.draw(st.lists(st.floats(), min_size=n, max_size=n)),
        name=data.draw(st.lists(texts, min_size=n, max_size=n)),
        Count=np.array(data.draw(st.lists(st.integers(0, 2**40), min_size=n, max_size=n)), int),
        note=np.array(data.draw(st.lists(texts, min_size=n, max_size=n)), object),
    )
    save_push_record(tmp_path / "any", pushed)

    assert_same_push(load_push_record(tmp_path / "any"), Pushed.of(pushed))


def test_equal_pushes_give_equal_files(tmp_path: Path) -> None:
    pushed = everything()
    for name in "ab":
        save_push_record(tmp_path / name, pushed)

    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


def test_a_record_that_cannot_be_written_leaves_the_old_one(tmp_path: Path) -> None:
    path = tmp_path / "slide"
    save_push_record(path, row_of(2))
    before = path.read_bytes()

    strange = Detections.from_polygons([disc(0)], ids=["no uuid"])
    with pytest.raises(BadInputError, match="its id is no UUID"):
        save_push_record(path, strange)
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


def rewritten(path: Path, **changes: Any) -> None:
    with zipfile.ZipFile(path) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    note = {**json.loads(parts["record.json"]), **changes}
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in {**parts, "record.json": json.dumps(note).encode()}.items():
            archive.writestr(name, content)


def flipped(path: Path, place: float) -> None:
    content = bytearray(path.read_bytes())
    content[int(place * len(content))] ^= 0xFF
    path.write_bytes(content)


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda p: p.unlink(), "does not exist"),
        (lambda p: p.write_bytes(b""), "is empty"),
        (lambda p: p.write_bytes(b"hello"), "is no record of a push"),
        (lambda p: p.write_bytes(p.read_bytes()[:2000]), "is damaged .*restore it from a backup"),
        (lambda p: flipped(p, 0.3), "is damaged"),
        (lambda p: row_of(2).write(p.with_suffix(".zip")), ""),
        (lambda p: rewritten(p, version=3), "newer starbridge .*update starbridge"),
        (lambda p: rewritten(p, version="1"), "is damaged"),
        (lambda p: rewritten(p, format="other"), "is no record of a push"),
        (lambda p: rewritten(p, decided=[1]), "is damaged"),
        (lambda p: rewritten(p, set_aside=[1]), "is damaged"),
    ],
)
def test_what_is_no_record_is_said(tmp_path: Path, damage: Any, message: str) -> None:
    path = tmp_path / "slide"
    save_push_record(path, row_of(3))
    damage(path)
    if not message:  # a RoiSet is a zip, too
        path, message = path.with_suffix(".zip"), "is no record of a push"

    with pytest.raises(BadInputError, match=message) as failed:
        load_push_record(path)
    assert str(failed.value).startswith(f"{path}: ")
    assert "\n" not in str(failed.value)


@settings(max_examples=30)
@given(st.floats(0, 0.999))
def test_a_damaged_byte_is_never_taken_for_a_record_of_something_else(
    tmp_path: Path, place: float
) -> None:
    path, pushed = tmp_path / "slide", everything()
    save_push_record(path, pushed)
    flipped(path, place)

    try:
        found = load_push_record(path)
    except BadInputError:
        return
    assert_same_push(found, Pushed.of(pushed))
