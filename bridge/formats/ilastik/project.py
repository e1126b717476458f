"""A project of ilastik (.ilp) as it stands: images, features, classes, strokes, forest.

Read by h5py alone, whatever wrote it; nothing is unpickled and no link is followed.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from os import PathLike
from pathlib import Path

import numpy as np

from bridge.errors import BadInputError
from bridge.formats.ilastik.content import Content, opened
from bridge.formats.ilastik.feature_selection import FeatureSelection
from bridge.formats.ilastik.features import read_features
from bridge.formats.ilastik.labels import MOST_CLASSES, Strokes, read_strokes
from bridge.formats.ilastik.lanes import Lane, read_lanes

PIXELS = "PixelClassification"
"""Group of a pixel classifier."""

OBJECTS = "ObjectClassification"
"""Group of an object classifier."""

PIXEL_WORKFLOW = "Pixel Classification"
"""Name of the workflow that classifies pixels."""

OBJECT_WORKFLOW = "Object Classification (from label image)"
"""Name of the workflow that classifies the objects of label images."""

_FORESTS = "ClassifierForests"
_MOST_OBJECTS = 2**31


@dataclass(frozen=True, kw_only=True)
class IlastikProject:
    """Content of a project.

    Attributes:
        path: the project.
        version: of the ilastik that wrote it, ``""`` where it does not say.
        workflow: ``Pixel Classification``, …
        saved: when, as ilastik wrote it.
        roles: names of the roles that images have in a lane.
        lanes: the images.
        features: the features of pixels; ``None`` where none is chosen.
        classes: names of the classes, in order: class 1 first.
        colors: of the classes, as (red, green, blue); as many as classes.
        label_counts: for each lane, labelled pixels (or objects) by class from 1.
        has_forest: a trained classifier is stored.
        feature_names: names of the columns that the forest was trained on.
        object_features: names of the chosen features of objects.
        has_table_export: the export of objects' tables is configured.
    """

    path: Path
    version: str
    workflow: str
    saved: str
    roles: tuple[str, ...]
    lanes: tuple[Lane, ...]
    features: FeatureSelection | None
    classes: tuple[str, ...]
    colors: tuple[tuple[int, int, int], ...]
    label_counts: tuple[dict[int, int], ...]
    has_forest: bool
    feature_names: tuple[str, ...]
    object_features: tuple[str, ...] = ()
    has_table_export: bool = False

    @property
    def is_of_objects(self) -> bool:
        """True if the project classifies objects."""
        return self.workflow.startswith("Object Classification")

    @property
    def is_of_pixels(self) -> bool:
        """True if the project classifies pixels, maybe among other things."""
        return self.workflow == PIXEL_WORKFLOW or "pixel classification" in self.workflow.lower()

    def missing(self) -> Iterator[str]:
        """Yield what the project lacks to be run, a clause each."""
        if not self.lanes:
            yield "it has no image"
        for number, lane in enumerate(self.lanes):
            if lane.raw is None:
                yield f"its lane {number} has no image"
            for image in lane.images:
                for file in image.missing:
                    yield f"the file {file} is not there"
        if self.is_of_pixels and self.features is None:
            yield "no features are chosen"
        if self.is_of_objects and not self.object_features:
            yield "no features of objects are chosen"
        if not self.classes:
            yield "it has no classes"
        elif len(self.classes) == 1:
            yield f"it has one class only ({self.classes[0]})"
        for number, name in enumerate(self.classes, 1):
            if not any(number in counts for counts in self.label_counts):
                yield f"the class {name!r} has no labels"
        if not self.has_forest:
            yield "it has no trained classifier: ilastik trains one when it runs"
        if self.is_of_objects and not self.has_table_export:
            yield "the export of tables is not set, so ilastik writes none without its window"


def read_project(path: str | PathLike[str]) -> IlastikProject:
    """Read what a project holds.

    Args:
        path: the project, ``NAME.ilp``.

    Returns:
        The project. Strokes are counted; :func:`read_label_sets` returns them.

    Raises:
        BadInputError: it is no project of ilastik, is damaged, or claims more than is stored.

    >>> project = read_project("cells.ilp")  # doctest: +SKIP
    >>> project.classes, project.has_forest  # doctest: +SKIP
    (('background', 'nucleus'), True)
    """
    file = Path(path)
    with opened(file) as root:
        workflow = root.text("workflowName")
        if workflow is None:
            raise BadInputError(
                file,
                "is HDF5, but no project of ilastik",
                "give a file NAME.ilp that ilastik saved",
            )
        roles, lanes = read_lanes(root)
        version = _version(root)
        group = root.folder(PIXELS) or root.folder(OBJECTS)
        classes = () if group is None else group.texts("LabelNames") or ()
        if len(classes) > MOST_CLASSES:
            raise root.damaged("LabelNames", f"names {len(classes)} classes")
        objects = root.folder(OBJECTS)
        forests = None if group is None else group.folder(_FORESTS)
        return IlastikProject(
            path=file,
            version=version,
            workflow=workflow,
            saved=root.text("time") or "",
            roles=roles,
            lanes=lanes,
            features=read_features(root, is_flat=_is_flat(lanes)),
            classes=classes,
            colors=_colors(group, len(classes)),
            label_counts=_counts(root, lanes, version),
            has_forest=forests is not None and any(n.startswith("Forest") for n in forests.names()),
            feature_names=() if forests is None else forests.texts("feature_names") or (),
            object_features=tuple(_object_features(objects)),
            has_table_export=objects is not None and objects.dataset("ExportSettings") is not None,
        )


def read_label_sets(project: IlastikProject) -> list[Strokes]:
    """Read the brush strokes of a project.

    Args:
        project: the project.

    Returns:
        The strokes of each lane, in order; none where a lane has none.

    Raises:
        BadInputError: they are damaged, or lie outside of their image.
    """
    with opened(project.path) as root:
        return list(_label_sets(root, project.lanes, project.version))


def _label_sets(root: Content, lanes: tuple[Lane, ...], version: str) -> Iterator[Strokes]:
    sets = root.folder(PIXELS, "LabelSets")
    numbered = {} if sets is None else {_number(name): name for name in sets.names()}
    for number, lane in enumerate(lanes):
        name = numbered.get(number)
        group = None if sets is None or name is None else sets.folder(name)
        if group is None or lane.raw is None:
            yield Strokes((1, 1, 1, 1))
        else:
            yield read_strokes(group, lane.raw, version)


def _is_flat(lanes: tuple[Lane, ...]) -> bool:
    """Return whether each image has one slice."""
    return all(lane.raw is None or lane.raw.size("Z") == 1 for lane in lanes)


def _number(name: str) -> int:
    digits = "".join(filter(str.isdecimal, name))
    return int(digits[:9]) if digits else 0


def _version(root: Content) -> str:
    node = root.dataset("ilastikVersion")
    if node is None:
        return ""
    value = node[()]
    return str(value) if isinstance(value, np.number) else root.as_text("ilastikVersion", value)


def _colors(group: Content | None, count: int) -> tuple[tuple[int, int, int], ...]:
    """Return a colour for each class; grey where the project has none."""
    stored = None if group is None else group.dataset("LabelColors")
    colors: list[tuple[int, int, int]] = []
    if stored is not None and stored.ndim == 2 and stored.shape[1] >= 3:
        for red, green, blue, *_ in np.clip(stored[:count], 0, 255).tolist():
            colors.append((int(red), int(green), int(blue)))
    return (*colors, *[(128, 128, 128)] * (count - len(colors)))


def _counts(root: Content, lanes: tuple[Lane, ...], version: str) -> tuple[dict[int, int], ...]:
    if root.folder(PIXELS) is not None:
        return tuple(strokes.counts() for strokes in _label_sets(root, lanes, version))
    inputs = root.folder(OBJECTS, "LabelInputs")
    return tuple(
        {} if inputs is None else _object_counts(inputs.folder(f"{number:04d}"))
        for number in range(len(lanes))
    )


def _object_counts(lane: Content | None) -> dict[int, int]:
    """Count the labelled objects of a lane: a list for each time point, a class for each id."""
    total: dict[int, int] = {}
    for time in [] if lane is None else lane.names():
        values = lane.numbers(time, axes=1) if lane is not None else None
        found = np.nan_to_num(np.zeros(0) if values is None else values.astype(np.float64))
        for value, count in zip(*np.unique(found, return_counts=True), strict=True):
            if 1 <= value <= MOST_CLASSES:
                total[int(value)] = total.get(int(value), 0) + int(count)
    return total


def _object_features(objects: Content | None) -> Iterator[str]:
    chosen = None if objects is None else objects.folder("SelectedFeatures")
    for plugin in [] if chosen is None else chosen.names():
        features = None if chosen is None else chosen.folder(plugin)
        yield from [] if features is None else features.names()
