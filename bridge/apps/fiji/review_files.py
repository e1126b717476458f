"""A review by files: a folder that any Fiji opens, without a session that waits for the reviewer.

For each image the folder holds ``NAME.tif`` with the objects as its overlay, ``NAME_rois.zip``
with the same objects for the ROI Manager, and a record of what was pushed. The reviewer saves
either of the two files, under its name.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from dataclasses import dataclass, replace
from os import PathLike
from pathlib import Path

from bridge.apps.fiji.restore_ids import restore_ids
from bridge.detections import Detections
from bridge.errors import BadInputError
from bridge.files.atomic import write_bytes, writing
from bridge.formats import imagej_rois
from bridge.images import Image, open_image
from bridge.images.hyperstack import write_hyperstack
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
        record: what was pushed.
        hashes: what the two files were when they were written.
        conflicts: table of the conflicts of the last push, where there were any.
    """

    image: Path
    rois: Path
    record: Path
    hashes: Path
    conflicts: Path

    @classmethod
    def of(cls, folder: str | PathLike[str], name: str) -> ReviewFiles:
        """Where the files of an image are, or would be."""
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
        folder: the review folder; made where missing.
        conflict_class: as in :func:`bridge.review.merge`.

    Returns:
        How the objects were merged, ``None`` for a first push.

    Raises:
        BadInputError: the review that is there cannot be read, or the files cannot be written.
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
    # the record last: files that it does not know are taken for the reviewer's, and kept
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
            so that it is not known which holds the review.
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


def find_reviews(source: Path) -> list[tuple[str, Path]]:
    """List the images of a review folder, or the one of a reviewer's file.

    Returns:
        The name of each image, and where its review is: a source of :func:`read_review`.

    Raises:
        BadInputError: a folder without a review.
    """
    if source.is_dir():
        return [(name, source) for name in reviewed_names(source)]
    return [(source.name.removesuffix(source.suffix).removesuffix("_rois"), source)]


def reviewed_names(folder: str | PathLike[str]) -> list[str]:
    """Names of the images in a review folder.

    Raises:
        BadInputError: there are none.
    """
    place = Path(folder)
    names = sorted(path.name.removesuffix(ENDING) for path in place.glob(f"*{ENDING}"))
    if not names:
        raise BadInputError(
            place, "holds no review", "give the folder of starbridge fiji push --out"
        )
    return names


def _reviewed(files: ReviewFiles, base: Pushed) -> Detections:
    changed = [path for path in (files.rois, files.image) if _is_changed(path, files.hashes)]
    if len(changed) == 2:
        raise BadInputError(
            files.rois,
            f"was saved by the reviewer, and so was {files.image.name}",
            "move the one away that does not hold the review",
        )
    file = changed[0] if changed else files.rois
    if file == files.image:
        found = imagej_rois.read_overlay(file)
    elif file.exists():
        found = imagej_rois.read(file)
    else:
        raise BadInputError(file, "is missing", "bring it back, or push into another folder")
    known = base.detections
    return replace(restore_ids(found, known), image=known.image, outline=known.outline)


def _keep(path: Path) -> None:
    """Copy a reviewer's file before it is replaced; its edits live on in the merged objects."""
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
        # which file was touched is not known; the ROIs are what most people save
        return path.name.endswith(_ROIS)


def _hash(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
