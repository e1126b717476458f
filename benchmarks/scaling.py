"""How much faster several workers are than one. Bar: 90 % of linear for 16 images.

``python -m benchmarks.scaling [SECONDS]`` segments 16 images with an engine that sleeps so long
(default 3) on each, so that the number of cores does not matter: on Dask clusters of 1, 2 and 4
workers that are there already, and in 1, 2 and 4 processes made for the run. Then the demo model
segments 8 real images with 1 and 2 workers of one thread each. What two processes that only count
get done, compared with one, says how much of a second core there is for us just now.

Efficiency is (seconds of one worker) / (workers x seconds).
"""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import tifffile

from bridge.batch.listener import Listener, Outcome
from bridge.batch.segment_job import Settings, segment_files
from bridge.batch.workers.base import Workers
from bridge.batch.workers.dask import DaskCluster
from bridge.batch.workers.here import Here
from bridge.batch.workers.processes import LocalProcesses
from bridge.files.threads import cores, inherited, thread_limits
from bridge.images.locations import Location
from bridge.model.folder import open_model
from bridge.segment.engines.registry import EngineSpec
from bridge.segment.segmenter import Segmenter
from tests.batch.engines import Sleeping

IMAGES = 16
REAL_IMAGES = 8
SETTINGS = Settings(formats=("rois", "csv"))

Timing = tuple[int, float, float]
"""Number of images, seconds of work, seconds of start."""


def main() -> None:
    """Measure and print."""
    seconds = float(sys.argv[1]) if len(sys.argv) > 1 else 3.0
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        noise = np.random.default_rng(1).integers(0, 999, (64, 64)).astype(np.uint16)
        sleepy = write_images(folder / "sleepy", noise, IMAGES)
        sleeping = Segmenter(open_model("demo"), spec=EngineSpec("asleep", Sleeping(seconds)))
        print(f"{IMAGES} images, {seconds:g} s asleep on each")
        compare("Dask", (1, 2, 4), lambda n: on_cluster(n, sleepy, sleeping, folder / f"dask{n}"))
        compare(
            "--jobs", (1, 2, 4), lambda n: in_processes(n, sleepy, sleeping, folder / f"jobs{n}")
        )
        from stardist.data import test_image_nuclei_2d

        real = write_images(folder / "real", np.tile(test_image_nuclei_2d(), (2, 2)), REAL_IMAGES)
        demo = Segmenter(open_model("demo"))
        counts = (1, 2) if cores() > 1 else (1,)
        one_thread = dict.fromkeys(thread_limits(1), "1")
        print(f"{REAL_IMAGES} images of 1024 x 1024 pixels, demo model in {demo.engine.name}")
        with inherited(one_thread):
            compare(
                "Dask, a thread each",
                counts,
                lambda n: on_cluster(n, real, demo, folder / f"real{n}"),
            )
        both = counted(2) / counted(1)
        print(f"two processes that only count do {both:.2f} times the work of one")
        here = timed(Here(), real, demo, folder / "here")
        print(f"one process with all {cores()} cores: {here:.1f} s")


def write_images(folder: Path, pixels: np.ndarray, count: int) -> list[Location]:
    """Write the same image under many names."""
    folder.mkdir()
    paths: list[Location] = []
    for number in range(count):
        path = folder / f"s{number}.tif"
        tifffile.imwrite(path, pixels)
        paths.append(path)
    return paths


def compare(what: str, counts: tuple[int, ...], measure: Callable[[int], Timing]) -> None:
    """Print a row for each number of workers."""
    alone = 0.0
    for count in counts:
        images, work, start = measure(count)
        alone = alone or work
        began = f", after {start:.1f} s of start" if start else ""
        print(
            f"{what:20} {images:3} images {count} workers {work:6.1f} s  "
            f"efficiency {alone / (count * work):.2f}{began}",
            flush=True,
        )


def in_processes(count: int, images: list[Location], segmenter: Segmenter, out: Path) -> Timing:
    """In processes made for the run; they have started when the first begins with its image."""
    workers, clock = LocalProcesses(count), Clock()
    whole = timed(workers, images, segmenter, out, clock)
    return len(images), whole - clock.start, clock.start


class Clock(Listener):
    """Seconds from now to the beginning of the work on the first image."""

    def __init__(self) -> None:
        self._made = time.perf_counter()
        self.start = 0.0

    def item_finished(self, outcome: Outcome) -> None:
        """Note when the work on the first item began."""
        self.start = self.start or time.perf_counter() - self._made - outcome.seconds


def on_cluster(count: int, images: list[Location], segmenter: Segmenter, out: Path) -> Timing:
    """Seconds on a cluster that is there already, and whose workers have loaded the model."""
    from distributed import LocalCluster

    with LocalCluster(  # type: ignore[no-untyped-call]
        n_workers=count, threads_per_worker=1, dashboard_address=":0", silence_logs=50
    ) as cluster:
        workers = DaskCluster(cluster.scheduler_address)
        for number in range(2):  # the first may leave a worker without an image
            warm = Segmenter(segmenter.model, segmenter.recipe, spec=segmenter.spec)
            timed(workers, images[:count], warm, out / f"warm{number}")
        return len(images), timed(workers, images, segmenter, out / "timed"), 0.0


def counted(processes: int) -> float:
    """How far so many processes count together in two seconds."""
    with ProcessPoolExecutor(processes, get_context("spawn")) as pool:
        list(pool.map(_count, [0.0] * processes))  # they have started
        return sum(pool.map(_count, [2.0] * processes))


def _count(seconds: float) -> int:
    count, end = 0, time.perf_counter() + seconds
    while time.perf_counter() < end:
        count += 1
    return count


def timed(
    workers: Workers,
    images: list[Location],
    segmenter: Segmenter,
    out: Path,
    listener: Listener | None = None,
) -> float:
    """Seconds from the call to its end.

    Raises:
        RuntimeError: an image failed.
    """
    began = time.perf_counter()
    outcomes = segment_files(images, out, segmenter, SETTINGS, listener=listener, workers=workers)
    seconds = time.perf_counter() - began
    if failed := [o.error for o in outcomes if o.status != "done"]:
        raise RuntimeError(failed[0])
    return seconds


if __name__ == "__main__":
    main()
