"""One network in several threads, and in a process that was forked after it was loaded."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from bridge import Detections, Segmenter
from bridge.model.folder import open_model
from bridge.segment.engines.registry import ENGINES
from bridge.segment.engines.sharing import engine_lock
from tests.segment.engines.toy import ToyEngine

needs_fork = pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork")

FORKED = """
import multiprocessing, sys
import numpy as np
from bridge import Segmenter
from bridge.errors import BadInputError

image = np.load(sys.argv[2])
segmenter = Segmenter.load("demo", engine=sys.argv[1])

def segment(results):
    try:
        results.put(segmenter.segment(image).objects["prob"].tolist())
    except BadInputError as error:
        results.put(str(error))

if __name__ == "__main__":
    expected = segmenter.segment(image).objects["prob"].tolist()
    forked = multiprocessing.get_context("fork")
    results = forked.SimpleQueue()
    child = forked.Process(target=segment, args=(results,))
    child.start()
    found = results.get()
    child.join()
    again = segmenter.segment(image).objects["prob"].tolist()
    print(len(expected), again == expected, "same" if found == expected else found)
"""


def described(found: Detections) -> tuple[Any, ...]:
    return found.objects["prob"].tolist(), found.objects.geometry.to_wkb().tolist()


@pytest.mark.model
@pytest.mark.parametrize("engine", [spec.key for spec in ENGINES])
def test_threads_share_a_segmenter_and_each_gets_its_own_nuclei(
    real_image: tuple[NDArray[Any], NDArray[Any]], engine: str
) -> None:
    segmenter = Segmenter.load("demo", engine=engine)
    images = [real_image[0][y : y + 96, :96] for y in range(0, 384, 96)]
    expected = [described(segmenter.segment(image)) for image in images]
    together = threading.Barrier(3)

    def work(first: int) -> list[bool]:
        together.wait()
        chosen = [(first + step) % len(images) for step in range(2 * len(images))]
        return [described(segmenter.segment(images[i])) == expected[i] for i in chosen]

    with ThreadPoolExecutor(3) as pool:
        results = list(pool.map(work, range(3)))

    assert all(same for of_thread in results for same in of_thread)


@needs_fork
@pytest.mark.model
@pytest.mark.parametrize("engine", ["starbridge", "onnx"])
def test_a_forked_process_finds_the_nuclei_of_its_parent(
    real_image: tuple[NDArray[Any], NDArray[Any]], tmp_path: Path, engine: str
) -> None:
    assert run_forked(real_image[0], tmp_path, engine).endswith("True same")


@needs_fork
@pytest.mark.model
def test_a_forked_process_is_told_that_tensorflow_does_not_work_there(
    real_image: tuple[NDArray[Any], NDArray[Any]], tmp_path: Path
) -> None:
    said = run_forked(real_image[0], tmp_path, "keras")

    assert "True engine keras: was loaded before this process was forked" in said
    assert "spawn" in said


def run_forked(image: NDArray[Any], folder: Path, engine: str) -> str:
    np.save(folder / "image.npy", image[:128, :128])
    script = folder / "forked.py"
    script.write_text(FORKED)
    run = subprocess.run(
        [sys.executable, script, engine, folder / "image.npy"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stderr
    return run.stdout.strip()


def test_an_engine_has_one_lock_however_many_segmenters_share_it() -> None:
    engine, other = (ToyEngine(open_model("demo")) for _ in range(2))

    assert engine_lock(engine) is engine_lock(engine)
    assert engine_lock(engine) is not engine_lock(other)


@needs_fork
def test_a_lock_that_is_held_during_a_fork_is_free_in_the_child() -> None:
    engine = ToyEngine(open_model("demo"))
    with engine_lock(engine):
        child = os.fork()
        if child == 0:
            os._exit(0 if engine_lock(engine).acquire(blocking=False) else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
