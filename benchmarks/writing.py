"""Writing and reading the files of a section, beside StarDist and the standard `json`.

``python -m benchmarks.writing [COUNT] [SIDE] [WORK...]``: COUNT (80,000) nuclei of 32 rays in an
image of SIDE x SIDE (10,000) pixels. Each work runs in a process of its own, whose memory is
watched from outside, so that its peak is the work's own and not that of making the nuclei.
"""

from __future__ import annotations

import json
import multiprocessing
import sys
import tempfile
import time
from collections.abc import Callable
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bridge import Detections, ImageInfo, PixelSize
from bridge.outlines import star_polygons

FILES = {
    "label TIFF": "nuclei_labels.tif",
    "label HDF5": "nuclei_labels.h5",
    "RoiSet": "nuclei_rois.zip",
    "GeoJSON": "nuclei.geojson",
    "GeoJSON.gz": "nuclei.geojson.gz",
    "CSV": "nuclei.csv",
    "Parquet": "nuclei.parquet",
}
PEERS = {
    "RoiSet by StarDist": "RoiSet",
    "GeoJSON by json": "GeoJSON",
}
WORKS = (
    *(f"write {kind}" for kind in FILES),
    *(f"write {kind}" for kind in PEERS),
    "write preview",
    *(f"read {kind}" for kind in FILES),
)
RUNS = 3


def nuclei(count: int, side: int) -> Detections:
    """Simulate star-convex nuclei on a jittered grid, classified and measured."""
    rng = np.random.default_rng(0)
    across = int(np.ceil(np.sqrt(count)))
    step = side / across
    grid = (np.stack(np.divmod(np.arange(count), across), axis=1) + 0.5) * step
    points = grid + rng.uniform(-0.1, 0.1, (count, 2)) * step
    angles = np.linspace(0, 2 * np.pi, 32, endpoint=False)
    lobes = rng.normal(0, 0.08, (3, count, 1)) * np.cos(
        np.arange(2, 5)[:, None, None] * angles + rng.uniform(0, 6, (3, count, 1))
    )
    radii = rng.uniform(0.25, 0.4, (count, 1)) * step * (1 + lobes.sum(axis=0))
    columns: dict[str, Any] = {
        "label": np.arange(1, count + 1),
        "prob": rng.uniform(0.5, 1, count),
        "class": rng.choice(["neuron", "glia", "dead"], count),
        **{f"Nucleus: channel {k} mean": rng.gamma(2, 300, count) for k in range(8)},
    }
    info = ImageInfo(name="nuclei", width=side, height=side, pixel_size=PixelSize(0.325, 0.325))
    return Detections.from_polygons(
        star_polygons(radii, points), columns=columns, image=info, outline="star"
    )


def work_of(name: str, detections: Detections, folder: Path) -> Callable[[], Any]:
    """Return what is measured, everything before it done."""
    verb, kind = name.split(" ", 1)
    if kind in FILES:
        path = folder / FILES[kind]
        if verb == "write":
            return lambda: detections.write(path)
        return lambda: Detections.read(path)
    if kind == "preview":
        from bridge.pictures.preview import write_preview

        size = (detections.image.height or 0, detections.image.width or 0)
        plane = np.random.default_rng(0).gamma(2, 300, size).astype(np.uint16)
        return lambda: write_preview(detections, plane, folder / "nuclei.png")
    peers = {
        "RoiSet by StarDist": _stardist,
        "GeoJSON by json": _json,
    }
    return peers[kind](detections, folder)


def _stardist(detections: Detections, folder: Path) -> Callable[[], Any]:
    """Write bare outlines, without what ours carries beside them; compressed."""
    from stardist.utils import export_imagej_rois

    outlines = _corners(detections)[..., ::-1].transpose(0, 2, 1) - 0.5
    return lambda: export_imagej_rois(str(folder / "stardist.zip"), [outlines])


def _corners(detections: Detections) -> NDArray[np.float64]:
    """(n, 32, 2) corners x, y."""
    import shapely

    corners: NDArray[np.float64] = shapely.get_coordinates(detections.objects.geometry.to_numpy())
    return corners.reshape(len(detections), -1, 2)[:, :-1]


def _json(_: Detections, folder: Path) -> Callable[[], Any]:
    """Return the features that ours writes, ready to be dumped."""
    document = json.loads((folder / FILES["GeoJSON"]).read_bytes())

    def write() -> None:
        with (folder / "json.geojson").open("w") as stream:
            json.dump(document, stream)

    return write


def _child(connection: Connection, name: str, count: int, side: int, folder: Path) -> None:
    work = work_of(name, nuclei(count, side), folder)
    connection.send("ready")
    connection.recv()
    times = []
    for _ in range(RUNS):
        began = time.perf_counter()
        work()
        times.append(time.perf_counter() - began)
    connection.send(times)


def measured(name: str, count: int, side: int, folder: Path) -> tuple[float, float]:
    """Least seconds of some runs, and by how many MiB memory rose at its peak."""
    import psutil

    context = multiprocessing.get_context("spawn")
    here, there = context.Pipe()
    process = context.Process(target=_child, args=(there, name, count, side, folder))
    process.start()
    there.close()
    try:
        here.recv()
        watched = psutil.Process(process.pid)
        before = peak = watched.memory_info().rss
        here.send("go")
        while not here.poll(0.005):
            peak = max(peak, watched.memory_info().rss)
        times: list[float] = here.recv()
    finally:
        process.join()
    return min(times), (peak - before) / 2**20


def _size(folder: Path, kind: str) -> int:
    return (folder / FILES[kind]).stat().st_size


def main() -> None:
    """Measure and print."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 80_000
    side = int(sys.argv[2]) if len(sys.argv) > 2 else 10_000
    chosen = [w for w in WORKS if not sys.argv[3:] or any(a in w for a in sys.argv[3:])]
    seconds: dict[str, float] = {}
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        detections = nuclei(count, side)
        for kind, file in FILES.items():  # to be read, and to be dumped by the peer
            if any(
                work == f"read {kind}" or work.startswith(f"write {kind} by") for work in chosen
            ):
                detections.write(folder / file)
        del detections
        print(f"{count:,} nuclei, {side} x {side} pixels; peak: above what was there before")
        for work in chosen:
            seconds[work], peak = measured(work, count, side, folder)
            kind = work.split(" ", 1)[1]
            size = f"{_size(folder, kind) / 1e6:6.1f} MB" if kind in FILES else ""
            print(f"{work:40} {seconds[work]:6.2f} s  peak {peak:6.0f} MiB  {size}", flush=True)
    for peer, ours in PEERS.items():
        pair = (f"write {peer}", f"write {ours}")
        if all(work in seconds for work in pair):
            print(f"{ours}: {seconds[pair[0]] / seconds[pair[1]]:.1f} times the speed of {peer}")


if __name__ == "__main__":
    main()
