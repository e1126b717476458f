"""Features and classifier of a project of ilastik's object classification."""

from __future__ import annotations

from collections.abc import Sequence
from os import PathLike
from pathlib import Path

import numpy as np

from bridge.classify.objects.classed_images import Note
from bridge.classify.objects.classifier import ObjectClassifier
from bridge.classify.objects.features import FeatureSettings
from bridge.classify.objects.features.ilastik import FeatureSelection, select_features
from bridge.classify.objects.features.ilastik.selection import has_surroundings
from bridge.classify.objects.models.forest import ForestModel
from bridge.errors import BadInputError, StarbridgeError
from bridge.formats.ilastik.forest import read_forest
from bridge.formats.ilastik.object_features import ObjectFeatures, read_object_features
from bridge.formats.ilastik.project import IlastikProject, read_project
from bridge.images import open_image
from bridge.images.channels import channel_titles, name_channels

_RETRAIN = "train on its labels: starbridge classes train PROJECT.ilp --out FOLDER"


def is_ilastik_project(path: Path) -> bool:
    """Return whether a file is called as ilastik's projects are."""
    return path.suffix.lower() == ".ilp"


def choose_features(
    projects: Sequence[Path], n_channels: int, *, are_crops: bool, note: Note
) -> FeatureSelection | None:
    """Return the features that projects choose, as far as they are computed.

    Args:
        projects: of object classification.
        n_channels: channels that are measured.
        are_crops: images are crops, of which what lies around an object is not known.
        note: called with a sentence that names the features that are left out.

    Returns:
        The features; ``None`` where the projects choose none.

    Raises:
        BadInputError: a project is damaged, two choose different features, or none of them is
            computed.
    """
    chosen: ObjectFeatures | None = None
    for path in projects:
        own = read_object_features(read_project(path))
        if not own.names:
            continue
        if chosen is not None and own != chosen:
            raise BadInputError(
                path,
                f"chooses other features, or another neighborhood, than {projects[0].name}",
                "choose the same in ilastik, or give --features starbridge",
            )
        chosen = own
    if chosen is None:
        return None
    names = chosen.names
    if are_crops:
        names = {
            plugin: tuple(name for name in own if not has_surroundings(name))
            for plugin, own in names.items()
        }
    selection, others = select_features(names, chosen.margin, n_channels)
    if selection is None:
        raise BadInputError(
            projects[0],
            f"chooses features that are not computed here: {', '.join(others)}",
            "give --features starbridge",
        )
    if others:
        note(
            f"not computed here and left out, so that classes may differ from ilastik's: "
            f"{', '.join(others)}"
        )
    return selection


def classifier_of_project(path: str | PathLike[str]) -> ObjectClassifier:
    """Return the classifier that a project was saved with; its classes are ilastik's.

    Args:
        path: the project, ``NAME.ilp``, of object classification.

    Raises:
        BadInputError: it is no such project, is damaged, has no trained classifier, or one that
            looks at features that are not computed here.

    >>> classifier_of_project("cells.ilp").classes  # doctest: +SKIP
    ('dead', 'live')
    """
    project = read_project(path)
    if not project.is_of_objects:
        raise BadInputError(
            project.path,
            f"is a project of {project.workflow}",
            "give one of Object Classification, or apply it with starbridge pixels apply",
        )
    stored = read_forest(path, of_objects=True)
    titles, pixel_size = _channels(project)
    features = read_object_features(project)
    selection, others = select_features(features.names, features.margin, len(titles))
    if others or selection is None:
        raise BadInputError(
            project.path,
            f"has a classifier of features not computed here: {', '.join(others) or 'none'}",
            _RETRAIN,
        )
    settings = FeatureSettings(
        channels=titles,
        n_channels=len(titles),
        unit="px",
        ring=None,
        neighbours=0,
        pixel_size=pixel_size,
        ilastik=selection,
    )
    fits = len(settings.names) == stored.n_features and len(stored.labels) == len(project.classes)
    if not fits:
        raise BadInputError(
            project.path,
            f"has a classifier of {stored.n_features} features and {len(stored.labels)} classes, "
            f"but chooses {len(settings.names)} features and {len(project.classes)} classes",
            "train it again in ilastik and save it, or " + _RETRAIN,
        )
    model, scaling = ForestModel.from_stored(stored)
    counts = np.zeros(len(project.classes), np.int64)
    for lane in project.label_counts:
        for number, count in lane.items():
            if number <= len(counts):
                counts[number - 1] += count
    try:
        return ObjectClassifier(
            classes=project.classes,
            feature_names=settings.names,
            settings=settings,
            scaling=scaling,
            model=model,
            counts=tuple(counts.tolist()),
        )
    except ValueError as error:
        raise BadInputError(
            project.path, f"has a classifier that cannot be used: {error}", _RETRAIN
        ) from error


def _channels(project: IlastikProject) -> tuple[tuple[str, ...], float | None]:
    """Return the titles of the channels of the project's images, and their pixel size.

    The images may be gone: the project says how many channels they had.
    """
    raws = [lane.raw for lane in project.lanes if lane.raw is not None]
    for raw in raws:
        if raw.place is None or not raw.exists:
            continue
        try:
            with open_image(raw.place) as image:
                size = image.pixel_size
                return tuple(channel_titles(image.channels)), None if size is None else size.yx
        except StarbridgeError:
            continue
    count = raws[0].size("C") if raws else 1
    return name_channels([], count), None
