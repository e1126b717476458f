"""Track the objects of a time series."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from bridge.detections import Detections
from bridge.errors import BadInputError
from bridge.track.divisions import find_divisions
from bridge.track.linking import link_points
from bridge.track.objects import tracked_objects

TRACK = "Track"
"""Column: number of the track, from 1 in order of first appearance."""

PARENT = "Parent track"
"""Column: number of the track that divided into this one, 0 for none."""

LINEAGE = "Lineage"
"""Column: number of the first track of all that came from one object by divisions."""

GAP = 2
"""Frames in which an object may be missing."""

Indices = NDArray[np.int64]


def track(
    detections: Detections,
    *,
    max_distance: float | None = None,
    gap: int = GAP,
    divisions: bool = True,
    intensities: Sequence[str] = (),
) -> Detections:
    """Track objects over time: number them by track, parent track and lineage.

    Objects are assigned to tracks frame by frame, by where each track's last step leads and by the
    change of size and intensity (:mod:`bridge.track.linking`); how far objects move is learned from
    the series. A track ends in a division, from which two begin (:mod:`bridge.track.divisions`).

    Args:
        detections: objects of several time points; of a volume's, all slices get its numbers.
        max_distance: from where an object is expected to where it is found a frame later, in µm, or
            in pixels where the image's pixel size is unknown; learned where ``None``.
        gap: frames in which an object may be missing.
        divisions: whether objects divide.
        intensities: measurements that change little from frame to frame, such as
            ``Nucleus: DAPI: Mean``.

    Returns:
        The detections with the columns :data:`TRACK`, :data:`PARENT` and :data:`LINEAGE` (int64).
        An object that nothing follows or precedes is a track of its own.

    Raises:
        BadInputError: a single time point, a distance or gap that is none, or as
            :func:`bridge.track.objects.tracked_objects`.

    >>> labels = np.zeros((3, 8, 20), int)
    >>> for t in range(3):
    ...     labels[t, 2:6, 2 + t : 6 + t], labels[t, 2:6, 12 + t : 16 + t] = 2 - t % 2, 1 + t % 2
    >>> tracked = track(Detections.from_labels(labels, axes="TYX"), max_distance=3)
    >>> tracked.objects.sort_values(["t", "Track"])["label"].tolist()
    [1, 2, 2, 1, 1, 2]
    """
    source = detections.image.name or "detections"
    if max_distance is not None and not 0 < max_distance < np.inf:
        raise BadInputError(
            source, f"{max_distance:g} is no distance", "give a number above 0 (--max-distance)"
        )
    if gap < 0:
        raise BadInputError(source, f"{gap} frames are no gap", "give 0 or more (--gap)")
    times = detections.objects["t"]
    if len(times) and times.nunique() < 2:
        raise BadInputError(
            source,
            f"has objects in one time point only ({int(times.iloc[0]) + 1})",
            "give the whole series; if its time points are read as slices, swap t and z (--axes)",
        )
    found = tracked_objects(detections, intensities)
    links = link_points(found.points, max_distance=max_distance, gap=gap)
    mothers = np.full(len(links.before), -1, np.int64)
    if divisions:
        mothers = find_divisions(
            found.points,
            links.before,
            links.motion,
            max_distance=max_distance,
            gap=gap,
            has_size=True,
        )
    numbers = number_tracks(found.points.frame, links.before, mothers)
    frame = detections.objects.copy(deep=False)
    for name, column in zip((TRACK, PARENT, LINEAGE), numbers, strict=True):
        frame[name] = column[found.owner]
    return replace(detections, objects=frame)


def check_tracked(detections: Detections) -> None:
    """Refuse detections that are not tracked.

    Raises:
        BadInputError: they have no column :data:`TRACK`.
    """
    if TRACK not in detections.objects.columns:
        source = detections.image.name or "detections"
        raise BadInputError(source, "is not tracked", "track it first (starbridge track)")


def number_tracks(
    frame: Indices, before: Indices, mothers: Indices
) -> tuple[Indices, Indices, Indices]:
    """Give tracks numbers from 1, in order of their first frame.

    Args:
        frame: (n,) time point of each object.
        before: (n,) the object before it, or -1.
        mothers: (n,) of the first object of a second daughter, the mother's last object; else -1.

    Returns:
        (n,) track, parent track and lineage of each object.

    >>> number_tracks(np.arange(3), np.array([-1, 0, 1]), np.array([-1, -1, -1]))[0]
    array([1, 1, 1])
    """
    n = len(frame)
    parent_object = np.full(n, -1, np.int64)  # of the first object of a track
    starts = before < 0
    parent_object[starts] = mothers[starts]
    divided = np.zeros(n, bool)
    divided[mothers[mothers >= 0]] = True
    sisters = np.flatnonzero(~starts & divided[before])
    parent_object[sisters] = before[sisters]
    starts[sisters] = True
    track_, parent, lineage = (np.zeros(n, np.int64) for _ in range(3))
    count = 0
    for row in np.argsort(frame, kind="stable").tolist():
        if not starts[row]:
            last = before[row]
            track_[row], parent[row], lineage[row] = track_[last], parent[last], lineage[last]
            continue
        count += 1
        track_[row] = lineage[row] = count
        mother = parent_object[row]
        if mother >= 0:
            parent[row], lineage[row] = track_[mother], lineage[mother]
    return track_, parent, lineage
