"""Volumes in the proportions that a StarDist 3D model takes, and its objects in them.

Prediction is cut into tiles that give the same candidates as the whole volume; suppression and
drawing are StarDist's own (``stardist.nms``, ``stardist.geometry``), on all candidates in the order
of the whole volume, so that the label volume is that of ``StarDist3D.predict_instances``.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from bridge.errors import BadInputError
from bridge.segment.nms import Candidates
from bridge.segment.tiles import Box, count_boxes, tile_boxes

if TYPE_CHECKING:
    from bridge.images import Image
    from bridge.images.info import PixelSize
    from bridge.model.folder import ModelFolder
    from bridge.model.recipe import Recipe
    from bridge.segment.engines.base import VolumeEngine

Factors = tuple[float, float, float]
"""Factors by which a volume is enlarged along (z, y, x)."""

_SAME_SCALE = 0.05
_MOST_ANISOTROPY = 10.0  # beyond, a nucleus lies in two or three slices
_BORDER = 2  # StarDist trusts no object centred in the outermost two predictions
_TILES_SHARE = 0.75  # of the memory; the rest is for candidates
_HELD_TIMES = 3  # a candidate's bytes while it is suppressed: as found, in order, sorted again


def read_volume(image: Image, channels: Sequence[int], t: int) -> NDArray[Any]:
    """Read channels of a volume.

    Returns:
        (z, y, x, channels) of the image's type.

    Raises:
        BadInputError: the image has one slice only, or is damaged.
    """
    slices = image.size("Z")
    if slices < 2:
        raise BadInputError(
            image.path or image.name,
            "has one slice, and the model takes volumes",
            "give a stack (--axes ZYX where the file does not say so), or take a 2D model",
        )
    return np.stack(
        [np.stack([image.plane(c, z=z, t=t) for c in channels], axis=-1) for z in range(slices)]
    )


def volume_factors(
    pixel_size: PixelSize | None,
    anisotropy: Sequence[float] | None,
    model_size: float | None,
    scale: float | None,
    source: str,
) -> tuple[Factors, str | None]:
    """Return how often a volume is enlarged along (z, y, x) to look as the model knows it.

    Along y and x as a plane is; along z so that a voxel has the proportions of the training. What
    differs by no more than 5 % is left as it is.

    Args:
        pixel_size: of the image, µm; ``None`` where it is not known.
        anisotropy: ``anisotropy`` of the model's configuration: sizes of a voxel along (z, y, x) in
            proportion; ``None``: they are the same.
        model_size: µm a pixel of the training images; ``None`` where it is not known.
        scale: a factor that was given for all axes.
        source: the image's name in errors.

    Returns:
        The factors, and a note for the user where the proportions of the image are not known.

    Raises:
        BadInputError: slices more than ten times as far apart as pixels.

    >>> from bridge import PixelSize
    >>> volume_factors(PixelSize(y=0.5, x=0.5, z=2), (2, 1, 1), None, None, "a.tif")
    ((2.0, 1.0, 1.0), None)
    """
    if pixel_size is None or pixel_size.z is None:
        missing = "pixel size" if pixel_size is None else "distance of the slices"
        option = "--pixel-size and --z-step" if pixel_size is None else "--z-step"
        factors = (scale or 1.0,) * 3
        return factors, (
            f"its {missing} is not known, so voxels are taken to have the proportions that the "
            f"model learnt: give µm by {option} to have them brought there"
        )
    side = pixel_size.yx
    if not 1 / _MOST_ANISOTROPY <= pixel_size.z / side <= _MOST_ANISOTROPY:
        raise BadInputError(
            source,
            f"has slices {pixel_size.z:g} µm apart and pixels of {side:g} µm, over "
            f"{_MOST_ANISOTROPY:g} times as much or as little",
            "correct it (--pixel-size, --z-step), or take a 2D model with --stack-2d link",
        )
    z, y, x = (1.0, 1.0, 1.0) if anisotropy is None else anisotropy
    in_plane: tuple[float, float] = (1.0, 1.0)
    if scale is not None:
        in_plane = (float(scale), float(scale))
    elif model_size is not None:
        in_plane = (pixel_size.y / model_size, pixel_size.x / model_size)
    predicted = math.sqrt(pixel_size.y / in_plane[0] * pixel_size.x / in_plane[1])
    along_z = pixel_size.z / (predicted * z / math.sqrt(y * x))
    rounded = [1.0 if abs(f - 1) <= _SAME_SCALE else float(f) for f in (along_z, *in_plane)]
    return (rounded[0], rounded[1], rounded[2]), None


@dataclass(frozen=True)
class VolumeObjects:
    """The objects of a volume.

    Attributes:
        labels: (z, y, x) label volume, numbered from 1, the most probable first.
        prob: (n,) probability of each.
        classes: (n, classes + 1) of a model that classifies, else ``None``.
    """

    labels: NDArray[Any]
    prob: NDArray[Any]
    classes: NDArray[Any] | None


class VolumePredictor:
    """A network of volumes and the thresholds with which it finds their objects.

    Args:
        model: describes the network.
        engine: runs it.
        recipe: gives the thresholds.
    """

    def __init__(self, model: ModelFolder, engine: VolumeEngine, recipe: Recipe) -> None:
        self.model = model
        self.engine = engine
        self.recipe = recipe

    def predict(
        self,
        volume: NDArray[np.float32],
        factors: Factors,
        *,
        tiles: int | tuple[int, int] | None,
        memory: float,
        progress: Callable[[int, int], None],
    ) -> VolumeObjects:
        """Find the objects of a volume.

        Args:
            volume: (z, y, x, channels), normalised.
            factors: how often it is enlarged before prediction; the objects are in its own voxels.
            tiles: along y and x (one number: along both); ``None``: as memory asks for.
            memory: GiB for a tile and for candidates; the volume itself comes on top.
            progress: called after each tile.

        Raises:
            BadInputError: what does not fit into memory.
        """
        resampled = _zoom(volume, factors)
        shape: Box = (resampled.shape[0], resampled.shape[1], resampled.shape[2])
        divisor = self.engine.divisor
        padded: Box = tuple(  # type: ignore[assignment]
            -(-size // by) * by for size, by in zip(shape, divisor, strict=True)
        )
        # StarDist mirrors the volume at its ends, too.
        filled = np.pad(
            resampled,
            [*((0, more - size) for size, more in zip(shape, padded, strict=True)), (0, 0)],
            mode="reflect",
        )
        boxes = self._boxes(padded, tiles, memory)
        most = int((1 - _TILES_SHARE) * memory * 2**30 / (_HELD_TIMES * 4 * self.model.n_rays))
        parts: list[Candidates] = []
        for done, (core, outer) in enumerate(boxes, 1):
            tile = np.ascontiguousarray(filled[tuple(slice(*span) for span in outer)])
            parts.append(self._select(self.engine.predict(tile), core, outer, padded, shape))
            if sum(map(len, parts)) > most:
                raise BadInputError(
                    "memory",
                    f"of {memory:g} GiB holds {most:,} candidates, and there are more",
                    "give more --memory, or a higher --prob",
                )
            progress(done, len(boxes))
        found = Candidates.join(parts, self.model.n_rays)
        # in the order of the whole volume, by which equally probable ones are told apart
        order = np.lexsort(found.points.T[::-1]) if len(found) else np.zeros(0, np.int64)
        return self._suppress(found.take(order), volume.shape[:3], factors)

    def _boxes(
        self, padded: Box, tiles: int | tuple[int, int] | None, memory: float
    ) -> list[tuple[list[tuple[int, int]], list[tuple[int, int]]]]:
        engine = self.engine
        if tiles is not None:
            rows, columns = (tiles, tiles) if isinstance(tiles, int) else tiles
            counts: Box = (1, rows, columns)
            if min(counts) < 1:
                raise BadInputError("tiles", f"{tiles} is no number of tiles", "give 1 or more")
        elif not memory > 0:
            raise BadInputError("memory", f"{memory} is no amount of memory", "give GiB, such as 2")
        else:
            share = _TILES_SHARE * memory * 2**30
            counts = (1, 1, 1)
            if math.prod(padded) * engine.bytes_per_voxel > share:
                counts = count_boxes(
                    padded, engine.divisor, engine.halo, engine.bytes_per_voxel, share
                )
        halo: Box = (0, 0, 0) if counts == (1, 1, 1) else engine.halo
        return list(tile_boxes(padded, alignment=engine.divisor, halo=halo, counts=counts))

    def _select(
        self,
        prediction: Any,
        core: list[tuple[int, int]],
        outer: list[tuple[int, int]],
        padded: Box,
        shape: Box,
    ) -> Candidates:
        """Copy what is probable enough, and centred in the core of a tile and in the volume."""
        grid = self.model.grid
        starts = [first // by for (first, _), by in zip(outer, grid, strict=True)]
        spans = []
        for (first, last), size, by in zip(core, padded, grid, strict=True):
            start = max(first // by, _BORDER)
            spans.append((start, max(start, min(last // by, size // by - _BORDER))))
        window = tuple(
            slice(first - start, last - start)
            for (first, last), start in zip(spans, starts, strict=True)
        )
        prob = prediction.prob[window]
        places = np.argwhere(prob > self.recipe.prob)
        points = (places + [first for first, _ in spans]) * np.array(grid)
        places, points = (a[(points < np.array(shape)).all(axis=1)] for a in (places, points))
        here = tuple(places.T)
        classes = prediction.classes
        return Candidates(
            prob[here].astype(np.float32, copy=False),
            prediction.dist[window][here].astype(np.float32, copy=False),
            points.astype(np.int32),
            None if classes is None else classes[window][here].astype(np.float32, copy=False),
        )

    def _suppress(self, found: Candidates, shape: Box, factors: Factors) -> VolumeObjects:
        from stardist.geometry.geom3d import polyhedron_to_label
        from stardist.nms import non_maximum_suppression_3d_sparse

        if not len(found):
            return VolumeObjects(np.zeros(shape, np.uint16), found.prob, found.classes)
        rays = self.engine.rays
        points, prob, dist, kept = non_maximum_suppression_3d_sparse(
            found.dist, found.prob, found.points, rays, nms_thresh=self.recipe.nms
        )
        if factors != (1.0, 1.0, 1.0):
            back = tuple(1 / factor for factor in factors)
            points, rays = points * np.array(back), rays.copy(scale=back)
        drawn = polyhedron_to_label(dist, points, rays=rays, prob=prob, shape=shape, verbose=False)
        # as StarDist does, objects that lie wholly under others get no label
        visible, labels = np.unique(drawn, return_inverse=True)
        labels = labels.reshape(shape) + int(visible[0] > 0)
        visible = visible[visible > 0]
        classes = None if found.classes is None else found.classes[kept][visible - 1]
        dtype = np.uint16 if len(visible) < 2**16 else np.uint32
        return VolumeObjects(labels.astype(dtype), prob[visible - 1], classes)


def _zoom(volume: NDArray[np.float32], factors: Factors) -> NDArray[np.float32]:
    """Enlarge a volume as the ``scale`` of ``predict_instances`` does."""
    if factors == (1.0, 1.0, 1.0):
        return volume
    from scipy.ndimage import zoom

    resampled: NDArray[np.float32] = zoom(volume, (*factors, 1), order=1)
    return resampled
