"""Count the objects of each class in a section."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bridge.aggregate.hdf5_tables import is_hdf5, keeps_object_classes
from bridge.aggregate.identities import check_objects
from bridge.aggregate.layouts import Layout, layout_of
from bridge.aggregate.slices import columns_of_slices, keep_layout_slices
from bridge.aggregate.tables import TABLE_ENDINGS, Columns, read_columns
from bridge.aggregate.tally import Tally
from bridge.errors import BadInputError
from bridge.formats import format_of
from bridge.formats.delimited_text import decoded
from bridge.formats.layout import endings
from bridge.formats.naming import PUBLISHED_PATTERN, NamePattern, base_name

if TYPE_CHECKING:
    import pandas as pd

    from bridge.detections import Detections

_NO_AREAS = ("Point", "LineString")
NOT_CELLS = ("annotation", "tile", "tma core", "root", "image")
"""Types of objects that are no cells, in small letters."""

_NO_LABEL = ("", "none", "nan", "0")
_PUBLISHED_FIELDS = NamePattern.parse(PUBLISHED_PATTERN).fields


@dataclass(frozen=True)
class Reading:
    """The options of reading tables.

    Attributes:
        class_column: title of the column of classes, where it is none of the usual ones.
        user_labels: where ilastik's ``User Label`` says a class, it counts, and not the
            prediction.
        annotations: count annotations and tiles too.
        labels: folder of label images that the tables are compared with.
        fields: fields of the images' names beside the published ones (clone, day, organoid, …). In
            a table that names images, columns that are called like fields are compared with the
            names.

    >>> Reading(class_column="cell type").decisive()["class_column"]
    'cell type'
    """

    class_column: str | None = None
    user_labels: bool = False
    annotations: bool = False
    labels: Path | None = None
    fields: tuple[str, ...] = ()

    def known_fields(self) -> tuple[str, ...]:
        """Return all fields whose columns are read."""
        return tuple(sorted({*_PUBLISHED_FIELDS, *self.fields}))

    def decisive(self) -> dict[str, Any]:
        """Return the options that decide the counts; label images are compared by themselves."""
        return {
            "class_column": self.class_column,
            "user_labels": self.user_labels,
            "annotations": self.annotations,
            "fields": list(self.known_fields()),
        }


@dataclass(frozen=True)
class SectionCounts:
    """The objects of one section by class.

    Attributes:
        table: the path of the file, or a name.
        section: name of the section, from the table's name, or from the image's name in a table of
            several images or with a column ``Image_name``.
        counts: number of objects by the table's name of their class, which is empty for objects
            without one.
        kind: program that wrote the table.
        image: name of the image in the table, where it has one.
        left_out: number of annotations and tiles, which are not counted.
        notes: remarks for the user.
        problem: reason why it cannot be counted; empty where it can.
        fields: what the table's own columns say of the section, by field (``clone``), empty texts
            left out; several texts where its rows differ.

    >>> SectionCounts("Pa_OG1_s1.csv", "Pa_OG1_s1", {"Neuron": 3, "": 1}).objects
    4
    """

    table: str
    section: str
    counts: Mapping[str, int] = field(default_factory=dict)
    kind: str = "table"
    image: str = ""
    left_out: int = 0
    notes: tuple[str, ...] = ()
    problem: str = ""
    fields: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    @property
    def objects(self) -> int:
        """Number of counted objects."""
        return sum(self.counts.values())


def count_objects(
    objects: Detections | pd.DataFrame,
    name: str,
    reading: Reading | None = None,
) -> SectionCounts:
    """Count the objects of one section by class.

    Args:
        objects: detections, or a table with a row an object, as ilastik, QuPath and starbridge
            write them.
        name: the section, such as ``Pa_dQ_J70_SNd2T_20Xa_g1dt08_OG1_s1``.
        reading: the options; ``labels`` is not used.

    Raises:
        BadInputError: no column of classes, objects listed twice, objects of several images, or no
            objects.

    >>> import pandas as pd
    >>> table = pd.DataFrame({"label": [1, 2, 3], "class": ["Neuron", "Dead", "Neuron"]})
    >>> count_objects(table, "Pa_OG1_s1").counts
    {'Dead': 1, 'Neuron': 2}
    """
    import pandas as pd
    import pyarrow as pa

    from bridge.detections import OBJECT, Detections

    reading = reading or Reading()
    if isinstance(objects, Detections):
        owner = OBJECT if OBJECT in objects.objects.columns else None
        frame = pd.DataFrame(
            objects.objects[["object_type", "class", "t", *([owner] if owner else [])]]
        )
        layout = Layout("starbridge", "class", object_type="object_type", owner=owner)
    else:
        frame = objects
        layout = layout_of(name, [str(title) for title in frame.columns], reading.class_column)
    texts = tuple(
        title for title in (layout.classes, layout.user_label, layout.object_type) if title
    )
    images = {*frame[layout.image].dropna()} - {""} if layout.image else set()
    if len(images) > 1:
        raise BadInputError(
            name,
            f"has objects of {len(images)} images (column {layout.image!r})",
            "count the rows of each image for themselves",
        )
    wanted = dict.fromkeys([*texts, *layout.ids, *columns_of_slices(layout, frame.columns)])
    plain = frame[[*wanted]].rename(columns=str)
    for title in texts:
        whole = plain[title]
        plain[title] = whole.astype(object).where(whole.notna(), None).map(_text)
    tally = Tally()
    rows, notes = keep_layout_slices(pa.Table.from_pandas(plain, preserve_index=False), layout)
    tally.add_table(rows, texts, layout.ids)
    return _sections(name, Columns(layout, texts, tally, notes), reading, None)[0]


def count_table(
    path: str | PathLike[str], reading: Reading | None = None, labels: Path | None = None
) -> list[SectionCounts]:
    r"""Count the objects of a file by class.

    Args:
        path: a table as :func:`bridge.aggregate.tables.read_columns` takes it, or GeoJSON,
            ``RoiSet.zip`` or another format of :mod:`bridge.formats` that keeps classes.
        reading: how to read it.
        labels: the section's label image, to compare the objects with.

    Returns:
        One section; several where the table names several images, as QuPath's *Export
        measurements* writes it, and as tables are that were joined in a notebook. Of these, one
        with a problem does not stop the others.

    Raises:
        BadInputError: the file cannot be read, holds no objects or one of them twice, or holds
            objects that are not in the label image.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     table = Path(folder) / "Pa_OG1_s1_table.csv"
    ...     _ = table.write_text("labelimage_oid,Predicted Class\n1,Neuron\n2,Dead\n")
    ...     [section] = count_table(table)
    >>> section.section, section.counts
    ('Pa_OG1_s1', {'Dead': 1, 'Neuron': 1})
    """
    reading = reading or Reading()
    file = Path(path)
    if is_read_as_objects(file):
        detections = format_of(file).read(file)
        section = count_objects(detections, str(file), reading)
        notes = (f"is not compared with {labels.name}",) if labels is not None else ()
        return [replace(section, image=detections.image.name, notes=(*section.notes, *notes))]
    columns = read_columns(file, class_column=reading.class_column, fields=reading.known_fields())
    return _sections(str(file), columns, reading, labels)


def is_read_as_objects(path: Path) -> bool:
    """Tell whether a file is read with the shapes of its objects, which takes memory."""
    if is_hdf5(path):
        return keeps_object_classes(path)
    name = path.name.lower()
    return name.endswith(endings()) and not name.endswith(TABLE_ENDINGS)


def _text(value: Any) -> str | None:
    if isinstance(value, float) and value.is_integer():
        return str(int(value))  # classes 1, 2 and none are floats to pandas
    return None if value is None else str(value)


@dataclass
class _ImageRows:
    """Counts of the rows of one image, while a table is gone through."""

    counts: dict[str, int] = field(default_factory=dict)
    left_out: int = 0
    fields: dict[str, dict[str, None]] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)

    def add(self, other: _ImageRows) -> None:
        """Add the rows of another image, or of none, to this one."""
        for name, count in other.counts.items():
            self.counts[name] = self.counts.get(name, 0) + count
        self.left_out += other.left_out
        for name, texts in other.fields.items():
            self.fields.setdefault(name, {}).update(texts)


def _sections(
    table: str, columns: Columns, reading: Reading, labels: Path | None
) -> list[SectionCounts]:
    if not columns.tally.counts:
        raise BadInputError(table, "has no rows", "export it again, or take it away")
    images = _count_images(table, columns, reading)
    if not any(rows.counts for rows in images.values()):
        left_out = sum(rows.left_out for rows in images.values())
        raise BadInputError(
            table, f"holds annotations only ({left_out})", "give --annotations to count them"
        )
    layout, tally = columns.layout, columns.tally
    several = len(images) > 1
    ids = tally.integers_by_group() if several else dict.fromkeys(images, tally.integers)
    sections = []
    for image, rows in images.items():
        if several and not rows.counts:
            continue
        is_of_image = image and (several or layout.names_section)
        section = SectionCounts(
            table=table,
            section=_section_of(image) if is_of_image else base_name(table),
            kind=layout.kind,
            image=image,
        )
        try:
            if several and not image:
                raise BadInputError(
                    table,
                    f"has {sum(rows.counts.values())} objects of no image",
                    f"fill in the empty cells of its column {layout.image!r}",
                )
            notes = check_objects(
                table,
                layout.ids,
                ids.get(image, []),
                image=image if several else "",
                labels=labels,
                left_out=rows.left_out,
            )
            section = replace(
                section,
                counts=dict(sorted(rows.counts.items())),
                left_out=rows.left_out,
                notes=(*rows.notes, *notes, *columns.notes),
                fields={name: tuple(texts) for name, texts in rows.fields.items()},
            )
        except BadInputError as error:
            if not several:
                raise
            section = replace(section, problem=str(error).removeprefix(f"{table}: "))
        sections.append(section)
    return sections


def _count_images(table: str, columns: Columns, reading: Reading) -> dict[str, _ImageRows]:
    """Count the rows of each image; those of none belong to the only one, where there is one."""
    layout = columns.layout
    images: dict[str, _ImageRows] = {}
    for values, count in columns.tally.counts.items():
        texts = (decoded(value).strip() for value in values)
        row = dict(zip(columns.texts, texts, strict=True))
        rows = images.setdefault(row.get(layout.image or "", ""), _ImageRows())
        is_marker = row.get(layout.geometry_type or "", "").endswith(_NO_AREAS)
        of_type = _type(row.get(layout.object_type or "", ""))
        if is_marker or (not reading.annotations and of_type in NOT_CELLS):
            rows.left_out += count
            continue
        name = row[layout.classes]
        if name == layout.classes:
            raise BadInputError(
                table, "repeats its header further down", "give each table in a file of its own"
            )
        given = row.get(layout.user_label or "", "")
        if reading.user_labels and given.lower() not in _NO_LABEL:
            name = given
        rows.counts[name] = rows.counts.get(name, 0) + count
        for name_of_field, title in layout.fields.items():
            if row[title]:
                rows.fields.setdefault(name_of_field, {})[row[title]] = None
    if len(images) == 2 and "" in images:
        unnamed = images.pop("")
        [(image, rows)] = images.items()
        rows.add(unnamed)
        if layout.names_section and unnamed.counts:
            n = sum(unnamed.counts.values())
            rows.notes.append(f"has {n} objects of no image, which are counted for {image}")
    return images


def _section_of(image: str) -> str:
    """Return the section of an image's name or path, of any system."""
    return base_name(re.split(r"[\\/]", image)[-1])


def _type(text: str) -> str:
    """Shorten ``PathAnnotationObject``, as older versions of QuPath say, to ``annotation``."""
    return text.lower().removeprefix("path").removesuffix("object").removesuffix("roi").strip()
