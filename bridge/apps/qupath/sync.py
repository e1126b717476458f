"""Push objects into a project and read reviews out of it; no edit of a reviewer is lost."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import pandas as pd

from bridge.apps.qupath.backup import FOLDER, Backup
from bridge.apps.qupath.errors import QuPathEndedError, QuPathError
from bridge.apps.qupath.matching import find_in_project, find_moved, new_name
from bridge.apps.qupath.nesting import annotations_around
from bridge.apps.qupath.placing import place
from bridge.apps.qupath.project_files import ProjectFiles, ProjectImage, read_project
from bridge.apps.qupath.running import refuse_running
from bridge.apps.qupath.session import Objects, QuPath
from bridge.detections import Detections
from bridge.errors import BadInputError, StarbridgeError
from bridge.review import Changes, Merged, Pushed, compare, merge
from bridge.review.results import write_table

if TYPE_CHECKING:
    from bridge.images.info import ImageInfo

As = Literal["detection", "cell", "annotation"]


@dataclass(frozen=True, kw_only=True)
class PushSettings:
    """Settings of a push.

    Attributes:
        kind: type of the objects in QuPath; ``None`` keeps their own.
        inside: push only objects in annotations of this class.
        classes: colours of classes by name, which replace those of the objects.
        conflict_class: class that objects in conflict are put in (:func:`bridge.review.merge`);
            ``None`` only lists them.
        relink: folders to search for images that were moved.
        fluorescence: type of images that are added, else "other".
        dry_run: return what would be done, and write nothing.
        force: push although a QuPath is running.
    """

    kind: As | None = None
    inside: str | None = None
    classes: dict[str, str] | None = None
    conflict_class: str | None = None
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
        left_out: number of objects in parts of the file that QuPath's image does not show.
    """

    image: str
    added_to_project: bool = False
    merged: Merged | None = None
    removed: int = 0
    added: int = 0
    error: str | None = None
    conflicts: Path | None = None
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
    """

    image: ProjectImage
    detections: Detections
    parents: tuple[str | None, ...]
    changes: Changes | None
    last_change: datetime | None


def push(
    qupath: QuPath,
    project: str | PathLike[str],
    pairs: Sequence[tuple[Path, Detections]],
    settings: PushSettings | None = None,
    *,
    on_image: Callable[[PushOutcome], None] = lambda outcome: None,
) -> list[PushOutcome]:
    """Push objects into a project, merged with the reviews that are there.

    Args:
        qupath: the session.
        project: the project's folder; a project is created where there is none.
        pairs: image files with their objects, which lie as in the file; ``FILE#SERIES`` names one
            of several images of a file (:func:`bridge.apps.qupath.matching.find_in_project`).
        settings: settings of the push.
        on_image: called with the result of each image.

    Returns:
        One result an image. An image that fails does not stop the others; its objects stay as
        they were.

    Raises:
        QuPathError: a QuPath with a window is running, or the project cannot be opened.
        BadInputError: the folder is not empty and holds no project.
    """
    settings = settings or PushSettings()
    if not settings.force and not settings.dry_run:
        refuse_running("pushed")
    folder = Path(project)
    is_new = not folder.exists() or (folder.is_dir() and not any(folder.glob("*.qpproj")))
    if is_new and settings.dry_run:
        return [PushOutcome(image=str(path), added_to_project=True) for path, _ in pairs]
    qupath.open(folder, create=True)
    if settings.relink:
        moved, _ = find_moved(read_project(folder), settings.relink)
        if moved and not settings.dry_run:
            qupath.relink(moved)
    if settings.classes and not settings.dry_run:
        qupath.set_classes(settings.classes)
    outcomes = []
    for path, detections in pairs:
        try:
            outcome = _push_one(qupath, folder, path, detections, settings)
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
    qupath.open(files.folder)
    reviews = []
    for image in chosen:
        try:
            reviews.append(read_review(qupath, files, image))
        except QuPathEndedError:
            raise
        except StarbridgeError as error:
            if on_error is None:
                raise
            on_error(error)
    return reviews


def read_review(qupath: QuPath, files: ProjectFiles, image: ProjectImage) -> Review:
    """Read the review of one image; write nothing.

    Args:
        qupath: the session, in which the project is open.
        files: the project.
        image: the image.

    Raises:
        BadInputError: a damaged push record or file of objects.
        QuPathError: QuPath cannot read the image's objects.
    """
    backup = Backup(files, image)
    backup.check_objects()
    objects = _read(qupath, image)
    base, transform = backup.pushed(), image.transform
    changes = None if base is None else compare(base, objects.detections)
    return Review(
        image=image,
        detections=transform.detections_to_file(objects.detections),
        parents=objects.parents,
        changes=None if changes is None else transform.changes_to_file(changes),
        last_change=image.last_change,
    )


def _read(qupath: QuPath, image: ProjectImage) -> Objects:
    """Read the objects of an image; its size comes from the project where its file is missing."""
    objects = qupath.read(image.id, name=Path(image.name).stem)
    info = objects.detections.image
    if info.width is None and image.width is not None:
        info = replace(info, width=image.width, height=image.height)
        detections = replace(objects.detections, image=info)
        return Objects(detections, objects.parents, objects.skipped)
    return objects


def _push_one(
    qupath: QuPath, folder: Path, path: Path, detections: Detections, settings: PushSettings
) -> PushOutcome:
    files = read_project(folder)
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
    base = backup.pushed() if settings.dry_run else backup.settle()
    backup.check_objects()
    state = backup.state()
    there = _read(qupath, image)
    placed = place(image, detections, there.detections.image, path)
    new = _prepared(placed.detections, there.detections, files, settings)
    if base is None:
        # Objects that were imported otherwise (from GeoJSON, say) and were reviewed since.
        known = set(new.ids) & set(there.detections.ids)
        base = Pushed.of(_only(new, known))
    merged = merge(base, there.detections, new, conflict_class=settings.conflict_class)
    same = _unchanged(there.detections, merged.detections)
    remove = [identity for identity in there.detections.ids if identity not in same]
    add = _only(merged.detections, set(merged.detections.ids) - same)
    outcome = PushOutcome(
        image=image.name,
        added_to_project=is_new,
        merged=merged,
        removed=len(remove),
        added=len(add),
        left_out=placed.left_out,
    )
    if settings.dry_run:
        return outcome
    backup.begin(merged.pushed, state)
    try:
        if remove or len(add):
            parents = _parents(add, there, merged.detections)
            qupath.write(image.id, add=add, parents=parents, remove=remove)
            _verify(image, merged.detections, _read(qupath, image), there)
        if len(merged.conflicts):
            table = folder / FOLDER / f"{Path(image.name).name}_conflicts.csv"
            write_table(merged.conflicts, table)
            outcome = replace(outcome, conflicts=table)
    except BaseException:
        backup.undo()
        raise
    backup.finish()
    return outcome


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


def _prepared(
    detections: Detections, there: Detections, files: ProjectFiles, settings: PushSettings
) -> Detections:
    """Apply the settings to objects: their type, the regions they lie in, colours of classes."""
    new = detections
    if settings.inside is not None:
        frame = there.objects
        regions = _only(
            there,
            set(
                frame.index[
                    (frame["object_type"] == "annotation") & (frame["class"] == settings.inside)
                ]
            ),
        )
        if not len(regions):
            raise BadInputError(
                there.image.name or "image",
                f"has no annotation of the class {settings.inside!r}",
                "draw one in QuPath, or leave --inside out",
            )
        around = annotations_around(new, regions)
        pairs = zip(new.ids, around, strict=True)
        new = _only(new, {identity for identity, region in pairs if region is not None})
    objects = new.objects.copy()
    if settings.kind is not None:
        objects["object_type"] = settings.kind
    # QuPath has one colour a class: the project's replaces that of the objects.
    shown = {known.name: known.color for known in files.classes if known.color is not None}
    colors = objects["class"].map({**shown, **(settings.classes or {})})
    objects["class_color"] = colors.where(colors.notna(), objects["class_color"]).astype(object)
    return Detections(objects, new.image, new.outline)


def _only(detections: Detections, ids: set[str]) -> Detections:
    frame = detections.objects
    return Detections(frame[frame.index.isin(list(ids))], detections.image, detections.outline)


def _unchanged(there: Detections, wanted: Detections) -> set[str]:
    """Return the UUIDs of objects that are in the project as they should be."""
    same = set(compare(there, wanted).untouched)
    known = [identity for identity in there.ids if identity in same]
    ours, theirs = there.objects.loc[known], wanted.objects.loc[known]
    # A new label or probability is no edit, and has to be written nevertheless.
    alike = (ours["label"] == theirs["label"]) | (ours["object_type"] == "annotation")
    alike &= (ours["prob"] - theirs["prob"]).abs().fillna(0) < 1e-9
    alike &= ours["prob"].isna() == theirs["prob"].isna()
    return set(ours.index[alike])


def _parents(add: Detections, there: Objects, wanted: Detections) -> list[str | None]:
    """Return each object's parent: its earlier one, else the annotation that holds it."""
    before = dict(zip(there.detections.ids, there.parents, strict=True))
    left = set(wanted.ids)
    around = annotations_around(add, wanted)
    parents: list[str | None] = []
    for identity, region in zip(add.ids, around, strict=True):
        old = before.get(identity)
        parents.append(old if old in left else region)
    return parents


