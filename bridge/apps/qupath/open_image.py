"""Merge a new segmentation with the objects of the image that is open in QuPath's window.

A script in the window (``take_new_segmentation.groovy``) and the command talk over a folder of
packed objects (:class:`bridge.apps.qupath.packing.Packed`), step by step (:class:`Step`), so that
the command holds the project's lock all the time and its record of the push is that of any other
push. Neither starts another QuPath.
"""

from __future__ import annotations

import json
import zipfile
from collections.abc import Callable
from dataclasses import replace
from enum import StrEnum
from os import PathLike
from pathlib import Path
from typing import Any

import pandas as pd

from bridge.apps.qupath.backup import BEFORE_ANY, Backup, push_name, writing_into
from bridge.apps.qupath.classes import check_class_names
from bridge.apps.qupath.errors import QuPathError
from bridge.apps.qupath.packing import pack
from bridge.apps.qupath.placing import place
from bridge.apps.qupath.project_files import ProjectFiles, ProjectImage, read_project
from bridge.apps.qupath.push_plan import MergeSettings, PushPlan, plan_push
from bridge.apps.qupath.session import Objects, load_objects
from bridge.apps.qupath.state import is_whole
from bridge.apps.qupath.sync import PushOutcome, Review, check_written, push_time
from bridge.detections import Detections
from bridge.errors import BadInputError
from bridge.formats.pairing import objects_of
from bridge.review import Pushed, compare

OBJECTS, PLAN, MERGED = "objects", "plan", "merged"
"""Folders in the exchange folder: the window's objects, what changes, and the objects after it."""
IMAGE = "image.json"
"""Description of the open image, beside the packed objects (:func:`load_objects`)."""

_MOST_BYTES = 2**20  # of a few lines about an image


class Step(StrEnum):
    """Steps that the command asks the script for, in this order."""

    objects = OBJECTS
    """Save the image, and pack its objects into the folder :data:`OBJECTS`."""
    merged = MERGED
    """Carry :data:`PLAN` out on a copy of the objects, and pack that into :data:`MERGED`."""
    save = "save"
    """Put the copy in the place of the window's objects, and save the image."""


def find_image(project: str | PathLike[str], number: str) -> tuple[ProjectFiles, ProjectImage]:
    """Return a project and one of its images by its number.

    Raises:
        BadInputError: no project, or no such image in its file.
    """
    files = read_project(project)
    found = next((image for image in files.images if image.id == number), None)
    if found is None:
        raise BadInputError(
            files.file, f"has no image of the number {number}", "save the project in QuPath first"
        )
    return files, found


def take(
    project: str | PathLike[str],
    number: str,
    detections: list[Path],
    exchange: Path,
    settings: MergeSettings,
    *,
    as_shown: bool = False,
    ask: Callable[[Step], None],
    on_wait: Callable[[str], None] = lambda holder: None,
) -> PushOutcome:
    """Push a new segmentation into the image that is open in a window.

    Nothing is lost where the window, its script or this process ends in the middle: the record of
    the push is that of any push, and is finished or undone as the file of objects tells.

    Args:
        project: the project's folder or file.
        number: the image's number in the project.
        detections: files of objects or folders of results, as in
            :func:`bridge.formats.pairing.pair`.
        exchange: folder for what script and command hand each other.
        settings: settings of the merge.
        as_shown: the objects were found in the pixels that QuPath shows, which need not be those of
            the file: a rotated or cropped image, say.
        ask: has the script do a step, and returns when it is done.
        on_wait: called with who writes into the project, before waiting for it.

    Raises:
        BadInputError: no such project, image or objects; damaged files; images of different sizes.
        QuPathError: the window made something else of the plan, or did not save it.
    """
    files, image = find_image(project, number)
    path = next(iter(image.paths), Path(image.name))
    source = objects_of(path, detections, alone=True)
    new = Detections.read(source)
    check_class_names(new.objects["class"], source)
    if as_shown:
        new = replace(new, image=replace(new.image, coordinates="shown"))
    with writing_into(files.folder, doing=f"push into {files.folder}", on_wait=on_wait):
        files, image = find_image(project, number)
        backup = Backup(files, image)
        backup.settle()
        ask(Step.objects)
        backup.check_objects()
        state = backup.state()
        there = read_objects(exchange / OBJECTS, image)
        placed = place(image, new, there.detections.image, source)
        base, earlier = backup.base_of(there.push)
        plan = plan_push(
            there,
            base,
            placed.detections,
            settings,
            earlier=earlier,
            project_classes=files.classes,
            time=push_time(),
        )
        if not plan.is_empty:
            write_plan(plan, base, exchange / PLAN)
            ask(Step.merged)
            merged = read_objects(exchange / MERGED, image)
            check_written(image, plan.merged.pushed, merged, there)
        backup.begin(plan.merged.pushed, state)
        if plan.is_empty:
            backup.finish()
        else:
            _save(backup, state, ask)
        conflicts = backup.write_conflicts(plan.merged.conflicts)
    return PushOutcome(
        image=image.name,
        merged=plan.merged,
        removed=len(plan.remove),
        added=len(plan.add),
        conflicts=conflicts,
        left_out=placed.left_out,
    )


