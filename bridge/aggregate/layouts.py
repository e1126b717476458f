"""Find the columns that matter in tables of objects by their titles."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from os import PathLike

from bridge.errors import BadInputError


@dataclass(frozen=True)
class Layout:
    """The titles of a table's columns by their role.

    Attributes:
        kind: program that wrote it: ``ilastik``, ``starbridge``, ``QuPath`` or ``table``.
        classes: classes.
        user_label: classes that a person gave in ilastik.
        object_type: detection, cell, annotation, tile.
        image: name of the image that a row belongs to.
        ids: time point or plane, and label, which identify an object together.
    """

    kind: str
    classes: str
    user_label: str | None = None
    object_type: str | None = None
    image: str | None = None
    ids: tuple[str, ...] = ()


def layout_of(
    path: str | PathLike[str], header: Sequence[str], class_column: str | None = None
) -> Layout:
    """Find the columns that matter by their titles.

    ilastik: ``Predicted Class``, ``User Label``, ``timestep``, ``labelimage_oid``. starbridge:
    ``class``, ``object_type``, ``image``, ``t``, ``z``, ``label``. QuPath: ``Classification``
    (or ``Class``), ``Object type``, ``Image``. Where a table has several columns of classes, a
    reviewed one (``class``, ``Classification``) counts more than a predicted one.

    Args:
        path: the table, for errors.
        header: titles of its columns.
        class_column: title of the column of classes, where it is another one.

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
        return Layout("ilastik", chosen, user_label=one("User Label"), ids=ids)
    if "class" in there or {"label", "object_type"} <= there:
        ids = known("t", "z", "label") if "label" in known("label") else ()
        return Layout(
            "starbridge", chosen, object_type=one("object_type"), image=one("image"), ids=ids
        )
    if "Classification" in there or {"Object ID", "Object type"} & there:
        return Layout("QuPath", chosen, object_type=one("Object type"), image=one("Image"))
    kind = "ilastik" if "Predicted Class" in there else "table"
    return Layout(kind, chosen, user_label=one("User Label"))
