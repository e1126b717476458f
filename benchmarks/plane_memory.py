"""Peak memory and time of ``starbridge segment`` on a whole section. Bar: 6 GiB for 10,000².

``python -m benchmarks.plane_memory [SIDE] [MODEL]`` simulates a four-channel section of SIDE x SIDE
pixels (default 10,000), segments it in a process of its own, and writes what it measured.
"""

from __future__ import annotations

import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import tifffile

from bridge.demo.simulator import simulate_section


def main() -> None:
    """Measure and print."""
    side = int(sys.argv[1]) if len(sys.argv) > 1 else 10_000
    model = sys.argv[2] if len(sys.argv) > 2 else "demo"
    with tempfile.TemporaryDirectory() as folder:
        image = Path(folder) / "section.ome.tif"
        began = time.monotonic()
        pixels, labels = simulate_section((side, side), seed=1)
        nuclei = int(labels.max())
        names = ["DAPI", "488", "555", "647"]
        metadata = {"axes": "CYX", "Channel": {"Name": names}}
        tifffile.imwrite(image, pixels, ome=True, metadata=metadata)
        del pixels, labels
        print(f"simulated {nuclei:,} nuclei in {time.monotonic() - began:.0f} s", flush=True)
        command = [sys.executable, "-m", "bridge.cli", "segment", str(image)]
        command += ["--model", model, "--out", folder + "/out", "--json"]
        began = time.monotonic()
        done = subprocess.run(command, check=True, stdout=subprocess.PIPE)  # noqa: S603 - our own
        elapsed = time.monotonic() - began
        outcome = json.loads(done.stdout)["outcomes"][0]
        # The child is the only one; the kernel counts its resident set in KiB (bytes on macOS).
        peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
        peak_gib = peak / (2**30 if sys.platform == "darwin" else 2**20)
        print(f"{side} x {side} pixels, model {model}: {outcome['objects']:,} objects")
        print(f"{elapsed:.0f} s, peak memory {peak_gib:.2f} GiB")


if __name__ == "__main__":
    main()
