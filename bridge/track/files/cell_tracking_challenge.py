"""Results as the Cell Tracking Challenge wants them: ``res_track.txt`` and a mask a frame.

https://celltrackingchallenge.net/datasets: each line of ``res_track.txt`` is ``L B E P``, the label
of a track in the masks, its first and last frame from 0, and the label of its parent or 0. A track
must be in every mask from B to E. So a gap ends a track, and what follows is its child.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import tifffile
from numpy.typing import NDArray

from bridge.detections import Detections
from bridge.errors import BadInputError
from bridge.files.atomic import write_bytes, writing
from bridge.track.tracking import PARENT, TRACK, check_tracked

RES_TRACK = "res_track.txt"
_LARGEST = 65_535  # masks have 16 bits


@dataclass
class _Line:
    """A line of ``res_track.txt``."""

    label: int
    first: int
    last: int
    parent: int


def write_challenge(tracked: Detections, folder: Path) -> list[str]:
    """Write masks and ``res_track.txt``.

    Args:
        tracked: of :func:`bridge.track.track`; the image's size must be known.
        folder: is made; ``…_RES`` by the challenge's habit.

    Returns:
        Names of the files in the folder, ``res_track.txt`` first.

    Raises:
        BadInputError: objects that are not tracked, an image of unknown size, more tracks than 16
            bits can number.

    >>> import tempfile
    >>> from bridge.track import track
    >>> labels = np.zeros((4, 6, 12), int)
    >>> labels[0, 1:5, 1:5] = labels[1, 1:5, 2:6] = labels[3, 1:5, 4:8] = 1
    >>> tracked = track(Detections.from_labels(labels, axes="TYX"), max_distance=4)
    >>> with tempfile.TemporaryDirectory() as name:
    ...     files = write_challenge(tracked, Path(name))
    ...     print(files[1], (Path(name) / "res_track.txt").read_text().split(chr(10)))
    mask000.tif ['1 0 1 0', '2 3 3 1', '']
    """
    info, frame = tracked.image, tracked.objects
    source = info.name or "detections"
    check_tracked(tracked)
    if not (info.width and info.height):
        raise BadInputError(source, "the size of the image is not known", "track its label image")
    parents = dict(zip(frame[TRACK].tolist(), frame[PARENT].tolist(), strict=True))
    current: dict[int, _Line] = {}
    lines: list[_Line] = []
    names = []
    digits = max(3, len(str(info.size_t - 1)))
    for time, mask in _masks(tracked):
        present = np.unique(mask)
        numbers = np.zeros(int(present[-1]) + 1, np.uint16)
        for track in present[present > 0].tolist():
            line = current.get(track)
            if line is None or line.last < time - 1:
                before = line or current.get(parents[track])
                line = _Line(len(lines) + 1, time, time, before.label if before else 0)
                if line.label > _LARGEST:
                    raise BadInputError(
                        source,
                        f"has over {_LARGEST:,} tracks, more than masks of 16 bits can number",
                        "track a part of it, or leave out --also ctc",
                    )
                lines.append(line)
                current[track] = line
            line.last = time
            numbers[track] = line.label
        names.append(f"mask{time:0{digits}d}.tif")
        with writing(folder / names[-1]) as part:
            tifffile.imwrite(part, numbers[mask], compression="zlib")
    text = "".join(f"{line.label} {line.first} {line.last} {line.parent}\n" for line in lines)
    write_bytes(folder / RES_TRACK, text.encode())
    return [RES_TRACK, *names]


def _masks(tracked: Detections) -> Iterator[tuple[int, NDArray[np.int64]]]:
    """Yield each frame's mask, drawn with the numbers of tracks."""
    info, frame = tracked.image, tracked.objects
    still = replace(info, size_t=1)
    for time in range(info.size_t):
        rows = frame[frame["t"] == time].copy()
        rows["t"] = 0
        rows["label"] = rows[TRACK]
        yield time, Detections(rows, still).to_labels()
