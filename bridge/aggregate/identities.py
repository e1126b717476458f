"""Compare the objects of a table with each other and with a label image."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from os import PathLike
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from bridge.aggregate.tally import MISSING
from bridge.detections import check_labels
from bridge.errors import BadInputError
from bridge.formats.labels import read_label_image
from bridge.formats.naming import base_name
from bridge.images.names import IMAGE_ENDINGS


def label_images(folder: str | PathLike[str]) -> dict[str, Path]:
    """Find the label images of a folder by the name of their section.

    Args:
        folder: searched directly inside, and in its folder ``lbl``, as ``starbridge segment``
            writes them.

    Returns:
        A file by :func:`bridge.formats.naming.base_name`; a TIFF where there are several formats.

    Raises:
        BadInputError: no such folder, or none in it.
    """
    place = Path(folder)
    if not place.is_dir():
        raise BadInputError(place, "is not a folder", "give the folder of the label images")
    found: dict[str, Path] = {}
    for inside in (place, place / "lbl"):
        for path in sorted(inside.iterdir()) if inside.is_dir() else ():
            name = path.name.lower()
            if name.endswith(IMAGE_ENDINGS) and not name.startswith("."):
                known = found.get(base_name(path))
                if known is None or name.endswith((".tif", ".tiff")):
                    found[base_name(path)] = path
    if not found:
        raise BadInputError(place, "holds no label images", "give the folder of the label images")
    return found


def repeated(ids: Sequence[NDArray[np.int64] | None]) -> NDArray[np.int64]:
    """Find rows whose object is in an earlier row already.

    Args:
        ids: columns that identify an object together (time point, label); no row counts as
            repeated where one of them holds anything but integers, or is :data:`MISSING`.

    Returns:
        Places of the rows, from 0.

    >>> repeated([np.array([0, 0, 1]), np.array([7, 7, 7])])
    array([1])
    """
    columns = [column for column in ids if column is not None]
    if not columns or len(columns) < len(ids):
        return np.zeros(0, np.int64)
    known = np.flatnonzero(np.all([column != MISSING for column in columns], axis=0))
    if len(known) < len(columns[-1]):
        return known[repeated([column[known] for column in columns])]
    if len(columns[-1]) < 2 or (np.diff(columns[-1]) > 0).all():
        return np.zeros(0, np.int64)
    order = np.lexsort(columns[::-1])
    same = np.ones(len(order) - 1, np.bool_)
    for column in columns:
        same &= np.diff(column[order]) == 0
    return np.sort(order[1:][same])


def check_objects(
    table: str,
    titles: Sequence[str],
    ids: Sequence[NDArray[np.int64] | None],
    *,
    image: str = "",
    labels: Path | None = None,
    left_out: int = 0,
) -> Iterator[str]:
    """Check the labels of the objects of one image, and yield remarks.

    Args:
        table: the table, for errors.
        titles: titles of the columns that identify an object together.
        ids: their values.
        image: the image, where the table has several.
        labels: its label image, to compare the objects with.
        left_out: number of annotations and tiles among the rows.

    Raises:
        BadInputError: an object is listed twice, or is not in the label image.
    """
    if any(column is None for column in ids):
        other = next(t for t, column in zip(titles, ids, strict=True) if column is None)
        yield (
            f"cannot be searched for objects that are listed twice: its column {other!r} holds "
            "other things than whole numbers"
        )
    doubled = repeated(ids)
    if len(doubled) and ids[-1] is not None and (ids[-1][ids[-1] != MISSING] > 0).all():
        some = ", ".join(str(label) for label in np.unique(ids[-1][doubled])[:3])
        more = ", …" * (len(doubled) > 3)
        raise BadInputError(
            table,
            f"lists {len(doubled)} objects{f' of {image}' if image else ''} twice "
            f"({titles[-1]} {some}{more})",
            "join the tables again, each once" if image else "export it again, one table a section",
        )
    times = ids[0] if titles[:1] in (("timestep",), ("t",)) else None
    times = None if times is None else times[times != MISSING]
    if times is not None and len(times) and times.min() != times.max():
        of_image = f" of {image}" if image else ""
        yield f"has {len(np.unique(times))} time points{of_image}, which are counted together"
    if labels is None:
        return
    if image:
        yield f"is not compared with {labels.name}: it has objects of several images"
        return
    if not ids or ids[-1] is None or left_out:
        yield f"cannot be compared with {labels.name}: it has no label of each object"
        return
    missing, total = compare_labels(table, ids[-1], labels)
    if missing:
        yield f"lacks {missing} of the {total} objects of {labels.name}"


def compare_labels(
    table: str | PathLike[str], ids: NDArray[np.int64], image: Path
) -> tuple[int, int]:
    """Compare the objects of a table with those of a label image.

    Args:
        table: the table, for errors.
        ids: labels of its objects; those of several planes or time points together.
        image: the label image, which is read whole.

    Returns:
        The number of objects of the image that are not in the table, and of all its objects.

    Raises:
        BadInputError: the table has objects that are not in the image; or the image cannot be read.
    """
    pixels, _, _ = read_label_image(image)
    labels = np.unique(check_labels(pixels, str(image)))
    labels = labels[labels != 0].astype(np.int64)
    listed = np.unique(ids[ids != MISSING])
    strange = np.setdiff1d(listed, labels, assume_unique=True)
    if len(strange):
        some = ", ".join(str(label) for label in strange[:3]) + (", …" if len(strange) > 3 else "")
        raise BadInputError(
            table,
            f"lists {len(strange)} objects that are not in {image.name} ({some})",
            "it belongs to another label image: export it again",
        )
    return len(np.setdiff1d(labels, listed, assume_unique=True)), len(labels)
