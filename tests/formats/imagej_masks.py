"""Runs in a process of its own: ImageJ makes ROIs, saves them, opens them and fills them.

Called as ``python -m tests.formats.imagej_masks JVM JAR SPECS OUT``. SPECS is a JSON list of what
:class:`Maker` makes, OUT a folder for ``rois.zip``, whose entries are called by their numbers, and
``masks.npz``: of each that ImageJ fills, the place of its mask as ``x0``, ``x1``, … and the mask
itself as ``mask0``, ``mask1``, ….
"""

from __future__ import annotations

import json
import sys
import zipfile
from pathlib import Path
from typing import Any

import numpy as np


class Maker:
    """Makes ROIs from lists of a word and its arguments."""

    def __init__(self) -> None:
        import jpype

        self._class = jpype.JClass
        self._floats = jpype.JArray(jpype.JFloat)
        self._ints = jpype.JArray(jpype.JInt)

    def make(self, spec: list[Any]) -> Any:
        """Make the ROI of a specification."""
        word, *arguments = spec
        return getattr(self, word)(*arguments)

    def rectangle(self, x: float, y: float, w: float, h: float, corner: int = 0) -> Any:
        roi = self._class("ij.gui.Roi")(x, y, w, h)
        if corner:
            roi.setCornerDiameter(corner)
        return roi

    def oval(self, x: float, y: float, w: float, h: float) -> Any:
        return self._class("ij.gui.OvalRoi")(x, y, w, h)

    def polygon(self, kind: str, points: list[list[float]], spline: bool = False) -> Any:
        roi = self._class("ij.gui.PolygonRoi")
        array = self._ints if all(isinstance(v, int) for xy in points for v in xy) else self._floats
        xs, ys = (array([xy[axis] for xy in points]) for axis in (0, 1))
        made = roi(xs, ys, len(points), getattr(roi, kind))
        if spline:
            made.fitSpline()
        return made

    def ellipse(self, *arguments: float) -> Any:
        return self._class("ij.gui.EllipseRoi")(*arguments)

    def rotated(self, *arguments: float) -> Any:
        return self._class("ij.gui.RotatedRectRoi")(*arguments)

    def composite(self, operation: str, *parts: list[Any]) -> Any:
        """Join ROIs by ``or``, ``xor``, ``not`` or ``and``."""
        shape = self._class("ij.gui.ShapeRoi")
        joined = shape(self.make(parts[0]))
        for part in parts[1:]:
            method = operation + "_" if operation in ("or", "not", "and") else operation
            joined = getattr(joined, method)(shape(self.make(part)))
        return joined

    def path(self, *segments: list[Any]) -> Any:
        """Make a path of calls of java.awt.geom.Path2D."""
        path = self._class("java.awt.geom.GeneralPath")(0)  # even-odd
        for word, *xy in segments:
            getattr(path, word)(*map(float, xy))
        return self._class("ij.gui.ShapeRoi")(path)

    def curved(self, kind: str, x: float, y: float, w: float, h: float) -> Any:
        """Make a composite ROI of one of Java's shapes."""
        shape = self._class(f"java.awt.geom.{kind}$Float")(x, y, w, h)
        return self._class("ij.gui.ShapeRoi")(shape)

    def line(self, kind: str, *xy: float) -> Any:
        return self._class(f"ij.gui.{kind}")(*map(float, xy))

    def point(self, x: float, y: float) -> Any:
        return self._class("ij.gui.PointRoi")(x, y)

    def text(self, x: int, y: int, text: str) -> Any:
        return self._class("ij.gui.TextRoi")(x, y, text)

    def image(self, x: int, y: int, width: int, height: int) -> Any:
        pixels = self._class("ij.process.ByteProcessor")(width, height)
        return self._class("ij.gui.ImageRoi")(x, y, pixels)

    def named(self, name: str, spec: list[Any]) -> Any:
        """Give a ROI a name."""
        roi = self.make(spec)
        roi.setName(name)
        return roi


def main() -> None:
    """Make, save, open and fill all ROIs."""
    java, jar, specs, out = sys.argv[1:]
    import jpype

    jpype.startJVM(
        "-Djava.awt.headless=true",
        jvmpath=java,
        classpath=[jar],
        convertStrings=True,
        ignoreUnrecognized=True,
    )
    maker = Maker()
    encoder, decoder = (jpype.JClass(f"ij.io.Roi{name}coder") for name in ("En", "De"))
    filled: dict[str, Any] = {}
    with zipfile.ZipFile(Path(out) / "rois.zip", "w") as archive:
        for number, spec in enumerate(json.loads(Path(specs).read_text())):
            data = bytes(encoder.saveAsByteArray(maker.make(spec)))
            archive.writestr(f"{number:05d}.roi", data)
            opened = decoder(jpype.JArray(jpype.JByte)(data), f"{number}.roi").getRoi()
            bounds = opened.getBounds()
            mask = opened.getMask()
            pixels = np.ones((bounds.height, bounds.width), bool)
            if mask is not None:
                pixels = np.array(mask.getPixels()).reshape(mask.getHeight(), mask.getWidth()) != 0
            filled |= {f"x{number}": [bounds.x, bounds.y], f"mask{number}": pixels}
    np.savez(Path(out) / "masks.npz", **filled)


if __name__ == "__main__":
    main()
