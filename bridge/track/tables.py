"""A row for each track: how long it lasts and how its object moves."""

from __future__ import annotations

import numpy as np
import pandas as pd

from bridge.detections import Detections
from bridge.errors import BadInputError
from bridge.track.objects import tracked_objects
from bridge.track.tracking import LINEAGE, PARENT, TRACK, check_tracked


def track_table(detections: Detections, *, interval: float | None = None) -> pd.DataFrame:
    """Return what each track does.

    Args:
        detections: of :func:`bridge.track.track`.
        interval: seconds between time points; rates are per frame where ``None``.

    Returns:
        A row a track, indexed by its number: ``Parent track``, ``Lineage``, ``First frame`` and
        ``Last frame`` (from 1), ``Objects``, ``Missed`` (frames between without an object),
        ``Lifetime`` (from the first to the last, in frames or s), ``Path`` (sum of steps) and
        ``Displacement`` (from the first to the last position) in µm or px, ``Mean speed`` (path
        over lifetime), ``Persistence`` (displacement over path, 1 is straight; NaN where nothing
        moved) and ``Daughters``. Units stand in the names.

    Raises:
        BadInputError: objects that are not tracked, an interval that is none.

    >>> labels = np.zeros((2, 8, 20), int)
    >>> labels[0, 2:6, 2:6] = labels[1, 2:6, 5:9] = 1
    >>> from bridge.track import track
    >>> table = track_table(track(Detections.from_labels(labels, axes="TYX"), max_distance=5))
    >>> table["Displacement px"].tolist(), table["Mean speed px/frame"].tolist()
    ([3.0], [3.0])
    """
    source = detections.image.name or "detections"
    check_tracked(detections)
    if interval is not None and not 0 < interval < np.inf:
        raise BadInputError(source, f"{interval:g} s are no interval", "give a number above 0")
    found = tracked_objects(detections)
    first_row = np.zeros(len(found.points.frame), np.int64)
    first_row[found.owner[::-1]] = np.arange(len(found.owner))[::-1]
    numbers = detections.objects[[TRACK, PARENT, LINEAGE]].iloc[first_row].reset_index(drop=True)
    order = np.lexsort([found.points.frame, numbers[TRACK]])
    sorted_ = numbers.iloc[order]
    number, frame = sorted_[TRACK].to_numpy(), found.points.frame[order]
    position = found.points.position[order]
    step = np.linalg.norm(np.diff(position, axis=0, prepend=position[:1]), axis=1)
    step[np.diff(number, prepend=number[:1] - 1) != 0] = 0
    starts = np.flatnonzero(np.diff(number, prepend=number[:1] - 1))
    ends = np.append(starts[1:], len(number)) - 1 if len(starts) else starts
    path = np.add.reduceat(step, starts) if len(starts) else np.zeros(0)
    away = np.linalg.norm(position[ends] - position[starts], axis=1)
    life = (frame[ends] - frame[starts]) * (interval or 1.0)
    unit, time = found.unit, "s" if interval else "frame"
    parents = sorted_[PARENT].to_numpy()[starts]
    tracks = number[starts]
    with np.errstate(divide="ignore", invalid="ignore"):
        table = {
            PARENT: parents,
            LINEAGE: sorted_[LINEAGE].to_numpy()[starts],
            "First frame": frame[starts] + 1,
            "Last frame": frame[ends] + 1,
            "Objects": ends - starts + 1,
            "Missed": frame[ends] - frame[starts] - (ends - starts),
            f"Lifetime {time}{'' if interval else 's'}": life,
            f"Path {unit}": path,
            f"Displacement {unit}": away,
            f"Mean speed {unit}/{time}": np.where(life > 0, path / life, np.nan),
            "Persistence": np.where(path > 0, away / path, np.nan),
        }
    result = pd.DataFrame(table, index=pd.Index(tracks, name=TRACK))
    daughters = pd.Series(parents).value_counts()
    result["Daughters"] = daughters.reindex(result.index).fillna(0).astype(int)
    return result
