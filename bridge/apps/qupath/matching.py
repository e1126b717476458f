"""Which image of a project a file is."""

from __future__ import annotations

from collections.abc import Iterable
from os import PathLike
from pathlib import Path

from bridge.apps.qupath.project_files import ProjectFiles, ProjectImage, file_of
from bridge.errors import BadInputError


def find_in_project(project: ProjectFiles, file: Path) -> ProjectImage | None:
    """The image of a project that a file is, by its place.

    Args:
        project: the project.
        file: an image file.

    Returns:
        ``None`` if the project does not have it.

    Raises:
        BadInputError: the project has an image of this file name whose own file is gone, so that
            it may be the same one, moved; or several of this place.
    """
    place = file.resolve()
    found = [i for i in project.images if any(_same(path, place) for path in i.paths)]
    if len(found) > 1:
        ids = ", ".join(f"{image.name} ({image.id})" for image in found)
        raise BadInputError(
            file, f"is in the project several times: {ids}", "remove all but one in QuPath"
        )
    if found:
        return found[0]
    moved = [i for i in project.images if any(path.name == file.name for path in i.missing)]
    if moved:
        raise BadInputError(
            file,
            f"is not in the project, but {moved[0].missing[0]} is, and that is not there any more",
            f"give --relink {file.parent} if it was moved",
        )
    return None


def new_name(project: ProjectFiles, file: Path) -> str:
    """What to call a new image: its file name, with its folder's where another one has that."""
    taken = {image.name for image in project.images}
    name = file.name
    if name in taken:
        name = f"{file.parent.name}/{file.name}"
    number, unique = 1, name
    while unique in taken:
        number += 1
        unique = f"{name} ({number})"
    return unique


def find_moved(
    project: ProjectFiles, folders: Iterable[str | PathLike[str]]
) -> tuple[dict[str, str], list[Path]]:
    """Look for files that are not where the project says.

    Args:
        project: the project.
        folders: where to look, with all folders inside.

    Returns:
        Old URIs and the new ones; and the files that were not found.

    Raises:
        BadInputError: a folder that is not there, or two files of the same name in them.
    """
    wanted = {path.name for image in project.images for path in image.missing}
    places: dict[str, Path] = {}
    for folder in folders:
        root = Path(folder)
        if not root.is_dir():
            raise BadInputError(root, "is no folder", "give the folder where the images are now")
        for path in sorted(root.rglob("*")):
            if path.name in wanted and path.is_file():
                if path.name in places and places[path.name] != path:
                    raise BadInputError(
                        path,
                        f"has the name of {places[path.name]}, and either may be the image",
                        "give the folder of one of them",
                    )
                places[path.name] = path
    moved: dict[str, str] = {}
    lost: list[Path] = []
    for image in project.images:
        for uri in image.uris:
            old = file_of(uri)
            if old is None or old.exists():
                continue
            if old.name in places:
                moved[uri] = places[old.name].resolve().as_uri()
            else:
                lost.append(old)
    return moved, lost


def _same(path: Path, place: Path) -> bool:
    return path == place or (path.exists() and path.resolve() == place)
