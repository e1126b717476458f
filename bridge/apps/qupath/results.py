"""What reviewers left in a project, as files."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from bridge.apps.qupath.sync import Review
from bridge.detections import Detections
from bridge.errors import BadInputError
from bridge.files.atomic import writing
from bridge.formats.labels import write_label_image
from bridge.images.info import ImageInfo
from bridge.outlines import rasterize

ENDINGS = {
    "labels": "_labels.tif",
    "hdf5": "_labels.h5",
    "rois": "_rois.zip",
    "geojson": ".geojson",
    "csv": ".csv",
    "classes": "_classes.tif",
}
"""Formats and the ends of their files' names."""

_NEED_SIZE = ("labels", "hdf5", "classes")


def chosen(
    review: Review, *, only: str | None = None, classes: Collection[str] | None = None
) -> Detections:
    """The objects of a review that are asked for, each with the name of its annotation.

    Args:
        review: the review.
        only: ``annotations``, ``detections`` or ``cells``; all where ``None``. Tiles count as
            detections.
        classes: only objects of these classes.

    Returns:
        The objects, with the metadata ``annotation`` and ``annotation class``: name (UUID where it
        has none) and class of the annotation that each lies in, be it inside of another object.
    """
    frame = review.detections.objects.copy()
    named = frame["name"].where(frame["name"].notna(), pd.Series(frame.index, frame.index))
    around = pd.Series(_annotations(review), index=frame.index, dtype=object)
    frame["annotation"] = around.map(named).astype(object)
    frame["annotation class"] = around.map(frame["class"]).astype(object)
    if only is not None:
        kinds = {
            "annotations": ("annotation",),
            "detections": ("detection", "tile"),
            "cells": ("cell",),
        }[only]
        frame = frame[frame["object_type"].isin(kinds)]
    if classes is not None:
        frame = frame[frame["class"].isin(list(classes))]
    return Detections(frame, review.detections.image, review.detections.outline)


def _annotations(review: Review) -> list[str | None]:
    """The innermost annotation around each object: a spot may lie in a cell of it."""
    ids = review.detections.ids
    parents = dict(zip(ids, review.parents, strict=True))
    kinds = dict(zip(ids, review.detections.objects["object_type"], strict=True))
    found: list[str | None] = []
    for parent in review.parents:
        around = parent
        while around is not None and kinds.get(around, "annotation") != "annotation":
            around = parents[around]
        found.append(around)
    return found


def write_results(
    review: Review, objects: Detections, name: str, out: Path, formats: Collection[str]
) -> tuple[list[Path], list[str]]:
    """Write what a reviewer left of one image.

    Labels and class masks hold detections and cells only: an annotation would cover them.

    Args:
        review: the review.
        objects: those of it that are wanted, from :func:`chosen`.
        name: what to call the files.
        out: the folder.
        formats: of :data:`ENDINGS`.

    Returns:
        The files, ``NAME_changes.csv`` too where something was pushed; and the formats that could
        not be written because the image's size, or its number of planes, is not known.

    Raises:
        BadInputError: a file cannot be written.
    """
    written: list[Path] = []
    left_out: list[str] = []
    frame = objects.objects
    marks = frame["object_type"] != "annotation"
    cells = replace(objects, objects=frame[marks])
    for kind in formats:
        if kind in _NEED_SIZE and not _holds(objects.image, cells):
            left_out.append(kind)
            continue
        path = out / f"{name}{ENDINGS[kind]}"
        if kind == "classes":
            written += _write_classes(cells, path)
            continue
        (cells if kind in _NEED_SIZE else objects).write(path)
        written.append(path)
    if review.changes is not None:
        path = out / f"{name}_changes.csv"
        with writing(path) as part:
            review.changes.table().to_csv(part, index=False)
        written.append(path)
    return written, left_out


def _holds(image: ImageInfo, objects: Detections) -> bool:
    """Whether enough is known of an image to draw objects into it."""
    frame = objects.objects
    last_z, last_t = frame["z"].max() if len(frame) else 0, frame["t"].max() if len(frame) else 0
    return image.width is not None and last_z < image.size_z and last_t < image.size_t


def _write_classes(objects: Detections, path: Path) -> list[Path]:
    """A mask of classes, and a table of which number is which class."""
    # the most probable object lies on top, as in the label image
    frame = objects.objects.sort_values("prob", kind="stable", na_position="first")
    names = sorted({name for name in frame["class"] if name is not None})
    if len(names) > np.iinfo(np.uint16).max - 1:
        raise BadInputError(path, f"has {len(names)} classes", "merge some of them")
    numbers = {name: number for number, name in enumerate(names, 2)}
    info = objects.image
    masks: NDArray[Any] = np.zeros(
        (info.size_t, info.size_z, info.height or 1, info.width or 1), np.uint16
    )
    classes = frame["class"].map(numbers).fillna(1).to_numpy(np.int64)  # 1: without a class
    for t in range(info.size_t):
        for z in range(info.size_z):
            rows = np.flatnonzero((frame["t"] == t) & (frame["z"] == z))
            rasterize(
                frame.geometry.to_numpy()[rows], classes[rows], masks.shape[2:], out=masks[t, z]
            )
    axes = objects.label_axes()
    sizes = zip(masks.shape, "TZYX", strict=True)
    write_label_image(
        masks.reshape([size for size, axis in sizes if axis in axes]), path, axes=axes, image=info
    )
    table = path.with_suffix(".csv")
    with writing(table) as part:
        meanings = [(0, "background"), (1, "no class")]
        meanings += [(number, name) for name, number in numbers.items()]
        pd.DataFrame(meanings, columns=["value", "class"]).to_csv(part, index=False)
    return [path, table]
