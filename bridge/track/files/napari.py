"""Tracks as napari's layer of tracks takes them."""

from __future__ import annotations

import pandas as pd

from bridge.detections import Detections
from bridge.track.objects import tracked_objects
from bridge.track.tracking import PARENT, TRACK, check_tracked


def napari_table(tracked: Detections) -> pd.DataFrame:
    """Return a row an object: ``track``, ``t``, (``z``,) ``y``, ``x``, and ``parent``.

    https://napari.org/stable/howtos/layers/tracks.html: the first columns are the array of a layer
    of tracks, with positions in pixels whose centres are whole numbers, sorted by track and time;
    ``parent`` is 0 where there is none.

    Args:
        tracked: of :func:`bridge.track.track`.

    Raises:
        BadInputError: objects that are not tracked.

    >>> import numpy as np
    >>> from bridge.track import track
    >>> labels = np.zeros((2, 5, 5), int)
    >>> labels[0, 1:4, 0:3] = labels[1, 1:4, 1:4] = 1
    >>> tracked = track(Detections.from_labels(labels, axes="TYX"), max_distance=3)
    >>> napari_table(tracked)["x"].tolist()
    [1.0, 2.0]
    """
    check_tracked(tracked)
    found = tracked_objects(tracked)
    numbers = tracked.objects[[TRACK, PARENT]].groupby(found.owner).first()
    place = found.points.position / found.scale - 0.5
    table = pd.DataFrame({"track": numbers[TRACK].to_numpy(), "t": found.points.frame})
    for axis, name in enumerate("zyx"[-place.shape[1] :]):
        table[name] = place[:, axis].round(3)
    table["parent"] = numbers[PARENT].to_numpy()
    return table.sort_values(["track", "t"], ignore_index=True)
