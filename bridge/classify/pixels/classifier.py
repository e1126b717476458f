"""A pixel classifier: features, classes and forest, in a folder without pickles.

A folder has ``classifier.json`` and the arrays of the forest as ``.npy``, which any program reads.
A project of ilastik that was saved with its forest is a classifier, too.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from functools import cached_property
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bridge.classify.folders import read_description, write_classifier
from bridge.classify.forest import DecisionForest
from bridge.classify.pixels.filters.bank import FilterBank, Keep
from bridge.classify.pixels.intensities import Intensities, measure_intensities
from bridge.classify.pixels.planes import PlaneReader
from bridge.errors import BadInputError, StarbridgeError
from bridge.files.arrays import array_bytes, read_array
from bridge.formats.ilastik.feature_selection import FEATURE_IDS, FeatureSelection
from bridge.formats.ilastik.forest import StoredForest, read_forest
from bridge.formats.ilastik.project import IlastikProject, read_project
from bridge.images import open_image

DESCRIPTION = "classifier.json"
"""Name of the file by which the folder of a classifier is recognised."""

MOST_CLASSES = 255
"""Classes that fit into a segmentation of 8 bits."""

_FORMAT = "starbridge pixel classifier"
_VERSION = 1
_ARRAYS = {
    "columns": "<i4",
    "thresholds": "<f4",
    "children": "<i4",
    "votes": "<f8",
    "weights": "<f8",
    "roots": "<i4",
    "groups": "<i4",
}
_MOST_TEXT = 2**20
_MOST_CHANNELS = 1_000
_WIDEST_SCALE = 1_000.0  # pixels; a hundred times ilastik's widest
_DAMAGED = "train it again, or take a copy of it"


@dataclass(frozen=True, kw_only=True, eq=False)
class PixelClassifier:
    """Features and a forest that give each pixel the probability of each class.

    Attributes:
        selection: the features.
        class_names: a name for each class, class 1 first.
        colors: (red, green, blue) of each class, 0 to 255.
        labels: class number, from 1, of each column of the forest. A class without brush strokes
            has none: its probability is 0.
        n_channels: channels of the images.
        channel_names: their names in training; empty where unknown.
        is_3d: it was trained on stacks.
        forest: the trees.
        intensities: type and range of the pixels in training; ``None`` where unknown, as in a
            project of ilastik whose images are not there.
        error: part of the training pixels that the trees which had not seen them classified
            wrongly (out-of-bag error), 0 to 1; ``None`` where unknown.

    Raises:
        ValueError: parts that do not fit each other.
    """

    selection: FeatureSelection
    class_names: tuple[str, ...]
    colors: tuple[tuple[int, int, int], ...]
    labels: tuple[int, ...]
    n_channels: int
    channel_names: tuple[str, ...] = ()
    is_3d: bool
    forest: DecisionForest
    intensities: Intensities | None = None
    error: float | None = None

    def __post_init__(self) -> None:
        """Check that features, classes and forest fit each other."""
        n_classes = len(self.class_names)
        if not 1 <= n_classes <= MOST_CLASSES or len(self.colors) != n_classes:
            raise ValueError(f"it has {n_classes} classes and {len(self.colors)} colours")
        if len(set(self.labels)) < len(self.labels) or not all(
            1 <= label <= n_classes for label in self.labels
        ):
            raise ValueError(f"its classes are numbered {self.labels}")
        if self.forest.n_classes != len(self.labels):
            raise ValueError(f"its forest has {self.forest.n_classes} classes")
        if not 1 <= self.n_channels <= _MOST_CHANNELS:
            raise ValueError(f"it claims {self.n_channels} channels")
        if self.channel_names and len(self.channel_names) != self.n_channels:
            raise ValueError(f"it has {len(self.channel_names)} names of channels")
        if max(self.selection.scales) > _WIDEST_SCALE:
            raise ValueError(f"it has a scale of {max(self.selection.scales):g} pixels")
        chosen = len(FilterBank(self.selection, 1, self.is_3d).names) * self.n_channels
        if chosen != self.forest.n_features:
            raise ValueError(
                f"its forest looks at {self.forest.n_features} features, and {chosen} are chosen"
            )
        if self.intensities and len(self.intensities.ranges) != self.n_channels:
            raise ValueError(f"it knows the range of {len(self.intensities.ranges)} channels")

    @cached_property
    def bank(self) -> FilterBank:
        """The filters."""
        return FilterBank(self.selection, self.n_channels, self.is_3d)

    @property
    def n_classes(self) -> int:
        """Number of classes, those without brush strokes among them."""
        return len(self.class_names)

    @property
    def unlabelled(self) -> tuple[str, ...]:
        """Names of the classes that had no brush strokes."""
        names = enumerate(self.class_names, 1)
        return tuple(name for number, name in names if number not in self.labels)

    @cached_property
    def sha256(self) -> str:
        """Hash of all that decides the probabilities."""
        files = self._files()
        description = json.loads(files[DESCRIPTION])
        decisive = {k: description[k] for k in ("features", "classes", "labels", "is_3d")}
        parts = [json.dumps(decisive).encode(), *(v for k, v in files.items() if k != DESCRIPTION)]
        return hashlib.sha256(b"".join(parts)).hexdigest()

    def predict(self, block: NDArray[np.float32], keep: Keep | None = None) -> NDArray[np.float32]:
        """Return the probability of each class for each pixel of a block.

        Args:
            block: (z, y, x, channel) float32. Its edges are taken for the image's.
            keep: part of the block (z, y, x) that is wanted; all where ``None``.

        Returns:
            (class, z, y, x) float32.
        """
        found = self.forest.predict_proba(self.bank.compute(block, keep))
        if self.labels == tuple(range(1, self.n_classes + 1)):
            return found
        every = np.zeros((self.n_classes, *found.shape[1:]), np.float32)
        every[np.array(self.labels) - 1] = found
        return every

    def write(self, path: str | PathLike[str]) -> None:
        """Write the classifier as a folder, complete or not at all.

        Args:
            path: the folder. One that is there must be a classifier, which is replaced.

        Raises:
            BadInputError: something else is there, or it cannot be written.
        """
        write_classifier(Path(path), DESCRIPTION, self._files())

    def _files(self) -> dict[str, bytes]:
        description = {
            "format": _FORMAT,
            "version": _VERSION,
            "classes": [
                {"name": name, "color": list(color)}
                for name, color in zip(self.class_names, self.colors, strict=True)
            ],
            "labels": list(self.labels),
            "features": {
                "scales": list(self.selection.scales),
                "chosen": {
                    name: list(row)
                    for name, row in zip(FEATURE_IDS, self.selection.chosen, strict=True)
                },
                "in_2d": list(self.selection.in_2d),
                "columns": list(self.bank.names),
            },
            "channels": {"count": self.n_channels, "names": list(self.channel_names)},
            "is_3d": self.is_3d,
            "intensities": self.intensities and self.intensities.to_json(),
            "out_of_bag_error": self.error,
            "trees": self.forest.n_trees,
        }
        files = {DESCRIPTION: json.dumps(description, indent=1).encode()}
        for name, dtype in _ARRAYS.items():
            files[f"{name}.npy"] = array_bytes(getattr(self.forest, name).astype(dtype))
        return files


def load_classifier(path: str | PathLike[str]) -> PixelClassifier:
    """Load a classifier.

    Args:
        path: a folder that :meth:`PixelClassifier.write` wrote, or a project of ilastik (``.ilp``)
            that was saved with a trained classifier.

    Raises:
        BadInputError: it is neither, is damaged, or has no trained classifier.

    >>> load_classifier("nuclei.ilp").class_names  # doctest: +SKIP
    ('background', 'nucleus')
    """
    place = Path(path)
    if not place.exists():
        raise BadInputError(place, "is not there", "check the name of the classifier")
    if place.is_dir():
        return _read_folder(place)
    return classifier_of_project(place)


def classifier_of_project(path: str | PathLike[str]) -> PixelClassifier:
    """Return the classifier of an ilastik project, as it stands.

    Args:
        path: the project, ``NAME.ilp``.

    Raises:
        BadInputError: it does not classify pixels, has no trained classifier, or is damaged.
    """
    project = read_project(path)
    if not project.is_of_pixels:
        raise BadInputError(
            project.path,
            f"does not classify pixels (its workflow is {project.workflow})",
            "give a project of pixel classification",
        )
    stored = read_forest(path)
    if project.features is None:
        raise BadInputError(
            project.path, "has a classifier, but no features are chosen", "train it again"
        )
    n_channels, is_3d = _fit_features(project, project.features, stored)
    names = list(project.classes) or [f"class {number}" for number in stored.labels]
    if max(stored.labels) > len(names):
        raise BadInputError(
            project.path,
            f"has {len(names)} classes, but its classifier knows class {max(stored.labels)}",
            "train it again in ilastik and save it",
        )
    try:
        return PixelClassifier(
            selection=project.features,
            class_names=tuple(names),
            colors=project.colors or ((128, 128, 128),) * len(names),
            labels=stored.labels,
            n_channels=n_channels,
            is_3d=is_3d,
            forest=DecisionForest.from_stored(stored),
            intensities=_trained_on(project, n_channels),
        )
    except ValueError as error:
        raise BadInputError(
            project.path, f"has a classifier that does not fit: {error}", "train it again"
        ) from error


def _trained_on(project: IlastikProject, n_channels: int) -> Intensities | None:
    """Return type and range of the training images that are there, which ilastik does not store.

    None where there is none, or where they disagree.
    """
    labelled = [
        lane.raw for lane, counts in zip(project.lanes, project.label_counts, strict=True) if counts
    ]
    with ExitStack() as files:
        readers = []
        for raw in labelled:
            if raw is None or raw.place is None or not raw.files[0].is_file():
                continue
            try:
                image = files.enter_context(open_image(raw.place, axes=raw.axes or None))
            except StarbridgeError:
                continue  # what is applied is the forest; it needs no image
            if len(image.channels) == n_channels:
                readers.append(PlaneReader(image))
        if len({reader.image.dtype for reader in readers}) != 1:
            return None
        try:
            return measure_intensities(readers)
        except StarbridgeError:
            return None


def _fit_features(
    project: IlastikProject, selection: FeatureSelection, stored: StoredForest
) -> tuple[int, bool]:
    """Return the number of channels, and whether stacks were filtered, from the forest's columns.

    Features are chosen anew in ilastik without training at once: the forest must fit the choice.
    """
    raw = [lane.raw for lane in project.lanes if lane.raw is not None]
    stacked = any(image.size("Z") > 1 for image in raw)
    for is_3d in (stacked, not stacked):
        per_channel = len(FilterBank(selection, 1, is_3d).names)
        n_channels, rest = divmod(stored.n_features, per_channel)
        if rest or not 1 <= n_channels <= _MOST_CHANNELS:
            continue
        names = FilterBank(selection, n_channels, is_3d).names
        # Names tell apart what has the same number of columns; those of old versions differ.
        is_named = bool(stored.feature_names) and "σ" in stored.feature_names[0]
        if not is_named or names == stored.feature_names:
            return n_channels, is_3d
    raise BadInputError(
        project.path,
        f"has a classifier of {stored.n_features} features that are not the ones chosen in it",
        "open it in ilastik, train with Live Update, and save it",
    )


def _read_folder(folder: Path) -> PixelClassifier:
    file = folder / DESCRIPTION
    if not file.is_file():
        raise BadInputError(
            folder,
            f"is no classifier: it has no {DESCRIPTION}",
            "give the folder of pixels train, or a project of ilastik (.ilp)",
        )
    try:
        description = read_description(file, _MOST_TEXT)
        if description["format"] != _FORMAT:
            raise ValueError("it is the description of something else")
        version = description["version"]
    except (ValueError, KeyError, TypeError, RecursionError, OSError) as error:
        raise BadInputError(file, f"is damaged ({_reason(error)})", _DAMAGED) from error
    if version != _VERSION:
        raise BadInputError(
            file, f"is of version {version}", "install a newer starbridge, or train it again"
        )
    arrays = {
        name: read_array(folder / f"{name}.npy", dtype, _DAMAGED) for name, dtype in _ARRAYS.items()
    }
    try:
        return _build(description, arrays)
    except (
        ValueError,
        KeyError,
        TypeError,
        AttributeError,
        OverflowError,
        BadInputError,
    ) as error:
        raise BadInputError(file, f"is damaged ({_reason(error)})", _DAMAGED) from error


def _reason(error: Exception) -> str:
    return f"without {error}" if isinstance(error, KeyError) else str(error)[:120]


def _build(description: Mapping[str, Any], arrays: dict[str, NDArray[Any]]) -> PixelClassifier:
    features, channels = description["features"], description["channels"]
    selection = FeatureSelection(
        tuple(float(scale) for scale in features["scales"]),
        tuple(tuple(_flags(features["chosen"][name])) for name in FEATURE_IDS),
        tuple(_flags(features["in_2d"])),
    )
    columns = features["columns"]
    error, intensities = description["out_of_bag_error"], description["intensities"]
    classifier = PixelClassifier(
        selection=selection,
        class_names=tuple(_text(each["name"]) for each in description["classes"]),
        colors=tuple(_color(each["color"]) for each in description["classes"]),
        labels=tuple(int(label) for label in description["labels"]),
        n_channels=int(channels["count"]),
        channel_names=tuple(_text(name) for name in channels["names"]),
        is_3d=bool(description["is_3d"]),
        forest=DecisionForest(len(columns), **arrays),
        intensities=None if intensities is None else Intensities.from_json(intensities),
        error=None if error is None else float(error),
    )
    if list(classifier.bank.names) != columns:
        raise ValueError("its features are not those of this starbridge")
    return classifier


def _flags(values: Any) -> list[bool]:
    if not isinstance(values, list) or not all(isinstance(value, bool) for value in values):
        raise TypeError("the choice of features is no list of yes and no")
    return values


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError("a name is no text")
    return value


def _color(value: Any) -> tuple[int, int, int]:
    red, green, blue = (int(part) for part in value)
    if not all(0 <= part <= 255 for part in (red, green, blue)):
        raise ValueError("a colour is not 0 to 255")
    return red, green, blue
