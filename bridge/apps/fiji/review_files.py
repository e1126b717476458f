"""Write a review folder that any Fiji opens, and read the reviewer's files.

For each image the folder holds ``NAME.tif`` with the objects as its overlay, ``NAME_rois.zip``
with the same objects for the ROI Manager, and a record of what was pushed. The reviewer saves
either of the two files under its name.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from dataclasses import dataclass, replace
from os import PathLike
from pathlib import Path
from typing import Any

from bridge.apps.fiji.restore_ids import restore_ids
from bridge.detections import Detections
from bridge.errors import BadInputError
from bridge.files.atomic import write_bytes, writing
from bridge.formats import imagej_rois
from bridge.images import Image, open_image
from bridge.images.hyperstack import write_hyperstack
from bridge.images.locations import identity
from bridge.review import (
    Changes,
    Merged,
    Pushed,
    compare,
    load_push_record,
    merge,
    save_push_record,
)
from bridge.review.record import ENDING
from bridge.review.results import write_table

_ROIS = "_rois.zip"
_HASHES = ".pushed.json"
_EARLIER = "earlier reviews"


@dataclass(frozen=True, kw_only=True)
class ReviewFiles:
    """The files of one image in a review folder.

    Attributes:
        image: TIFF with overlay.
        rois: RoiSet.zip.
        record: push record.
        hashes: hashes of the two files when they were pushed, by which saved ones are found.
        conflicts: table of the conflicts of the last push, where there were any.
    """

    image: Path
    rois: Path
    record: Path
    hashes: Path
    conflicts: Path

    @classmethod
    def of(cls, folder: str | PathLike[str], name: str) -> ReviewFiles:
        """Return the files of an image, which need not exist."""
        place = Path(folder)
        return cls(
            image=place / f"{name}.tif",
            rois=place / f"{name}{_ROIS}",
            record=place / f"{name}{ENDING}",
            hashes=place / f"{name}{_HASHES}",
            conflicts=place / f"{name}_conflicts.csv",
        )


def push_files(
    image: Image,
    detections: Detections,
    folder: str | PathLike[str],
    *,
    conflict_class: str | None = None,
) -> Merged | None:
    """Write an image and its objects for review in any Fiji.

    Where the folder holds a review of this image, it is merged: no edit is lost. The reviewer's
    file is copied to the folder ``earlier reviews`` before it is replaced.

    Args:
        image: the image.
        detections: the objects.
        folder: the review folder; created where missing.
        conflict_class: as in :func:`bridge.review.merge`.

    Returns:
        The merge with the earlier review, ``None`` for a first push.

    Raises:
        BadInputError: the earlier review cannot be read, or a file cannot be written.
    """
    files = ReviewFiles.of(folder, image.name)
    merged = None
    pushed = Pushed.of(detections)
    if files.record.exists():
        base = load_push_record(files.record)
        merged = merge(base, _reviewed(files, base), detections, conflict_class=conflict_class)
        pushed = merged.pushed
        for path in (files.rois, files.image):
            if _is_changed(path, files.hashes):
                _keep(path)
    elif files.rois.exists() or files.image.exists():
        there = files.rois if files.rois.exists() else files.image
        raise BadInputError(
            there,
            "is there already, and nothing says that it was pushed",
            "choose another folder, or move it away",
        )
    # The record last: files that it does not know count as the reviewer's, and are kept.
    write_hyperstack(image, files.image, overlay=imagej_rois.encode(pushed.detections))
    imagej_rois.write(pushed.detections, files.rois)
    save_push_record(files.record, pushed)
    hashes = {path.name: _hash(path) for path in (files.image, files.rois)}
    write_bytes(files.hashes, json.dumps(hashes).encode())
    if merged is not None and len(merged.conflicts):
        write_table(merged.conflicts, files.conflicts)
    return merged


def pull_files(folder: str | PathLike[str], name: str) -> tuple[Pushed, Detections]:
    """Read what was pushed of an image, and what the reviewer left.

    Args:
        folder: the review folder.
        name: the image's name.

    Raises:
        BadInputError: nothing was pushed, a file is damaged, or the reviewer changed both files,
            and which holds the review is unknown.
    """
    files = ReviewFiles.of(folder, name)
    base = load_push_record(files.record)
    return base, _reviewed(files, base)


def read_review(
    source: Path, name: str, *, image: Path | None = None
) -> tuple[Detections, Changes | None]:
    """Read the objects of one image as the reviewer left them.

    Args:
        source: a review folder, or a file that a reviewer saved: ROIs, or a TIFF with an overlay.
        name: the image's name in the folder.
        image: the image that ROIs belong to, for its size and pixel size.

    Returns:
        The objects, and the reviewer's edits; ``None`` for a file, of which no push is known.

    Raises:
        BadInputError: as :func:`pull_files`; the file or the image cannot be read.
    """
    if source.is_dir():
        base, reviewed = pull_files(source, name)
        return reviewed, compare(base, reviewed)
    is_image = source.suffix.lower() in (".tif", ".tiff")
    pixels = image or (source if is_image else None)
    info = None
    if pixels is not None:
        with open_image(pixels) as opened:
            info = opened.info
    read = imagej_rois.read_overlay if is_image else imagej_rois.read
    return read(source, image=info), None


def reviewed_names(source: Path) -> list[str]:
    """List the images of a review folder, or the one of a reviewer's file.

    Returns:
        The names of the images.

    Raises:
        BadInputError: a folder without a review.
    """
    if not source.is_dir():
        return [source.stem.removesuffix("_rois")]
    names = sorted(path.name.removesuffix(ENDING) for path in source.glob(f"*{ENDING}"))
    if not names:
        raise BadInputError(
            source, "holds no review", "give the folder of starbridge fiji push --out"
        )
    return names


def review_key(source: Path, name: str, *, image: Path | None = None) -> dict[str, Any]:
    """Return what decides the review of an image: JSON values that differ when a file was saved.

    Args:
        source: as in :func:`read_review`, and so are ``name`` and ``image``.
        name: likewise.
        image: likewise.
    """
    review = [source]
    if source.is_dir():
        files = ReviewFiles.of(source, name)
        review = [files.rois, files.image, files.record, files.hashes]
    return {
        "review": [identity(path) for path in review],
        "image": None if image is None else identity(image),
    }


def _reviewed(files: ReviewFiles, base: Pushed) -> Detections:
    changed = [path for path in (files.rois, files.image) if _is_changed(path, files.hashes)]
    if len(changed) == 2:
        raise BadInputError(
            files.rois,
            f"was saved by the reviewer, and so was {files.image.name}",
            "move the one away that does not hold the review",
        )
    file = changed[0] if changed else files.rois
    known = base.detections
    if file == files.image:
        found = imagej_rois.read_overlay(file, image=known.image)
    elif file.exists():
        found = imagej_rois.read(file, image=known.image)
    else:
        raise BadInputError(file, "is missing", "bring it back, or push into another folder")
    return replace(restore_ids(found, known), image=known.image, outline=known.outline)


def _keep(path: Path) -> None:
    """Copy a reviewer's file before it is replaced; the merged objects keep its edits."""
    folder = path.parent / _EARLIER
    number = 1
    while (kept := folder / f"{path.stem}_{number}{path.suffix}").exists():
        number += 1
    with writing(kept) as part:
        shutil.copyfile(path, part)


def _is_changed(path: Path, hashes: Path) -> bool:
    if not path.exists():
        return False
    try:
        known = json.loads(hashes.read_text("utf-8"))
        return bool(known.get(path.name) != _hash(path))
    except (OSError, ValueError, AttributeError):
        # Which file was saved is unknown; most people save the ROIs.
        return path.name.endswith(_ROIS)


def _hash(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
