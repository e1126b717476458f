"""Nucleus, cytoplasm (the ring) and cell of the objects of a plane."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import shapely
from numpy.typing import NDArray

from bridge.measure.ring import expand
from bridge.outlines import rasterize

if TYPE_CHECKING:
    import geopandas as gpd


@dataclass(frozen=True)
class Compartments:
    """Planes (height, width) int32 in which object i is i + 1 and background 0.

    Attributes:
        nucleus: the object itself, or the nucleus of a cell that has one.
        cell: nucleus and everything around it that belongs to it; ``None`` where no object has a
            cell.
        has_cell: (n,) which objects have one.
    """

    nucleus: NDArray[np.int32]
    cell: NDArray[np.int32] | None
    has_cell: NDArray[np.bool_]

    @property
    def cytoplasm(self) -> NDArray[np.int32] | None:
        """The cells without any nucleus."""
        return None if self.cell is None else np.where(self.nucleus > 0, 0, self.cell)

    def with_rings(self, width: float, scale: tuple[float, float]) -> Compartments:
        """Give a ring to every object that has no cell.

        No ring enters another object, another ring or a cell: a pixel goes to the nearest of all
        objects, and where that is a cell with an outline of its own, to none.

        Args:
            width: of the rings, in units of ``scale``.
            scale: length of a pixel along y and x.
        """
        outlined = self.nucleus if self.cell is None else self.cell
        cell = expand(outlined, width, scale)
        if self.has_cell.any():
            may_grow = np.append(False, ~self.has_cell)
            cell[(outlined == 0) & ~may_grow[cell]] = 0
        return Compartments(self.nucleus, cell, np.ones_like(self.has_cell))


def of_plane(numbered: NDArray[np.int32], n: int) -> Compartments:
    """Return the compartments of a label plane: nuclei alone."""
    return Compartments(numbered, None, np.zeros(n, np.bool_))


def draw(frame: gpd.GeoDataFrame, shape: tuple[int, int]) -> Compartments:
    """Draw the objects of one plane as :meth:`bridge.Detections.to_labels` does.

    The most probable object lies on top. Nuclei are drawn over all cells, so that no cell holds
    pixels of another one's nucleus.

    Args:
        frame: n rows of detections, all of one plane; row i is drawn as i + 1.
        shape: (height, width).
    """
    n = len(frame)
    numbers = np.arange(1, n + 1)
    order = np.argsort(frame["prob"].fillna(-np.inf).to_numpy(), kind="stable")
    outlines = frame.geometry.to_numpy()
    nuclei = outlines.copy()
    has_cell = np.zeros(n, np.bool_)
    if "nucleus" in frame.columns:
        own = frame["nucleus"].to_numpy()
        has_cell = ~(shapely.is_missing(own) | shapely.is_empty(own))
        nuclei[has_cell] = own[has_cell]
    # uint32 is a type that the drawing is compiled for anyway.
    nucleus = np.zeros(shape, np.uint32)
    rasterize(nuclei[order], numbers[order], shape, out=nucleus)
    if not has_cell.any():
        return Compartments(nucleus.view(np.int32), None, has_cell)
    cell = np.zeros(shape, np.uint32)
    cells = order[has_cell[order]]
    rasterize(outlines[cells], numbers[cells], shape, out=cell)
    cell[nucleus > 0] = nucleus[nucleus > 0]
    return Compartments(nucleus.view(np.int32), cell.view(np.int32), has_cell)