def changes(project: str | PathLike[str], number: str, exchange: Path) -> Review:
    """Compare the objects of the image that is open in a window with what was pushed.

    Args:
        project: the project's folder or file.
        number: the image's number in the project.
        exchange: folder with the folder :data:`OBJECTS`.

    Raises:
        BadInputError: no such project or image; damaged files.
    """
    files, image = find_image(project, number)
    there = read_objects(exchange / OBJECTS, image)
    base = Backup(files, image).pushed_as(there.push)
    found = None if base is None else compare(base, there.detections)
    return Review(
        image=image,
        detections=there.detections if found is None else found.reviewed,
        parents=there.parents,
        changes=found,
        last_change=image.last_change,
    )


def describe_changes(review: Review) -> list[str]:
    """Return lines that say what a reviewer did, for the reviewer."""
    found = review.changes
    if found is None:
        return [
            f"{review.image.name}: {len(review.detections)} objects",
            "Nothing was pushed into this image yet.",
        ]
    number, moment = found.push
    last = " ".join(filter(None, (f"push {number}", moment)))
    lines = [
        f"{review.image.name}: {len(review.detections)} objects; {len(found.base)} in {last}",
        f"since the last push: {_counted(found.counts())}",
        f"since the first push: {_counted(found.all_counts())}",
    ]
    kinds = pd.Series(found.conflicts["what"]).value_counts()
    if len(kinds):
        listed = ", ".join(f"{n} {what}" for what, n in kinds.items())
        lines.append(f"{len(found.conflicts)} open conflicts: {listed}")
    return lines


def _counted(counts: dict[str, int]) -> str:
    done = [f"{n} {what}" for what, n in counts.items() if n and what != "untouched"]
    return ", ".join(done) or "nothing changed"


def read_objects(folder: Path, image: ProjectImage) -> Objects:
    """Read the objects that a window packed.

    Args:
        folder: where they are.
        image: the image that they are of.

    Raises:
        BadInputError: they are damaged, or not there.
    """
    try:
        file = folder / IMAGE
        if file.stat().st_size > _MOST_BYTES:
            raise ValueError(IMAGE)
        about: dict[str, Any] = json.loads(file.read_text("utf-8"))
        if not isinstance(about["skipped"], int) or not isinstance(about["push"], str | None):
            raise TypeError(IMAGE)
        return load_objects(folder, about, name=Path(image.name).stem)
    # What is wrong in a packed array shows where it is used.
    except (OSError, ValueError, LookupError, TypeError, EOFError, zipfile.BadZipFile) as error:
        raise BadInputError(
            folder,
            f"does not hold the objects of {image.name} as QuPath has them",
            "run the script in QuPath again; is the disk full?",
        ) from error


def write_plan(plan: PushPlan, base: Pushed | None, folder: Path) -> None:
    """Write what a push changes, for the script.

    The folder has the packed objects to add, and these texts besides: ``parents`` (of each of
    them), ``remove`` (UUIDs), ``reclassify`` and ``classes`` (UUIDs and their new classes),
    ``push`` (name of this push) and ``before`` (of the one that the window's objects come from).

    Args:
        plan: what changes.
        base: what was pushed before.
        folder: the folder, which is made.

    Raises:
        BadInputError: an object's outline is empty.
    """
    packed = pack(plan.add)
    texts = {
        **packed.texts,
        "parents": plan.parents,
        "remove": plan.remove,
        "reclassify": [*plan.reclassify],
        "classes": [*plan.reclassify.values()],
        "push": [push_name(plan.merged.pushed)],
        "before": [BEFORE_ANY if base is None else push_name(base)],
    }
    folder.mkdir()
    replace(packed, texts=texts).save(folder)


def _save(backup: Backup, state: str, ask: Callable[[Step], None]) -> None:
    """Have the window save what was pushed, after the record of the push was begun.

    Raises:
        QuPathError: it did not.
    """
    try:
        ask(Step.save)
        saved = backup.state()
        if saved == state or not is_whole(backup.image.objects_file):
            raise QuPathError(f"{backup.image.name}: QuPath did not save it")
        backup.wrote(saved)
    except BaseException:
        # The file of objects tells whether the window saved them before it ended.
        backup.settle()
        raise
    backup.finish()
