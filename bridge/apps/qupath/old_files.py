"""Files of objects of QuPath 0.2 and 0.3, whose objects have no identity of their own.

QuPath 0.4 and later give each such object a new UUID whenever the file is opened. Before a push
they are saved once as QuPath saves today, with UUIDs that stay.
"""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import shapely

from bridge.apps.qupath.backup import Backup
from bridge.apps.qupath.errors import QuPathError
from bridge.apps.qupath.project_files import ProjectImage
from bridge.apps.qupath.session import Objects, QuPath
from bridge.detections import Detections
from bridge.review import Pushed
from bridge.review.same_outline import TOLERANCE, same_outline

_FIRST_WITH_IDS = (0, 4)
_HEAD = 2**16  # bytes; the version is in the first lines of a file
_VERSION = re.compile(rb'"qupathVersion":"(\d+)\.(\d+)')
_FIELDS = ("object_type", "class", "name", "z", "t")


def qupath_version(file: Path) -> tuple[int, int] | None:
    """Return the version of the QuPath that saved a file of objects; ``None`` where it is not said.

    Example:
        >>> qupath_version(Path("PROJECT/data/1/data.qpdata"))  # doctest: +SKIP
        (0, 6)
    """
    try:
        with file.open("rb") as stream:
            found = _VERSION.search(stream.read(_HEAD))
    except OSError:
        return None
    return None if found is None else (int(found[1]), int(found[2]))


def match_by_outline(before: Detections, after: Detections) -> dict[str, str]:
    """Match objects that have the same outline, class, type, name and plane, one to one.

    Args:
        before: objects.
        after: the same objects, with other UUIDs.

    Returns:
        UUIDs of ``after`` by those of ``before``; objects without a match are left out.

    >>> first = Detections.from_polygons([shapely.box(2, 3, 5, 7)])
    >>> second = Detections.from_polygons([shapely.box(2, 3, 5, 7)])
    >>> match_by_outline(first, second) == {first.ids[0]: second.ids[0]}
    True
    """
    ours, theirs = before.objects, after.objects
    if not len(ours) or not len(theirs):
        return {}
    tree = shapely.STRtree(_box_centers(after))
    rows, others = tree.query(_box_centers(before), predicate="dwithin", distance=2 * TOLERANCE)
    alike = np.ones(len(rows), bool)
    for field in _FIELDS:
        first, second = (frame[field].to_numpy(object) for frame in (ours, theirs))
        alike &= first[rows] == second[others]
    rows, others = rows[alike], others[alike]
    same = same_outline(ours.geometry.to_numpy()[rows], theirs.geometry.to_numpy()[others])
    pairs: dict[str, str] = {}
    taken: set[int] = set()
    for row, other in zip(rows[same].tolist(), others[same].tolist(), strict=True):
        identity = str(ours.index[row])
        if identity not in pairs and other not in taken:
            pairs[identity] = str(theirs.index[other])
            taken.add(other)
    return pairs


def save_with_ids(
    qupath: QuPath, image: ProjectImage, backup: Backup, base: Pushed | None
) -> str | None:
    """Save the objects of an image once in today's form, if they get new UUIDs at each opening.

    A copy of the file as it was is kept among the copies that a push makes.

    Args:
        qupath: the session, in which the project is open.
        image: the image.
        backup: its backup.
        base: what was pushed last, ``None`` if nothing was.

    Returns:
        A sentence for the user where it was saved, else ``None``.

    Raises:
        QuPathError: the objects would not be the same afterwards; the file is as it was.
    """
    version = qupath_version(image.objects_file)
    if not image.objects_file.exists() or (version is not None and version >= _FIRST_WITH_IDS):
        return None
    state = backup.state()
    found = qupath.read(image.id)
    if set(qupath.read(image.id).detections.ids) == set(found.detections.ids):
        return None
    nothing = Detections(found.detections.objects.iloc[:0], found.detections.image)
    backup.begin(Pushed.of(nothing) if base is None else base, state)
    try:
        backup.wrote(qupath.write(image.id, add=nothing, parents=[], remove=[], state=state))
        saved = qupath.read(image.id)
        _check_same(image, found, saved)
        if saved.detections.ids != qupath.read(image.id).detections.ids:
            raise QuPathError(
                f"{image.name}: its objects get new identities each time they are opened; open "
                "the project in QuPath 0.4 or later, and save it there"
            )
    except BaseException:
        backup.undo()
        raise
    backup.finish()
    by = "an older QuPath" if version is None else f"QuPath {version[0]}.{version[1]}"
    return (
        f"{image.name} was saved by {by}, in which objects have no identities that stay, and is "
        "now saved in today's form; a copy of the file as it was is kept"
    )


def _check_same(image: ProjectImage, before: Objects, after: Objects) -> None:
    count = len(before.detections)
    matched = len(match_by_outline(before.detections, after.detections))
    if not matched == count == len(after.detections) or before.skipped != after.skipped:
        raise QuPathError(
            f"{image.name}: saved in today's form, {count - matched} of its {count} objects would "
            "not be the same; its file is as it was"
        )


def _box_centers(detections: Detections) -> np.ndarray[tuple[int], np.dtype[np.object_]]:
    bounds = shapely.bounds(detections.objects.geometry.to_numpy())
    centers: np.ndarray[tuple[int], np.dtype[np.object_]] = shapely.points(
        (bounds[:, :2] + bounds[:, 2:]) / 2
    )
    return centers
