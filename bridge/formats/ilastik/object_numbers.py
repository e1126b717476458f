"""Numbers of objects as every version of ilastik has them.

Projects keep the class of an object under its number. Newer versions of ilastik number the objects
of a label image anew, from 1 in the order in which they meet them (slices, rows, columns), at each
time point; older versions keep the image's own numbers. The two agree where the image has such
numbers already, so any other label image is copied with them.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from bridge.detections import check_labels
from bridge.errors import BadInputError
from bridge.files.atomic import write_bytes, writing
from bridge.files.names import safe_name
from bridge.formats.axistags import axistags
from bridge.formats.ilastik.input_images import (
    DATASET,
    InputImage,
    check_path,
    copies_of,
    make_dataset,
)
from bridge.formats.ilastik.labels import MOST_CLASSES, Strokes
from bridge.images import Image

_LARGEST = 2**31 - 1


@dataclass(frozen=True)
class Numbered:
    """A plane of a label image with ilastik's numbers.

    Attributes:
        t: time point.
        z: slice.
        labels: uint32 (Y, X), 0 for no object, else from 1 in the order of ilastik.
        is_same: the image itself has these numbers.
        numbers: ilastik's number by the image's own, so far in this time point.
    """

    t: int
    z: int
    labels: NDArray[np.uint32]
    is_same: bool
    numbers: dict[int, int]


def numbered_planes(image: Image, source: str) -> Iterator[Numbered]:
    """Yield the planes of a label image with objects numbered as ilastik does.

    Args:
        image: whole numbers, 0 for no object.
        source: its file, for errors.

    Raises:
        BadInputError: it is no label image.
    """
    if image.size("C") > 1:
        raise BadInputError(
            source,
            f"has {image.size('C')} channels, but a label image has one",
            "give the label image, not the microscope image",
        )
    numbers: dict[int, int] = {}
    for t, z in image.planes():
        if z == 0:
            numbers = {}
        plane = check_labels(image.plane(0, z=z, t=t), source)
        found, first, inverse = np.unique(plane, return_index=True, return_inverse=True)
        if len(found) and int(found[-1]) > _LARGEST:
            raise BadInputError(source, f"has the label {found[-1]}", "number the objects from 1")
        for index in np.argsort(first, kind="stable"):
            own = int(found[index])
            if own:
                numbers.setdefault(own, len(numbers) + 1)
        mapped = np.array([numbers[int(own)] if own else 0 for own in found], np.uint32)
        is_same = bool(np.array_equal(mapped, found))
        yield Numbered(t, z, mapped[inverse].reshape(plane.shape), is_same, numbers)


def copy_numbered(image: Image, source: str, project: Path, nickname: str) -> InputImage:
    """Copy a label image with ilastik's numbers beside a project, and a table of the old ones.

    The table ``NAME_numbers.csv`` has the columns ``time``, ``label`` (in the copy) and
    ``original_label``.

    Args:
        image: the label image.
        source: its file, for errors.
        project: the project.
        nickname: name of the image that it belongs to.

    Raises:
        BadInputError: it is no label image, or a file cannot be written.
    """
    name = safe_name(nickname) or "image"
    file = copies_of(project) / f"{name}_labels.h5"
    check_path(file)
    sizes = {axis: image.size(axis) for axis in "TZYX"}
    axes = "".join(axis for axis in "TZYX" if sizes[axis] > 1 or axis in "YX")
    shape = tuple(sizes[axis] for axis in axes)
    rows: dict[int, dict[int, int]] = {}
    with writing(file) as part:
        offset = make_dataset(part, shape, np.dtype(np.uint32), axistags(axes, image.pixel_size))
        with part.open("r+b") as stream:
            stream.seek(offset)
            for plane in numbered_planes(image, source):
                stream.write(np.ascontiguousarray(plane.labels).data)
                rows[plane.t] = plane.numbers
    lines = ["time,label,original_label"]
    lines += [f"{t},{new},{own}" for t, numbers in rows.items() for own, new in numbers.items()]
    write_bytes(file.with_name(f"{name}_numbers.csv"), ("\n".join(lines) + "\n").encode())
    return InputImage(
        file=file,
        dataset=DATASET,
        axes=axes,
        shape=shape,
        nickname=f"{name}_labels",
        is_copy=True,
    )


def classes_of_objects(
    image: Image, source: str, strokes: Strokes
) -> tuple[list[dict[int, int]], int]:
    """Return the class of each object that strokes lie on, by ilastik's number of it.

    Args:
        image: the label image.
        source: its file, for errors.
        strokes: of the same size.

    Returns:
        For each time point, class by number of the object, and how many objects have strokes of
        several classes, none of them on more than half of the pixels that have one: these get none.

    Raises:
        BadInputError: it is no label image, or of another size.
    """
    size = (image.size("T"), image.size("Z"), image.height, image.width)
    if size != strokes.shape:
        raise BadInputError(
            source, f"is {size} (T, Z, Y, X) pixels large, and its image {strokes.shape}"
        )
    there = strokes.plane_numbers()
    counts: list[dict[int, NDArray[np.int64]]] = [{} for _ in range(size[0])]
    for plane in numbered_planes(image, source):
        if (plane.t, plane.z) not in there:
            continue
        drawn = strokes.plane(plane.t, plane.z)
        on_object = (drawn > 0) & (plane.labels > 0)
        pairs = plane.labels[on_object].astype(np.int64) * (MOST_CLASSES + 1) + drawn[on_object]
        for pair, number in zip(*np.unique(pairs, return_counts=True), strict=True):
            label, kind = divmod(int(pair), MOST_CLASSES + 1)
            here = counts[plane.t].setdefault(label, np.zeros(MOST_CLASSES + 1, np.int64))
            here[kind] += number
    classes: list[dict[int, int]] = [{} for _ in counts]
    torn = 0
    for t, by_object in enumerate(counts):
        for label, pixels in by_object.items():
            if 2 * pixels.max() > pixels.sum():
                classes[t][label] = int(pixels.argmax())
            else:
                torn += 1
    return classes, torn
