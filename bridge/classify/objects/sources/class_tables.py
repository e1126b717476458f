"""Classes from tables without outlines: an object's UUID or label, and its class."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from bridge.classify.objects.classed_images import ClassedImage, OnError, group_of
from bridge.classify.objects.sources.files import read_objects
from bridge.classify.objects.sources.options import ReadOptions
from bridge.classify.objects.sources.section_crops import CROP, SectionCrops
from bridge.detections import OBJECT, Detections, is_uuid
from bridge.errors import BadInputError, StarbridgeError
from bridge.formats import existing_file
from bridge.formats.naming import base_name, natural_key
from bridge.formats.pairing import name_of_objects
from bridge.formats.tables import OUTLINE
from bridge.formats.text_cells import TextCells, read_cells
from bridge.images import image_name

_ENDINGS = (".csv", ".tsv", ".csv.gz", ".tsv.gz")
_CLASSES = ("class", "User Label", "Classification", "Class")
_IDS = ("id", "Object ID")
_LABELS = ("label", "original_oid", "labelimage_oid", "Label")
_IMAGES = ("image", "Image", "image_name", "Image_name")
_NO_CLASS = ("", "0", "none")
_LARGEST = 2**53 - 1
_LISTED = 3


@dataclass(frozen=True)
class ClassRow:
    """A row of a table of classes.

    Attributes:
        object: UUID, or label as text.
        name: of the class.
    """

    object: str
    name: str


@dataclass(frozen=True)
class ClassTable:
    """Classes of the objects of one or several images.

    Attributes:
        path: the table.
        rows: by name of the image, ``""`` where the table does not say.
        by_label: objects are named by their labels, not by their UUIDs.
    """

    path: Path
    rows: dict[str, list[ClassRow]]
    by_label: bool

    def rows_of(self, name: str) -> list[ClassRow]:
        """Return the rows of an image: by the name in them, or else by the table's own name."""
        named = [row for key in self.rows if image_name(key) == name for row in self.rows[key]]
        is_own = name in (name_of_objects(self.path), base_name(self.path))
        return named + (self.rows.get("", []) if is_own else [])


def is_class_table(path: Path) -> bool:
    """Return whether a file is a text table without outlines.

    Raises:
        BadInputError: it is a text table, and cannot be read.
    """
    if not path.name.lower().endswith(_ENDINGS):
        return False
    return OUTLINE not in read_cells(existing_file(path), _CLASSES).columns


def find_class_tables(place: Path) -> list[Path]:
    """Return the tables of classes in a folder, or the file itself where it is one.

    Args:
        place: the file, or the folder, in which they are looked for directly.

    Raises:
        BadInputError: a text table that cannot be read.
    """
    if not place.is_dir():
        return [place] if is_class_table(place) else []
    inside = sorted(place.iterdir(), key=lambda path: natural_key(path.name))
    return [
        path
        for path in inside
        if path.is_file() and not path.name.startswith(".") and is_class_table(path)
    ]


def read_class_table(path: Path) -> ClassTable:
    """Read a table of classes: ours, QuPath's, ilastik's (its labels, not its predictions).

    Args:
        path: CSV or TSV with a column of classes (``class``, ``User Label``, ``Classification``)
            and one that names objects (``id``, ``Object ID``; ``object`` of volumes; ``label``,
            ``labelimage_oid``), maybe one of images (``image``).

    Raises:
        BadInputError: such a column is missing, or the table cannot be read.
    """
    cells = read_cells(existing_file(path), _CLASSES)
    title = _first(cells, _CLASSES)
    if title is None:
        raise BadInputError(
            path, "has no column of classes", f"call it one of {', '.join(_CLASSES)}"
        )
    ids, labels = _first(cells, _IDS), _first(cells, _LABELS)
    if ids is None and OBJECT in cells.columns and all(map(is_uuid, cells.texts(OBJECT))):
        ids = OBJECT  # a row an object of a volume, as starbridge measure writes it
    named = cells.texts(title)
    # A table of a label image may have the column of UUIDs, and none in it.
    by_label = ids is None or not any(cells.texts(ids))
    if not by_label and ids is not None:
        objects = [text or "" for text in cells.texts(ids)]
    elif labels is not None:
        objects = [str(number) for number in cells.whole_numbers(labels, 0, _LARGEST)]
    else:
        raise BadInputError(
            path,
            "has no column that names objects",
            f"call it one of {', '.join((*_IDS, *_LABELS))}",
        )
    images = _first(cells, _IMAGES)
    of_image = [""] * len(cells) if images is None else [t or "" for t in cells.texts(images)]
    rows: dict[str, list[ClassRow]] = defaultdict(list)
    for image, found, name in zip(of_image, objects, named, strict=True):
        if name is not None and name.strip() not in _NO_CLASS:
            rows[image].append(ClassRow(found, name))
    return ClassTable(path, dict(rows), by_label)


