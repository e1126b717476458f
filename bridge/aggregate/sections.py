"""Count the objects of each class in a section."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from bridge.aggregate.hdf5_tables import is_hdf5, keeps_object_classes
from bridge.aggregate.identities import compare_labels, repeated
from bridge.aggregate.layouts import Layout, layout_of
from bridge.aggregate.tables import TABLE_ENDINGS, Columns, decoded, read_columns
from bridge.aggregate.tally import Tally
from bridge.errors import BadInputError
from bridge.formats import format_of
from bridge.formats.layout import endings
from bridge.formats.naming import base_name

if TYPE_CHECKING:
    import pandas as pd

    from bridge.detections import Detections

NOT_CELLS = ("annotation", "tile", "tma core", "root", "image")
"""Types of objects that are no cells, in small letters."""

_NO_LABEL = ("", "none", "nan", "0")


@dataclass(frozen=True)
class Reading:
    """The options of reading tables.

    Attributes:
        class_column: title of the column of classes, where it is none of the usual ones.
        user_labels: where ilastik's ``User Label`` says a class, it counts, and not the
            prediction.
        annotations: count annotations and tiles too.
        labels: folder of label images that the tables are compared with.

    >>> Reading(class_column="cell type").decisive()["class_column"]
    'cell type'
    """

    class_column: str | None = None
    user_labels: bool = False
    annotations: bool = False
    labels: Path | None = None

    def decisive(self) -> dict[str, Any]:
        """Return the options that decide the counts; label images are compared by themselves."""
        return {
            "class_column": self.class_column,
            "user_labels": self.user_labels,
            "annotations": self.annotations,
        }


@dataclass(frozen=True)
class SectionCounts:
    """The objects of one section by class.

    Attributes:
        table: the path of the file, or a name.
        section: name of the section, from the table's name, or from the image's name in a table of
            several images.
        counts: number of objects by the table's name of their class, which is empty for objects
            without one.
        kind: program that wrote the table.
        image: name of the image in the table, where it has one.
        left_out: number of annotations and tiles, which are not counted.
        notes: remarks for the user.
        problem: reason why it cannot be counted; empty where it can.

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
        BadInputError: no column of classes, objects listed twice, or no objects.

    >>> import pandas as pd
    >>> table = pd.DataFrame({"label": [1, 2, 3], "class": ["Neuron", "Dead", "Neuron"]})
    >>> count_objects(table, "Pa_OG1_s1").counts
    {'Dead': 1, 'Neuron': 2}
    """
    import pandas as pd
    import pyarrow as pa

    from bridge.detections import Detections

    reading = reading or Reading()
    if isinstance(objects, Detections):
        frame = pd.DataFrame(objects.objects[["object_type", "class"]])
        layout = Layout("starbridge", "class", object_type="object_type")
    else:
        frame = objects
        layout = layout_of(name, [str(title) for title in frame.columns], reading.class_column)
    texts = tuple(
        title for title in (layout.classes, layout.user_label, layout.object_type) if title
    )
    plain = frame[[*texts, *layout.ids]].rename(columns=str)
    for title in texts:
        whole = plain[title]
        plain[title] = whole.astype(object).where(whole.notna(), None).map(_text)
    tally = Tally()
    tally.add_table(pa.Table.from_pandas(plain, preserve_index=False), texts, layout.ids)
    return _sections(name, Columns(layout, texts, tally), reading, None)[0]


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
        measurements* writes it.

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
    columns = read_columns(file, class_column=reading.class_column)
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


def _sections(
    table: str, columns: Columns, reading: Reading, labels: Path | None
) -> list[SectionCounts]:
    layout, tally = columns.layout, columns.tally
    if not tally.counts:
        raise BadInputError(table, "has no rows", "export it again, or take it away")
    by_image: dict[str, dict[str, int]] = {}
    left_out: dict[str, int] = {}
    for values, count in tally.counts.items():
        texts = (decoded(value).strip() for value in values)
        row = dict(zip(columns.texts, texts, strict=True))
        image = row.get(layout.image or "", "")
        of_image = by_image.setdefault(image, {})
        if not reading.annotations and _type(row.get(layout.object_type or "", "")) in NOT_CELLS:
            left_out[image] = left_out.get(image, 0) + count
            continue
        name = row[layout.classes]
        if name == layout.classes:
            raise BadInputError(
                table, "repeats its header further down", "give each table in a file of its own"
            )
        given = row.get(layout.user_label or "", "")
        if reading.user_labels and given.lower() not in _NO_LABEL:
            name = given
        of_image[name] = of_image.get(name, 0) + count
    if len([image for image in by_image if image]) == 1 and "" in by_image:
        (image,) = (image for image in by_image if image)
        for name, count in by_image.pop("").items():
            by_image[image][name] = by_image[image].get(name, 0) + count
        left_out[image] = left_out.get(image, 0) + left_out.pop("", 0)
    several = len(by_image) > 1
    notes = () if several else tuple(_compared(table, columns, labels, sum(left_out.values())))
    sections = [
        SectionCounts(
            table=table,
            section=base_name(image) if several else base_name(table),
            counts=dict(sorted(counts.items())),
            kind=layout.kind,
            image=image,
            left_out=left_out.get(image, 0),
            notes=notes,
        )
        for image, counts in by_image.items()
        if counts or not several
    ]
    if not any(section.counts for section in sections):
        raise BadInputError(
            table,
            f"holds annotations only ({sum(left_out.values())})",
            "give --annotations to count them",
        )
    return sections


def _type(text: str) -> str:
    """Shorten ``PathAnnotationObject``, as older versions of QuPath say, to ``annotation``."""
    return text.lower().removeprefix("path").removesuffix("object").removesuffix("roi").strip()


def _compared(table: str, columns: Columns, labels: Path | None, left_out: int) -> Iterable[str]:
    """Check the objects' labels, and yield remarks."""
    ids = columns.tally.integers
    titles = columns.layout.ids
    doubled = repeated(ids)
    if len(doubled) and ids[-1] is not None and (ids[-1] > 0).all():
        some = ", ".join(str(label) for label in np.unique(ids[-1][doubled])[:3])
        raise BadInputError(
            table,
            f"lists {len(doubled)} objects twice ({titles[-1]} {some}{', …' * (len(doubled) > 3)})",
            "export it again, one table a section",
        )
    times = ids[0] if titles[:1] in (("timestep",), ("t",)) else None
    if times is not None and len(times) and times.min() != times.max():
        yield f"has {len(np.unique(times))} time points, which are counted together"
    if labels is None:
        return
    if not ids or ids[-1] is None or left_out:
        yield f"cannot be compared with {labels.name}: it has no label of each object"
        return
    missing, total = compare_labels(table, ids[-1], labels)
    if missing:
        yield f"lacks {missing} of the {total} objects of {labels.name}"
