"""Find the columns that matter in tables of objects by their titles."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from os import PathLike

from bridge.detections import OBJECT
from bridge.errors import BadInputError

_IMAGE_NAME = "imagename"
_IMAGE_TITLES = {"starbridge": "image", "QuPath": "Image"}
"""Title of the column of images by the program that writes it."""


@dataclass(frozen=True)
class Layout:
    """The titles of a table's columns by their role.

    Attributes:
        kind: program that wrote it: ``ilastik``, ``starbridge``, ``QuPath`` or ``table``.
        classes: classes.
        user_label: classes that a person gave in ilastik.
        object_type: detection, cell, annotation, tile.
        geometry_type: Polygon, Point, LineString, … of a table that has points and lines too.
        image: name of the image that a row belongs to.
        names_section: whether ``image`` says the section even in a table of one image: people add
            such a column to join tables, while programs name the image that they had open.
        ids: time point or plane, and label, which identify an object together.
        fields: titles of columns that say what the image's name says too, by field (``clone``).
        owner: UUID of the object of a volume that a row is a slice of.
    """

    kind: str
    classes: str
    user_label: str | None = None
    object_type: str | None = None
    geometry_type: str | None = None
    image: str | None = None
    names_section: bool = False
    ids: tuple[str, ...] = ()
    fields: Mapping[str, str] = field(default_factory=dict)
    owner: str | None = None


def layout_of(
    path: str | PathLike[str],
    header: Sequence[str],
    class_column: str | None = None,
    fields: Sequence[str] = (),
) -> Layout:
    """Find the columns that matter by their titles.

    ilastik: ``Predicted Class``, ``User Label``, ``timestep``, ``labelimage_oid``. starbridge:
    ``class``, ``object_type``, ``image``, ``t``, ``z``, ``label``, ``object``. QuPath:
    ``Classification`` (or ``Class``), ``Object type``, ``Image``, ``object``. Where a table has
    several columns of classes, a reviewed one (``class``, ``Classification``) counts more than a
    predicted one. A table into which somebody has joined those of several images says in
    ``Image_name``, or else ``Image``, in any case, which image a row is of.

    Args:
        path: the table, for errors.
        header: titles of its columns.
        class_column: title of the column of classes, where it is another one.
        fields: fields of the images' names, whose columns are looked for in a table that names
            images.

    Raises:
        BadInputError: no column of classes, or two of one title.

    >>> layout_of("a.csv", ["labelimage_oid", "Predicted Class", "Size in pixels"]).ids
    ('labelimage_oid',)
    """
    titles = list(header)
    there = set(titles)
    if {title.lower() for title in titles} == {"value", "class"}:
        raise BadInputError(path, "says which number is which class and lists no objects")
    chosen = class_column or next(
        (c for c in ("class", "Classification", "Predicted Class", "Class") if c in there), None
    )
    if chosen is None or chosen not in there:
        listed = ", ".join(titles[:12]) + (", …" if len(titles) > 12 else "")
        raise BadInputError(
            path,
            f"has no column {class_column!r}"
            if class_column
            else "has no column of classes (Predicted Class, class, Classification)",
            f"say which one it is with --class-column; it has {listed}",
        )

    def known(*names: str) -> tuple[str, ...]:
        for name in names:
            if titles.count(name) > 1:
                raise BadInputError(path, f"has two columns {name!r}", "rename or remove one")
        return tuple(name for name in names if name in there)

    def one(name: str) -> str | None:
        return name if known(name) and name != chosen else None

    known(chosen)
    if "labelimage_oid" in there:
        ids = known("timestep", "labelimage_oid")
        layout = Layout("ilastik", chosen, user_label=one("User Label"), ids=ids)
    elif "class" in there or {"label", "object_type"} <= there:
        ids = known("t", "z", "label") if "label" in known("label") else ()
        layout = Layout(
            "starbridge",
            chosen,
            object_type=one("object_type"),
            geometry_type=one("geometry_type"),
            ids=ids,
            owner=one(OBJECT),
        )
    elif "Classification" in there or {"Object ID", "Object type"} & there:
        layout = Layout("QuPath", chosen, object_type=one("Object type"), owner=one(OBJECT))
    else:
        kind = "ilastik" if "Predicted Class" in there else "table"
        layout = Layout(kind, chosen, user_label=one("User Label"))
    taken = (
        chosen,
        layout.user_label,
        layout.object_type,
        layout.geometry_type,
        *layout.ids,
        layout.owner,
    )
    others = [title for title in titles if title not in taken]
    program = _IMAGE_TITLES.get(layout.kind)
    image = _image_column(path, others, program)
    if image is None:
        return layout
    return replace(
        layout,
        image=image,
        names_section=_plain(image) == _IMAGE_NAME,
        fields=_field_columns([title for title in others if title != image], fields),
    )


def _image_column(
    path: str | PathLike[str], titles: Sequence[str], program: str | None
) -> str | None:
    """Find the column that says which image a row is of.

    Args:
        path: the table, for errors.
        titles: of its columns.
        program: title that the program which wrote the table gives to this column.
    """
    named = [title for title in titles if _plain(title) == _IMAGE_NAME]
    usual = [title for title in titles if title == program]
    found = named or usual or [title for title in titles if _plain(title) == "image"]
    if len(found) > 1:
        raise BadInputError(
            path,
            f"has two columns of images, {found[0]!r} and {found[1]!r}",
            "rename or remove one",
        )
    return found[0] if found else None


def _field_columns(titles: Sequence[str], fields: Sequence[str]) -> dict[str, str]:
    """Return the titles of the columns that are called like fields of names, by field."""
    by_name = {_plain(title): title for title in reversed(titles)}
    return {name: by_name[_plain(name)] for name in fields if _plain(name) in by_name}


def _plain(title: str) -> str:
    """Return a title in small letters and without blanks, hyphens and underscores."""
    return re.sub(r"[\W_]", "", title).lower()
