"""Telling the columns of tables by their titles."""

from __future__ import annotations

import pytest

from bridge.aggregate.layouts import layout_of


@pytest.mark.parametrize(
    ("header", "kind", "classes"),
    [
        (["object_id", "timestep", "labelimage_oid", "Predicted Class"], "ilastik", None),
        (["id", "image", "label", "class", "object_type"], "starbridge", "class"),
        (["label", "Predicted Class", "class", "object_type"], "starbridge", "class"),
        (["Image", "Object ID", "Object type", "Classification"], "QuPath", "Classification"),
        (["Image", "Object ID", "Class"], "QuPath", "Class"),
        (["x", "Class"], "table", "Class"),
    ],
)
def test_programs_are_told_by_their_columns(
    header: list[str], kind: str, classes: str | None
) -> None:
    layout = layout_of("a.csv", header)

    assert layout.kind == kind
    assert layout.classes == (classes or "Predicted Class")


def test_what_identifies_an_object() -> None:
    ilastik = layout_of("a", ["timestep", "labelimage_oid", "User Label", "Predicted Class"])
    ours = layout_of("a", ["class", "label", "z", "t", "image", "object_type"])
    qupath = layout_of("a", ["Image", "Object type", "Classification"])

    assert (ilastik.ids, ilastik.user_label) == (("timestep", "labelimage_oid"), "User Label")
    assert (ours.ids, ours.image, ours.object_type) == (("t", "z", "label"), "image", "object_type")
    assert (qupath.image, qupath.object_type) == ("Image", "Object type")
