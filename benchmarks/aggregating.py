"""Count the classes of many tables as ilastik writes them, beside pandas.

``python -m benchmarks.aggregating [TABLES] [ROWS] [--pandas TABLES]``: 500 tables of 60,000 rows
unless told otherwise. Tables are copies of ten different ones under names of their own. pandas
reads whole tables, concatenates and groups them; where they would not fit into memory, on a share
of the tables, on which starbridge is timed as well. Each runs in a process of its own, which gives
the peak of its memory. On a busy machine compare the seconds of processor time.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import resource
import shutil
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

CLASSES = ("Neuron", "Progenitor", "Astrocyte", "Dead", "Unstained")
DISTINCT = 10
PATTERN = "{clone}_{diff}_{day}_{immuno}_{objective}_{imaging}_{organoid}_{slice}"


def simulate(folder: Path, tables: int, rows: int) -> None:
    """Write tables with ilastik's columns, each under the name of a section."""
    sources: list[Path] = []
    for number in range(tables):
        name = f"P{number // 100}_dQ_J70_SNd2T_20Xa_g1dt08_OG{number // 5 % 20}_s{number % 5 + 1}"
        path = folder / f"{name}_table.csv"
        if number < DISTINCT:
            _table(rows, number).to_csv(path, index=False)
            sources.append(path)
        else:
            shutil.copyfile(sources[number % DISTINCT], path)


def _table(rows: int, seed: int) -> pd.DataFrame:
    random = np.random.default_rng(seed)
    shares = random.dirichlet(np.ones(len(CLASSES)), rows)
    columns: dict[str, object] = {
        "object_id": np.arange(rows),
        "timestep": 0,
        "labelimage_oid": np.arange(1, rows + 1),
        "User Label": "",
        "Predicted Class": np.array(CLASSES)[shares.argmax(axis=1)],
        **{f"Probability of {name}": shares[:, n] for n, name in enumerate(CLASSES)},
        "Size in pixels": random.integers(30, 900, rows),
    }
    for channel in range(4):
        columns[f"Mean Intensity_{channel}"] = random.random(rows) * 1000
        columns[f"Mean Intensity in neighborhood_{channel}"] = random.random(rows) * 1000
    for axis in "01":
        columns[f"Center of the object_{axis}"] = random.random(rows) * 20_000
    frame = pd.DataFrame(columns)
    # ilastik's features are 32-bit floats.
    return frame.astype(dict.fromkeys(frame.select_dtypes("float").columns, np.float32))


def ours(files: list[Path]) -> dict[str, int]:
    """Return counts by class, counted as the command does."""
    from bridge.aggregate import make_study, read_counts

    study = make_study(read_counts(files), pattern=PATTERN)
    return {name: int(study.slices[name].sum()) for name in CLASSES}


def peer(files: list[Path]) -> dict[str, int]:
    """Return the same with pandas' read_csv, concat and groupby."""
    whole = pd.concat([pd.read_csv(file).assign(table=file.name) for file in files])
    counts = whole.groupby(["table", "Predicted Class"]).size().unstack(fill_value=0)
    return {name: int(counts[name].sum()) for name in CLASSES}


@dataclass(frozen=True)
class Measured:
    """Times in seconds, peak memory in GiB, and the counts."""

    elapsed: float
    processor: float
    memory: float
    counts: dict[str, int]

    def __str__(self) -> str:
        times = f"{self.elapsed:.2f} s ({self.processor:.2f} s of processors)"
        return f"{times}, peak {self.memory:.2f} GiB"


def measured(work: Callable[[list[Path]], dict[str, int]], files: list[Path]) -> Measured:
    """Measure in a process of its own."""
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, mp_context=context) as pool:
        return pool.submit(_run, work, files).result()


def _run(work: Callable[[list[Path]], dict[str, int]], files: list[Path]) -> Measured:
    work(files[:1])  # imports count for neither
    began, processor = time.perf_counter(), time.process_time()
    counts = work(files)
    elapsed, processor = time.perf_counter() - began, time.process_time() - processor
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    return Measured(elapsed, processor, memory, counts)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("tables", nargs="?", type=int, default=500)
    parser.add_argument("rows", nargs="?", type=int, default=60_000)
    parser.add_argument("--pandas", type=int, help="tables for pandas [default: all]")
    parser.add_argument("--folder", type=Path, help="where to put the tables for the time")
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=chosen.folder) as place:
        simulate(Path(place), chosen.tables, chosen.rows)
        files = sorted(Path(place).iterdir())
        size = sum(file.stat().st_size for file in files) / 1e9
        print(f"{len(files)} tables of {chosen.rows:,} rows, {size:.2f} GB")
        share = files[: chosen.pandas]
        own = measured(ours, files)
        print(f"starbridge: {own}; {json.dumps(own.counts)}")
        if len(share) < len(files):
            own = measured(ours, share)
            print(f"starbridge, {len(share)} tables: {own}")
        theirs = measured(peer, share)
        print(f"pandas, {len(share)} tables: {theirs}; same counts: {own.counts == theirs.counts}")
        print(
            f"{theirs.elapsed / own.elapsed:.1f} times, in processor time "
            f"{theirs.processor / own.processor:.1f}"
        )


if __name__ == "__main__":
    main()
