"""New projects, which open in ilastik: written by h5py in memory, put in place in one piece.

The trained forest and the settings of training are left out, so that ilastik trains its own.
"""

from __future__ import annotations

import os
import time
import uuid
from collections.abc import Mapping, Sequence
from os import PathLike
from pathlib import Path

import h5py
import numpy as np

from bridge.colors import distinct_color
from bridge.errors import BadInputError
from bridge.files.atomic import write_bytes
from bridge.formats.axistags import axistags
from bridge.formats.ilastik.export_settings import export_settings
from bridge.formats.ilastik.feature_selection import FeatureSelection
from bridge.formats.ilastik.features import write_features
from bridge.formats.ilastik.input_images import InputImage, check_path
from bridge.formats.ilastik.labels import MOST_CLASSES, Strokes, write_strokes
from bridge.formats.ilastik.lanes import RAW
from bridge.formats.ilastik.project import (
    OBJECT_WORKFLOW,
    OBJECTS,
    PIXEL_WORKFLOW,
    PIXELS,
)

VERSION = "1.4.0"
"""Version of ilastik whose layout is written."""

LABELS = "Label Image"
"""Role of label images in the classification of objects."""

OBJECT_PLUGIN = "Standard Object Features"
"""Plugin of ilastik that measures objects."""

OBJECT_FEATURES = (
    "Count",
    "Kurtosis",
    "Maximum",
    "Mean",
    "Minimum",
    "RegionRadii",
    "Skewness",
    "Variance",
)
"""Features of objects that a new project learns from."""

NEIGHBOURHOOD_FEATURES = ("Mean in neighborhood", "Variance in neighborhood")
"""Features of the ring around each object, likewise."""

_CENTRE = "RegionCenter"  # for the table only: where an object lies says nothing of its class
_MARGIN = (30, 30, 1)
_ROLES = {PIXEL_WORKFLOW: (RAW, "Prediction Mask"), OBJECT_WORKFLOW: (RAW, LABELS, "Atlas")}


def write_pixel_project(
    path: str | PathLike[str],
    images: Sequence[InputImage],
    classes: Sequence[str],
    features: FeatureSelection,
    strokes: Sequence[Strokes] = (),
) -> None:
    """Write a project of pixel classification.

    Args:
        path: the project, ``NAME.ilp``.
        images: a lane each.
        classes: names of the classes, in the order of their numbers from 1.
        features: the chosen features.
        strokes: brush strokes of each image; none where there are fewer than images.

    Raises:
        BadInputError: classes that ilastik cannot have, images that one classifier cannot take,
            strokes of another size than their image, or a file that cannot be written.
    """
    file = Path(path)
    check_classes(classes)
    check_alike(images)
    with h5py.File.in_memory() as content:
        _write_head(content, PIXEL_WORKFLOW)
        _write_inputs(content, file, PIXEL_WORKFLOW, [{RAW: image} for image in images])
        write_features(content, features)
        group = content.create_group(PIXELS)
        _write_classes(group, classes)
        sets = group.create_group("LabelSets")
        for number, image in enumerate(images):
            lane = sets.create_group(f"labels{number:03d}")
            if number < len(strokes):
                check_strokes(image, strokes[number], len(classes))
                write_strokes(lane, strokes[number], image.axes)
        _save(content, file)


def write_object_project(
    path: str | PathLike[str],
    images: Sequence[InputImage],
    labels: Sequence[InputImage],
    classes: Sequence[str],
    object_classes: Sequence[Sequence[Mapping[int, int]]] = (),
) -> None:
    """Write a project that classifies the objects of label images.

    Args:
        path: the project, ``NAME.ilp``.
        images: a lane each.
        labels: the label image of each, whose objects are numbered from 1 without gaps, in the
            order in which ilastik meets them: newer versions number them so.
        classes: names of the classes, in the order of their numbers from 1.
        object_classes: for each image and each time point, number of the class by object.

    Raises:
        BadInputError: classes that ilastik cannot have, or a file that cannot be written.
    """
    file = Path(path)
    check_classes(classes)
    with h5py.File.in_memory() as content:
        _write_head(content, OBJECT_WORKFLOW)
        lanes = [{RAW: image, LABELS: seg} for image, seg in zip(images, labels, strict=True)]
        _write_inputs(content, file, OBJECT_WORKFLOW, lanes)
        extraction = content.create_group("ObjectExtraction")
        extraction["StorageVersion"] = b"0.1"
        _write_object_features(extraction, "Features", (*OBJECT_FEATURES, _CENTRE))
        group = content.create_group(OBJECTS)
        _write_object_features(group, "SelectedFeatures", OBJECT_FEATURES)
        _write_classes(group, classes)
        group["MaxNumObj"] = np.int64(-1)
        names = [*OBJECT_FEATURES, _CENTRE, *NEIGHBOURHOOD_FEATURES]
        group["ExportSettings"] = export_settings(names)
        group["ExportSettings"].attrs["version"] = np.int64(1)
        inputs = group.create_group("LabelInputs")
        for number, lane in enumerate(object_classes):
            times = inputs.create_group(f"{number:04d}")
            for t, by_object in enumerate(lane):
                values = np.zeros(max(by_object, default=0) + 1)
                for label, kind in by_object.items():
                    values[label] = kind
                times[str(t)] = values
        _save(content, file)


