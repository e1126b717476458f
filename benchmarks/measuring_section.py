"""Time and peak memory of ``starbridge measure`` against the pixels of a section.

``python -m benchmarks.measuring_section [SIDE]`` simulates four-channel sections of a quarter, half
and all of SIDE (default 10,000) on a side, and measures each in a process of its own.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from benchmarks.section_files import run, write_section


def main() -> None:
    """Measure and print."""
    whole = int(sys.argv[1]) if len(sys.argv) > 1 else 10_000
    for side in (whole // 4, whole // 2, whole):
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            image, labels, count = write_section(folder, side)
            command = [sys.executable, "-m", "bridge.cli", "measure", str(image), str(labels)]
            command += ["--out", str(folder / "tables"), "--overwrite"]
            for kind, options in (("nuclei", []), ("with rings", ["--ring", "4px"])):
                elapsed, peak = run([*command, *options])
                per_megapixel = elapsed / (side * side / 1e6)
                print(
                    f"{side} x {side}, {count:,} nuclei, {kind}: {elapsed:.1f} s "
                    f"({per_megapixel:.3f} s a megapixel), peak {peak:.2f} GiB",
                    flush=True,
                )


if __name__ == "__main__":
    main()
