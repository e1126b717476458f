"""Tracks and divisions of 2,000 nuclei over 50 frames, beside laptrack.

``python -m benchmarks.tracking [SEED]``: simulated nuclei (:mod:`bridge.examples.moving_nuclei`),
about 400 divisions, 2 % missed, 1 % false; the same with sizes and intensities left out, and a
volume of coarse slices. laptrack (``pip install laptrack``) joins the run where it is installed,
with 8 µm squared for all its cut-offs and else as it comes. Bars: F1 of links 0.995 (0.99 in the
volume), of divisions 0.8, 12 CPU s.
"""

from __future__ import annotations

import sys
import time
from itertools import pairwise
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from bridge.examples.moving_nuclei import MovingNuclei, simulate_moving_nuclei
from bridge.track.divisions import find_divisions
from bridge.track.linking import link_points
from bridge.track.points import Points
from bridge.track.tracking import number_tracks

_REACH = 8.0  # µm, that laptrack is told; nearly all steps are shorter

Pairs = set[tuple[int, int]]


def of_tracks(frame: NDArray[Any], track: NDArray[Any]) -> Pairs:
    """Return pairs of rows that follow each other in a track."""
    order = np.lexsort([frame, track])
    return {(int(a), int(b)) for a, b in pairwise(order) if track[a] == track[b]}


def of_divisions(
    found: MovingNuclei, track: NDArray[Any], parent: dict[int, int]
) -> set[tuple[int, frozenset[int]]]:
    """Return each mother with its daughters, as numbers of true nuclei."""
    table = pd.DataFrame({"track": track, "frame": found.frame, "nucleus": found.nucleus})
    ends = (
        table.sort_values("frame", kind="stable").groupby("track")["nucleus"].agg(["first", "last"])
    )
    daughters: dict[int, list[int]] = {}
    for child, mother in parent.items():
        daughters.setdefault(mother, []).append(int(ends["first"][child]))
    return {(int(ends["last"][mother]), frozenset(each)) for mother, each in daughters.items()}


def ours(found: MovingNuclei, features: bool) -> tuple[NDArray[Any], dict[int, int]]:
    """Track as :func:`bridge.track.track` does."""
    known = np.log(np.stack([found.area, found.intensity], axis=1))
    points = Points(found.frame, found.position, known if features else known[:, :0])
    links = link_points(points)
    mothers = find_divisions(points, links.before, links.motion, has_size=features)
    track, parent, _ = number_tracks(points.frame, links.before, mothers)
    return track, {int(t): int(p) for t, p in zip(track, parent, strict=True) if p}


def laptracks(found: MovingNuclei) -> tuple[NDArray[Any], dict[int, int]]:
    """Track as laptrack does."""
    from laptrack import LapTrack

    axes = [f"axis {number}" for number in range(found.position.shape[1])]
    table = pd.DataFrame(found.position, columns=axes).assign(frame=found.frame)
    settings = LapTrack(
        cutoff=_REACH**2,
        gap_closing_cutoff=_REACH**2,
        gap_closing_max_frame_count=2,
        splitting_cutoff=_REACH**2,
    )
    tracked, splits, _ = settings.predict_dataframe(
        table, axes, frame_col="frame", only_coordinate_cols=False, index_offset=0
    )
    parent = dict(zip(splits["child_track_id"], splits["parent_track_id"], strict=True))
    return tracked["track_id"].to_numpy(), {int(c): int(p) for c, p in parent.items()}


def row(name: str, found: MovingNuclei, work: Any) -> str:
    """Return a row of the table."""
    began = time.process_time()
    track, parent = work()
    cpu = time.process_time() - began
    links, true = of_tracks(found.frame, track), found.true_links()
    f1 = 2 * len(links & true) / (len(links) + len(true))
    divided, truly = of_divisions(found, track, parent), found.true_divisions()
    right = len(divided & truly)
    return (
        f"| {name} | {cpu:.1f} | {f1:.4f} | {2 * right / (len(divided) + len(truly)):.3f} "
        f"| {right / max(1, len(divided)):.2f} / {right / len(truly):.2f} |"
    )


def main() -> None:
    """Measure and print."""
    seed = int(sys.argv[1]) if len(sys.argv) > 1 else 1
    plane = simulate_moving_nuclei(seed=seed)
    volume = simulate_moving_nuclei(seed=seed, planes=20)
    ours(simulate_moving_nuclei(100, 5, seed=seed), True)
    print("| | CPU s | F1 of links | F1 of divisions | precision / recall |\n|---|---|---|---|---|")
    print(row("starbridge", plane, lambda: ours(plane, True)))
    print(row("positions only", plane, lambda: ours(plane, False)))
    print(row("volume", volume, lambda: ours(volume, True)))
    try:
        print(row("laptrack", plane, lambda: laptracks(plane)))
    except ImportError:
        print("| laptrack is not installed | | | | |")
    print(f"\n{len(plane.frame):,} objects, {len(plane.true_divisions())} divisions")


if __name__ == "__main__":
    main()
