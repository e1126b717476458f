"""Checks of a project before ilastik sees it, so that no run begins that must fail or do harm."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from bridge.apps.ilastik.exports import EXPORTS, Export
from bridge.errors import BadInputError
from bridge.formats.ilastik.pickles import refuse_unknown_pickles
from bridge.formats.ilastik.project import (
    OBJECT_WORKFLOW,
    PIXEL_WORKFLOW,
    IlastikProject,
    read_project,
)

_WORKFLOWS = {PIXEL_WORKFLOW: "probabilities", OBJECT_WORKFLOW: "objects"}


def check_project(path: Path, key: str | None = None) -> tuple[IlastikProject, Export]:
    """Check that nothing in a project is harmful, and that it can give what is asked for.

    Args:
        path: the project.
        key: a key of :data:`bridge.apps.ilastik.exports.EXPORTS`; what suits the project where
            ``None``.

    Raises:
        BadInputError: it is no project, holds an unknown pickle, or is of another workflow.
    """
    refuse_unknown_pickles(path)
    project = read_project(path)
    if project.workflow not in _WORKFLOWS:
        raise BadInputError(
            path,
            f"is a project of ilastik's {project.workflow!r}, which starbridge does not run",
            f"give one of {' or '.join(_WORKFLOWS)}",
        )
    export = EXPORTS[key or _WORKFLOWS[project.workflow]]
    if export.of_objects != project.is_of_objects:
        suiting = [e.key for e in EXPORTS.values() if e.of_objects == project.is_of_objects]
        raise BadInputError(
            path, f"gives no {export.key}", f"choose --export {' or '.join(suiting)}"
        )
    if not project.classes:
        raise BadInputError(path, "has no classes", "add classes and labels in ilastik, and save")
    if export.of_objects and not project.object_features:
        raise BadInputError(
            path, "has no features of objects", "choose features in ilastik, and save"
        )
    if not export.of_objects and project.features is None:
        raise BadInputError(path, "has no features", "choose features in ilastik, and save")
    return project, export


def check_training(project: IlastikProject) -> None:
    """Check that a classifier can be trained from a project.

    Raises:
        BadInputError: its images are not where it says, or it has no labels.
    """
    missing = [str(file) for lane in project.lanes for i in lane.images for file in i.missing]
    why = "" if project.has_forest else "has no trained classifier, and "
    if missing:
        more = f" and {len(missing) - 1} more" if len(missing) > 1 else ""
        raise BadInputError(
            project.path,
            f"{why}cannot be trained: {missing[0]}{more} is not there",
            "find its images with: starbridge ilastik show PROJECT --relink FOLDER",
        )
    if not any(project.label_counts):
        raise BadInputError(
            project.path,
            f"{why}cannot be trained: nothing is labelled in it, and ilastik would write zeros",
            "label pixels or objects of each class in ilastik, and save",
        )


def project_notes(project: IlastikProject) -> Iterator[str]:
    """Yield what a user should know of a project that ilastik takes all the same."""
    if project.is_of_objects and not project.has_forest:
        yield (
            "the project has no trained classifier: ilastik trains one anew for each image, and "
            "objects near the border between classes can get another one in another run; in "
            "ilastik, switch on Live Update of Object Classification, and save"
        )
    labelled = {number for counts in project.label_counts for number in counts}
    for number, name in enumerate(project.classes, 1):
        if labelled and number not in labelled:
            yield f"the class {name!r} has no labels, so that nothing will be of it"
