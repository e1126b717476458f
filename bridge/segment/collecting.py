"""The objects of all planes of an image, gathered to one :class:`~bridge.detections.Detections`."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

import numpy as np

from bridge.detections import Detections, Outline
from bridge.outlines import rasterize, star_polygons

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from bridge.images.info import ImageInfo
    from bridge.model.recipe import Recipe
    from bridge.segment.nms import Candidates

log = logging.getLogger(__name__)


class ObjectCollector:
    """The objects found so far, labelled from 1 on through the planes.

    Args:
        outline: ``star`` or ``traced``.
        recipe: gives the names of classes.
    """

    def __init__(self, outline: Outline, recipe: Recipe) -> None:
        self._outline = outline
        self._recipe = recipe
        self._polygons: list[NDArray[np.object_]] = [np.empty(0, object)]
        self._columns: dict[str, list[NDArray[Any]]] = {
            "label": [np.empty(0, int)],
            "prob": [np.empty(0)],
            "class": [np.empty(0, object)],
            "z": [np.empty(0, int)],
            "t": [np.empty(0, int)],
        }
        self._labels = 0

    def add(
        self,
        kept: Candidates,
        shape: tuple[int, ...],
        *,
        t: int,
        z: int,
        pixel: tuple[float, float],
        source: str,
    ) -> None:
        """Add the objects of a plane, most probable first.

        Args:
            kept: the winners of its candidates, in predicted pixels.
            shape: (height, width, …) of the plane.
            t: time point.
            z: slice.
            pixel: (y, x) size of a predicted pixel in the plane's pixels.
            source: what the log calls the plane.
        """
        polygons = star_polygons(kept.dist, kept.points, scale=pixel)
        labels = np.arange(self._labels + 1, self._labels + 1 + len(kept))
        self._labels += len(kept)
        if self._outline == "traced":
            polygons, visible = _trace_visible(polygons, kept.prob, shape)
            if not visible.all():
                log.info("%s: %d objects lie wholly under others", source, (~visible).sum())
            kept, labels, polygons = kept.take(visible), labels[visible], polygons[visible]
        self._polygons.append(polygons)
        for key, values in (
            ("label", labels),
            ("prob", kept.prob.astype(np.float64)),
            ("class", name_classes(kept.classes, len(kept), self._recipe)),
            ("z", np.full(len(kept), z)),
            ("t", np.full(len(kept), t)),
        ):
            self._columns[key].append(values)

    def detections(self, image: ImageInfo) -> Detections:
        """Return all objects."""
        return Detections.from_polygons(
            np.concatenate(self._polygons),
            columns={key: np.concatenate(parts) for key, parts in self._columns.items()},
            image=image,
            outline=self._outline,
        )


def name_classes(
    probabilities: NDArray[Any] | None, count: int, recipe: Recipe
) -> NDArray[np.object_]:
    """Return the name of each object's most probable class, ``None`` where that is background.

    StarDist's ``class_id`` (0 for background, else from 1) is chosen in the same way.

    Args:
        probabilities: (count, classes + 1), background first; ``None`` for a model without classes.
        count: number of objects.
        recipe: gives the names.

    >>> from bridge.model.recipe import Recipe
    >>> found = np.array([[0.6, 0.3, 0.1], [0.2, 0.3, 0.5]])
    >>> name_classes(found, 2, Recipe(classes=("Neuron", "Glia"))).tolist()
    [None, 'Glia']
    """
    names = np.full(count, None, object)
    if probabilities is not None:
        numbers = np.argmax(probabilities, axis=1)
        for number in np.unique(numbers[numbers > 0]):
            names[numbers == number] = recipe.class_name(int(number))
    return names


def _trace_visible(
    polygons: NDArray[np.object_], prob: NDArray[Any], shape: tuple[int, ...]
) -> tuple[NDArray[np.object_], NDArray[np.bool_]]:
    """Trace what is visible of each object once all are drawn; return which are visible, too."""
    from bridge.outlines import trace

    order = np.argsort(prob, kind="stable")
    drawn = rasterize(polygons[order], order + 1, (shape[0], shape[1]))
    labels, outlines = trace(drawn)
    traced = polygons.copy()
    visible = np.zeros(len(polygons), bool)
    visible[labels - 1] = True
    traced[labels - 1] = outlines
    return traced, visible
