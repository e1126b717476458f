"""Classed objects from a project of ilastik's object classification."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from bridge.classify.objects.classed_images import ClassedImage, OnError, group_of
from bridge.classify.objects.sources.options import ReadOptions
from bridge.detections import Detections
from bridge.errors import BadInputError, StarbridgeError
from bridge.formats.ilastik.lanes import Lane, LaneImage
from bridge.formats.ilastik.object_labels import read_object_labels
from bridge.formats.ilastik.object_numbers import numbered_planes
from bridge.formats.ilastik.project import IlastikProject, read_project
from bridge.formats.labels import read_label_image
from bridge.images import open_image
from bridge.objects3d import name_objects

_LABEL_IMAGE = "Label Image"
_CONTAINERS = (".h5", ".hdf5")


def read_ilastik_labels(
    path: Path, options: ReadOptions, *, on_error: OnError | None = None
) -> Iterator[ClassedImage]:
    """Read the objects of a project, and the classes that people gave to them in ilastik.

    Args:
        path: the project; its images lie where it says.
        options: what is read.
        on_error: called with the error of an image, which is left out; where ``None``, the first
            such error is raised.

    Yields:
        The images that have classed objects.

    Raises:
        BadInputError: it is no such project, it is damaged, no object has a class, or what
            ``on_error`` does not take: an image that is not there, numbers that may mean either of
            two objects.
    """
    project = read_project(path)
    if not project.is_of_objects:
        raise BadInputError(
            path,
            f"is a project of {project.workflow}",
            "give one of Object Classification, whose objects have classes",
        )
    labels = read_object_labels(project)
    if not any(values.any() for lane in labels for values in lane.values()):
        raise BadInputError(path, "has no object with a class", "label some objects in ilastik")
    for lane, by_time in zip(project.lanes, labels, strict=True):
        if not any(values.any() for values in by_time.values()):
            continue
        try:
            yield _read_lane(project, lane, by_time, options)
        except StarbridgeError as error:
            if on_error is None:
                raise
            on_error(error)


def _read_lane(
    project: IlastikProject,
    lane: Lane,
    by_time: dict[int, NDArray[np.int64]],
    options: ReadOptions,
) -> ClassedImage:
    raw, objects = lane.of("Raw Data"), lane.of(_LABEL_IMAGE)
    if raw is None or objects is None:
        raise BadInputError(
            project.path,
            "has an image without a label image",
            "give a project of Object Classification from label images",
        )
    image, label_image = _place(project, raw), _place(project, objects)
    with open_image(image, axes=options.axes, pixel_size=options.pixel_size) as opened:
        info = opened.info
    pixels, axes, _ = read_label_image(label_image)
    detections = Detections.from_labels(pixels, axes=axes, image=info, name=str(label_image))
    if "Z" in axes:
        detections = name_objects(detections)  # ilastik's objects go through all slices
    own = _own_numbers(project, label_image, by_time)
    classes: dict[str, str] = {}
    frame = detections.objects
    for identity, t, label in zip(frame.index, frame["t"], frame["label"], strict=True):
        number = own.get((int(t), int(label)), 0)
        name = project.classes[number - 1] if number else ""
        if name and (not options.classes or name in options.classes):
            classes[str(identity)] = name
    return ClassedImage(
        path=image,
        detections=detections,
        classes=classes,
        name=info.name or raw.nickname,
        group=group_of(info.name or raw.nickname),
        source=str(project.path),
        axes=options.axes,
        pixel_size=options.pixel_size,
    )


def _place(project: IlastikProject, image: LaneImage) -> Path:
    """Return the path of an image of the project, with its dataset."""
    if len(image.files) != 1:
        raise BadInputError(
            project.path,
            f"has the image {image.stored!r}, which is not one file",
            "save it as one file, and give the classes as a table that ilastik exported",
        )
    if image.missing:
        raise BadInputError(
            image.files[0],
            f"is not there, and {project.path.name} names it as {image.role}",
            "put it back, or open the project in ilastik and choose the image again",
        )
    file = image.files[0]
    is_container = file.suffix.lower() in _CONTAINERS and image.dataset
    return Path(f"{file}#{image.dataset}") if is_container else file


def _own_numbers(
    project: IlastikProject, label_image: Path, by_time: dict[int, NDArray[np.int64]]
) -> dict[tuple[int, int], int]:
    """Return class by time point and the label that an object has in its image.

    Raises:
        BadInputError: the project's numbers may be the image's own, or ilastik's new ones, and it
            cannot be told which.
    """
    numbers: dict[int, dict[int, int]] = {}
    with open_image(label_image) as image:
        for plane in numbered_planes(image, str(label_image)):
            numbers[plane.t] = plane.numbers
    found: dict[tuple[int, int], int] = {}
    for t, classes in by_time.items():
        there = numbers.get(t, {})
        for own, new in _numbering(project, there, classes).items():
            if new < len(classes) and classes[new]:
                found[t, own] = int(classes[new])
    return found


def _numbering(
    project: IlastikProject, numbers: dict[int, int], classes: NDArray[np.int64]
) -> dict[int, int]:
    """Return the project's number by the label that an object has in its image.

    The two are the same in older versions; newer ones count from 1 in the order of the image. The
    list of classes is as long as the numbers go.
    """
    if all(own == new for own, new in numbers.items()):
        return numbers
    known, largest, length = len(numbers), max(numbers, default=0), len(classes) - 1
    if known == largest or length not in (known, largest):
        raise BadInputError(
            project.path,
            "numbers objects in a way that cannot be told from the label image",
            "export its table in ilastik, and give that with --images and --objects",
        )
    return numbers if length == known else {own: own for own in numbers}
