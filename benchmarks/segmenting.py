"""``starbridge segment`` on whole sections, beside the published script's steps. Bar: 5 times.

``python -m benchmarks.segmenting [SIDE] [PEER_SIDE] [--model demo] [--plot FILE.png]`` simulates
four-channel sections and runs the command with all its outputs on SIDE x SIDE pixels (default
10,000), on smaller ones, and on smaller and larger nuclei; and the peer on PEER_SIDE x PEER_SIDE
(default 4,096). Each is timed from the start of its process to the end; the peer's time is scaled
by pixels. Peak memory is the whole process's. The model has stardist_haug2's shape
(:mod:`benchmarks.haug2_like`); the demo model predicts at every second pixel only, in a smaller
network.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from benchmarks import haug2_like
from benchmarks.section_files import run, write_section
from bridge.model.folder import demo_model_folder

DIAMETER = 16.0  # of a typical nucleus, in pixels: a hundred thousand on a whole section


@dataclass(frozen=True)
class Cost:
    """Cost of a section: seconds, and GiB at most."""

    side: int
    nuclei: int
    seconds: float
    peak: float


def segmented(model: Path, side: int, diameter: float) -> Cost:
    """Measure the cost of ``starbridge segment`` on a section."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        image, _, _ = write_section(folder, side, diameter)
        command = [sys.executable, "-m", "bridge.cli", "segment", str(image)]
        command += ["--model", str(model)]
        seconds, peak = run([*command, "--out", str(folder / "out")])
        record = json.loads((folder / "out" / "run.json").read_text(encoding="utf-8"))
        (entry,) = record["images"].values()
        return Cost(side, int(entry["objects"]), seconds, peak)


def scripted(model: Path, side: int) -> tuple[float, float]:
    """Seconds and peak GiB of the script on a section."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        image, _, _ = write_section(folder, side, DIAMETER)
        command = [sys.executable, "-m", "benchmarks.stardist_script", str(image)]
        return run([*command, str(model), str(folder)])


def plot(costs: list[Cost], others: list[Cost], file: Path) -> None:
    """Seconds and peak memory against pixels, and against nuclei of a section of one size."""
    import matplotlib as mpl

    mpl.use("Agg")
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(1, 2, figsize=(9, 3.4), layout="constrained")
    for axis, points, what in (
        (axes[0], [(c.side**2 / 1e6, c) for c in costs], "megapixels"),
        (axes[1], [(c.nuclei / 1e3, c) for c in others], "thousand nuclei"),
    ):
        points.sort(key=lambda point: point[0])
        x = [at for at, _ in points]
        axis.plot(x, [c.seconds for _, c in points], "o-", color="#0072b2")
        axis.set(xlabel=what, ylabel="seconds", ylim=(0, None), xlim=(0, None))
        axis.yaxis.label.set_color("#0072b2")
        memory = axis.twinx()
        memory.plot(x, [c.peak for _, c in points], "s--", color="#d55e00")
        memory.set(ylabel="peak GiB", ylim=(0, None))
        memory.yaxis.label.set_color("#d55e00")
        axis.spines["top"].set_visible(False)
        memory.spines["top"].set_visible(False)
    axes[1].set_title(f"{others[0].side} x {others[0].side} pixels", fontsize=10)
    figure.savefig(file, dpi=110)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.segmenting")
    parser.add_argument("side", type=int, nargs="?", default=10_000)
    parser.add_argument("peer", type=int, nargs="?", default=4_096)
    parser.add_argument("--model", choices=("haug2_like", "demo"), default="haug2_like")
    parser.add_argument("--plot", type=Path)
    given = parser.parse_args()
    model = haug2_like.model_folder() if given.model == "haug2_like" else demo_model_folder()
    print("| side | objects | s | s a megapixel | peak GiB |\n|---|---|---|---|---|")

    def shown(cost: Cost) -> Cost:
        each = cost.seconds / cost.side**2 * 1e6
        print(
            f"| {cost.side} | {cost.nuclei:,} | {cost.seconds:.1f} | {each:.2f} "
            f"| {cost.peak:.2f} |",
            flush=True,
        )
        return cost

    costs = [shown(segmented(model, given.side // part, DIAMETER)) for part in (8, 4, 2, 1)]
    middle = given.side // 2
    others = [costs[2], *(shown(segmented(model, middle, diameter)) for diameter in (13.0, 40.0))]
    theirs, memory = scripted(model, given.peer)
    scaled = theirs * (given.side / given.peer) ** 2
    print(f"\nscript, {given.peer} x {given.peer}: {theirs:.0f} s, {memory:.2f} GiB")
    print(f"scaled to {given.side} x {given.side}: {scaled:.0f} s")
    print(f"the script takes {scaled / costs[-1].seconds:.1f} times as long")
    if given.plot:
        plot(costs, others, given.plot)


if __name__ == "__main__":
    main()