def _verify(image: ProjectImage, wanted: Detections, found: Objects, before: Objects) -> None:
    """Check that QuPath saved what was pushed.

    Raises:
        QuPathError: it did not.
    """
    counts = {what: n for what, n in compare(wanted, found.detections).counts().items() if n}
    untouched = counts.pop("untouched", 0)
    if counts or untouched != len(wanted) or found.skipped != before.skipped:
        differences = ", ".join(f"{n} {what}" for what, n in counts.items()) or "lost objects"
        raise QuPathError(
            f"{image.name}: what QuPath saved is not what was pushed ({differences}); the image's "
            "objects are as they were before"
        )


def status(reviews: Sequence[Review]) -> pd.DataFrame:
    """Count the objects and the reviewers' edits since the last push, in a row an image.

    Returns:
        Columns ``image``, ``objects``, ``pushed``, ``added``, ``deleted``, ``reshaped``,
        ``reclassified``, ``other edits``, ``last change`` (UTC); counts are missing where nothing
        was pushed.
    """
    rows = []
    named = ("added", "deleted", "reshaped", "reclassified")
    for review in reviews:
        row: dict[str, object] = {"image": review.image.name, "objects": len(review.detections)}
        if review.changes is not None:
            counts = review.changes.counts()
            row["pushed"] = len(review.changes.base)
            row |= {what: counts[what] for what in named}
            others = set(counts) - {*named, "untouched"}
            row["other edits"] = sum(counts[what] for what in others)
        row["last change"] = review.last_change
        rows.append(row)
    columns = ["image", "objects", "pushed", *named, "other edits", "last change"]
    table = pd.DataFrame(rows, columns=columns)
    counts_only = ["objects", "pushed", *named, "other edits"]
    return table.astype(dict.fromkeys(counts_only, "Int64"))
