"""Push objects into a project and read reviews out of it; no edit of a reviewer is lost."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING

from bridge.apps.qupath.backup import Backup, push_name, writing_into
from bridge.apps.qupath.classes import check_class_names
from bridge.apps.qupath.cores import Core
from bridge.apps.qupath.errors import QuPathEndedError, QuPathError
from bridge.apps.qupath.installing import MENU
from bridge.apps.qupath.matching import find_in_project, find_moved, new_name, relinked
from bridge.apps.qupath.old_files import save_with_ids
from bridge.apps.qupath.placing import place
from bridge.apps.qupath.project_files import ProjectFiles, ProjectImage, read_project
from bridge.apps.qupath.push_plan import MergeSettings, plan_push
from bridge.apps.qupath.running import refuse_running
from bridge.apps.qupath.session import Objects, QuPath
from bridge.detections import Detections
from bridge.errors import BadInputError, StarbridgeError
from bridge.review import Changes, Merged, Pushed, compare

if TYPE_CHECKING:
    from geopandas import GeoDataFrame

    from bridge.images.info import ImageInfo

_READINGS = 9
"""Readings of an image that is saved meanwhile; each pause is twice as long as the one before."""
_FIRST_PAUSE = 0.1
"""Seconds."""

TAKE = "take new segmentation"
"""The script in QuPath's menu that pushes into the open image."""
MOST_RESTARTS = 2
"""Times in a row that QuPath may end, or hang, while it reads an image, until a pull gives up."""


@dataclass(frozen=True, kw_only=True)
class PushSettings(MergeSettings):
    """Settings of a push, after those of the merge.

    Attributes:
        relink: folders to search for images that were moved.
        fluorescence: type of images that are added, else "other".
        dry_run: return what would be done, and write nothing.
        force: push although a QuPath is running.
    """

    relink: tuple[Path, ...] = ()
    fluorescence: bool = True
    dry_run: bool = False
    force: bool = False


@dataclass(frozen=True, kw_only=True)
class PushOutcome:
    """Result of a push for one image.

    Attributes:
        image: its name in the project, or its file.
        added_to_project: True where it was not in the project before.
        merged: the merge with the objects of the project; ``None`` after an error.
        removed, added: number of objects removed from and added to the project.
        error: message for the user; ``None`` where the push succeeded.
        conflicts: file with the table of conflicts, ``None`` where there are none.
        notes: sentences for the user.
        left_out: number of objects in parts of the file that QuPath's image does not show.
    """

    image: str
    added_to_project: bool = False
    merged: Merged | None = None
    removed: int = 0
    added: int = 0
    error: str | None = None
    conflicts: Path | None = None
    notes: tuple[str, ...] = ()
    left_out: int = 0


@dataclass(frozen=True, kw_only=True)
class Review:
    """The reviewed objects of one image of a project.

    Attributes:
        image: the image.
        detections: its objects, including annotations, in the coordinates of its file
            (:class:`bridge.apps.qupath.image_transform.ImageTransform`).
        parents: UUID of the object that each lies in; ``None`` for the image itself.
        changes: the reviewer's edits since the last push; ``None`` if nothing was pushed.
        last_change: time when its objects were last saved.
        markers: points and lines (:mod:`bridge.formats.markers`); ``None`` stands for none.
        cores: the cores of a tissue microarray.
    """

    image: ProjectImage
    detections: Detections
    parents: tuple[str | None, ...]
    changes: Changes | None
    last_change: datetime | None
    markers: GeoDataFrame | None = None
    cores: tuple[Core, ...] = ()


def push(
    qupath: QuPath,
    project: str | PathLike[str],
    pairs: Sequence[tuple[Path, Detections]],
    settings: PushSettings | None = None,
    *,
    on_image: Callable[[PushOutcome], None] = lambda outcome: None,
    on_wait: Callable[[str], None] = lambda holder: None,
) -> list[PushOutcome]:
    """Push objects into a project, merged with the reviews that are there.

    Args:
        qupath: the session.
        project: the project's folder; a project is created where there is none.
        pairs: image files with their objects, which lie as in the file; ``FILE#SERIES`` names one
            of several images of a file (:func:`bridge.apps.qupath.matching.find_in_project`).
        settings: settings of the push.
        on_image: called with the result of each image.
        on_wait: called with who writes into the project, before waiting for it.

    Returns:
        One result an image. An image that fails does not stop the others; its objects stay as
        they were.

    Raises:
        QuPathError: a QuPath with a window is running, or the project cannot be opened.
        BadInputError: the folder is not empty and holds no project.
    """
    settings = settings or PushSettings()
    if not settings.force and not settings.dry_run:
        refuse_running("pushed", instead=f"take it in the open window: {MENU} › {TAKE}")
    folder = Path(project)
    if settings.dry_run:
        return _push_all(qupath, folder, pairs, settings, on_image)
    with writing_into(folder, doing=f"push into {folder}", on_wait=on_wait):
        return _push_all(qupath, folder, pairs, settings, on_image)


