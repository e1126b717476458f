"""Slices of objects of volumes, which have one class and are one example.

An object of a volume has a row a slice (:mod:`bridge.objects3d`). Its features are those of its
largest slice, in training and when it is classed; its class counts once.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace

import numpy as np

from bridge.classify.objects.classed_images import ClassedImage, Note, ignore_note
from bridge.detections import Detections
from bridge.objects3d import ObjectRows
from bridge.review.classes import TO_CHECK


def one_example_each(image: ClassedImage, note: Note = ignore_note) -> ClassedImage:
    """Return an image in which an object of a volume is one example: its largest slice.

    A class that one slice has is the object's. Of several classes that of most of its slices
    counts (:func:`bridge.objects3d.representative_rows`).

    Args:
        image: its slices may have classes each.
        note: called with a line where slices of an object have different classes.

    >>> from pathlib import Path
    >>> from bridge.objects3d import from_volume
    >>> ball = np.zeros((3, 4, 4), np.uint16)
    >>> ball[0, 1, 1], ball[1, 1:3, 1:3] = 5, 5
    >>> nuclei = from_volume(ball)
    >>> small, large = nuclei.ids
    >>> image = ClassedImage(
    ...     path=Path("a.tif"), detections=nuclei, classes={small: "dead"}, name="a", group="a",
    ...     source="a.geojson")
    >>> one_example_each(image).classes == {large: "dead"}
    True
    """
    rows = ObjectRows.of(image.detections)
    if not rows.has_slices:
        return image
    ids = image.detections.ids
    said = np.array([image.classes.get(identity) for identity in ids], object)
    given, differing = rows.class_rows(said)
    if differing:
        note(
            f"{image.source}: {differing} nuclei of {image.name} have slices of different classes; "
            "that of most slices counts"
        )
    classes = {
        ids[largest]: said[row]
        for largest, row in zip(rows.largest, given, strict=True)
        if said[row] is not None
    }
    return replace(image, classes=classes)


def without_overruled(
    detections: Detections, classes: Mapping[str, str], decided: Collection[str]
) -> dict[str, str]:
    """Leave out the classes of slices where a person classed another slice of the object.

    Args:
        detections: the objects.
        classes: class by UUID of the slice.
        decided: UUIDs of the slices whose class is a person's.

    Returns:
        Class by UUID, as ``classes`` where no object has several slices.
    """
    rows = ObjectRows.of(detections)
    if not rows.has_slices:
        return dict(classes)
    index = detections.objects.index
    by_person = index.isin(list(decided)) & index.isin(list(classes))
    is_decided = np.zeros(len(rows), np.bool_)
    is_decided[rows.owner[by_person]] = True
    overruled = set(index[is_decided[rows.owner] & ~by_person])
    return {identity: name for identity, name in classes.items() if identity not in overruled}


def one_class_each(detections: Detections) -> tuple[Detections, int]:
    """Give all slices of an object of a volume the class of the object.

    Args:
        detections: their slices may have classes each; "to check" counts where there is no other.

    Returns:
        The detections; and the number of objects whose slices had different classes.
    """
    rows = ObjectRows.of(detections)
    if not rows.has_slices:
        return detections, 0
    frame = detections.objects.copy(deep=False)
    known = frame["class"].where(frame["class"] != TO_CHECK, None)
    given, differing = rows.class_rows(known)
    any_class, _ = rows.class_rows(frame["class"])
    given = np.where(known.iloc[given].notna(), given, any_class)[rows.owner]
    for column in ("class", "class_color"):
        frame[column] = frame[column].to_numpy(object)[given]
    return replace(detections, objects=frame), differing
