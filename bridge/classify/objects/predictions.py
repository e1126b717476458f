"""Predicted classes in the table of detections, and as orgaSeg and ilastik write them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from bridge.colors import class_color
from bridge.detections import Detections
from bridge.errors import BadInputError
from bridge.objects3d import ObjectRows
from bridge.review.classes import TO_CHECK

PROBABILITY = "Probability of {name}"
"""Column of the probability of a class, as ilastik calls it."""


@dataclass(frozen=True)
class Classed:
    """Detections with predicted classes.

    An object of a volume counts once, however many slices it has.

    Attributes:
        detections: the objects, with their classes and a column of probabilities a class.
        unsure: number of objects that stay without a class, as none is probable enough.
        undrawn: number of objects without any feature: others cover them, or they lie outside of
            the image.
        kept: number of objects that keep the class that they had.
    """

    detections: Detections
    unsure: int = 0
    undrawn: int = 0
    kept: int = 0


def add_classes(
    detections: Detections,
    classes: Sequence[str],
    probabilities: NDArray[np.float64],
    *,
    threshold: float = 0.0,
    fixed: NDArray[np.bool_] | None = None,
) -> Classed:
    """Give each object its most probable class, and the probability of each class as a column.

    Args:
        detections: n objects. Columns of probabilities of an earlier classifier are removed.
        classes: their possible classes.
        probabilities: (n, classes); NaN for an object whose class cannot be predicted. Slices of
            an object of a volume have the same.
        threshold: objects whose most probable class is less probable stay without a class.
        fixed: (n,) objects that keep the class that they have, or have none. Where some slices of
            an object of a volume keep a class, its other slices get it, too.

    Raises:
        BadInputError: a threshold that is no probability.

    >>> objects = Detections.from_labels(np.array([[1, 0, 2]]))
    >>> found = add_classes(objects, ["dead", "live"], np.array([[0.1, 0.9], [0.6, 0.4]]))
    >>> found.detections.objects[["class", "Probability of live"]].values.tolist()
    [['live', 0.9], ['dead', 0.4]]
    """
    if not 0 <= threshold <= 1:
        raise BadInputError("--unsure", f"{threshold} is no probability", "give 0 to 1")
    frame = detections.objects
    earlier = [name for name in frame.columns if str(name).startswith(PROBABILITY.format(name=""))]
    frame = frame.drop(columns=earlier)
    filled = np.nan_to_num(probabilities, nan=-1.0)
    best = filled.max(axis=1, initial=-1.0)
    is_known, is_sure = best >= 0, best >= max(threshold, 0.0)
    names = np.array([*classes, None], object)
    chosen = names[np.where(is_sure, filled.argmax(axis=1), len(classes))]
    colors = np.array([None if name is None else class_color(name) for name in chosen], object)
    keeps = np.zeros(len(frame), bool) if fixed is None else fixed
    rows = ObjectRows.of(detections)
    own, has_own = _own_rows(frame["class"], keeps, rows)
    columns = {
        "class": np.where(has_own, frame["class"].to_numpy(object)[own], chosen),
        "class_color": np.where(has_own, frame["class_color"].to_numpy(object)[own], colors),
    }
    columns |= {
        PROBABILITY.format(name=name): probabilities[:, number]
        for number, name in enumerate(classes)
    }
    is_kept = has_own & pd.notna(columns["class"])
    unsure, undrawn, kept = (
        int(which[rows.largest].sum())
        for which in (is_known & ~is_sure & ~has_own, ~is_known & ~has_own, is_kept)
    )
    classed = Detections(frame.assign(**columns), detections.image, detections.outline)
    return Classed(classed, unsure=unsure, undrawn=undrawn, kept=kept)


def _own_rows(
    classes: pd.Series[str], keeps: NDArray[np.bool_], rows: ObjectRows
) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """Return the row (n,) whose class each row keeps, and whether (n,) it keeps one.

    A slice that keeps its class gives it to the other slices of its object.
    """
    own = np.arange(len(classes), dtype=np.int64)
    if not rows.has_slices or not keeps.any():
        return own, keeps
    known = classes.where(keeps & (classes != TO_CHECK))
    of_objects, _ = rows.class_rows(known.to_numpy(object))
    given = of_objects[rows.owner]
    is_given = known.notna().to_numpy(np.bool_)[given]
    own[~keeps] = given[~keeps]
    return own, keeps | is_given


def prediction_rows(detections: Detections, name: str, *, is_crop: bool = False) -> pd.DataFrame:
    """Return the rows of orgaSeg's ``predictions.csv``.

    Args:
        detections: with predicted classes.
        name: file name of a crop, else name of the image.
        is_crop: the image is a crop of one object.

    Returns:
        Columns ``image_name`` and ``label`` (the class, empty for none). An object of an image is
        called as orgaSeg calls the crop that it cuts of it: ``NAME_LABEL.tiff``. An object of a
        volume has one row.

    >>> prediction_rows(Detections.from_labels(np.array([[1, 0, 2]])), "a")["image_name"].tolist()
    ['a_1.tiff', 'a_2.tiff']
    """
    frame = detections.objects
    frame = frame.iloc[ObjectRows.of(detections).class_rows(frame["class"])[0]]
    names = [name] * len(frame) if is_crop else [f"{name}_{label}.tiff" for label in frame["label"]]
    labels = [text if isinstance(text, str) else "" for text in frame["class"]]
    return pd.DataFrame({"image_name": names, "label": labels}, dtype=object)


def ilastik_rows(detections: Detections, classes: Sequence[str]) -> pd.DataFrame:
    """Return predictions in the columns of ilastik's table of objects.

    Columns: ``object_id`` (from 0 in each time point), ``timestep``, ``labelimage_oid``, ``User
    Label`` (0, none), ``Predicted Class``, ``Probability of CLASS``, ``Center of the object_0`` (x)
    and ``_1`` (y) as pixel numbers, ``Size in pixels``. An object of a volume has one row, with the
    centre and number of its voxels, and ``Center of the object_2`` (z).

    Args:
        detections: with predicted classes.
        classes: of the classifier, in order.
    """
    every, rows = detections.objects, ObjectRows.of(detections)
    frame = every.iloc[rows.class_rows(every["class"])[0]]
    columns = {
        "object_id": frame.groupby("t").cumcount().to_numpy(),
        "timestep": frame["t"].to_numpy(),
        "labelimage_oid": frame["label"].to_numpy(),
        "User Label": np.zeros(len(frame), np.int64),
        "Predicted Class": [text if isinstance(text, str) else "" for text in frame["class"]],
        **{
            (title := PROBABILITY.format(name=name)): frame[title].to_numpy(np.float64)
            for name in classes
        },
    }
    centres, sizes = _voxel_centres(detections, rows)
    # A pixel's centre is at +0.5 here, and at 0 in ilastik.
    columns |= {f"Center of the object_{axis}": c - 0.5 for axis, c in enumerate(centres)}
    return pd.DataFrame({**columns, "Size in pixels": sizes})


def _voxel_centres(
    detections: Detections, rows: ObjectRows
) -> tuple[list[NDArray[np.float64]], NDArray[np.float64]]:
    """Return x, y and, where objects have slices, z of each object's centre, and its size.

    Positions are in pixels and slices from the corner of the first one, sizes in pixels.
    """
    frame = detections.objects
    centre, area = frame.geometry.centroid, frame.geometry.area.to_numpy(np.float64)
    x, y = centre.x.to_numpy(), centre.y.to_numpy()
    if not rows.has_slices:
        return [x, y], area
    sizes = np.bincount(rows.owner, area).astype(np.float64)
    with np.errstate(divide="ignore", invalid="ignore"):
        each = [
            np.bincount(rows.owner, np.nan_to_num(area * place)) / sizes
            for place in (x, y, frame["z"].to_numpy() + 0.5)
        ]
    return each, sizes
