"""Positions and shapes of simulated nuclei, and how they press against each other."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from bridge.examples.scene import Scene

_NODES = 3.0  # nodes a feature of a smooth field; enough for straight lines to look smooth


class SmoothField:
    """A random landscape over the image, mean 0 and standard deviation 1, that varies slowly.

    Args:
        shape: height and width of the image in pixels.
        scale: size of its hills in pixels.
        rng: random numbers to draw it from.
    """

    def __init__(self, shape: tuple[int, int], scale: float, rng: np.random.Generator) -> None:
        from scipy.ndimage import gaussian_filter

        self._step = max(scale / _NODES, 1.0)
        height, width = (max(int(np.ceil(length / self._step)) + 2, 12) for length in shape)
        nodes = gaussian_filter(rng.standard_normal((height, width)), _NODES / 2, mode="wrap")
        self._nodes = ((nodes - nodes.mean()) / nodes.std()).astype(np.float32)

    def at(self, y: float, x: float) -> float:
        """Return the value at a point; outside the image, that of the nearest node."""
        height, width = self._nodes.shape
        row = min(max(round(y / self._step), 0), height - 1)
        column = min(max(round(x / self._step), 0), width - 1)
        return float(self._nodes[row, column])

    def quantile(self, part: float) -> float:
        """Return the value that this part (0 to 1) of the landscape lies below."""
        return float(np.quantile(self._nodes, part))

    def over(self, rows: slice, columns: slice) -> NDArray[np.float32]:
        """Return the values on a rectangle of pixels (YX, float32)."""
        return enlarge(self._nodes, self._step, rows, columns)


def enlarge(
    nodes: NDArray[np.float32], step: float, rows: slice, columns: slice
) -> NDArray[np.float32]:
    """Interpolate values that are known every ``step`` pixels on a rectangle of pixels.

    Args:
        nodes: the known values (YX); node ``[i, j]`` lies at pixel ``(i * step, j * step)``.
        step: distance of the nodes in pixels.
        rows: the rectangle's rows, with start and stop.
        columns: the rectangle's columns, with start and stop.

    Returns:
        The values (YX, float32), linear between nodes, constant beyond the last.
    """

    def along(pixels: slice, length: int) -> tuple[NDArray[np.intp], NDArray[np.float32]]:
        where = np.clip(np.arange(pixels.start, pixels.stop) / step, 0, length - 1)
        below = np.minimum(where.astype(np.intp), max(length - 2, 0))
        return below, (where - below).astype(np.float32)

    row, down = along(rows, nodes.shape[0])
    column, right = along(columns, nodes.shape[1])
    row_after = np.minimum(row + 1, nodes.shape[0] - 1)
    column_after = np.minimum(column + 1, nodes.shape[1] - 1)
    strip = nodes[row] * (1 - down[:, None]) + nodes[row_after] * down[:, None]
    return np.asarray(strip[:, column] * (1 - right) + strip[:, column_after] * right, np.float32)


def even_points(
    shape: tuple[int, int], spacing: float, disorder: float, rng: np.random.Generator
) -> Iterator[tuple[float, float]]:
    """Yield points over the image and a little beyond, about one spacing from their neighbours.

    Args:
        shape: height and width in pixels.
        spacing: distance of neighbours in pixels.
        disorder: standard deviation of the points from a regular lattice, in spacings.
        rng: random numbers to draw them from.

    Yields:
        ``(y, x)`` in pixels, in random order.
    """
    pitch = spacing * np.sqrt(0.75)
    rows = int(np.ceil(shape[0] / pitch)) + 3
    columns = int(np.ceil(shape[1] / spacing)) + 3
    row, column = np.mgrid[-1 : rows - 1, -1 : columns - 1].reshape(2, -1)
    lattice = np.stack([row * pitch, (column + 0.5 * (row % 2)) * spacing], 1)
    lattice += rng.uniform(0, spacing, 2) + rng.normal(0, disorder * spacing, lattice.shape)
    rng.shuffle(lattice)
    yield from lattice.tolist()


class Plate:
    """Nuclei on an image's plane.

    Where two overlap, each pixel goes to the one in which it lies deeper, so that neighbours are
    flattened against each other as they are in tissue.

    Args:
        shape: height and width in pixels.

    Attributes:
        labels: label image (YX, int32), 0 where there is no nucleus.
        hidden: label of the nucleus that lies behind the visible one (YX, int32), 0 for none.
        depth: how far out in its nucleus a pixel lies (YX, float32): 0 at the centre, 1 at the
            edge, 2 outside.
        condensed: which nuclei are small, smooth and bright, in the order of their labels.
    """

    def __init__(self, shape: tuple[int, int]) -> None:
        self.labels: NDArray[np.int32] = np.zeros(shape, np.int32)
        self.hidden: NDArray[np.int32] = np.zeros(shape, np.int32)
        self.depth: NDArray[np.float32] = np.full(shape, 2.0, np.float32)
        self.condensed: list[bool] = []
        self._areas = [0]  # by label, as placed

    def place(
        self, y: float, x: float, angle: float, scene: Scene, rng: np.random.Generator
    ) -> float:
        """Place one nucleus, unless it would hide too much of another or lie off the image.

        Args:
            y: row of its centre in pixels.
            x: column of its centre in pixels.
            angle: direction of its long axis in radians, from the x axis towards y.
            scene: sizes and shapes of nuclei.
            rng: random numbers to draw its size and shape from.

        Returns:
            Its mean radius in pixels; 0 if it was not placed.
        """
        condensed = bool(rng.random() < scene.condensed)
        radius = scene.diameter / 2 * float(np.exp(rng.normal(0, scene.size_spread)))
        radius = max(radius * (0.65 if condensed else 1.0), 2.0)
        ratio = max(1.0 + (scene.elongation - 1.0) * rng.gamma(4.0, 0.25), 1.0)
        orders = np.arange(2, 6)
        waves = scene.roughness * rng.normal(size=4) * (2.0 / orders)
        phases = rng.uniform(0, 2 * np.pi, 4)

        reach = int(np.ceil(radius * np.sqrt(ratio) * (1.1 + np.abs(waves).sum()))) + 2
        top, left = max(int(y) - reach, 0), max(int(x) - reach, 0)
        window = np.s_[top : max(int(y) + reach, 0), left : max(int(x) + reach, 0)]
        labels = self.labels[window]
        if labels.size == 0:
            return 0.0
        down = np.arange(labels.shape[0])[:, None] + (top - y)
        right = np.arange(labels.shape[1])[None, :] + (left - x)
        along = (np.cos(angle) * right + np.sin(angle) * down) / np.sqrt(ratio)
        across = (np.cos(angle) * down - np.sin(angle) * right) * np.sqrt(ratio)
        turn = along + 1j * across
        depth = np.abs(turn)
        turn /= np.maximum(depth, 1e-6)
        edge = np.ones_like(depth)
        power = turn
        for wave, phase in zip(waves, phases, strict=True):
            power = power * turn
            edge += wave * (power.real * np.cos(phase) - power.imag * np.sin(phase))
        depth /= radius * np.clip(edge, 0.5, 1.5)

        inside = depth < 1
        area = int(inside.sum())
        # nuclei that do not touch are parted by a pixel or two at least
        claim = inside if scene.overlap > 0 else depth < 1 + 2.0 / radius
        taken = labels[claim & (labels > 0)]
        if area == 0 or taken.size > scene.overlap * area:
            return 0.0
        for label, count in zip(*np.unique(taken, return_counts=True), strict=True):
            if count > scene.overlap * self._areas[label]:
                return 0.0

        own = len(self._areas)
        self._areas.append(area)
        self.condensed.append(condensed)
        wins = inside & (depth < self.depth[window])
        loses = inside & ~wins
        hidden = self.hidden[window]
        hidden[wins] = labels[wins]
        hidden[loses] = own
        labels[wins] = own
        self.depth[window][wins] = depth[wins]
        return radius

    def tidy(self) -> NDArray[np.intp]:
        """Keep the largest piece of each nucleus, drop small rests, and number from 1.

        Returns:
            The indices (into the order of placing, from 0) of the nuclei that are left.
        """
        # what pressed a nucleus flat may have cut it in two
        pieces = _connected_pieces(self.labels)
        sizes = np.bincount(pieces.ravel())
        owner = np.zeros(len(sizes), np.int32)
        owner[pieces.ravel()] = self.labels.ravel()
        best = np.zeros(len(self._areas), np.intp)
        order = np.argsort(sizes, kind="stable")
        best[owner[order]] = order
        areas = np.asarray(self._areas)
        kept = np.flatnonzero((sizes[best] > 0.35 * areas) & (sizes[best] >= 4) & (areas > 0))
        number = np.zeros(len(sizes), np.int32)
        number[best[kept]] = np.arange(1, len(kept) + 1)
        renumber = np.zeros(len(areas), np.int32)
        renumber[kept] = np.arange(1, len(kept) + 1)
        self.labels = number[pieces]
        self.hidden = renumber[self.hidden]
        self.depth[self.labels == 0] = 2.0
        self.condensed = [self.condensed[index - 1] for index in kept]
        self._areas = [0, *areas[kept].tolist()]
        return kept - 1


def _connected_pieces(labels: NDArray[np.int32]) -> NDArray[np.int32]:
    """Return a number for each 4-connected piece of a label, and for each background pixel."""
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    index = np.arange(labels.size, dtype=np.int32).reshape(labels.shape)
    down = (labels[1:] == labels[:-1]) & (labels[1:] > 0)
    right = (labels[:, 1:] == labels[:, :-1]) & (labels[:, 1:] > 0)
    rows = np.concatenate([index[:-1][down], index[:, :-1][right]])
    columns = np.concatenate([index[1:][down], index[:, 1:][right]])
    graph = coo_array((np.ones(len(rows), bool), (rows, columns)), shape=(labels.size,) * 2)
    _, pieces = connected_components(graph, directed=False)
    return np.asarray(pieces, np.int32).reshape(labels.shape)
