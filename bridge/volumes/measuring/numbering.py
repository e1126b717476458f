"""Objects of a stack as numbered volumes, one a time point."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import psutil
from numpy.typing import NDArray

from bridge.detections import OBJECT, Detections
from bridge.errors import BadInputError
from bridge.measure.table import object_planes
from bridge.objects3d import representative_rows
from bridge.volumes.voxels import shape_text

if TYPE_CHECKING:
    from bridge.images import Image

_COPIES = 2.5  # of a numbered volume: the volume, and what lies in objects


@dataclass(frozen=True)
class NumberedVolume:
    """The objects of a time point.

    Attributes:
        t: the time point, from 0.
        numbers: (z, y, x), 0 is background; object i of ``rows`` is i + 1.
        rows: its objects, as rows of the table of all objects.
    """

    t: int
    numbers: NDArray[np.int32]
    rows: slice


@dataclass(frozen=True)
class ObjectList:
    """The objects of a stack, a row an object and time point, in the order of time and label.

    Attributes:
        table: ``object`` (where there are UUIDs), ``label``, ``class``, ``name``, ``t``,
            ``z_first``, ``z_last`` and ``slices``.
        owner: (rows,) the row of ``table`` that each slice belongs to.
        differing: number of objects whose slices have different classes.
    """

    table: pd.DataFrame
    owner: NDArray[np.int64]
    differing: int = 0


def number_volumes(
    objects: Detections | NDArray[Any], image: Image, axes: str | None = None
) -> tuple[ObjectList, Iterator[NumberedVolume]]:
    """Assign numbers from 1 to the objects of each time point of a stack.

    Args:
        objects: detections whose rows are slices and say in the column ``object`` of what, or a
            label volume (Z, Y, X) or (T, Z, Y, X).
        image: the stack.
        axes: of a label volume; the planes that ``image`` has when ``None``.

    Raises:
        BadInputError: the image is a plane, sizes that do not fit, or too little memory.
    """
    shape = (image.size("Z"), image.height, image.width)
    if shape[0] < 2:
        raise BadInputError(
            image.name,
            "has one slice, and no volumes to measure",
            "leave out --volumes, or say with --axes which axis is Z",
        )
    needed, free = int(_COPIES * 4 * np.prod(shape)), psutil.virtual_memory().available
    if needed > free:
        raise BadInputError(
            image.name,
            f"has {shape_text(shape)} voxels, whose work needs {needed / 2**30:.1f} GiB of "
            f"memory; {free / 2**30:.1f} are free",
            "measure a smaller region, or close other programs",
        )
    index, planes = object_planes(objects, image, axes)
    listed = _list_detections(objects) if isinstance(objects, Detections) else _list_labels(index)
    time = listed.table["t"].to_numpy()

    def each() -> Iterator[NumberedVolume]:
        for t, slices in groupby(planes, key=lambda plane: plane.t):
            first, last = np.searchsorted(time, [t, t + 1])
            numbers = np.zeros(shape, np.int32)
            for plane in slices:
                own = (listed.owner[plane.rows] - first + 1).astype(np.int32)
                lookup = np.concatenate([np.zeros(1, np.int32), own])
                np.take(lookup, plane.compartments.nucleus, out=numbers[plane.z])
            yield NumberedVolume(t, numbers, slice(int(first), int(last)))

    return listed, each()


def _list_detections(detections: Detections) -> ObjectList:
    frame = pd.DataFrame(detections.objects[[OBJECT, "label", "class", "name", "t", "z"]])
    frame = frame.reset_index(drop=True)
    frame[OBJECT] = frame[OBJECT].str.lower()
    number = frame.groupby([OBJECT, "t"], sort=False).ngroup().to_numpy()
    first = frame.groupby(number)[["t", "label"]].first()
    order = np.lexsort([first["label"], first["t"]])
    owner = np.argsort(order)[number]
    rows, differing = representative_rows(owner, frame["class"].tolist())
    listed = frame.iloc[rows].drop(columns="z").reset_index(drop=True)
    listed["label"] = first["label"].to_numpy()[order]
    return ObjectList(listed.join(_slices(owner, frame["z"])), owner, differing)


def _list_labels(index: pd.Index[Any]) -> ObjectList:
    frame = index.to_frame(index=False)
    owner = np.asarray(frame.groupby(["t", "label"], sort=True).ngroup(), np.int64)
    listed = frame.groupby(owner)[["label", "t"]].first()
    return ObjectList(listed.join(_slices(owner, frame["z"])), owner)


def _slices(owner: NDArray[np.int64], z: pd.Series[Any]) -> pd.DataFrame:
    grouped = z.groupby(owner)
    return pd.DataFrame(
        {"z_first": grouped.min(), "z_last": grouped.max(), "slices": grouped.nunique()}
    )