def check_classes(classes: Sequence[str]) -> None:
    """Check that ilastik can have classes of these names.

    Raises:
        BadInputError: none, too many, an empty name, or a name twice.

    >>> check_classes(["background", "nucleus"])
    """
    problem = ""
    if not classes:
        problem = "there is none"
    elif len(classes) > MOST_CLASSES:
        problem = f"{len(classes)} are more than the {MOST_CLASSES} that ilastik can have"
    elif not all(name.strip() for name in classes):
        problem = "one has no name"
    elif len({name.casefold() for name in classes}) < len(classes):
        problem = "two have the same name"
    if problem:
        raise BadInputError("classes", problem, "give names such as background,nucleus")


def check_alike(images: Sequence[InputImage]) -> None:
    """Check that one classifier can take all images, as ilastik demands.

    Raises:
        BadInputError: they differ in the number of channels, or some are stacks and some are not.
    """
    for image in images[1:]:
        first = images[0]
        if image.size("C") != first.size("C"):
            raise BadInputError(
                image.file,
                f"has {image.size('C')} channels, and {first.file} has {first.size('C')}: ilastik "
                "takes images with the same channels only",
                "give those with the same channels, or make two projects",
            )
        if (image.size("Z") > 1) != (first.size("Z") > 1):
            raise BadInputError(
                image.file,
                f"has {image.size('Z')} slices, and {first.file} has {first.size('Z')}: ilastik "
                "takes either planes or stacks",
                "make a project of each kind",
            )


def check_strokes(image: InputImage, strokes: Strokes, classes: int) -> None:
    """Check that strokes are of an image and of a project's classes.

    Raises:
        BadInputError: they are not.
    """
    size = tuple(image.size(axis) for axis in "TZYX")
    if strokes.shape != size and strokes.blocks:
        raise BadInputError(
            image.file,
            f"is {size} (T, Z, Y, X) pixels large, and its brush strokes are of {strokes.shape}",
            "give the strokes of this image",
        )
    largest = max(strokes.counts(), default=0)
    if largest > classes:
        raise BadInputError(
            image.file,
            f"has strokes of class {largest}, and there are {classes} classes",
            "name all classes: --classes",
        )


def stored_path(image: InputImage, project: Path) -> tuple[str, bool]:
    """Return the path that a project has of an image, and is it relative to the project.

    Args:
        image: the image.
        project: the project; paths of what lies below its folder are relative to it.
    """
    # As ilastik does: without "..", and with symbolic links as they are.
    file = Path(os.path.abspath(image.file))  # noqa: PTH100
    folder = Path(os.path.abspath(project)).parent  # noqa: PTH100
    is_relative = file.is_relative_to(folder)
    text = (file.relative_to(folder) if is_relative else file).as_posix()
    return f"{text}/{image.dataset}" if image.dataset else text, is_relative


def _write_head(file: h5py.File, workflow: str) -> None:
    file["ilastikVersion"] = VERSION.encode()
    file["workflowName"] = workflow.encode()
    file["time"] = time.ctime().encode()


def _write_inputs(
    file: h5py.File, project: Path, workflow: str, lanes: Sequence[Mapping[str, InputImage]]
) -> None:
    check_path(project)
    data = file.create_group("Input Data")
    data["StorageVersion"] = b"0.2"
    data["Role Names"] = [role.encode() for role in _ROLES[workflow]]
    data.create_group("local_data")
    infos = data.create_group("infos")
    nicknames = [lane[RAW].nickname for lane in lanes]
    twice = next((name for name in nicknames if nicknames.count(name) > 1), None)
    if twice is not None:
        raise BadInputError(
            project, f"would have two images called {twice!r}", "rename one of them"
        )
    for number, lane in enumerate(lanes):
        group = infos.create_group(f"lane{number:04d}")
        for role in _ROLES[workflow]:
            info = group.create_group(role)
            if role in lane:
                _write_image(info, lane[role], project)


def _write_image(group: h5py.Group, image: InputImage, project: Path) -> None:
    path, is_relative = stored_path(image, project)
    kind = "RelativeFilesystemDatasetInfo" if is_relative else "FilesystemDatasetInfo"
    texts = {
        "__class__": kind,
        "axistags": axistags(image.axes),
        "datasetId": str(uuid.uuid4()),
        "display_mode": "default",
        "filePath": path,
        "location": "FileSystem",
        "nickname": image.nickname,
    }
    for name, text in texts.items():
        group[name] = text.encode()
    group["allowLabels"] = True
    group["normalizeDisplay"] = False
    group["shape"] = np.array(image.shape, np.int64)


def _write_classes(group: h5py.Group, classes: Sequence[str]) -> None:
    group["StorageVersion"] = b"0.1"
    colors = [distinct_color(number) for number in range(len(classes))]
    rgb = np.array([list(bytes.fromhex(color[1:])) for color in colors], np.int64)
    for name, values in (
        ("LabelNames", [name.encode() for name in classes]),
        ("LabelColors", rgb),
        ("PmapColors", rgb),
    ):
        group[name] = values
        group[name].attrs["isEmpty"] = False


def _write_object_features(group: h5py.Group, name: str, features: Sequence[str]) -> None:
    plugin = group.create_group(name).create_group(OBJECT_PLUGIN)
    for feature in features:
        plugin.create_group(feature)
    for feature in NEIGHBOURHOOD_FEATURES:
        plugin.create_group(feature)["margin"] = np.array(_MARGIN, np.int64)


def _save(content: h5py.File, path: Path) -> None:
    content.flush()
    write_bytes(path, content.id.get_file_image())
