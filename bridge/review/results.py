"""Write reviewed objects as files: the one writer for Fiji, QuPath and files."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from bridge.detections import Detections
from bridge.errors import BadInputError
from bridge.files.atomic import writing
from bridge.formats import write_all
from bridge.formats.labels import write_label_image
from bridge.formats.layout import CLASSES, FORMATS, review_files
from bridge.formats.markers import select_markers
from bridge.formats.spreadsheet_text import guard_frame
from bridge.review.changes import Changes
from bridge.review.classes import spread_classes

if TYPE_CHECKING:
    from geopandas import GeoDataFrame

DEFAULT_FORMATS = (*(key for key, spec in FORMATS.items() if spec.default), CLASSES)
"""Keys of what is written when nothing is chosen."""

_TYPES = {
    "annotations": ("annotation",),
    "detections": ("detection", "tile"),
    "cells": ("cell",),
}
OBJECT_CHOICES = tuple(_TYPES)
"""Values of ``only`` in :func:`select_objects`."""


@dataclass(frozen=True, kw_only=True)
class Written:
    """Files that were written of one image.

    Attributes:
        files: file names relative to the folder, by the keys of :func:`result_files`.
        notes: sentences for the user: what was left out or drawn for want of anything else.
        objects: number of objects that were selected.
        hashes: SHA-256 of files whose number changes from one writing to the next, by their path;
            ``None`` where no such files were asked for.
    """

    files: dict[str, str]
    notes: tuple[str, ...] = ()
    objects: int = 0
    hashes: dict[str, str] | None = None


def result_files(
    name: str, formats: Collection[str] = DEFAULT_FORMATS, *, changes: bool = False
) -> dict[str, str]:
    """Return the names of the files that :func:`write_results` writes into its folder.

    Label images and class masks are left out where the size of the image is not known.

    Args:
        name: the image's name.
        formats: keys of :func:`bridge.formats.layout.review_files`.
        changes: whether the reviewer's edits are listed too.

    Returns:
        File name by key: a format, ``class names`` (the table of the class mask) or ``changes``.

    Raises:
        BadInputError: an unknown format.

    >>> result_files("a", ["labels", "classes"])
    {'labels': 'a_labels.tif', 'classes': 'a_classes.tif', 'class names': 'a_classes.csv'}
    """
    files, names = {}, review_files()
    for key in dict.fromkeys(formats):
        if key not in names:
            raise BadInputError(
                "formats", f"{key!r} is no format of results", f"use {', '.join(names)}"
            )
        files[key] = names[key].format(name=name)
        if key == CLASSES:
            files["class names"] = f"{name}_classes.csv"
    if changes:
        files["changes"] = f"{name}_changes.csv"
    return files


def select_objects(
    detections: Detections, *, only: str | None = None, classes: Collection[str] | None = None
) -> Detections:
    """Select objects by type and class.

    Args:
        detections: the objects; not changed.
        only: ``annotations``, ``detections`` (tiles too) or ``cells``; all types when ``None``.
        classes: class names; all classes when ``None``.

    Raises:
        BadInputError: an unknown type.

    >>> len(select_objects(Detections.from_labels(np.eye(2, dtype=int)), only="cells"))
    0
    """
    frame = detections.objects
    if only is not None:
        if only not in _TYPES:
            raise BadInputError(
                "only", f"{only!r} is no type of objects", f"use {', '.join(_TYPES)}"
            )
        frame = frame[frame["object_type"].isin(_TYPES[only])]
    if classes is not None:
        frame = frame[frame["class"].isin(list(classes))]
    return replace(detections, objects=frame)


def write_results(
    detections: Detections,
    name: str,
    folder: str | PathLike[str],
    formats: Collection[str] = DEFAULT_FORMATS,
    *,
    changes: Changes | None = None,
    only: str | None = None,
    classes: Collection[str] | None = None,
    size_remedy: str = "",
    markers: GeoDataFrame | None = None,
) -> Written:
    """Write the reviewed objects of one image.

    GeoJSON, CSV and ROIs hold all selected objects, points and lines too. Detections, cells and
    tiles are drawn into label images and class masks; annotations are drawn only with
    ``only="annotations"`` or where there is nothing else, since a region would cover the nuclei in
    it. Cells are drawn whole; the nuclei of cells go into label images of their own
    (``NAME_nuclei.tif``), with the labels of their cells. The class that a reviewer gave to a slice
    of a nucleus of a volume goes to its other slices
    (:func:`bridge.review.classes.spread_classes`).

    Args:
        detections: the objects.
        name: the image's name, which the file names begin with.
        folder: all files go here; made where missing.
        formats: keys of :func:`bridge.formats.layout.review_files`.
        changes: the reviewer's edits; those since the first push are listed in
            ``NAME_changes.csv``.
        only: type of the objects, as in :func:`select_objects`.
        classes: classes of the objects, as in :func:`select_objects`.
        size_remedy: what the user can do where the image's size is not known, for the note.
        markers: points and lines of the image (:mod:`bridge.formats.markers`), selected like the
            objects.

    Returns:
        The files, a part of :func:`result_files`, and label images of nuclei where there are cells
        (``labels of nuclei``, ``hdf5 of nuclei``), with notes for the user.

    Raises:
        BadInputError: an unknown format or type; a file cannot be written.

    >>> import tempfile
    >>> objects = Detections.from_labels(np.eye(2, dtype=int))
    >>> write_results(objects, "a", tempfile.mkdtemp(), ["labels", "csv"]).files
    {'labels': 'a_labels.tif', 'csv': 'a.csv'}
    """
    out = Path(folder)
    files = result_files(name, formats, changes=changes is not None)
    on_slices: list[str] = []
    if changes is not None:
        detections, on_slices = spread_classes(detections, changes)
    selected = select_objects(detections, only=only, classes=classes)
    drawn, notes = _select_drawn(selected, asked_for=only == "annotations")
    images = [key for key in files if _is_image(key)]
    if images and not _is_size_known(drawn):
        note = f"no {', '.join(images)}, because the image's size or number of planes is not known"
        notes = [f"{note}; {size_remedy}" if size_remedy else note]
        files = {key: file for key, file in files.items() if key not in (*images, "class names")}
    elif not images:
        notes = []
    write_all(drawn, [out / files[key] for key in files if _is_image(key) and key in FORMATS])
    tables = [key for key in files if key in FORMATS and not _is_image(key)]
    marked = _select_markers(markers, only, classes)
    write_all(selected, [out / files[key] for key in tables], markers=marked)
    if marked is not None and len(marked):
        holding = [files[key] for key in tables if key != "parquet"]
        where = f"only in {', '.join(holding)}" if holding else "in none of the files"
        notes.append(f"{len(marked)} points and lines, which enclose no area, are {where}")
    nuclei = _select_nuclei(drawn)
    if nuclei is not None:
        of_nuclei = {
            f"{key} of nuclei": FORMATS[key]
            .file_name.replace("_labels", "_nuclei")
            .format(name=name)
            for key in files
            if _is_image(key) and key in FORMATS
        }
        write_all(nuclei, [out / file for file in of_nuclei.values()])
        files |= of_nuclei
    if CLASSES in files:
        _write_class_mask(drawn, out / files[CLASSES], out / files["class names"])
    if changes is not None:
        write_table(changes.all_edits, out / files["changes"])
    return Written(files=files, notes=(*on_slices, *notes), objects=len(selected))


def write_table(table: pd.DataFrame, path: str | PathLike[str]) -> None:
    """Write a table as CSV, complete or not at all.

    Raises:
        BadInputError: the file cannot be written.
    """
    with writing(path) as part:
        guard_frame(table).to_csv(part, index=False)


def _select_drawn(selected: Detections, *, asked_for: bool) -> tuple[Detections, list[str]]:
    """Return the objects that are drawn into pixels, and a note where these are annotations."""
    is_region = selected.objects["object_type"] == "annotation"
    if not is_region.any():
        return selected, []
    # A region is drawn below the nuclei in it, which may be annotations themselves.
    below = np.argsort(-selected.objects.area.to_numpy(), kind="stable")
    layered = replace(selected, objects=selected.objects.iloc[below])
    if asked_for:
        return layered, []
    if is_region.all():
        return layered, [f"annotations are drawn ({len(selected)}), because there is nothing else"]
    return replace(selected, objects=selected.objects[~is_region]), []


def _select_markers(
    markers: GeoDataFrame | None, only: str | None, classes: Collection[str] | None
) -> GeoDataFrame | None:
    if markers is None:
        return None
    types = None if only is None else _TYPES[only]
    return select_markers(markers, types, None if classes is None else list(classes))


def _select_nuclei(drawn: Detections) -> Detections | None:
    """Return the nuclei of cells, with the labels of their cells; ``None`` where there are none."""
    frame = drawn.objects
    if "nucleus" not in frame.columns:
        return None
    nuclei = frame["nucleus"].to_numpy(object)
    has = ~(shapely.is_missing(nuclei) | shapely.is_empty(nuclei))
    if not has.any():
        return None
    cells = frame[has].drop(columns="nucleus")
    return replace(drawn, objects=cells.set_geometry(gpd.GeoSeries(nuclei[has], cells.index)))


def _is_image(key: str) -> bool:
    return key == CLASSES or (key in FORMATS and FORMATS[key].needs_size)


def _is_size_known(detections: Detections) -> bool:
    image, frame = detections.image, detections.objects
    if image.width is None or image.height is None:
        return False
    return not len(frame) or bool(
        frame["z"].max() < image.size_z and frame["t"].max() < image.size_t
    )


def _write_class_mask(detections: Detections, path: Path, table: Path) -> None:
    """Write a mask of class numbers (uint16), and the table of what each number means."""
    frame = detections.objects
    names: Sequence[str] = sorted({name for name in frame["class"] if name is not None})
    if len(names) > np.iinfo(np.uint16).max - 1:
        raise BadInputError(path, f"would hold {len(names)} classes", "merge some of them")
    numbers = {name: number for number, name in enumerate(names, 2)}
    painted = replace(detections)
    # Not a table of objects any more: several have the same number. Only the drawing is wanted,
    # in which the most probable object lies on top as in the label image.
    painted.objects = frame.assign(label=frame["class"].map(numbers).fillna(1).astype(np.int64))
    write_label_image(
        painted.to_labels(), path, axes=detections.label_axes(), image=detections.image
    )
    meanings = [(0, "background"), (1, "no class"), *((n, name) for name, n in numbers.items())]
    write_table(pd.DataFrame(meanings, columns=["value", "class"]), table)
