"""Time and peak memory of ``starbridge measure`` against the pixels of a section.

``python -m benchmarks.measuring_section [SIDE]`` simulates four-channel sections of a quarter, half
and all of SIDE (default 10,000) on a side, and measures each in a process of its own.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import tifffile

from bridge.demo.simulator import simulate_section


def run(command: list[str]) -> tuple[float, float]:
    """Seconds and peak GiB of a command."""
    began = time.perf_counter()
    process = subprocess.Popen(command, stderr=subprocess.DEVNULL)  # noqa: S603 - our own
    _, status, usage = os.wait4(process.pid, 0)
    elapsed = time.perf_counter() - began
    if status:
        raise RuntimeError(f"exit status {status}: {' '.join(command)}")
    # the kernel counts in KiB, in bytes on macOS
    return elapsed, usage.ru_maxrss / (2**30 if sys.platform == "darwin" else 2**20)


def main() -> None:
    """Measure and print."""
    whole = int(sys.argv[1]) if len(sys.argv) > 1 else 10_000
    for side in (whole // 4, whole // 2, whole):
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            pixels, labels = simulate_section((side, side), seed=1)
            tifffile.imwrite(folder / "section.ome.tif", pixels, ome=True, metadata={"axes": "CYX"})
            tifffile.imwrite(folder / "labels.tif", labels, compression="zlib")
            count = int(labels.max())
            del pixels, labels
            command = [
                sys.executable,
                "-m",
                "bridge.cli",
                "measure",
                str(folder / "section.ome.tif"),
            ]
            command += [str(folder / "labels.tif"), "--out", str(folder / "tables")]
            for kind, options in (("nuclei", []), ("with rings", ["--ring", "4px", "--overwrite"])):
                elapsed, peak = run([*command, *options])
                per_megapixel = elapsed / (side * side / 1e6)
                print(
                    f"{side} x {side}, {count:,} nuclei, {kind}: {elapsed:.1f} s "
                    f"({per_megapixel:.3f} s a megapixel), peak {peak:.2f} GiB",
                    flush=True,
                )


if __name__ == "__main__":
    main()
