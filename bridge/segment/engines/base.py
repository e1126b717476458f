"""The interface that every engine offers: :class:`Engine`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

from numpy.typing import NDArray

from bridge.errors import BadInputError

SMALLEST_DISTANCE = 1e-3
"""StarDist's own bound, pixels: no ray is shorter."""


Margins = tuple[int, int, int, int]
"""Pixels at the top, left, bottom and right of a tile that are context only, not predicted."""

NO_MARGINS: Margins = (0, 0, 0, 0)


@dataclass(frozen=True)
class Prediction:
    """The network's results for a tile without its margins, on its grid.

    An engine may reuse the memory: copy what is to outlive its next prediction. Where probability
    is not above the ``min_prob`` of :meth:`Engine.predict`, distances and classes may be anything.

    Attributes:
        prob: (height/grid, width/grid) float32, probability that an object is centred here.
        dist: (height/grid, width/grid, rays) float32, distances to its boundary in pixels.
        classes: (height/grid, width/grid, classes + 1) float32, background first; ``None`` for a
            model without classes.
    """

    prob: NDArray[Any]
    dist: NDArray[Any]
    classes: NDArray[Any] | None = None


class VolumeEngine(Protocol):
    """A loaded network of volumes; axes are (z, y, x). It has one caller at a time."""

    name: str
    """As of :class:`Engine`, and so are ``device`` and ``versions``."""
    device: str
    versions: dict[str, str]

    @property
    def rays(self) -> Any:
        """Directions of the rays, a ``stardist.rays3d.Rays_Base``."""

    @property
    def divisor(self) -> tuple[int, int, int]:
        """Sizes of a tile, and where it begins, are multiples of these: pooling and grid."""

    @property
    def halo(self) -> tuple[int, int, int]:
        """Receptive field of a prediction: voxels to either side that it depends on."""

    @property
    def bytes_per_voxel(self) -> float:
        """Memory that it needs for each voxel of a tile, measured."""

    def predict(self, tile: NDArray[Any]) -> Prediction:
        """Run the network on one (z, y, x, channels) float32 tile, normalised.

        Raises:
            BadInputError: out of memory.
        """


class Engine(Protocol):
    """A loaded network of planes.

    It has one caller at a time (:func:`bridge.segment.engines.sharing.engine_lock`), and works in a
    forked process too, or says in one error that it does not.
    """

    name: str
    """Key of its :class:`bridge.segment.engines.registry.EngineSpec`, for the run's record."""
    device: str
    """Device that it runs on: ``CPU``, ``GPU``, ``CUDA``, …"""
    versions: dict[str, str]
    """Versions of the libraries that decide the result."""

    @property
    def divisor(self) -> tuple[int, int]:
        """Height and width of a tile are multiples of these."""

    @property
    def alignment(self) -> tuple[int, int]:
        """Tiles and their cores begin at multiples of these, which the divisors divide.

        Then every number is the same, to the last digit, however a plane is cut.
        """

    @property
    def halo(self) -> tuple[int, int]:
        """Receptive field of a prediction (y, x): pixels to either side that it depends on."""

    @property
    def bytes_per_pixel(self) -> float:
        """Memory that it needs for each pixel of a tile, measured."""

    def predict(
        self, tile: NDArray[Any], margins: Margins = NO_MARGINS, min_prob: float = 0.0
    ) -> Prediction:
        """Run the network.

        Args:
            tile: (height, width, channels) float32, normalised.
            margins: its part that is not to be predicted; multiples of the divisor.
            min_prob: distances and classes are needed only where probability is above it.

        Raises:
            BadInputError: out of memory.
        """


def remove_margins(margins: Margins, prediction: Prediction, grid: tuple[int, ...]) -> Prediction:
    """Cut the margins off a prediction of a whole tile.

    Args:
        margins: in pixels.
        prediction: of all of the tile.
        grid: pixels between its predictions.
    """
    top, left, bottom, right = margins
    height, width = prediction.prob.shape
    core = (
        slice(top // grid[0], height - bottom // grid[0]),
        slice(left // grid[1], width - right // grid[1]),
    )
    classes = prediction.classes
    return Prediction(
        prediction.prob[core],
        prediction.dist[core],
        None if classes is None else classes[core],
    )


def translate_memory_error(error: Exception, tile: NDArray[Any]) -> Exception:
    """Translate a library's error for a lack of memory; return any other one as it is.

    Args:
        error: as the library raised it.
        tile: the tile that was to be predicted.
    """
    text = f"{type(error).__name__} {error}".lower()
    if not any(word in text for word in ("memory", "alloc", "exhausted")):
        return error
    return BadInputError(
        "image",
        f"a tile of {' x '.join(map(str, tile.shape[:-1]))} pixels does not fit into memory",
        "use more tiles (--tiles 4x4) or close other programs",
    )
