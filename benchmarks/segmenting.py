"""``starbridge segment`` on a whole section, beside the published script's steps. Bar: 5 times.

``python -m benchmarks.segmenting [SIDE] [PEER_SIDE] [MODEL]`` simulates four-channel sections, runs
the command with all its outputs on SIDE x SIDE pixels (default 10,000) and on a quarter and half of
it, and the peer on PEER_SIDE x PEER_SIDE (default 4,096). Both are timed from the start of the
process to its end; the peer's time is scaled by pixels. Peak memory is the whole process's.
"""

from __future__ import annotations

import json
import sys
import tempfile
from pathlib import Path

from benchmarks.section_files import run, write_section


def segmented(side: int, model: str) -> tuple[int, float, float]:
    """Objects, seconds and peak GiB of ``starbridge segment`` on a section."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        image, _, _ = write_section(folder, side)
        command = [sys.executable, "-m", "bridge.cli", "segment", str(image)]
        command += ["--model", model, "--out", str(folder / "out")]
        seconds, peak = run(command)
        record = json.loads((folder / "out" / "run.json").read_text(encoding="utf-8"))
        (entry,) = record["images"].values()
        return int(entry["objects"]), seconds, peak


def scripted(side: int, model: str) -> tuple[float, float]:
    """Seconds and peak GiB of the script on a section."""
    from bridge.model import open_model

    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        image, _, _ = write_section(folder, side)
        command = [sys.executable, "-m", "benchmarks.stardist_script", str(image)]
        return run([*command, str(open_model(model).path), str(folder)])


def main() -> None:
    """Measure and print."""
    whole = int(sys.argv[1]) if len(sys.argv) > 1 else 10_000
    peer = int(sys.argv[2]) if len(sys.argv) > 2 else 4_096
    model = sys.argv[3] if len(sys.argv) > 3 else "demo"
    print("| side | objects | s | s a megapixel | peak GiB |\n|---|---|---|---|---|")
    for side in (whole // 4, whole // 2, whole):
        objects, seconds, peak = segmented(side, model)
        each = seconds / side**2 * 1e6
        print(f"| {side} | {objects:,} | {seconds:.1f} | {each:.2f} | {peak:.2f} |", flush=True)
    theirs, memory = scripted(peer, model)
    scaled = theirs * (whole / peer) ** 2
    print(f"script, {peer}: {theirs:.0f} s, {memory:.2f} GiB; scaled to {whole}: {scaled:.0f} s")
    print(f"the script takes {scaled / seconds:.1f} times as long")


if __name__ == "__main__":
    main()
