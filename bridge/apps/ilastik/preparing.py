"""Settings of a run, and the project as it is run: as it stands, trained, or exporting tables."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from bridge.apps.ilastik.program import Ilastik
from bridge.apps.ilastik.project_checks import check_training
from bridge.apps.ilastik.project_copy import copy_with_table_export, trained_copy
from bridge.errors import BadInputError, StarbridgeError
from bridge.files.hashing import file_hash
from bridge.formats.ilastik.lanes import LaneImage
from bridge.formats.ilastik.project import IlastikProject
from bridge.images import open_image

LOGS = "logs"
"""Folder of what ilastik printed, in the output folder."""

TRAINED = "{name}_trained.ilp"
"""The trained copy of a project, in the output folder."""


@dataclass(frozen=True)
class Settings:
    """Settings of a run.

    Attributes:
        export: ``probabilities``, ``segmentation`` or ``objects``; what suits the project where
            ``None``.
        retrain: train the classifier anew from the project's labels, in a copy of the project.
        in_place: train the project itself.
        axes: of the images, where the files do not say them.
        timeout: seconds that an image may take; no limit where ``None``.
    """

    export: str | None = None
    retrain: bool = False
    in_place: bool = False
    axes: str | None = None
    timeout: float | None = None

    def __post_init__(self) -> None:
        """Check that the settings go together."""
        if self.in_place and not self.retrain:
            raise BadInputError("--in-place", "says where to train", "give --retrain too")
        if self.timeout is not None and not self.timeout > 0:
            raise BadInputError("--timeout", f"{self.timeout:g} is no time", "give seconds")


@dataclass(frozen=True)
class RunProject:
    """A project as it is run.

    Attributes:
        project: the project, or a copy of it.
        sha256: decides the result.
        origin: the project that the user gave.
    """

    project: IlastikProject
    sha256: str
    origin: Path


def prepare_for_pixels(
    project: IlastikProject, settings: Settings, ilastik: Ilastik, out: Path, anew: bool
) -> tuple[RunProject, list[str]]:
    """Return a project with a trained classifier, and what a user should know of it.

    Args:
        project: the project.
        settings: of the run.
        ilastik: trains it.
        out: folder of the trained copy.
        anew: train another copy even where there is one.
    """
    origin = file_hash(project.path) or ""
    if not settings.retrain and project.has_forest:
        return RunProject(project, origin, project.path), []
    check_training(project)
    name = project.path.stem
    target = project.path if settings.in_place else out / TRAINED.format(name=name)
    log = out / LOGS / f"{name}_training.log"
    trained = trained_copy(
        project,
        target,
        origin,
        lambda part: ilastik.train(part, source=project.path, log=log),
        anew=anew,
    )
    why = "" if settings.retrain else "the project has no trained classifier; "
    note = f"{why}the classifier that ilastik trained is in {target}"
    return RunProject(trained, file_hash(target) or "", project.path), [note]


def prepare_for_objects(
    project: IlastikProject, settings: Settings, temporary: Path
) -> tuple[RunProject, list[str]]:
    """Return a project that exports tables, and what a user should know of it.

    Args:
        project: the project.
        settings: of the run.
        temporary: folder for a copy, where one is needed.
    """
    if settings.retrain:
        raise BadInputError(
            "--retrain",
            "is for pixels: without its window ilastik trains no classifier of objects",
            "leave it out, and train in ilastik",
        )
    if not project.has_forest:
        check_training(project)
    origin = file_hash(project.path) or ""
    if project.has_table_export:
        return RunProject(project, origin, project.path), []
    copy = copy_with_table_export(project, temporary / project.path.name)
    return RunProject(copy, origin, project.path), [
        "the project has no settings for the export of tables; a temporary copy got them"
    ]


def type_of_values(project: IlastikProject) -> str:
    """Return the type of the values of the first image that is there; ``""`` where none is."""
    for image in (lane.raw for lane in project.lanes):
        if image is not None and len(image.files) == 1 and image.exists:
            try:
                with open_image(_place(image), axes=image.axes or None) as opened:
                    return str(opened.dtype)
            except StarbridgeError:
                continue
    return ""


def _place(image: LaneImage) -> Path:
    file = image.files[0]
    return file.with_name(f"{file.name}#{image.dataset}") if image.dataset else file
