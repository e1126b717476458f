"""Ways to run a StarDist network. Each offers :class:`Engine`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

from numpy.typing import NDArray


@dataclass(frozen=True)
class Prediction:
    """What the network says of a tile, on its grid.

    Attributes:
        prob: (height/grid, width/grid) float32, probability that an object is centred here.
        dist: (height/grid, width/grid, rays) float32, distances to its boundary in pixels.
        classes: (height/grid, width/grid, classes + 1) float32, background first; ``None`` for a
            model without classes.
    """

    prob: NDArray[Any]
    dist: NDArray[Any]
    classes: NDArray[Any] | None = None


class Engine(Protocol):
    """A loaded network."""

    name: str
    versions: dict[str, str]
    """Versions of the libraries that decide the result."""

    @property
    def divisor(self) -> tuple[int, int]:
        """Height and width of a tile are multiples of these."""

    @property
    def halo(self) -> tuple[int, int]:
        """How far (y, x) in pixels a prediction looks."""

    def predict(self, tile: NDArray[Any]) -> Prediction:
        """Run the network.

        Args:
            tile: (height, width, channels) float32, normalised.

        Raises:
            BadInputError: out of memory.
        """