def read_tables(
    path: Path, options: ReadOptions, *, on_error: OnError | None = None
) -> Iterator[ClassedImage]:
    """Read the objects of images, and their classes from a table.

    Args:
        path: the table.
        options: what is read; its images and objects are those that the table is about.
        on_error: called with the error of an image, which is left out; where ``None``, the first
            such error is raised.

    Yields:
        The images that have rows in the table.

    Raises:
        BadInputError: images or objects are not given, the table cannot be read or has no row of
            any image; and what ``on_error`` does not take: objects that are not in the image, or
            have two classes.
    """
    if not options.images or not options.objects:
        raise BadInputError(
            path, "has no outlines", "give its images and their objects: --images and --objects"
        )
    table = read_class_table(path)
    found = False
    for image in options.images:
        rows = table.rows_of(image_name(image))
        if options.crops is not None:
            rows = _rows_of_crop(table, rows, image_name(image), options.crops)
        if len(options.images) == 1 and not rows and set(table.rows) == {""}:
            rows = table.rows[""]
        if not rows:
            continue
        found = True
        try:
            yield _read_image(image, table, rows, options)
        except StarbridgeError as error:
            if on_error is None:
                raise
            on_error(error)
    if not found:
        raise BadInputError(
            path,
            "has no classes of any of the images",
            "name the images in a column 'image', or call the table as its image",
        )


def _rows_of_crop(
    table: ClassTable, rows: list[ClassRow], name: str, folder: Path
) -> list[ClassRow]:
    """Return the rows of the crop of an image, with the objects' numbers in the whole image.

    Raises:
        BadInputError: there is no crop of it, or it does not have these objects.
    """
    rows = [*rows, *table.rows_of(name + CROP)]
    if not rows or not table.by_label:
        return rows
    numbers = SectionCrops(folder).numbers(name)
    missing = [row.object for row in rows if int(row.object) not in numbers]
    if missing:
        raise BadInputError(
            table.path,
            f"has {len(missing)} objects that are not in the crop of {name}: {missing[0]}, …",
            "give the crops that the table was made of",
        )
    return [ClassRow(str(numbers[int(row.object)]), row.name) for row in rows]


def _read_image(
    image: Path, table: ClassTable, rows: list[ClassRow], options: ReadOptions
) -> ClassedImage:
    _, detections, name = read_objects(image, options.objects, options)
    return ClassedImage(
        path=image,
        detections=detections,
        classes=_classes(table, rows, detections, options),
        name=name,
        group=group_of(name),
        source=str(table.path),
        axes=options.axes,
        pixel_size=options.pixel_size,
    )


def _classes(
    table: ClassTable, rows: list[ClassRow], detections: Detections, options: ReadOptions
) -> dict[str, str]:
    """Return class by UUID.

    Raises:
        BadInputError: an object is not there, or has two classes.
    """
    ids: dict[str, list[str]] = defaultdict(list)
    for identity, label in detections.objects["label"].items():
        ids[str(label) if table.by_label else str(identity)].append(str(identity))
    if not table.by_label and OBJECT in detections.objects.columns:
        for identity, name in detections.objects[OBJECT].items():
            ids[str(name)].append(str(identity))
    missing = [row.object for row in rows if row.object not in ids]
    if missing:
        listed = ", ".join(missing[:_LISTED]) + (", …" if len(missing) > _LISTED else "")
        raise BadInputError(
            table.path,
            f"has {len(missing)} objects that are not in {detections.image.name}: {listed}",
            "give the objects that the table was made of",
        )
    classes: dict[str, str] = {}
    for row in rows:
        if options.classes and row.name not in options.classes:
            continue
        for identity in ids[row.object]:
            if classes.setdefault(identity, row.name) != row.name:
                raise BadInputError(
                    table.path,
                    f"has the object {row.object} as {classes[identity]!r} and {row.name!r}",
                    "decide for one of them",
                )
    return classes


def _first(cells: TextCells, titles: tuple[str, ...]) -> str | None:
    return next((title for title in titles if title in cells.columns), None)
