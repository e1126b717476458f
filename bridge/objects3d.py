"""Objects of volumes in the table of detections: a row a slice, one label and one UUID an object.

An object of a volume (a nucleus in 3D) has a row for each slice that it lies in. Its rows have the
same ``label``, which is its id in the ZYX label volume of its time point, and the same UUID in the
text column ``object`` (:data:`bridge.detections.OBJECT`). A row's own UUID is made of the object's
and the slice (:func:`slice_id`), so that slices keep theirs through every format and through a
second export.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from bridge.detections import OBJECT, Detections, is_uuid, new_ids
from bridge.errors import BadInputError
from bridge.images.info import ImageInfo

if TYPE_CHECKING:
    from typing import Self


def slice_id(object_id: str, z: int) -> str:
    """Return the UUID of an object's row in a slice (RFC 9562, version 5).

    Args:
        object_id: UUID of the object.
        z: slice, from 0.

    >>> slice_id("0b4f3f0e-6f3c-4c58-9d3d-0a6d1f0c2b7e", 3)
    'd4ed6a9d-d873-500e-9ab6-b5ee9b0d3ee5'
    """
    return str(uuid.uuid5(uuid.UUID(object_id), f"z={z}"))


def from_volume(
    labels: NDArray[Any],
    *,
    axes: str = "ZYX",
    image: ImageInfo | None = None,
    columns: Mapping[str, Mapping[int, Any]] | None = None,
    name: str = "label volume",
) -> Detections:
    """Trace every object of a label volume, slice by slice.

    Args:
        labels: as :meth:`Detections.from_labels` takes them; 0 is background.
        axes: ``ZYX`` or ``TZYX``.
        image: what is known of the image that the labels belong to.
        columns: further columns by name, each a value by label (``{"prob": {1: 0.9}}``); labels
            that are missing get none.
        name: name of the array in errors.

    Returns:
        Traced outlines; :func:`to_volume` draws exactly ``labels`` again.

    Raises:
        BadInputError: as :meth:`Detections.from_labels`, or other axes.

    >>> import numpy as np
    >>> ball = np.zeros((3, 4, 4), np.uint16)
    >>> ball[0, 1, 1], ball[1, 1:3, 1:3] = 5, 5
    >>> found = from_volume(ball)
    >>> found.objects[["label", "z"]].values.tolist(), found.objects["object"].nunique()
    ([[5, 0], [5, 1]], 1)
    """
    _check_axes(axes, name)
    found = Detections.from_labels(labels, axes=axes, image=image, name=name)
    frame = found.objects
    for column, values in (columns or {}).items():
        # as a list, so that "no class" stays None
        frame[column] = pd.Series(
            [values.get(label) for label in frame["label"].tolist()],
            index=frame.index,
            dtype=float if column == "prob" else None,
        )
    return name_objects(replace(found, objects=frame))


def to_volume(detections: Detections, *, axes: str | None = None) -> NDArray[Any]:
    """Draw the label volume.

    Args:
        detections: the objects; the image's size must be known.
        axes: ``ZYX`` or ``TZYX``; ``TZYX`` where the image has several time points when ``None``.

    Returns:
        uint16 (uint32 where a label is over 65,535), also of one slice only.

    Raises:
        BadInputError: as :meth:`Detections.to_labels`; ``ZYX`` for several time points.

    >>> import numpy as np
    >>> plane = Detections.from_labels(np.array([[0, 3]]))
    >>> to_volume(plane).tolist()
    [[[0, 3]]]
    """
    info = detections.image
    axes = axes or ("TZYX" if info.size_t > 1 else "ZYX")
    source = info.name or "detections"
    _check_axes(axes, source)
    if axes == "ZYX" and info.size_t > 1:
        raise BadInputError(source, f"has {info.size_t} time points", "draw it as TZYX")
    labels = detections.to_labels()
    sizes = {"T": info.size_t, "Z": info.size_z, "Y": labels.shape[-2], "X": labels.shape[-1]}
    volume: NDArray[Any] = labels.reshape([sizes[axis] for axis in axes])
    return volume


def has_objects(detections: Detections) -> bool:
    """Return whether every row says which object of a volume it belongs to."""
    frame = detections.objects
    return OBJECT in frame.columns and all(map(is_uuid, frame[OBJECT]))


def name_objects(detections: Detections) -> Detections:
    """Give every object of a volume a UUID, where it has none yet.

    The rows of a time point that have the same label are one object. The UUID that one of its rows
    has already counts for all of them, unless another object has it; where there is none, the
    object gets a new one, and its rows those that :func:`slice_id` makes of it.

    >>> import numpy as np
    >>> stack = Detections.from_labels(np.array([[[1, 2]], [[1, 0]]]), axes="ZYX")
    >>> named = name_objects(stack)
    >>> named.objects["object"].nunique(), name_objects(named).ids == named.ids
    (2, True)
    """
    frame = detections.objects.copy(deep=False)
    rows = frame.groupby(["t", "label"], sort=False).indices
    given = frame[OBJECT].tolist() if OBJECT in frame.columns else [None] * len(frame)
    objects: list[str] = [""] * len(frame)
    ids, z = detections.ids, frame["z"].tolist()
    used: set[str] = set()
    for members in rows.values():
        known = {str(given[row]).lower() for row in members if is_uuid(given[row])} - used
        identity = min(known) if known else new_ids(1)[0]
        used.add(identity)
        for row in members:
            objects[row] = identity
            if not known:
                ids[row] = slice_id(identity, z[row])
    frame[OBJECT] = pd.Series(objects, index=frame.index, dtype=object)
    frame.index = pd.Index(ids, name="id", dtype=object)
    return replace(detections, objects=frame)


def list_objects(detections: Detections) -> pd.DataFrame:
    """Return a row an object of a volume, where its slices are rows of the detections.

    Returns:
        Indexed by the object's UUID, in the order of time points and labels: ``label``, ``t``,
        ``z_first`` and ``z_last`` (slices from 0), ``slices`` (how many; fewer than from the first
        to the last where there is a gap), ``voxels`` (sum of the outlines' areas), ``prob`` (the
        largest) and ``class`` (that of most of its slices, see :func:`representative_rows`).

    >>> import numpy as np
    >>> ball = np.zeros((3, 4, 4), np.uint16)
    >>> ball[0, 1, 1], ball[1, 1:3, 1:3] = 5, 5
    >>> list_objects(from_volume(ball))[["label", "z_first", "z_last", "voxels"]].values.tolist()
    [[5.0, 0.0, 1.0, 5.0]]
    """
    frame = (detections if has_objects(detections) else name_objects(detections)).objects
    table = pd.DataFrame(frame[[OBJECT, "label", "t", "z", "prob", "class"]])
    table["voxels"] = frame.geometry.area
    grouped = table.groupby(OBJECT, sort=False)
    listed = grouped.agg(
        label=("label", "first"),
        t=("t", "first"),
        z_first=("z", "min"),
        z_last=("z", "max"),
        slices=("z", "nunique"),
        voxels=("voxels", "sum"),
        prob=("prob", "max"),
    )
    classes = table["class"].to_numpy(object)
    rows, _ = representative_rows(pd.factorize(table[OBJECT])[0], classes)
    listed["class"] = pd.Series(classes[rows], index=listed.index, dtype=object)
    return listed.sort_values(["t", "label"], kind="stable")


def representative_rows(
    owner: Sequence[Any] | NDArray[Any], classes: Sequence[Any] | NDArray[Any]
) -> tuple[NDArray[np.intp], int]:
    """Return the row that stands for each object: its first of the class that most slices have.

    Slices without a class do not count, as a person gives a class in one slice; of classes that
    equally many slices have, that of the first slice counts.

    Args:
        owner: (rows,) what object each row belongs to, as numbers or texts.
        classes: (rows,) class names; ``None``, NaN or empty for none.

    Returns:
        A row for each object, in the order of sorted objects; and the number of objects whose
        slices have different classes.

    >>> representative_rows([0, 1, 0, 0], ["A", "B", None, "A"])
    (array([0, 1]), 0)
    """
    frame = pd.DataFrame({"owner": np.asarray(owner), "class": pd.Series(classes, dtype=object)})
    frame["class"] = frame["class"].where(frame["class"].notna(), "").astype(str)
    frame["row"] = np.arange(len(frame))
    groups = frame.groupby(["owner", "class"], sort=False)["row"].agg(["size", "min"]).reset_index()
    groups["is empty"] = groups["class"] == ""
    ranked = groups.sort_values(
        ["owner", "is empty", "size", "min"], ascending=[True, True, False, True]
    )
    named = groups.loc[~groups["is empty"], "owner"]
    differing = int((named.value_counts() > 1).sum())
    rows = ranked.loc[~ranked["owner"].duplicated(), "min"].to_numpy(np.intp)
    return rows, differing


def number_owners(
    objects: Iterable[Any], times: Iterable[Any]
) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """Return the number of the object that each row belongs to.

    Args:
        objects: what each row is a slice of; what is no UUID stands for a row of its own.
        times: time point of each row.

    Returns:
        (rows,) number of each row's object, from 0 in the order of the objects' first rows; and
        whether the row says what it is a slice of.

    >>> nucleus = "0b4f3f0e-6f3c-4c58-9d3d-0a6d1f0c2b7e"
    >>> owner, is_slice = number_owners([None, nucleus, nucleus, nucleus], [0, 0, 1, 1])
    >>> owner.tolist(), is_slice.tolist()
    ([0, 1, 2, 2], [False, True, True, True])
    """
    names = list(objects)
    is_slice = np.array([is_uuid(name) for name in names], np.bool_)
    keys = [
        f"{name.lower()} {t}" if is_slice[row] else str(row)
        for row, (name, t) in enumerate(zip(names, times, strict=True))
    ]
    return pd.factorize(np.array(keys, object))[0].astype(np.int64), is_slice


@dataclass(frozen=True, eq=False)
class ObjectRows:
    """Rows of detections, and the object that each of them is, or is a slice of.

    A row that does not say in the column ``object`` what it is a slice of is an object of its own.
    Rows of one object in two time points are two objects.

    Attributes:
        owner: (rows,) number of each row's object, from 0 in the order of the objects' first rows.
        largest: (objects,) the row with the largest outline; of equally large ones the first slice.
        is_slice: (rows,) whether a row says what it is a slice of.
    """

    owner: NDArray[np.int64]
    largest: NDArray[np.int64]
    is_slice: NDArray[np.bool_]

    @classmethod
    def of(cls, detections: Detections) -> Self:
        """Find the objects of detections.

        >>> ball = np.zeros((3, 4, 4), np.uint16)
        >>> ball[0, 1, 1], ball[1, 1:3, 1:3], ball[1, 0, 0] = 5, 5, 2
        >>> found = ObjectRows.of(from_volume(ball))
        >>> found.owner.tolist(), found.largest.tolist()
        ([0, 1, 0], [2, 1])
        """
        frame = detections.objects
        every = np.arange(len(frame), dtype=np.int64)
        if OBJECT not in frame.columns:
            return cls(every, every, np.zeros(len(frame), np.bool_))
        owner, is_slice = number_owners(frame[OBJECT], frame["t"])
        order = np.lexsort([frame["z"], -frame.geometry.area, owner])
        is_first = np.diff(owner[order], prepend=-1) > 0
        return cls(owner, order[is_first].astype(np.int64), is_slice)

    def __len__(self) -> int:
        """Return the number of objects."""
        return len(self.largest)

    @property
    def has_slices(self) -> bool:
        """Tell whether an object has several rows."""
        return len(self.largest) < len(self.owner)

    def class_rows(
        self, classes: Sequence[Any] | NDArray[Any] | pd.Series[Any]
    ) -> tuple[NDArray[np.intp], int]:
        """Return the row that each object has its class of, see :func:`representative_rows`.

        Args:
            classes: (rows,) class names; ``None``, NaN or empty for none.

        Returns:
            (objects,) rows; and the number of objects whose slices have different classes.
        """
        if not self.has_slices:
            return np.arange(len(self.owner)), 0
        return representative_rows(self.owner, np.asarray(classes, object))

    def note_on_slices(self, what: str) -> str | None:
        """Return a line on rows that are slices; ``None`` where no object has several.

        Args:
            what: happens to each object, as in "counted once each".

        >>> ball = np.ones((3, 4, 4), np.uint16)
        >>> ObjectRows.of(from_volume(ball)).note_on_slices("counted once each")
        '3 rows are slices of 1 nuclei, which are counted once each'
        """
        if not self.has_slices:
            return None
        nuclei = len(np.unique(self.owner[self.is_slice]))
        rows = np.count_nonzero(self.is_slice)
        return f"{rows:,} rows are slices of {nuclei:,} nuclei, which are {what}"


def _check_axes(axes: str, source: str) -> None:
    if axes not in ("ZYX", "TZYX"):
        raise BadInputError(source, f"axes {axes!r} are no volume's", "give ZYX or TZYX")