def _push_all(
    qupath: QuPath,
    folder: Path,
    pairs: Sequence[tuple[Path, Detections]],
    settings: PushSettings,
    on_image: Callable[[PushOutcome], None],
) -> list[PushOutcome]:
    is_new = not folder.exists() or (folder.is_dir() and not any(folder.glob("*.qpproj")))
    if is_new and settings.dry_run:
        return [PushOutcome(image=str(path), added_to_project=True) for path, _ in pairs]
    check_class_names([*(settings.classes or ()), settings.conflict_class], "push")
    qupath.open(folder, create=True)
    moved: dict[str, str] = {}
    if settings.relink:
        moved, _ = find_moved(read_project(folder), settings.relink)
        if moved and not settings.dry_run:
            qupath.relink(moved)
    if settings.classes and not settings.dry_run:
        qupath.set_classes(settings.classes)
    outcomes = []
    for path, detections in pairs:
        try:
            outcome = _push_one(qupath, folder, path, detections, settings, moved)
        except QuPathEndedError:
            raise
        except StarbridgeError as error:
            outcome = PushOutcome(image=str(path), error=str(error))
        outcomes.append(outcome)
        on_image(outcome)
    return outcomes


def pull(
    qupath: QuPath,
    project: str | PathLike[str],
    images: Sequence[str] | None = None,
    *,
    on_error: Callable[[StarbridgeError], None] | None = None,
) -> list[Review]:
    """Read the reviews of a project's images; write nothing.

    Args:
        qupath: the session.
        project: the project's folder. Images need not be where it says, and QuPath may have it
            open: the objects are read as they were last saved.
        images: names or numbers; all where ``None``.
        on_error: called with the error of an image that cannot be read, which is left out; where
            ``None``, the first such error is raised.

    Raises:
        BadInputError: no project, no such image, or a damaged push record or file of objects.
        QuPathError: QuPath cannot read it.
    """
    files = read_project(project)
    chosen = files.select(images)
    qupath.open(files.folder, reading=True)
    reviews = []
    ended = 0
    for image in chosen:
        try:
            reviews.append(read_review(qupath, files, image))
            ended = 0
        except StarbridgeError as error:
            ended += not qupath.running
            if on_error is None or ended > MOST_RESTARTS:
                raise
            on_error(error)
            if not qupath.running:  # one image must not end the reading of the others
                qupath.restart()
    return reviews


def read_review(qupath: QuPath, files: ProjectFiles, image: ProjectImage) -> Review:
    """Read the review of one image; write nothing.

    Objects and the record of the last push are read as one state: where either was saved meanwhile,
    they are read again.

    Args:
        qupath: the session, in which the project is open.
        files: the project.
        image: the image.

    Raises:
        BadInputError: a damaged push record or file of objects.
        QuPathError: QuPath cannot read the image's objects.
    """
    backup = Backup(files, image)
    for number in range(_READINGS):
        state = backup.generation()
        try:
            backup.check_objects()
            objects = _read(qupath, image)
            base = backup.pushed_as(objects.push)
        except QuPathEndedError:
            raise
        except StarbridgeError:
            if backup.generation() == state:
                raise
        else:
            if backup.generation() == state:
                break
        time.sleep(_FIRST_PAUSE * 2**number)
    else:
        raise QuPathError(f"{image.name}: its objects are saved again and again; try again later")
    changes = None if base is None else compare(base, objects.detections)
    found, transform = objects.detections if changes is None else changes.reviewed, image.transform
    return Review(
        image=image,
        detections=transform.detections_to_file(found),
        parents=objects.parents,
        changes=None if changes is None else transform.changes_to_file(changes),
        last_change=image.last_change,
        markers=None if objects.markers is None else transform.table_to_file(objects.markers),
        cores=objects.cores,
    )


