"""Classes that people gave to objects in ilastik's object classification."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from bridge.errors import BadInputError
from bridge.formats.ilastik.content import opened
from bridge.formats.ilastik.labels import MOST_CLASSES
from bridge.formats.ilastik.project import OBJECTS, IlastikProject


def read_object_labels(project: IlastikProject) -> list[dict[int, NDArray[np.int64]]]:
    """Read the class of each object that has one, by ilastik's number of the object.

    Stored in ``ObjectClassification/LabelInputs/LANE/TIME``: a float a number of an object, 0 for
    none, else a class from 1.

    Args:
        project: the project.

    Returns:
        For each lane, by time point: (n + 1,) int64, a class a number of an object; 0 for none.

    Raises:
        BadInputError: the classes are damaged, or there are more of them than names.
    """
    lanes: list[dict[int, NDArray[np.int64]]] = []
    with opened(project.path) as root:
        inputs = root.folder(OBJECTS, "LabelInputs")
        for number in range(len(project.lanes)):
            lane = None if inputs is None else inputs.folder(f"{number:04d}")
            by_time: dict[int, NDArray[np.int64]] = {}
            for time in [] if lane is None else lane.names():
                values = None if lane is None else lane.numbers(time, axes=1)
                if lane is None or values is None or not time.isdecimal():
                    continue
                found = np.nan_to_num(values.astype(np.float64))
                whole = (found >= 0) & (found <= MOST_CLASSES) & (found == np.floor(found))
                if not whole.all():
                    raise lane.damaged(time, "holds numbers that are no classes")
                by_time[int(time)] = found.astype(np.int64)
            lanes.append(by_time)
    largest = max((int(v.max(initial=0)) for lane in lanes for v in lane.values()), default=0)
    if largest > len(project.classes):
        raise BadInputError(
            project.path,
            f"has objects of class {largest}, and names of {len(project.classes)} classes",
            "open it in ilastik and save it again",
        )
    return lanes
