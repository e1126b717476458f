"""Runs inside a process of its own: real ImageJ reads and writes ROIs.

Called as ``python -m tests.imagej.worker read ROISET.zip REPORT.json`` or ``… write ROISET.zip
REPORT.json``. The report lists for each ROI its name and what ImageJ makes of it.
"""

from __future__ import annotations

import json
import sys
import zipfile
from pathlib import Path
from typing import Any


def start_imagej() -> Any:
    """Start Java with the embedded ImageJ's classes; gives what finds a class by its name."""
    import jpype

    from bridge.apps.fiji.embedded import fetch_imagej

    java, jars = fetch_imagej()
    jpype.startJVM(
        "-Djava.awt.headless=true",
        jvmpath=str(java),
        classpath=[str(jar) for jar in jars],
        ignoreUnrecognized=True,
    )
    return jpype.JClass


def report(roi: Any) -> dict[str, Any]:
    """What ImageJ says of a ROI, with the pixels (x, y) that it holds."""
    bounds = roi.getFloatBounds()
    return {
        "name": str(roi.getName()),
        "type": str(roi.getTypeAsString()),
        "bounds": [float(v) for v in (bounds.x, bounds.y, bounds.width, bounds.height)],
        "pixels": sorted([int(p.x), int(p.y)] for p in roi.getContainedPoints()),
        "position": [int(v) for v in (roi.getCPosition(), roi.getZPosition(), roi.getTPosition())],
        "properties": str(roi.getProperties() or ""),
        "color": None if roi.getStrokeColor() is None else int(roi.getStrokeColor().getRGB()),
    }


def read(java: Any, path: Path, resaved: Path) -> list[dict[str, Any]]:
    """Decode every ROI, and save each again as ImageJ does."""
    decoder, encoder = java("ij.io.RoiDecoder"), java("ij.io.RoiEncoder")
    found = []
    with zipfile.ZipFile(path) as archive, zipfile.ZipFile(resaved, "w") as copy:
        for entry in archive.namelist():
            roi = decoder.openFromByteArray(archive.read(entry))
            found.append(report(roi))
            copy.writestr(entry, bytes(encoder.saveAsByteArray(roi)))
    return found


def write(java: Any, path: Path) -> list[dict[str, Any]]:
    """Make ROIs of every kind that encloses an area, and a line, as a user draws them."""
    roi, oval, polygon = java("ij.gui.Roi"), java("ij.gui.OvalRoi"), java("ij.gui.PolygonRoi")
    shape, line, encoder = java("ij.gui.ShapeRoi"), java("ij.gui.Line"), java("ij.io.RoiEncoder")
    from jpype import JArray, JFloat, JInt

    def integers(*values: int) -> Any:
        return JArray(JInt)(list(values))

    def floats(*values: float) -> Any:
        return JArray(JFloat)(list(values))

    rois = {
        "rectangle": roi(3, 4, 10, 6),
        "oval": oval(20, 5, 15, 9),
        "polygon": polygon(integers(40, 55, 48), integers(3, 6, 20), 3, roi.POLYGON),
        "freehand": polygon(integers(5, 14, 20, 9), integers(30, 28, 39, 45), 4, roi.FREEROI),
        "traced": polygon(
            integers(30, 33, 33, 36, 36, 30), integers(30, 30, 31, 31, 35, 35), 6, roi.TRACED_ROI
        ),
        "subpixel": polygon(floats(50.3, 60.7, 55.1), floats(30.2, 33.4, 44.9), 3, roi.POLYGON),
        "ring": shape(roi(2, 50, 20, 20)).not_(shape(roi(8, 55, 5, 6))),
        "two pieces": shape(roi(30, 50, 5, 5)).or_(shape(roi(40, 60, 6, 4))),
        "line": line(1, 1, 9, 9),
    }
    rois["polygon"].setPosition(2, 3, 4)
    found = []
    with zipfile.ZipFile(path, "w") as archive:
        for name, drawn in rois.items():
            drawn.setName(name)
            found.append(report(drawn))
            archive.writestr(f"{name}.roi", bytes(encoder.saveAsByteArray(drawn)))
    return found


def main() -> None:
    """Do what the command line says and leave a report."""
    action, zipped, target = sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3])
    java = start_imagej()
    found = (
        read(java, zipped, target.with_suffix(".zip")) if action == "read" else write(java, zipped)
    )
    target.write_text(json.dumps(found))


if __name__ == "__main__":
    main()
