"""Pushing and pulling in QuPath, beside paquo's own ways, in one run.

Needs a QuPath (``PAQUO_QUPATH_DIR``). Prints seconds, ratios, whether everything came back, and the
most memory that QuPath's process took. Run as ``python -m benchmarks.qupath_sync [OBJECTS]``.
"""

from __future__ import annotations

import multiprocessing
import sys
import tempfile
import threading
import time
from collections.abc import MutableMapping
from pathlib import Path

import numpy as np
import psutil
import shapely
import tifffile

from bridge import Detections, ImageInfo
from bridge.apps.qupath.session import QuPath
from bridge.apps.qupath.sync import PushSettings, pull, push
from bridge.review import compare

OBJECTS = 50_000
MEASUREMENTS = 8
VERTICES = 32


def nuclei(count: int, side: int) -> Detections:
    """Outlines of 32 vertices with eight measurements, in an image of the given side."""
    rng = np.random.default_rng(0)
    angle = np.linspace(0, 2 * np.pi, VERTICES, endpoint=False)
    center = rng.uniform(20, side - 20, (count, 1, 2))
    radius = rng.uniform(4, 9, (count, VERTICES, 1))
    xy = center + radius * np.stack([np.cos(angle), np.sin(angle)], axis=1)
    columns = {f"m{number}": rng.normal(size=count) for number in range(MEASUREMENTS)}
    return Detections.from_polygons(
        shapely.polygons(xy),
        columns={
            **columns,
            "class": rng.choice(["neuron", "glia", "dead"], count),
            "prob": rng.uniform(size=count),
        },
        image=ImageInfo(width=side, height=side),
        outline="star",
    )


def with_starbridge(image: Path, objects: Detections, folder: Path) -> dict[str, float]:
    """Seconds to write and read alone, to push with merge and check, and to pull; GiB of QuPath."""
    most = 0
    with QuPath(heap="3g") as qupath:
        watched = psutil.Process(qupath.pid)
        done = threading.Event()

        def watch() -> None:
            nonlocal most
            while not done.wait(0.05):
                most = max(most, watched.memory_info().rss)

        thread = threading.Thread(target=watch)
        thread.start()
        # the way there and back alone, without merging, records and checks
        qupath.open(folder.with_name("transport"), create=True)
        number = qupath.add_image(image, name=image.name)
        began = time.perf_counter()
        qupath.write(number, add=objects, parents=[None] * len(objects), remove=[])
        middle = time.perf_counter()
        qupath.read(number)
        alone = (middle - began, time.perf_counter() - middle)
        began = time.perf_counter()
        (outcome,) = push(qupath, folder, [(image, objects)], PushSettings(force=True))
        middle = time.perf_counter()
        (review,) = pull(qupath, folder)
        ended = time.perf_counter()
        done.set()
        thread.join()
    same = compare(objects, review.detections).counts()["untouched"]
    print(f"{same:,} of {len(objects):,} came back as they were; {outcome.error or 'no error'}")
    return {
        "write": alone[0],
        "read": alone[1],
        "push": middle - began,
        "pull": ended - middle,
        "gib": most / 2**30,
    }


def with_paquo(
    image: str, count: int, side: int, folder: str, seconds: MutableMapping[str, float]
) -> None:
    """Do the same by ``detections.update`` and by reading every object's attributes."""
    from paquo.classes import QuPathPathClass
    from paquo.images import QuPathImageType
    from paquo.pathobjects import QuPathPathDetectionObject
    from paquo.projects import QuPathProject

    objects = nuclei(count, side)
    names = [f"m{number}" for number in range(MEASUREMENTS)]
    values = objects.objects[names].to_numpy()
    classes = {name: QuPathPathClass(name) for name in ("neuron", "glia", "dead")}
    with QuPathProject(folder, mode="x") as project:
        entry = project.add_image(image, image_type=QuPathImageType.FLUORESCENCE)
        began = time.perf_counter()
        entry.hierarchy.detections.update(
            [
                QuPathPathDetectionObject.from_shapely(
                    shape,
                    path_class=classes[name],
                    measurements=dict(zip(names, row, strict=True)),
                )
                for shape, name, row in zip(
                    objects.objects.geometry, objects.objects["class"], values.tolist(), strict=True
                )
            ]
        )
    middle = time.perf_counter()
    with QuPathProject(folder, mode="r") as project:
        found = [
            (o.roi, o.path_class, dict(o.measurements))
            for o in project.images[0].hierarchy.detections
        ]
    ended = time.perf_counter()
    if len(found) != count:
        raise RuntimeError(f"paquo gave back {len(found)} objects")
    seconds.update(push=middle - began, pull=ended - middle)


def main() -> None:
    count = int(sys.argv[1]) if len(sys.argv) > 1 else OBJECTS
    side = max(1000, round((count * 400) ** 0.5))
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        image = folder / "section.tif"
        tifffile.imwrite(
            image, np.zeros((side, side), np.uint8), resolution=(2e4, 2e4), resolutionunit=3
        )
        ours = with_starbridge(image, nuclei(count, side), folder / "ours")
        print(
            f"starbridge: push {ours['push']:.1f} s, pull {ours['pull']:.1f} s, together "
            f"{ours['push'] + ours['pull']:.1f} s; QuPath's process {ours['gib']:.2f} GiB"
        )
        transport = ours["write"] + ours["read"]
        print(f"  of it writing {ours['write']:.1f} s and reading {ours['read']:.1f} s")
        # paquo starts QuPath when it is imported, and a process has one Java
        context = multiprocessing.get_context("spawn")
        with context.Manager() as manager:
            theirs = manager.dict()
            process = context.Process(
                target=with_paquo, args=(str(image), count, side, str(folder / "paquo"), theirs)
            )
            process.start()
            process.join()
            seconds = dict(theirs)
        pushed, pulled = seconds["push"], seconds["pull"]
        together = pushed + pulled
        print(f"paquo: push {pushed:.1f} s, pull {pulled:.1f} s, together {together:.1f} s")
        print(
            f"paquo takes {together / transport:.1f} times as long as writing and reading, "
            f"{together / (ours['push'] + ours['pull']):.1f} times as long as push and pull"
        )


if __name__ == "__main__":
    main()
