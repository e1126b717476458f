"""Simulated sections in files, made by a process that is gone before anything is measured.

The kernel counts the peak memory of a process from before it became the command that is measured,
so whoever starts a command must not have been large itself.
"""

from __future__ import annotations

import multiprocessing
import os
import subprocess
import sys
import time
from pathlib import Path

CHANNELS = ("DAPI", "488", "555", "647")


def write_section(folder: Path, side: int, diameter: float = 16.0) -> tuple[Path, Path, int]:
    """Simulate a four-channel section of ``side`` x ``side`` pixels.

    Args:
        folder: where to.
        side: in pixels.
        diameter: of a typical nucleus, in pixels.

    Returns:
        The image (OME-TIFF), its label image, and the number of nuclei.
    """
    context = multiprocessing.get_context("spawn")
    with context.Pool(1) as pool:
        return pool.apply(_write, (folder, side, diameter))


def _write(folder: Path, side: int, diameter: float) -> tuple[Path, Path, int]:
    import tifffile

    from bridge.examples.simulator import simulate_section

    pixels, labels = simulate_section((side, side), seed=1, diameter=diameter)
    image, label_image = folder / "section.ome.tif", folder / "labels.tif"
    metadata = {"axes": "CYX", "Channel": {"Name": list(CHANNELS)}}
    tifffile.imwrite(image, pixels, ome=True, metadata=metadata)
    tifffile.imwrite(label_image, labels, compression="zlib")
    return image, label_image, int(labels.max())


def run(command: list[str], stdout: int | None = subprocess.DEVNULL) -> tuple[float, float]:
    """Seconds and peak GiB of a command.

    Raises:
        RuntimeError: it failed.
    """
    began = time.perf_counter()
    process = subprocess.Popen(command, stdout=stdout)  # noqa: S603 - our own
    _, status, usage = os.wait4(process.pid, 0)
    elapsed = time.perf_counter() - began
    if status:
        raise RuntimeError(f"exit status {status}: {' '.join(command)}")
    # the kernel counts in KiB, in bytes on macOS
    return elapsed, usage.ru_maxrss / (2**30 if sys.platform == "darwin" else 2**20)
