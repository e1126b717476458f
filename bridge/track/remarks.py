"""Remarks on what makes the tracks of a series doubtful."""

from __future__ import annotations

import numpy as np

from bridge.track.points import Points

_LISTED = 5


def remarks(points: Points) -> tuple[str, ...]:
    """Return a line for the user on frames without objects, and one on frames that repeat.

    Args:
        points: the objects of the series.

    >>> twice = Points(np.array([0, 1, 3]), np.zeros((3, 2)), np.zeros((3, 0)))
    >>> remarks(twice)
    ('no objects in frame 3', 'frame 2 repeats the frame before it: a file that was saved twice?')
    """
    empty: list[int] = []
    repeats: list[int] = []
    last = None
    for frame, rows in points.frames():
        found = points.position[rows]
        found = found[np.lexsort(found.T)]
        if not len(rows):
            empty.append(frame + 1)
        elif last is not None and np.array_equal(found, last):
            repeats.append(frame + 1)
        last = found
    lines = []
    if empty:
        lines.append(f"no objects in {_frames(empty)}")
    if repeats:
        verb = "repeats" if len(repeats) == 1 else "repeat"
        lines.append(f"{_frames(repeats)} {verb} the frame before it: a file that was saved twice?")
    return tuple(lines)


def _frames(numbers: list[int]) -> str:
    listed = ", ".join(map(str, numbers[:_LISTED])) + (", …" if len(numbers) > _LISTED else "")
    return f"frame {listed}" if len(numbers) == 1 else f"frames {listed}"
