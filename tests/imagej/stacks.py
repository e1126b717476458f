"""Runs inside a process of its own: real ImageJ opens stacks and says what they are.

Called as ``python -m tests.imagej.stacks FOLDER REPORT.json``. The report lists by file name
channels, slices and frames, and width, height and depth of a voxel with their units.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from tests.imagej.worker import start_imagej


def report(image: Any) -> dict[str, Any]:
    """Dimensions and calibration of an open image."""
    calibration = image.getCalibration()
    return {
        "sizes": [int(n) for n in (image.getNChannels(), image.getNSlices(), image.getNFrames())],
        "voxel": [
            (float(calibration.pixelWidth), str(calibration.getXUnit())),
            (float(calibration.pixelHeight), str(calibration.getYUnit())),
            (float(calibration.pixelDepth), str(calibration.getZUnit())),
        ],
        "first": int(image.getStack().getProcessor(1).get(0, 0)),
        "last": int(image.getStack().getProcessor(image.getStackSize()).get(0, 0)),
    }


def main() -> None:
    """Open every file of a folder and write the report."""
    folder, target = Path(sys.argv[1]), Path(sys.argv[2])
    java = start_imagej()
    opener = java("ij.io.Opener")()
    opener.setSilentMode(True)
    found = {path.name: report(opener.openImage(str(path))) for path in sorted(folder.iterdir())}
    target.write_text(json.dumps(found))


if __name__ == "__main__":
    main()
