"""Propose classes to a reviewer, and ask for those of the objects that teach most."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from bridge.classify.objects.choosing import choose_objects, uncertainty
from bridge.classify.objects.predictions import add_classes
from bridge.colors import class_color
from bridge.detections import Detections
from bridge.errors import BadInputError
from bridge.objects3d import ObjectRows
from bridge.review.classes import TO_CHECK

UNCERTAINTY = "Class uncertainty"
"""Measurement: :func:`bridge.classify.objects.choosing.uncertainty` of an object's class."""
PREDICTED = "Predicted class"
"""Text of an object to check: the class that the classifier would give it."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Prediction:
    """Probabilities of the classes of an image's objects.

    Attributes:
        image: name of the image.
        objects: the n objects, or slices of objects of a volume.
        probabilities: (n, classes); NaN for an object that could not be measured. Slices of an
            object have the same.
        open: UUIDs of the objects (of a volume, slices) whose class no reviewer decided.

    Raises:
        BadInputError: probabilities of other objects.
    """

    image: str
    objects: Detections
    probabilities: NDArray[np.float64]
    open: frozenset[str]

    def __post_init__(self) -> None:
        """Check the sizes."""
        if len(self.probabilities) != len(self.objects):
            raise BadInputError(
                self.image,
                f"has {len(self.objects)} objects and probabilities of {len(self.probabilities)}",
                "class the same objects",
            )

    @property
    def open_rows(self) -> NDArray[np.int64]:
        """Row of each object that no reviewer decided in any slice: that of its largest slice."""
        rows = ObjectRows.of(self.objects)
        is_open = np.ones(len(rows), np.bool_)
        is_open[rows.owner[~self.objects.objects.index.isin(list(self.open))]] = False
        return rows.largest[is_open]


def choose_to_check(predictions: Sequence[Prediction], count: int) -> list[frozenset[str]]:
    """Choose the objects of a study that a reviewer should class next.

    Args:
        predictions: one an image.
        count: number of objects in all images together.

    Returns:
        UUIDs of the chosen objects of each image, of an object of a volume that of its largest
        slice; none that a reviewer decided.

    Raises:
        BadInputError: as :func:`bridge.classify.objects.choosing.choose_objects`.
    """
    unsure, images, ids = [np.zeros(0)], list[str](), list[str]()
    for number, prediction in enumerate(predictions):
        is_open = prediction.open_rows
        unsure.append(uncertainty(prediction.probabilities[is_open]))
        names = [str(identity) for identity in prediction.objects.objects.index[is_open]]
        # two images of one name are two images
        images += [str(number)] * len(names)
        ids += names
    chosen: list[set[str]] = [set() for _ in predictions]
    for place in choose_objects(np.concatenate(unsure), images, count):
        chosen[int(images[place])].add(ids[place])
    return [frozenset(found) for found in chosen]


def propose_classes(
    prediction: Prediction,
    classes: Sequence[str],
    to_check: Collection[str],
    *,
    least: float = 0.0,
) -> Detections:
    """Return objects with the predicted classes, for a reviewer.

    Args:
        prediction: of one image.
        classes: names of the classes, in the order of the probabilities.
        to_check: UUIDs of the objects that get the class :data:`bridge.review.classes.TO_CHECK`,
            and their predicted one as the text :data:`PREDICTED`. Other slices of such an object
            get no class, so that the one that the reviewer gives is the object's.
        least: probability below which an object stays unclassified.

    Returns:
        All objects, with the measurement :data:`UNCERTAINTY` and the probabilities
        (:func:`bridge.classify.objects.predictions.add_classes`). Classes that a reviewer decided
        stay as they are, and go to the other slices of the object.

    Raises:
        BadInputError: ``least`` is no probability.

    >>> objects = Detections.from_labels(np.array([[1, 0, 2, 0, 3]]))
    >>> known = np.array([[0.9, 0.1], [0.4, 0.6], [np.nan, np.nan]])
    >>> prediction = Prediction(
    ...     image="a", objects=objects, probabilities=known, open=frozenset(objects.ids)
    ... )
    >>> proposed = propose_classes(prediction, ["live", "dead"], objects.ids[1:2])
    >>> proposed.objects["class"].tolist(), proposed.objects[PREDICTED].tolist()
    (['live', 'to check', None], [None, 'dead', None])
    """
    index = prediction.objects.objects.index
    is_open = index.isin(list(prediction.open))
    classed = add_classes(
        prediction.objects, classes, prediction.probabilities, threshold=least, fixed=~is_open
    ).detections
    frame = classed.objects.assign(**{UNCERTAINTY: uncertainty(prediction.probabilities)})
    asked = is_open & index.isin(list(to_check))
    if asked.any():
        best = np.asarray(classes, object)[np.nan_to_num(prediction.probabilities).argmax(axis=1)]
        frame[PREDICTED] = np.where(asked, best, None)
        rows = ObjectRows.of(prediction.objects)
        others = is_open & ~asked & np.isin(rows.owner, rows.owner[asked])
        frame.loc[others, ["class", "class_color"]] = None
        frame.loc[asked, "class"] = TO_CHECK
        frame.loc[asked, "class_color"] = class_color(TO_CHECK)
    elif PREDICTED in frame.columns:
        frame = frame.drop(columns=PREDICTED)
    return replace(classed, objects=frame)