def _read(qupath: QuPath, image: ProjectImage) -> Objects:
    """Read the objects of an image.

    Where its file is missing, its size, planes, pixel size and channels come from the project.
    """
    objects = qupath.read(image.id, name=Path(image.name).stem)
    info = objects.detections.image
    if info.width is None and image.width is not None:
        detections = replace(objects.detections, image=image.info(info.name))
        return replace(objects, detections=detections)
    return objects


def _push_one(
    qupath: QuPath,
    folder: Path,
    path: Path,
    detections: Detections,
    settings: PushSettings,
    moved: dict[str, str],
) -> PushOutcome:
    check_class_names(detections.objects["class"], path)
    files = relinked(read_project(folder), moved)  # a dry run has not relinked them
    size = (detections.image.width, detections.image.height)
    image = find_in_project(files, path, size)
    is_new = image is None
    if image is None:
        if settings.dry_run:
            return PushOutcome(image=str(path), added_to_project=True, added=len(detections))
        image = _add(qupath, files, path, detections.image, settings)
        files = read_project(folder)
    if image.missing:
        raise BadInputError(
            image.missing[0], "is not there", "give --relink FOLDER if the images were moved"
        )
    backup = Backup(files, image)
    last = backup.pushed() if settings.dry_run else backup.settle()
    backup.check_objects()
    resaved = None if settings.dry_run else save_with_ids(qupath, image, backup, last)
    state = backup.state()
    there = _read(qupath, image)
    base, earlier = backup.base_of(there.push)
    placed = place(image, detections, there.detections.image, path)
    plan = plan_push(
        there,
        base,
        placed.detections,
        settings,
        earlier=earlier,
        project_classes=files.classes,
        time=push_time(),
    )
    outcome = PushOutcome(
        image=image.name,
        added_to_project=is_new,
        merged=plan.merged,
        removed=len(plan.remove),
        added=len(plan.add),
        notes=() if resaved is None else (resaved,),
        left_out=placed.left_out,
    )
    if settings.dry_run:
        return outcome
    backup.begin(plan.merged.pushed, state)
    try:
        if not plan.is_empty:
            saved = qupath.write(
                image.id,
                add=plan.add,
                parents=plan.parents,
                remove=plan.remove,
                reclassify=plan.reclassify,
                push=push_name(plan.merged.pushed),
                state=state,
            )
            backup.wrote(saved)
            check_written(image, plan.merged.pushed, _read(qupath, image), there)
    except BaseException:
        backup.undo()
        raise
    backup.finish()
    return replace(outcome, conflicts=backup.write_conflicts(plan.merged.conflicts))


def push_time() -> str:
    """Return the time of a push that begins now, as its record has it."""
    return datetime.now(UTC).strftime("%Y-%m-%d %H:%M:%S UTC")


def _add(
    qupath: QuPath, files: ProjectFiles, path: Path, info: ImageInfo, settings: PushSettings
) -> ProjectImage:
    if not path.exists():
        raise BadInputError(path, "there is no such image", "check the path")
    identity = qupath.add_image(
        path,
        name=new_name(files, path),
        fluorescence=settings.fluorescence,
        pixel_size=info.pixel_size,
        channels=info.channels,
    )
    return read_project(files.file).image(identity)


def check_written(image: ProjectImage, wanted: Pushed, found: Objects, before: Objects) -> None:
    """Check that QuPath has what was pushed.

    Args:
        image: the image.
        wanted: what was pushed.
        found: the objects that QuPath has.
        before: those that it had before the push.

    Raises:
        QuPathError: it has something else.
    """
    changes = compare(wanted, found.detections)
    counts = {what: n for what, n in changes.counts().items() if n}
    untouched = counts.pop("untouched", 0)
    counts["without the mark of a conflict"] = len(changes.cleared)
    whole = untouched == len(wanted.detections) and found.skipped == before.skipped
    if any(counts.values()) or not whole:
        differences = ", ".join(f"{n} {what}" for what, n in counts.items() if n) or "lost objects"
        raise QuPathError(
            f"{image.name}: what QuPath made is not what was pushed ({differences}); the image's "
            "objects are as they were before"
        )
