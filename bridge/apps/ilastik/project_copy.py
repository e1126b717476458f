"""Copies of a project that ilastik may write into: trained, or with the export of tables set.

The user's own project is never changed unless asked for.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import h5py

from bridge.apps.ilastik.errors import IlastikError
from bridge.errors import BadInputError
from bridge.files.atomic import writing
from bridge.formats.ilastik.content import Content
from bridge.formats.ilastik.export_settings import export_settings
from bridge.formats.ilastik.project import OBJECTS, IlastikProject, read_project
from bridge.formats.ilastik.relinking import write_paths

_ORIGIN = "starbridge_copy_of"


def trained_copy(
    project: IlastikProject,
    target: Path,
    origin: str,
    train: Callable[[Path], None],
    *,
    anew: bool = False,
) -> IlastikProject:
    """Return a trained copy of a project, made once.

    Args:
        project: the project.
        target: the copy; the project itself to train it in place.
        origin: SHA-256 of the project. A copy with the same one is taken as it is.
        train: trains the project of a path.
        anew: train another one even where there is one.

    Raises:
        IlastikError: it cannot be trained.
        BadInputError: another file is there, or the copy cannot be written.
    """
    in_place = target.absolute() == project.path.absolute()
    if target.exists() and not (in_place or anew):
        if _origin_of(target) == origin:
            return read_project(target)
        raise BadInputError(
            target,
            "is there already, and was not trained from this project as it is now",
            "choose another --out, or --overwrite to replace it",
        )
    with writing(target) as part:
        shutil.copyfile(project.path, part)
        if not in_place:
            _edit(part, lambda file: _keep_paths(file, project, part))
        train(part)
        if not read_project(part).has_forest:
            raise IlastikError(f"ilastik trained no classifier for {project.path}")
        if not in_place:
            _edit(part, lambda file: _note_origin(file, origin))
    return read_project(target)


def copy_with_table_export(project: IlastikProject, target: Path) -> IlastikProject:
    """Copy a project of objects, and set the export of tables, which only its window would.

    Args:
        project: the project.
        target: the copy.

    Raises:
        BadInputError: the copy cannot be written.
    """

    def edit(file: h5py.File) -> None:
        _keep_paths(file, project, target)
        group = file[OBJECTS]
        group["ExportSettings"] = export_settings(project.object_features)
        group["ExportSettings"].attrs["version"] = 1

    with writing(target) as part:
        shutil.copyfile(project.path, part)
        _edit(part, edit)
    return read_project(target)


def _edit(path: Path, edit: Callable[[h5py.File], None]) -> None:
    with h5py.File(path, "r+") as file:
        edit(file)


def _note_origin(file: h5py.File, origin: str) -> None:
    file.attrs[_ORIGIN] = origin


def _origin_of(path: Path) -> str | None:
    """Return the project that a file is a trained copy of; ``None`` where it is none."""
    try:
        if not read_project(path).has_forest:
            return None
        with h5py.File(path, "r") as file:
            return str(file.attrs.get(_ORIGIN, "")) or None
    except (BadInputError, OSError):
        return None


def _keep_paths(file: h5py.File, project: IlastikProject, copy: Path) -> None:
    """Write where the images are, as the copy lies in another folder than the project."""
    places = {
        (number, image.role): list(image.files)
        for number, lane in enumerate(project.lanes)
        for image in lane.images
        if image.files
    }
    write_paths(Content(copy, file), replace(project, path=copy), places)
