"""Telling the columns of tables by their titles."""

from __future__ import annotations

import pytest

from bridge.aggregate.layouts import layout_of
from bridge.errors import BadInputError


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


@pytest.mark.parametrize(
    ("header", "image"),
    [
        (["Image_name", "labelimage_oid", "Predicted Class"], "Image_name"),
        (["Predicted Class", "labelimage_oid", "image name"], "image name"),
        (["image", "labelimage_oid", "Predicted Class"], "image"),
        (["Image", "Cell type", "Class"], "Image"),
        (["image", "label", "class", "Image_name"], "Image_name"),
        (["Image", "image", "Object ID", "Classification"], "Image"),
        (["Image number", "Image mean", "Predicted Class"], None),
    ],
)
def test_the_column_that_names_the_image(header: list[str], image: str | None) -> None:
    layout = layout_of("a.csv", header)

    assert layout.image == image
    assert layout.names_section == (image in ("Image_name", "image name"))


def test_two_columns_that_name_the_image() -> None:
    with pytest.raises(BadInputError, match="two columns of images, 'Image_name' and 'image_name'"):
        layout_of("a.csv", ["Image_name", "image_name", "Predicted Class"])


def test_columns_that_are_called_like_fields_of_the_name() -> None:
    header = ["image_name", "Clone", "Passage number", "Slice", "label", "class", "t"]

    layout = layout_of("a.csv", header, fields=("clone", "passage_number", "day", "label"))

    assert layout.fields == {"clone": "Clone", "passage_number": "Passage number"}
    # Fiji has a column Slice, which is no slice of an organoid.
    assert layout_of("a.csv", ["Slice", "Class"], fields=("slice",)).fields == {}
