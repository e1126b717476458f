"""Tell a project where its images are now."""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from pathlib import Path

import h5py

from bridge.errors import BadInputError
from bridge.files.atomic import writing
from bridge.formats.ilastik.content import Content
from bridge.formats.ilastik.input_images import check_path
from bridge.formats.ilastik.lanes import LaneImage
from bridge.formats.ilastik.project import IlastikProject, read_project
from bridge.images import open_image


def find_moved(
    project: IlastikProject, folder: Path
) -> tuple[dict[tuple[int, str], list[Path]], list[Path]]:
    """Find the images of a project that are not where it has them, by name.

    Of several files of a name, the one is taken whose folders have most of the earlier names.

    Args:
        project: the project.
        folder: where to look, with all folders inside.

    Returns:
        The files by lane and role, and those that were not found.

    Raises:
        BadInputError: no folder, a name that several files have, or a file of that name whose image
            has another size.
    """
    if not folder.is_dir():
        raise BadInputError(folder, "is no folder", "give the folder where the images are now")
    wanted = {path.name for lane in project.lanes for i in lane.images for path in i.missing}
    there: dict[str, list[Path]] = {name: [] for name in wanted}
    for path in sorted(folder.rglob("*")) if wanted else ():
        if path.name in there and path.exists():
            there[path.name].append(path)
    moved: dict[tuple[int, str], list[Path]] = {}
    lost: list[Path] = []
    for number, lane in enumerate(project.lanes):
        for image in lane.images:
            gone = set(image.missing)
            if not gone:
                continue
            files = [_choose(f, there[f.name]) if f in gone else f for f in image.files]
            found = [file for file in files if file is not None]
            lost += [old for old, new in zip(image.files, files, strict=True) if new is None]
            if len(found) == len(files):
                _check_same(image, found)
                moved[number, image.role] = found
    return moved, list(dict.fromkeys(lost))


def relink(project: Path, folder: Path) -> tuple[list[Path], list[Path]]:
    """Write into a project where its images are now.

    The project is replaced as a whole, or not at all.

    Args:
        project: the project.
        folder: where to look for images that are not where the project has them.

    Returns:
        The files that were found, and those that were not.

    Raises:
        BadInputError: as :func:`find_moved`; the project cannot be read or written.
    """
    known = read_project(project)
    moved, lost = find_moved(known, folder)
    if moved:
        with writing(project) as part:
            shutil.copyfile(project, part)
            with h5py.File(part, "r+") as file:
                write_paths(Content(project, file), known, moved)
    return [file for files in moved.values() for file in files], lost


def _choose(old: Path, candidates: list[Path]) -> Path | None:
    """Return the file whose folders have most of the earlier names, from the last one on."""
    if not candidates:
        return None
    shared = {path: _shared_folders(old, path) for path in candidates}
    most = max(shared.values())
    best = [path for path, count in shared.items() if count == most]
    if len(best) > 1:
        raise BadInputError(
            best[0],
            f"may be the image {old.name}, and so may {best[1]}",
            "give a folder that has only one of them",
        )
    return best[0]


def _shared_folders(one: Path, two: Path) -> int:
    count = 0
    for a, b in zip(reversed(one.parts[:-1]), reversed(two.absolute().parts[:-1]), strict=False):
        if a != b:
            break
        count += 1
    return count


def _check_same(image: LaneImage, files: list[Path]) -> None:
    """Refuse a file whose image has another size than the project says."""
    if len(files) > 1 or not image.shape:
        return
    try:
        with open_image(files[0], dataset=image.dataset or None, axes=None) as opened:
            shape = opened.shape
    except BadInputError:  # ilastik reads other formats, and files whose axes it was told
        return
    if sorted(s for s in shape if s > 1) != sorted(s for s in image.shape if s > 1):
        raise BadInputError(
            files[0],
            f"has {' × '.join(map(str, shape))} values, and the project knows an image of this "
            f"name with {' × '.join(map(str, image.shape))}",
            "give the folder of the project's own images",
        )


def write_paths(
    root: Content, project: IlastikProject, moved: Mapping[tuple[int, str], list[Path]]
) -> None:
    """Write into an open project where images are.

    Args:
        root: the project, open for writing.
        project: what it holds; paths of what lies below its folder become relative to it.
        moved: the files by lane and role.

    Raises:
        BadInputError: ilastik would take a path for a pattern.
    """
    infos = root.folder("Input Data", "infos")
    names = [] if infos is None else infos.names()
    folder = Path(os.path.abspath(project.path)).parent  # noqa: PTH100 - links stay, as in ilastik
    for (number, role), files in moved.items():
        lane = None if infos is None else infos.folder(names[number])
        if lane is None:
            continue
        group = lane if "filePath" in lane.names() else lane.folder(role)
        image = project.lanes[number].of(role)
        if group is None or image is None:
            continue
        places = [Path(os.path.abspath(file)) for file in files]  # noqa: PTH100
        for place in places:
            check_path(place)
        is_relative = all(place.is_relative_to(folder) for place in places)
        texts = [(p.relative_to(folder) if is_relative else p).as_posix() for p in places]
        if image.dataset:
            texts = [f"{text}/{image.dataset}" for text in texts]
        kind = "RelativeFilesystemDatasetInfo" if is_relative else "FilesystemDatasetInfo"
        for name, value in (("filePath", os.pathsep.join(texts)), ("__class__", kind)):
            if name in group.group:
                del group.group[name]
            group.group[name] = value.encode()
