"""Peak memory and time of ``starbridge segment`` on a whole section. Bar: 6 GiB for 10,000².

``python -m benchmarks.plane_memory [SIDE] [MODEL]`` simulates a four-channel section of SIDE x SIDE
pixels (default 10,000), segments it in a process of its own, and writes what it measured.
"""

from __future__ import annotations

import json
import sys
import tempfile
from pathlib import Path

from benchmarks.section_files import run, write_section


def main() -> None:
    """Measure and print."""
    side = int(sys.argv[1]) if len(sys.argv) > 1 else 10_000
    model = sys.argv[2] if len(sys.argv) > 2 else "demo"
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        image, _, nuclei = write_section(folder, side)
        print(f"simulated {nuclei:,} nuclei", flush=True)
        command = [sys.executable, "-m", "bridge.cli", "segment", str(image)]
        command += ["--model", model, "--out", str(folder / "out")]
        elapsed, peak = run(command)
        record = json.loads((folder / "out" / "run.json").read_text(encoding="utf-8"))
        objects = sum(entry["objects"] for entry in record["images"].values())
        print(f"{side} x {side} pixels, model {model}: {objects:,} objects")
        print(f"{elapsed:.0f} s, peak memory {peak:.2f} GiB")


if __name__ == "__main__":
    main()
