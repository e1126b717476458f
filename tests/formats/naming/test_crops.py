"""The class in the name of an object's image region."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.files.names import safe_name
from bridge.formats.naming.crops import class_in_name, class_text, crop_name

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=30)


@given(name=TEXT, kind=TEXT | st.sampled_from(["Polygon", "3 objects", "(Cyst)", "none"]))
def test_a_class_is_read_back_from_the_name_that_it_was_written_into(name: str, kind: str) -> None:
    written = crop_name(name, kind, 3)

    assert class_in_name(f"{written}.tif") == (
        None if class_text(kind) == "none" else class_text(kind)
    )


@given(name=TEXT, kind=TEXT | st.none(), number=st.integers(1, 10**6))
def test_the_class_is_the_only_round_bracket(name: str, kind: str | None, number: int) -> None:
    written = crop_name(name, kind, number)

    assert re.findall(r"\(([^)]*)\)", written) == [class_text(kind)]
    assert written.count("(") == written.count(")") == 1
    assert safe_name(class_text(kind)) == class_text(kind)


@given(kind=st.text("abcXYZ +_-", min_size=1).map(str.strip).filter(bool))
def test_a_plain_class_stays_as_it_is(kind: str) -> None:
    assert class_text(kind) == kind


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("img (1)Annotation (Polygon) (Cyst)_4.tif", "Cyst"),
        ("Annotation (Geometry) (Cystic: round) (12 objects)", "Cystic: round"),
        ("Annotation (Rectangle) (1 object)", None),
        ("img (1)_4.tif", "1"),
        ("img_4.tif", None),
        ("img ()_4.tif", None),
        ("img (1)Annotation (Polygon)_4.tif", None),
        ("imgAnnotation (Polygon) (Dead (dark))_4.tif", "Dead (dark)"),
        ("img (1Annotation (Polygon) (Cyst)_4.tif", "Cyst"),
        ("img) 1Annotation (Polygon) (Cyst)_4.tif", "Cyst"),
    ],
)
def test_names_of_qupath_are_read(name: str, kind: str | None) -> None:
    assert class_in_name(name) == kind
