"""Match image files to the images of a project."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from os import PathLike
from pathlib import Path

from bridge.apps.qupath.project_files import ProjectFiles, ProjectImage, file_of
from bridge.errors import BadInputError
from bridge.images.series import split_series


def find_in_project(
    project: ProjectFiles, file: Path, size: tuple[int | None, int | None] = (None, None)
) -> ProjectImage | None:
    """Return the image of a project that a file is, by its path.

    Of several images of one file, the one is returned that has the named series or name; else the
    one whose file has the size; else the one that shows its file as it is.

    Args:
        project: the project.
        file: an image file; ``FILE#SERIES`` names one of several images by the number of its
            series (from 0) or by its name (:func:`bridge.images.series.split_series`).
        size: width and height in pixels, where they are known.

    Returns:
        ``None`` if the project does not have it.

    Raises:
        BadInputError: the project has an image of this file name whose own file is missing, so
            that it may have been moved; or several images of this file, or no such series.
    """
    path, series = split_series(file)
    place = path.resolve()
    found = [i for i in project.images if any(_same(each, place) for each in i.paths)]
    if found:
        return _choose(found, file, series, size)
    moved = [path for i in project.images for path in i.missing if path.name == place.name]
    if moved:
        raise BadInputError(
            file,
            f"is not in the project, but {moved[0]} is, and that is not there any more",
            f"give --relink {path.parent} if it was moved",
        )
    if series is not None:
        raise BadInputError(
            file, "is not in the project", "add the series in QuPath first (Add images)"
        )
    return None


def _choose(
    found: list[ProjectImage],
    file: Path,
    series: str | None,
    size: tuple[int | None, int | None],
) -> ProjectImage:
    """Choose among the images of one file."""
    names = ", ".join(f"{image.name} ({image.shows})" for image in found)
    if series is not None:
        found = [i for i in found if i.name == series] or [i for i in found if i.is_series(series)]
        if not found:
            raise BadInputError(file, f"has no image {series!r} in the project", f"it has {names}")
    for fits in (lambda image: image.transform.file_size == size, _shows_file):
        if len(found) > 1:
            found = [image for image in found if fits(image)] or found
    if len(found) > 1:
        raise BadInputError(
            file,
            f"is in the project several times: {names}",
            f"give {split_series(file)[0].name}#NAME, NAME being one of these names",
        )
    return found[0]


def _shows_file(image: ProjectImage) -> bool:
    return not image.transform.steps and image.transform.problem is None


def new_name(project: ProjectFiles, file: Path) -> str:
    """Return a name for a new image: its file name, with its folder's where that is taken."""
    taken = {image.name for image in project.images}
    name = file.name
    if name in taken:
        name = f"{file.absolute().parent.resolve().name}/{file.name}".removeprefix("/")
    number, unique = 1, name
    while unique in taken:
        number += 1
        unique = f"{name} ({number})"
    return unique


def find_moved(
    project: ProjectFiles, folders: Iterable[str | PathLike[str]]
) -> tuple[dict[str, str], list[Path]]:
    """Find the images that do not exist where the project says.

    Of several files of a name, the one whose folders have most of the earlier names is taken.

    Args:
        project: the project.
        folders: folders to search, with all folders inside.

    Returns:
        New URI by old URI, and the files that were not found.

    Raises:
        BadInputError: a missing folder, or a file that may be either of two images.
    """
    lost = dict.fromkeys(path for image in project.images for path in image.missing)
    known = {path.resolve() for image in project.images for path in image.paths} - {*lost}
    there: dict[str, set[Path]] = {path.name: set() for path in lost}
    for folder in folders:
        root = Path(folder)
        if not root.is_dir():
            raise BadInputError(root, "is no folder", "give the folder where the images are now")
        for path in root.rglob("*"):
            if path.name in there and (path.is_file() or path.suffix == ".zarr"):
                there[path.name] |= {path.resolve()} - known
    places: dict[Path, Path] = {}
    for old in lost:
        near = _nearest(old, sorted(there[old.name]))
        # Drop places that fit another image better.
        olds = [path for path in lost if path.name == old.name]
        near = [place for place in near if old in _nearest(place, olds)]
        if len(near) > 1:
            raise BadInputError(
                near[1],
                f"has the name of {near[0]}, and either may be the image",
                "give the folder of one of them",
            )
        if not near:
            continue
        rivals = [path for path in places if places[path] == near[0]]
        if rivals:
            raise BadInputError(
                near[0],
                f"may be {rivals[0]} or {old} of the project",
                "put it into a folder of the name that it was in",
            )
        places[old] = near[0]
    moved: dict[str, str] = {}
    for uri in (uri for image in project.images for uri in image.uris):
        before = file_of(uri)
        if before is not None and before in places:
            moved[uri] = places[before].as_uri()
    return moved, [old for old in lost if old not in places]


def relinked(project: ProjectFiles, moved: Mapping[str, str]) -> ProjectFiles:
    """Return a project as it will be when its images are relinked; write nothing.

    Args:
        project: the project.
        moved: new URI by old URI (:func:`find_moved`).
    """
    images = tuple(
        replace(image, uris=tuple(moved.get(uri, uri) for uri in image.uris))
        for image in project.images
    )
    return replace(project, images=images)


def _nearest(path: Path, others: list[Path]) -> list[Path]:
    """Return the other paths whose last folders agree most with the path's."""
    alike = [_same_end(path, other) for other in others]
    return [other for other, count in zip(others, alike, strict=True) if count == max(alike)]


def _same_end(a: Path, b: Path) -> int:
    pairs = zip(reversed(a.parts), reversed(b.parts), strict=False)
    return next(
        (count for count, (x, y) in enumerate(pairs) if x != y), min(len(a.parts), len(b.parts))
    )


def _same(path: Path, place: Path) -> bool:
    # Ask the disk: names may differ in case, and in how an accent is written.
    return path == place or (path.exists() and place.exists() and path.samefile(place))
